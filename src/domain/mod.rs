//! What the product knows: words, states, figures, plans. Pure.
