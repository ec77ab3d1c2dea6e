//! The progress bar: what flows, what is asked for, the rest.

use ratatui::text::Span;

use crate::domain::facts::workload::Status;
use crate::view::theme::{Role, Theme};

/// Draws how far a workload is, in `columns`.
pub(crate) fn progress(theme: &Theme, status: &Status, columns: usize) -> Vec<Span<'static>> {
    let glyphs = theme.glyphs();
    let cells = |share: u64| (share.min(100) * columns as u64).div_ceil(100) as usize;
    let reached = cells(u64::from(status.progress));
    let asked = match (status.weight, &status.canary) {
        (Some(weight), Some(_)) if !status.aborted => {
            cells(u64::from(weight.set) * 100 / u64::from(weight.max.max(1))).max(reached)
        }
        _ => reached,
    };
    // What is out and well is no news.
    let role = if status.canary.is_some() { Role::Canary } else { Role::Faint };
    let mut spans = Vec::new();
    for (count, glyph, role) in [
        (reached, glyphs.bar[0], role),
        (asked - reached, glyphs.bar[1], role),
        (columns.saturating_sub(asked), glyphs.bar[2], Role::Faint),
    ] {
        if count > 0 {
            spans.push(Span::styled(glyph.repeat(count), theme.style(role)));
        }
    }
    spans
}

/// An empty bar: the release is not there yet, or nothing is known.
pub(crate) fn empty(theme: &Theme, columns: usize) -> Span<'static> {
    Span::styled(theme.glyphs().bar[2].repeat(columns), theme.style(Role::Faint))
}
