//! How much fits: classes of terminal size, and how rows are shared out.

use ratatui::layout::Rect;

/// The smallest terminal in which one may act.
pub const MIN: (u16, u16) = (60, 16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeClass {
    /// Nothing is shown but what size is needed, and keys other than quit are swallowed.
    TooSmall,
    /// From 60×16: a table of environments.
    Narrow,
    /// From 100×28: cards.
    Regular,
    /// From 170×48: more signals, more history.
    Wide,
}

impl SizeClass {
    /// Returns the class of a terminal.
    #[must_use]
    pub fn of(width: u16, height: u16) -> Self {
        match (width, height) {
            (width, height) if width < MIN.0 || height < MIN.1 => Self::TooSmall,
            (170.., 48..) => Self::Wide,
            (100.., 28..) => Self::Regular,
            _ => Self::Narrow,
        }
    }
}

/// Splits off rows at the top; what is asked for beyond the area is not given.
pub(crate) fn top(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let taken = Rect { height: rows, ..*area };
    area.y += rows;
    area.height -= rows;
    taken
}

/// Splits off rows at the bottom.
pub(crate) fn bottom(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    area.height -= rows;
    Rect { y: area.y + area.height, height: rows, ..*area }
}

/// Splits off columns at the left.
pub(crate) fn left(area: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    let taken = Rect { width: columns, ..*area };
    area.x += columns;
    area.width -= columns;
    taken
}

/// Splits off columns at the right.
pub(crate) fn right(area: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    area.width -= columns;
    Rect { x: area.x + area.width, width: columns, ..*area }
}

/// Returns the area without `columns` at both sides.
pub(crate) fn indent(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width / 2);
    Rect { x: area.x + columns, width: area.width - 2 * columns, ..area }
}

/// Returns the first of `visible` consecutive lines out of `all` that keeps `selected` in view, as near to the middle
/// as the ends allow.
pub(crate) fn window(selected: usize, visible: usize, all: usize) -> usize {
    selected.saturating_sub(visible / 2).min(all.saturating_sub(visible))
}

/// Returns the first visible line: the wanted one, clamped so that the last page is full.
pub(crate) fn clamp_scroll(scroll: usize, visible: usize, all: usize) -> usize {
    scroll.min(all.saturating_sub(visible))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_classes_follow_the_size() {
        assert_eq!(SizeClass::of(59, 40), SizeClass::TooSmall);
        assert_eq!(SizeClass::of(80, 24), SizeClass::Narrow);
        assert_eq!(SizeClass::of(120, 30), SizeClass::Regular);
        assert_eq!(SizeClass::of(200, 60), SizeClass::Wide);
        assert_eq!(SizeClass::of(200, 24), SizeClass::Narrow);
    }

    proptest! {
        #[test]
        fn the_selected_line_is_always_in_view(all in 1_usize..100, selected in 0_usize..100, visible in 1_usize..40) {
            let selected = selected % all;
            let first = window(selected, visible, all);
            prop_assert!(first <= selected && selected < first + visible);
            prop_assert!(first + visible <= all.max(visible));
        }
    }
}
