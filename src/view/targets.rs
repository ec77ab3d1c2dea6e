//! What on the screen can be clicked, and what a click hits.

use ratatui::layout::{Position, Rect};

use crate::app::Hit;

/// The areas of a frame that can be clicked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(Vec<(Rect, Hit)>);

impl Targets {
    /// Notes an area; what is noted later lies above.
    pub(crate) fn note(&mut self, area: Rect, hit: Hit) {
        if !area.is_empty() {
            self.0.push((area, hit));
        }
    }

    /// Forgets everything: a dialog lies over it.
    pub(crate) fn cover(&mut self) {
        self.0.clear();
    }

    /// Returns what a click there hits.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<&Hit> {
        let place = Position::new(column, row);
        self.0.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, hit)| hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::model::Screen;

    #[test]
    fn topmost_target_is_hit_and_nothing_beneath_a_dialog() {
        let mut targets = Targets::default();
        targets.note(Rect::new(0, 0, 10, 10), Hit::Tab(Screen::Deck));
        targets.note(Rect::new(2, 2, 3, 1), Hit::Line(7));
        assert_eq!(targets.at(2, 2), Some(&Hit::Line(7)));
        assert_eq!(targets.at(5, 2), Some(&Hit::Tab(Screen::Deck)));
        assert_eq!(targets.at(10, 2), None);
        targets.cover();
        assert_eq!(targets.at(2, 2), None);
    }
}
