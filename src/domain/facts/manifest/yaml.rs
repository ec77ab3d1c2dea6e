//! YAML in block style as a tree of items with their places in the text. It is no parser for all of YAML: anchors, flow style
//! and texts over several lines are told apart from plain values, and what cannot be told apart is refused.

use std::ops::Range;

use super::{ManifestError, quoted};

/// Words that are no text where they stand without quotes.
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// A key, or an element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Where it stands in its line.
    column: usize,
    /// Line, from one.
    line: usize,
    /// The end of its line, before the line break.
    line_end: usize,
    /// Whether nothing but spaces stands before it in its line.
    begins_line: bool,
    parent: Option<usize>,
    /// Which document of the file it is in.
    part: usize,
    /// `None` for an element of a list.
    key: Option<&'a str>,
    value: Value<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<'a> {
    /// What belongs to it follows in other lines.
    Nested,
    Text {
        range: Range<usize>,
        text: &'a str,
        quote: Option<char>,
    },
    /// Something that is left alone; why.
    Other(&'static str),
}

/// A change of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    range: Range<usize>,
    text: String,
}

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    items: Vec<Item<'a>>,
    line_break: &'static str,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ManifestError> {
        let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut document = Self { text, items: Vec::new(), line_break };
        let mut open: Vec<usize> = Vec::new();
        let (mut start, mut part) = (0, 0);
        let mut skipped: Option<usize> = None;
        for (index, full) in text.split_inclusive('\n').enumerate() {
            let begin = start;
            start += full.len();
            let content = full.trim_end_matches('\n').trim_end_matches('\r');
            let indent = content.len() - content.trim_start_matches(' ').len();
            let rest = &content[indent..];
            if rest.trim().is_empty() {
                continue;
            }
            if skipped.is_some_and(|column| indent > column) {
                continue;
            }
            skipped = None;
            let not_understood = |why| ManifestError::NotUnderstood { line: index + 1, why };
            if rest.starts_with('\t') {
                return Err(not_understood("a tab as indentation"));
            }
            if rest.starts_with('#') || (indent == 0 && rest.starts_with('%')) {
                continue;
            }
            if indent == 0 && (rest == "..." || rest == "---" || rest.starts_with("--- ")) {
                if rest.strip_prefix("---").is_some_and(|after| !after.trim().is_empty() && !after.contains('#')) {
                    return Err(not_understood("a value beside the beginning of a document"));
                }
                open.clear();
                part += 1;
                continue;
            }
            let line = LineOf { begin, number: index + 1, end: begin + content.len(), part };
            skipped = document.take_line(content, indent, &line, &mut open)?;
        }
        Ok(document)
    }

    /// Takes in the items of a line; returns the column beyond which the lines after it belong to a text.
    fn take_line(
        &mut self,
        content: &'a str,
        indent: usize,
        line: &LineOf,
        open: &mut Vec<usize>,
    ) -> Result<Option<usize>, ManifestError> {
        let mut column = indent;
        loop {
            let rest = &content[column..];
            let is_element = rest == "-" || rest.starts_with("- ");
            let (key, after) = if is_element {
                (None, column + 1)
            } else if let Some((key, length)) = key_of(rest) {
                (Some(key), column + length)
            } else if column > indent {
                // The value of the element that stands before it.
                return Ok(None);
            } else {
                return self.take_continued(line, indent);
            };
            if rest.starts_with("? ") {
                return Err(ManifestError::NotUnderstood { line: line.number, why: "a key that is no word" });
            }
            let blanks = content[after..].len() - content[after..].trim_start().len();
            let value_at = after + blanks;
            let inner = is_element && begins_item(&content[value_at..]);
            let value = if inner { Value::Nested } else { value_of(&content[value_at..], line, value_at)? };
            let block = matches!(value, Value::Other(BLOCK));
            self.push(
                Item {
                    column,
                    line: line.number,
                    line_end: line.end,
                    begins_line: column == indent,
                    parent: None,
                    part: line.part,
                    key,
                    value,
                },
                open,
            );
            if !inner {
                return Ok(block.then_some(column));
            }
            column = value_at;
        }
    }

    /// A line that is neither key nor element continues the value before it, which is then left alone.
    fn take_continued(&mut self, line: &LineOf, indent: usize) -> Result<Option<usize>, ManifestError> {
        match self.items.last_mut() {
            Some(last)
                if last.part == line.part
                    && indent > last.column
                    && matches!(last.value, Value::Text { quote: None, .. }) =>
            {
                last.value = Value::Other("a value over several lines");
                Ok(None)
            }
            _ => Err(ManifestError::NotUnderstood {
                line: line.number,
                why: "it is neither a key nor an element of a list",
            }),
        }
    }

    fn push(&mut self, item: Item<'a>, open: &mut Vec<usize>) {
        while let Some(top) = open.last().map(|top| &self.items[*top]) {
            let is_inside =
                top.column < item.column || (top.column == item.column && top.key.is_some() && item.key.is_none());
            if is_inside {
                break;
            }
            open.pop();
        }
        let parent = open.last().copied();
        open.push(self.items.len());
        self.items.push(Item { parent, ..item });
    }

    /// Returns the items below one, or at the top.
    pub(super) fn children(&self, of: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        (0..self.items.len()).filter(move |index| self.items[*index].parent == of)
    }

    /// Returns the item of a key below another; `None` where there is none.
    pub(super) fn child(&self, of: Option<usize>, key: &str) -> Result<Option<usize>, ManifestError> {
        self.child_in(self.children(of), key)
    }

    /// Returns the item of a key beside another.
    pub(super) fn beside(&self, item: usize, key: &str) -> Result<Option<usize>, ManifestError> {
        let (parent, part) = (self.items[item].parent, self.items[item].part);
        self.child_in(self.children(parent).filter(|index| self.items[*index].part == part), key)
    }

    fn child_in(&self, items: impl Iterator<Item = usize>, key: &str) -> Result<Option<usize>, ManifestError> {
        let found: Vec<usize> = items.filter(|index| self.items[*index].key == Some(key)).collect();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(ManifestError::Several(quoted(key))),
        }
    }

    /// Returns all items of a key, wherever they are.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(move |index| self.items[*index].key == Some(key))
    }

    /// Makes sure that what is below an item is written out below it.
    pub(super) fn nested(&self, item: usize) -> Result<(), ManifestError> {
        match self.items[item].value {
            Value::Nested => Ok(()),
            Value::Text { .. } => Err(self.not_understood(item, "a value where more is expected below it")),
            Value::Other(why) => Err(self.not_understood(item, why)),
        }
    }

    pub(super) fn is_nested(&self, item: usize) -> bool {
        self.items[item].value == Value::Nested
    }

    /// Returns the text of an item.
    pub(super) fn text(&self, item: usize) -> Result<&'a str, ManifestError> {
        match &self.items[item].value {
            Value::Text { text, .. } => Ok(text),
            Value::Nested => Err(self.not_understood(item, "it has no value of its own")),
            Value::Other(why) => Err(self.not_understood(item, why)),
        }
    }

    /// Returns the text of a key below an item, where there is such a key.
    pub(super) fn text_below(&self, item: usize, key: &str) -> Result<Option<&'a str>, ManifestError> {
        self.child(Some(item), key)?.map(|found| self.text(found)).transpose()
    }

    /// Replaces the text of an item; it keeps its quotes.
    pub(super) fn set(&self, item: usize, to: &str) -> Result<Replacement, ManifestError> {
        match &self.items[item].value {
            Value::Text { range, quote, .. } => {
                let text = match quote {
                    Some(quote) => format!("{quote}{to}{quote}"),
                    None => plain(to),
                };
                Ok(Replacement { range: range.clone(), text })
            }
            Value::Nested => Err(self.not_understood(item, "it has no value of its own")),
            Value::Other(why) => Err(self.not_understood(item, why)),
        }
    }

    /// Adds a key after the line of another one, beside it.
    pub(super) fn add_after(&self, item: usize, key: &str, value: &str) -> Replacement {
        let Item { line_end, column, .. } = self.items[item];
        let text = format!("{}{}{key}: {}", self.line_break, " ".repeat(column), plain(value));
        Replacement { range: line_end..line_end, text }
    }

    /// Takes the line of a key away.
    pub(super) fn remove(&self, item: usize) -> Result<Replacement, ManifestError> {
        let Item { line_end, begins_line, .. } = self.items[item];
        self.text(item)?;
        if !begins_line {
            return Err(self.not_understood(item, "it begins an element of a list and cannot be taken away"));
        }
        // With the line break before it, so that a last line without one leaves none behind.
        let begin = self.text[..line_end].rfind('\n').unwrap_or(0);
        let begin = if self.text[..begin].ends_with('\r') { begin - 1 } else { begin };
        Ok(Replacement { range: begin..line_end, text: String::new() })
    }

    fn not_understood(&self, item: usize, why: &'static str) -> ManifestError {
        ManifestError::NotUnderstood { line: self.items[item].line, why }
    }
}

struct LineOf {
    begin: usize,
    number: usize,
    end: usize,
    part: usize,
}

const BLOCK: &str = "a text over several lines";

/// Returns a key and the length up to the end of its colon.
fn key_of(rest: &str) -> Option<(&str, usize)> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let inner = &rest[1..];
        let end = inner.find(quote)?;
        let after = &inner[end + 1..];
        let is_key = after == ":" || after.starts_with(": ");
        return is_key.then(|| (&inner[..end], end + 3));
    }
    if rest.starts_with(['{', '[', '#', '&', '*', '!', '|', '>', '@', '`']) {
        return None;
    }
    let colon = rest.match_indices(':').map(|(at, _)| at).find(|at| {
        let after = &rest[at + 1..];
        after.is_empty() || after.starts_with([' ', '\t'])
    })?;
    let comment = rest.find(" #").unwrap_or(rest.len());
    (colon < comment).then(|| (rest[..colon].trim_end(), colon + 1))
}

/// Whether the value of an element is itself a key or an element.
fn begins_item(value: &str) -> bool {
    value == "-" || value.starts_with("- ") || key_of(value).is_some()
}

/// Reads a value; `at` is where it begins in its line.
fn value_of<'a>(value: &'a str, line: &LineOf, at: usize) -> Result<Value<'a>, ManifestError> {
    let begin = line.begin + at;
    let Some(first) = value.chars().next().filter(|c| *c != '#') else { return Ok(Value::Nested) };
    match first {
        '|' | '>' => Ok(Value::Other(BLOCK)),
        '&' => Ok(Value::Other("an anchor: what it stands for elsewhere would change too")),
        '*' => Ok(Value::Other("an alias: its value stands elsewhere")),
        '!' => Ok(Value::Other("a tag of YAML")),
        '{' | '[' => {
            if is_balanced(value) {
                Ok(Value::Other("flow style"))
            } else {
                Err(ManifestError::NotUnderstood { line: line.number, why: "flow style over several lines" })
            }
        }
        '"' | '\'' => {
            let inner = &value[1..];
            let Some(end) = inner.find(first) else {
                return Err(ManifestError::NotUnderstood { line: line.number, why: "quotes over several lines" });
            };
            let after = inner[end + 1..].trim_start();
            if !(after.is_empty() || after.starts_with('#')) || inner[..end].contains('\\') {
                return Ok(Value::Other("quotes within quotes"));
            }
            Ok(Value::Text { range: begin..begin + end + 2, text: &inner[..end], quote: Some(first) })
        }
        _ => {
            let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            let text = value[..end].trim_end();
            Ok(Value::Text { range: begin..begin + text.len(), text, quote: None })
        }
    }
}

/// Whether what opens in flow style closes in the same line.
fn is_balanced(value: &str) -> bool {
    let (mut depth, mut quote) = (0_i32, None);
    for c in value.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            _ => {}
        }
    }
    depth == 0 && quote.is_none()
}

/// Writes a text, in quotes where it would be read as something else: `1.10` is a number.
fn plain(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !RESERVED.iter().any(|reserved| text.eq_ignore_ascii_case(reserved));
    let is_plain = is_word || text.matches('.').count() >= 2;
    if is_plain { text.to_owned() } else { format!("\"{text}\"") }
}

/// Carries changes out, the last one first; the same one twice is one.
///
/// # Errors
/// Two of them change the same text in different ways.
pub(super) fn replaced(text: &str, mut replacements: Vec<Replacement>) -> Result<String, ManifestError> {
    replacements.sort_by(|one, other| {
        let place = |of: &Replacement| (of.range.start, of.range.end);
        place(one).cmp(&place(other)).then_with(|| one.text.cmp(&other.text))
    });
    replacements.dedup();
    if replacements.windows(2).any(|pair| pair[1].range.start < pair[0].range.end) {
        return Err(ManifestError::Overlap);
    }
    let mut text = text.to_owned();
    for replacement in replacements.into_iter().rev() {
        text.replace_range(replacement.range, &replacement.text);
    }
    Ok(text)
}
