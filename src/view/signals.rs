//! The signals screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scene::Scene;

/// Draws it.
pub(crate) fn draw(_scene: &Scene<'_>, _buf: &mut Buffer, _area: Rect) {}
