//! The two glyph sets: Unicode, and ASCII twins for terminals and fonts that know no more.
//!
//! Every glyph is one column wide in every locale that matters; none is an emoji.

use ratatui::symbols::border::Set;

/// What is drawn where. Each set says the same things; only the shapes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    pub good: &'static str,
    pub warn: &'static str,
    pub bad: &'static str,
    pub blind: &'static str,
    pub waits: &'static str,
    /// Back on what served before.
    pub back: &'static str,
    pub running: &'static str,
    pub paused: &'static str,
    pub live: &'static str,
    pub pointer: &'static str,
    /// The parts of a progress bar: reached, asked for, the rest.
    pub bar: [&'static str; 3],
    /// Levels of a sparkline, lowest first.
    pub levels: [&'static str; 8],
    /// A mark on the time axis of a chart, and a limit across it.
    pub mark: &'static str,
    /// A limit across a chart.
    pub limit: &'static str,
    /// The axis of a chart: upright, corner, along, tick on the upright, tick below.
    pub axis: [&'static str; 5],
    /// Branches of a tree: one of several, the last, the stem beside.
    pub tree: [&'static str; 3],
    pub cut: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// From one thing to another.
    pub arrow: &'static str,
    /// More to the sides, and above and below.
    pub more: [&'static str; 4],
    pub border: Set<'static>,
    /// Borders of what keys act on.
    pub heavy: Set<'static>,
    /// Whether charts are drawn with braille dots.
    pub braille: bool,
}

pub const UNICODE: Glyphs = Glyphs {
    good: "✔",
    warn: "▲",
    bad: "✖",
    blind: "?",
    waits: "·",
    back: "↩",
    running: "▶",
    paused: "║",
    live: "●",
    pointer: "▸",
    bar: ["▄", "▂", "▁"],
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    mark: "┆",
    limit: "╌",
    axis: ["│", "└", "─", "┤", "┬"],
    tree: ["├─", "└─", "│ "],
    cut: "…",
    dot: "·",
    arrow: "→",
    more: ["◂", "▸", "▴", "▾"],
    border: ratatui::symbols::border::ROUNDED,
    heavy: ratatui::symbols::border::THICK,
    braille: true,
};

pub const ASCII: Glyphs = Glyphs {
    good: "+",
    warn: "!",
    bad: "x",
    blind: "?",
    waits: ".",
    back: "<",
    running: ">",
    paused: "=",
    live: "*",
    pointer: ">",
    bar: ["#", "=", "."],
    levels: ["_", ".", "-", "~", "=", "+", "*", "#"],
    mark: ":",
    limit: ".",
    axis: ["|", "+", "-", "+", "+"],
    tree: ["|-", "`-", "| "],
    cut: "~",
    dot: "-",
    arrow: "->",
    more: ["<", ">", "^", "v"],
    border: Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    heavy: Set {
        top_left: "#",
        top_right: "#",
        bottom_left: "#",
        bottom_right: "#",
        vertical_left: "#",
        vertical_right: "#",
        horizontal_top: "=",
        horizontal_bottom: "=",
    },
    braille: false,
};

/// Writes text in ASCII: our own signs as their twins, everything else as `?`, one for each column it takes.
#[must_use]
pub fn to_ascii(text: &str) -> String {
    use unicode_width::UnicodeWidthChar as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '…' => out.push('~'),
            '·' | '–' | '—' | '−' => out.push('-'),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '✔' => out.push('+'),
            '×' | '✖' => out.push('x'),
            '▲' => out.push('!'),
            '\u{a0}' => out.push(' '),
            c => (0..c.width().unwrap_or(0)).for_each(|_| out.push('?')),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr as _;

    #[test]
    fn every_glyph_has_the_expected_width() {
        for glyphs in [UNICODE, ASCII] {
            let single = [
                glyphs.good,
                glyphs.warn,
                glyphs.bad,
                glyphs.blind,
                glyphs.waits,
                glyphs.running,
                glyphs.paused,
                glyphs.live,
                glyphs.pointer,
                glyphs.mark,
                glyphs.limit,
                glyphs.cut,
                glyphs.dot,
            ];
            for glyph in single.iter().chain(&glyphs.bar).chain(&glyphs.levels).chain(&glyphs.axis).chain(&glyphs.more)
            {
                assert_eq!(glyph.width(), 1, "{glyph}");
            }
            assert!(glyphs.tree.iter().all(|branch| branch.width() == 2));
        }
    }

    #[test]
    fn states_have_different_shapes_in_both_sets() {
        for glyphs in [UNICODE, ASCII] {
            let shapes =
                [glyphs.good, glyphs.warn, glyphs.bad, glyphs.blind, glyphs.waits, glyphs.running, glyphs.paused];
            for (index, shape) in shapes.iter().enumerate() {
                assert!(!shapes[..index].contains(shape), "{shape}");
            }
        }
    }

    #[test]
    fn ascii_stays_ascii_and_keeps_its_columns() {
        assert_eq!(to_ascii("promote 20 → 60 %… “ok” 漢字 ü"), "promote 20 -> 60 %~ \"ok\" ???? ?");
    }
}
