//! Sparklines: the last points of a series in one row, gaps left empty.

use ratatui::text::Span;

use crate::domain::facts::series::Series;
use crate::view::theme::{Role, Theme};

/// Draws the newest points of a series in `columns`; the highest level is `top`, or the highest value where that is
/// more. A gap stays empty.
pub(crate) fn spark(theme: &Theme, role: Role, series: Option<&Series>, columns: usize, top: f64) -> Span<'static> {
    let levels = theme.glyphs().levels;
    let values: Vec<Option<f64>> = series
        .map(|series| {
            let skip = series.points().len().saturating_sub(columns);
            series.points().skip(skip).map(|point| point.value).collect()
        })
        .unwrap_or_default();
    let highest = values.iter().flatten().copied().fold(top, f64::max);
    let mut text = " ".repeat(columns.saturating_sub(values.len()));
    for value in values {
        let Some(value) = value else {
            text.push(' ');
            continue;
        };
        let share = if highest > 0.0 { (value / highest).clamp(0.0, 1.0) } else { 0.0 };
        let level = (share * (levels.len() - 1) as f64).round() as usize;
        text.push_str(levels.get(level).copied().unwrap_or(" "));
    }
    Span::styled(text, theme.style(role))
}
