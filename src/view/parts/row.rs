//! One line, built piece by piece in columns.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::view::text::{is_simple, line_width, width};
use crate::view::theme::{Role, Theme};

/// A line under construction. Everything that is said passes [`Theme::safe`].
#[derive(Clone)]
pub(crate) struct Row {
    theme: Theme,
    spans: Vec<Span<'static>>,
    width: usize,
}

impl Row {
    pub(crate) fn new(theme: &Theme) -> Self {
        Self { theme: *theme, spans: Vec::new(), width: 0 }
    }

    fn push(mut self, span: Span<'static>) -> Self {
        self.width += width(&span.content);
        self.spans.push(span);
        self
    }

    /// Says text as it is.
    pub(crate) fn say(self, role: Role, text: impl AsRef<str>) -> Self {
        let span = self.theme.span(role, text);
        self.push(span)
    }

    /// Says text in a column, from its left, clipped at the end.
    pub(crate) fn left(self, role: Role, text: &str, columns: usize) -> Self {
        let shown = self.theme.clip(text, columns);
        let rest = columns - width(&shown);
        let style = self.theme.style(role);
        self.push(Span::styled(shown, style)).gap(rest)
    }

    /// Says a name in a column, from its left, clipped in the middle.
    pub(crate) fn name(self, role: Role, text: &str, columns: usize) -> Self {
        let shown = self.theme.clip_middle(text, columns);
        let rest = columns - width(&shown);
        let style = self.theme.style(role);
        self.push(Span::styled(shown, style)).gap(rest)
    }

    /// Says a figure in a column, from its right.
    pub(crate) fn right(self, role: Role, text: &str, columns: usize) -> Self {
        let shown = self.theme.clip(text, columns);
        let rest = columns - width(&shown);
        let style = self.theme.style(role);
        self.gap(rest).push(Span::styled(shown, style))
    }

    pub(crate) fn gap(self, columns: usize) -> Self {
        if columns == 0 { self } else { self.push(Span::raw(" ".repeat(columns))) }
    }

    /// Leaves columns free up to a column.
    pub(crate) fn to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width);
        self.gap(gap)
    }

    pub(crate) fn add(mut self, line: impl IntoIterator<Item = Span<'static>>) -> Self {
        for span in line {
            self = self.push(span);
        }
        self
    }

    /// Adds something only where a condition holds.
    pub(crate) fn when(self, holds: bool, add: impl FnOnce(Self) -> Self) -> Self {
        if holds { add(self) } else { self }
    }

    /// Returns the columns used so far.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}

impl From<Row> for Line<'static> {
    fn from(row: Row) -> Self {
        row.line()
    }
}

/// Draws a line at the top of an area, clipped with a sign.
pub(crate) fn put(buf: &mut Buffer, area: Rect, theme: &Theme, line: impl Into<Line<'static>>) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let line = theme.fit(line.into(), usize::from(area.width));
    let mut x = area.x;
    for span in &line.spans {
        let (room, style) = (area.right().saturating_sub(x), line.style.patch(span.style));
        x = if is_simple(&span.content) {
            set_simple(buf, (x, area.y), &span.content, room, style)
        } else {
            buf.set_stringn(x, area.y, &span.content, usize::from(room), style).0
        };
    }
}

/// Draws text of which each character takes one column; returns the column behind it.
fn set_simple(buf: &mut Buffer, (x, y): (u16, u16), text: &str, room: u16, style: Style) -> u16 {
    let mut end = x;
    for (c, column) in text.chars().zip(x..x.saturating_add(room)) {
        if let Some(cell) = buf.cell_mut((column, y)) {
            cell.set_char(c).set_style(style);
        }
        end = column + 1;
    }
    end
}

/// Draws lines one below the other; returns how many rows were used.
pub(crate) fn put_all(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    lines: impl IntoIterator<Item = Line<'static>>,
) -> u16 {
    let mut used = 0;
    for line in lines.into_iter().take(usize::from(area.height)) {
        put(buf, Rect { y: area.y + used, height: 1, ..area }, theme, line);
        used += 1;
    }
    used
}

/// Draws one line from the left and one from the right; the right one has precedence.
pub(crate) fn put_both(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    left: impl Into<Line<'static>>,
    right: impl Into<Line<'static>>,
) {
    let whole = usize::from(area.width);
    let right = theme.fit(right.into(), whole);
    let used = line_width(&right);
    let room = if used == 0 { whole } else { whole.saturating_sub(used + 1) };
    put(buf, Rect { width: room as u16, ..area }, theme, left);
    put(buf, Rect { x: area.x + (whole - used) as u16, width: used as u16, ..area }, theme, right);
}

/// Gives all of a line's row a style, so that a selected line reaches from edge to edge.
pub(crate) fn highlight(buf: &mut Buffer, area: Rect, style: Style) {
    buf.set_style(Rect { height: area.height.min(1), ..area }, style);
}
