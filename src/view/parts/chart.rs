//! Charts of one signal over time.
