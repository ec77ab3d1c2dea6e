//! Text in columns: width, clipping at the end and in the middle, wrapping.

use std::borrow::Cow;

use ratatui::buffer::CellWidth as _;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

use super::theme::Theme;

/// Returns the display width: the sum over graphemes, as they are put into cells (ligatures across graphemes, such as
/// lam-alef, count as narrower in a terminal-wide measure).
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if is_simple(text) { text.chars().count() } else { graphemes(text).map(|(_, width)| width).sum() }
}

/// Returns whether every character takes a column of its own, whatever stands beside it: printable ASCII and the signs
/// that the screens are drawn with. Nearly all text is, and needs no segmentation.
pub(crate) fn is_simple(text: &str) -> bool {
    text.chars().all(is_simple_char)
}

fn is_simple_char(c: char) -> bool {
    // Box drawing and block elements, then braille.
    matches!(c, ' '..='~' | '·' | '…' | '→' | '✔' | '✖' | '▲' | '▶' | '●' | '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}')
}

/// Returns the display width, or `most` where it is more: the rest of a very long text is not looked at.
pub(crate) fn width_within(text: &str, most: usize) -> usize {
    let mut used = 0;
    for (_, width) in graphemes(text) {
        used += width;
        if used >= most {
            return most;
        }
    }
    used
}

/// Returns the display width of a line.
pub(crate) fn line_width(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| width(&span.content)).sum()
}

/// The graphemes that are drawn, each with its width; none that holds a control character is.
fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = (&str, usize)> {
    let drawn = text.graphemes(true).filter(|grapheme| !grapheme.contains(char::is_control));
    drawn.map(|grapheme| (grapheme, usize::from(grapheme.cell_width()))).filter(|(_, width)| *width > 0)
}

/// How many marks without a width may follow each other: more would pile up over the lines above and below.
const MAX_COMBINING_MARKS: usize = 2;

/// Cuts piles of combining marks down.
pub(crate) fn level(text: Cow<'_, str>) -> Cow<'_, str> {
    fn keeper() -> impl FnMut(&char) -> bool {
        let mut run = 0;
        move |c| {
            run = if c.width() == Some(0) { run + 1 } else { 0 };
            run <= MAX_COMBINING_MARKS
        }
    }
    let mut keep = keeper();
    if text.is_ascii() || text.chars().all(|c| keep(&c)) {
        return text;
    }
    Cow::Owned(text.chars().filter(keeper()).collect())
}

/// How much of a text can matter for `width` columns: bounds the work on very long names.
fn bounded(text: &str, width: usize) -> (&str, bool) {
    match text.char_indices().nth(width * 4 + 32) {
        Some((at, _)) => (text.get(..at).unwrap_or(text), true),
        None => (text, false),
    }
}

fn bounded_tail(text: &str, width: usize) -> &str {
    match text.char_indices().rev().nth(width * 4 + 32) {
        Some((at, _)) => text.get(at..).unwrap_or(text),
        None => text,
    }
}

/// Takes graphemes up to `width` columns.
fn take(text: &str, width: usize) -> String {
    let mut left = width;
    graphemes(text)
        .map_while(|(grapheme, width)| {
            left = left.checked_sub(width)?;
            Some(grapheme)
        })
        .collect()
}

/// Takes graphemes from the end up to `width` columns.
pub(crate) fn tail(text: &str, width: usize) -> String {
    let mut left = width;
    let mut taken: Vec<&str> = graphemes(text)
        .rev()
        .map_while(|(grapheme, width)| {
            left = left.checked_sub(width)?;
            Some(grapheme)
        })
        .collect();
    taken.reverse();
    taken.concat()
}

impl Theme {
    /// Clips text at its end: for messages.
    pub(crate) fn clip(&self, text: &str, to: usize) -> String {
        let (head, cut) = bounded(text, to);
        let head = self.safe(head);
        if !cut && width(&head) <= to {
            return if head.len() <= to { head.into_owned() } else { take(&head, to) };
        }
        match to {
            0 => String::new(),
            _ => format!("{}{}", take(&head, to - 1).trim_end(), self.glyphs().cut),
        }
    }

    /// Clips text in its middle: for names whose ends tell the most.
    pub(crate) fn clip_middle(&self, text: &str, to: usize) -> String {
        let (head, cut) = bounded(text, to);
        let head = self.safe(head);
        if !cut && width(&head) <= to {
            return if head.len() <= to { head.into_owned() } else { take(&head, to) };
        }
        if to < 3 {
            return self.clip(text, to);
        }
        let end = self.safe(bounded_tail(text, to));
        let room = to - 1;
        format!("{}{}{}", take(&head, room.div_ceil(2)), self.glyphs().cut, tail(&end, room / 2))
    }

    /// Wraps text into lines of at most `to` columns, at spaces where there are any; at most `lines` of them, the last
    /// one clipped.
    pub(crate) fn wrap(&self, text: &str, to: usize, lines: usize) -> Vec<String> {
        if to == 0 || lines == 0 {
            return Vec::new();
        }
        // Each line but the last takes at least one character, and none more than `to`: this is more than enough.
        let (text, cut) = bounded(text, to * lines / 4 + lines);
        let text = self.safe(text);
        // Where each line begins in the text, and what it says.
        let mut out: Vec<(usize, String)> = Vec::new();
        let (mut start, mut line, mut used) = (0, String::new(), 0);
        let mut at = 0;
        for word in text.split_inclusive(char::is_whitespace) {
            // The blank behind a word need not fit.
            if used > 0 && used + width(word.trim_end()) > to {
                out.push((start, std::mem::take(&mut line)));
                (start, used) = (at, 0);
            }
            if used + word.len() <= to && is_simple(word) {
                line.push_str(word);
                used += word.chars().count();
                at += word.len();
                continue;
            }
            for (offset, grapheme) in word.grapheme_indices(true) {
                let wide = usize::from(grapheme.cell_width());
                // A blank may hang over the end; what is longer than a line is broken.
                if used + wide > to && used > 0 && !grapheme.trim().is_empty() {
                    out.push((start, std::mem::take(&mut line)));
                    (start, used) = (at + offset, 0);
                }
                if out.len() > lines {
                    break;
                }
                if used + wide <= to {
                    line.push_str(grapheme);
                    used += wide;
                }
            }
            if out.len() > lines {
                break;
            }
            at += word.len();
        }
        if !line.trim_end().is_empty() || out.is_empty() {
            out.push((start, line));
        }
        let more = out.len() > lines;
        out.truncate(lines);
        let last = out.len() - 1;
        out.into_iter()
            .enumerate()
            .map(|(index, (start, line))| match text.get(start..) {
                // The last line says as much as fits, and that there is more.
                Some(rest) if index == last && (more || cut) => self.clip(&format!("{rest}…"), to),
                _ => line.trim_end().to_owned(),
            })
            .collect()
    }

    /// Makes a line fit: the span that crosses the end is clipped, the rest dropped.
    pub(crate) fn fit(&self, line: Line<'static>, to: usize) -> Line<'static> {
        if line_width(&line) <= to {
            return line;
        }
        let mut left = to;
        let mut spans: Vec<Span<'static>> = Vec::new();
        for span in line.spans {
            let wide = width(&span.content);
            if wide <= left {
                left -= wide;
                spans.push(span);
                continue;
            }
            if left == 0 {
                // The end of the line was reached exactly: say that there is more.
                if let Some(last) = spans.pop() {
                    let wide = width(&last.content);
                    spans.push(Span::styled(self.clip(&format!("{}…", last.content), wide), last.style));
                }
            } else {
                spans.push(Span::styled(self.clip(&span.content, left), span.style));
            }
            break;
        }
        Line::from(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::theme::Palette;
    use proptest::prelude::*;

    fn theme() -> Theme {
        Theme::new(Palette::None, false)
    }

    #[test]
    fn messages_are_cut_at_the_end_and_names_in_the_middle() {
        assert_eq!(theme().clip("connection refused by peer", 10), "connectio…");
        assert_eq!(theme().clip_middle("payments-api-6c9f7d9b4-x2x4z", 15), "payment…4-x2x4z");
        assert_eq!(theme().clip("short", 10), "short");
        assert_eq!(theme().clip("x", 0), "");
        assert_eq!(Theme::new(Palette::None, true).clip("abcdef", 4), "abc~");
    }

    #[test]
    fn wide_characters_are_never_halved() {
        assert_eq!(theme().clip("漢字漢字", 5), "漢字…");
        assert_eq!(theme().clip("漢字漢字", 4), "漢…");
    }

    #[test]
    fn stacked_combining_marks_are_limited() {
        let zalgo = format!("a{}b", "\u{301}".repeat(20));
        assert_eq!(theme().clip(&zalgo, 10), "a\u{301}\u{301}b");
    }

    #[test]
    fn words_wrap_and_long_words_break() {
        assert_eq!(theme().wrap("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(theme().wrap("abcdefghij", 4, 5), ["abcd", "efgh", "ij"]);
        assert_eq!(theme().wrap("one two three four", 7, 2), ["one two", "three…"]);
        assert_eq!(theme().wrap("prometheus: http://localhost refused", 16, 1), ["prometheus: htt…"]);
        assert_eq!(theme().wrap("", 7, 2), [""]);
    }

    #[test]
    fn simple_characters_take_one_column() {
        let simple: Vec<char> = ('\0'..='\u{ffff}').filter(|c| is_simple_char(*c)).collect();
        for &c in &simple {
            assert_eq!(c.to_string().cell_width(), 1, "{c:?}");
        }
        let mut pairs = String::new();
        for &one in &simple {
            for other in ['a', ' ', '─', '·', '⣿', '✔', '▶'] {
                pairs.extend([one, other]);
            }
        }
        assert_eq!(pairs.graphemes(true).count(), pairs.chars().count());
    }

    proptest! {
        #[test]
        fn text_never_exceeds_its_width(text in "\\PC*", wide in 0_usize..40, ascii: bool) {
            let theme = Theme::new(Palette::None, ascii);
            prop_assert!(width(&theme.clip(&text, wide)) <= wide);
            prop_assert!(width(&theme.clip_middle(&text, wide)) <= wide);
            for line in theme.wrap(&text, wide, 4) {
                prop_assert!(width(&line) <= wide, "{line:?}");
            }
            let line = Line::from(vec![Span::raw(text.clone()), Span::raw(text)]);
            prop_assert!(line_width(&theme.fit(line, wide)) <= wide);
        }
    }
}
