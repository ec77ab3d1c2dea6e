//! A grid of dots for lines: braille where the terminal has it, else one sign a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::theme::{Role, Theme};

/// Which line; where both cross, the upper one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Below: stable.
    Under,
    /// Above: canary.
    Over,
}

/// Bits of a braille cell, by row and column.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

pub(crate) struct Plot {
    theme: Theme,
    width: usize,
    height: usize,
    /// Dots in a cell: across and down.
    dots: (usize, usize),
    cells: Vec<[u8; 2]>,
}

impl Plot {
    /// Makes an empty plot of so many cells.
    pub(crate) fn new(theme: &Theme, width: u16, height: u16) -> Self {
        let (width, height) = (usize::from(width), usize::from(height));
        let dots = if theme.glyphs().braille { (2, 4) } else { (1, 1) };
        Self { theme: *theme, width, height, dots, cells: vec![[0; 2]; width * height] }
    }

    /// Returns how many dots there are across.
    pub(crate) fn columns(&self) -> usize {
        self.width * self.dots.0
    }

    /// Draws a line between two places: a column of dots, and a share of the height from below.
    pub(crate) fn line(&mut self, layer: Layer, from: (usize, f64), to: (usize, f64)) {
        let rows = (self.height * self.dots.1).saturating_sub(1);
        let y = |share: f64| ((1.0 - share.clamp(0.0, 1.0)) * rows as f64).round();
        let (x0, y0, x1, y1) = (from.0 as f64, y(from.1), to.0 as f64, y(to.1));
        let steps = (x1 - x0).abs().max((y1 - y0).abs()).max(1.0);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            self.dot(layer, (x0 + (x1 - x0) * share).round() as usize, (y0 + (y1 - y0) * share).round() as usize);
        }
    }

    fn dot(&mut self, layer: Layer, x: usize, y: usize) {
        let (column, row) = (x / self.dots.0, y / self.dots.1);
        if column >= self.width {
            return;
        }
        let bits = if self.dots == (1, 1) { 1 } else { DOTS[y % 4][x % 2] };
        if let Some(cell) = self.cells.get_mut(row * self.width + column) {
            cell[usize::from(layer == Layer::Over)] |= bits;
        }
    }

    /// Puts the dots into the buffer; cells without any stay as they are.
    pub(crate) fn draw(&self, buf: &mut Buffer, area: Rect) {
        for (index, [under, over]) in self.cells.iter().enumerate() {
            let (x, y) = (area.x + (index % self.width) as u16, area.y + (index / self.width) as u16);
            if (under | over) == 0 {
                continue;
            }
            let Some(cell) = buf.cell_mut((x, y)) else { continue };
            cell.reset();
            cell.set_style(self.theme.style(if *over == 0 { Role::Stable } else { Role::Canary }));
            if self.dots == (1, 1) {
                cell.set_symbol(if *over == 0 { "-" } else { "o" });
            } else if let Some(sign) = char::from_u32(0x2800 + u32::from(under | over)) {
                cell.set_char(sign);
            }
        }
    }
}
