//! What a commit says it breaks, in the spellings that people use beside that of Conventional Commits.

use super::CommitKind;
use super::header::header;

/// Returns the words about what breaks: those of the subject where it begins with them, else those of the body.
pub(super) fn words(subject: &str, body: &str) -> Option<String> {
    if let Some(rest) = note(subject) {
        return said(rest, std::iter::empty());
    }
    let lines: Vec<&str> = body.lines().collect();
    let noted = (0..lines.len()).find_map(|at| {
        let rest = &lines[at + 1..];
        match rest.split_first() {
            Some((next, below)) if is_underline(next) && is_title(lines[at]) => said("", below.iter().copied()),
            _ => said(note(lines[at])?, rest.iter().copied()),
        }
    });
    noted.or_else(|| lines.iter().find_map(|line| listed(line)))
}

/// Returns what a merge breaks by the title of its pull request, which servers put below the subject.
pub(super) fn title(body: &str) -> Option<String> {
    let first = body.lines().find(|line| !line.trim().is_empty())?;
    header(first).filter(|header| header.breaking).map(|header| header.description.to_owned())
}

/// Whether a line would say nothing but that what follows breaks, were it a heading.
fn is_title(line: &str) -> bool {
    note(&format!("# {line}")).is_some_and(|words| words.trim().is_empty())
}

/// Whether a line makes the one above it a heading.
fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && (line.bytes().all(|b| b == b'-') || line.bytes().all(|b| b == b'='))
}

/// Returns what follows `BREAKING CHANGE` at the begin of a line; a list, a heading, a quote of the name and a ticked
/// box may stand before it.
fn note(line: &str) -> Option<&str> {
    let line = line.trim();
    let plain = line.trim_start_matches(|c: char| {
        matches!(c, '*' | '-' | '#' | '_' | '⚠' | '\u{fe0f}' | '💥') || c.is_whitespace()
    });
    let is_marked = plain.len() < line.len();
    let (plain, is_ticked) = match plain.strip_prefix("[x]").or_else(|| plain.strip_prefix("[X]")) {
        Some(rest) => (rest.trim_start().trim_start_matches(['*', '_']), true),
        None => (plain, false),
    };
    let upper = plain.get(.."BREAKING".len())? == "BREAKING";
    if !upper && !plain.get(.."BREAKING".len())?.eq_ignore_ascii_case("BREAKING") {
        return None;
    }
    let rest = &plain["BREAKING".len()..];
    let change = rest
        .get(.." CHANGE".len())
        .filter(|word| word.starts_with([' ', '-', '_']) && word[1..].eq_ignore_ascii_case("CHANGE"));
    let rest = change.map_or(rest, |change| &rest[change.len()..]);
    let rest = if change.is_some() { rest.strip_prefix(['s', 'S']).unwrap_or(rest) } else { rest };
    let after = rest.trim_start_matches(['*', '_', '!']);
    // An issue's number may follow, and an explanation in brackets may stand before the colon.
    if let Some(words) = after.strip_prefix(" #").filter(|_| upper && change.is_some()) {
        return Some(words);
    }
    if let Some(words) = after.trim_start().strip_prefix([':', '：']) {
        return Some(words.trim_start_matches(['*', '_']));
    }
    if let Some((_, words)) = after.trim_start().strip_prefix('(').and_then(|inside| inside.split_once("):")) {
        return Some(words);
    }
    let is_end = after.is_empty() || after.starts_with(char::is_whitespace);
    // Without a colon only the loud spelling is a note, a heading, or a box that someone ticked: prose may begin alike.
    let is_note = change.is_some() && is_end && (upper || is_ticked || is_marked && after.trim().is_empty());
    is_note.then(|| after.trim_start().trim_start_matches(['-', '–', '—']))
}

/// Returns the words of a note, up to the next paragraph or footer; `None` where it says that nothing breaks.
fn said<'a>(first: &'a str, more: impl Iterator<Item = &'a str>) -> Option<String> {
    let is_heading = first.trim().is_empty();
    let more = more.skip_while(|line| is_heading && line.trim().is_empty());
    let more = more.take_while(|line| !line.trim().is_empty() && !is_footer(line));
    let words: Vec<&str> = std::iter::once(first).chain(more).flat_map(str::split_whitespace).collect();
    let text = words.join(" ");
    let answer = text.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    if matches!(answer.as_str(), "no" | "none" | "n/a" | "na" | "nothing" | "false") {
        return None;
    }
    Some(if text.is_empty() { "something, which the commit does not name".to_owned() } else { text })
}

/// Returns what a commit breaks that a squashed message lists: `* feat!: drop v1`. Without a bullet the type has to be a
/// known one: prose may begin alike.
fn listed(line: &str) -> Option<String> {
    let line = line.trim();
    let item = line.strip_prefix(['*', '-', '•']);
    let header = header(item.unwrap_or(line).trim()).filter(|header| header.breaking)?;
    (item.is_some() || header.kind != CommitKind::Other).then(|| header.description.to_owned())
}

/// Whether a line begins a footer, e.g. `Refs: #12`.
fn is_footer(line: &str) -> bool {
    let Some((token, _)) = line.split_once(": ").or_else(|| line.split_once(" #")) else { return false };
    token.starts_with(|c: char| c.is_ascii_uppercase()) && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        || token == "BREAKING CHANGE"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaking_notes_are_read_as_people_write_them() {
        for (body, wanted) in [
            ("BREAKING CHANGE: the old path\nis gone\n\nmore", "the old path is gone"),
            ("BREAKING CHANGES: the old path is gone", "the old path is gone"),
            ("BREAKING CHANGE The labels have changed", "The labels have changed"),
            ("* fix: c\n* BREAKING CHANGE: the field is gone", "the field is gone"),
            ("- **BREAKING CHANGE**: gone", "gone"),
            ("**BREAKING CHANGE:** gone", "gone"),
            ("BREAKING: gone", "gone"),
            ("Breaking change: gone", "gone"),
            ("breaking-change: gone", "gone"),
            ("BREAKING_CHANGE: gone", "gone"),
            ("BREAKING CHANGE - gone", "gone"),
            ("BREAKING CHANGE (api): gone", "gone"),
            ("BREAKING CHANGE #12", "12"),
            ("BREAKING CHANGE!: gone", "gone"),
            ("  BREAKING CHANGE: gone", "gone"),
            ("### ⚠ BREAKING CHANGES\n\n* gone\n* too", "* gone * too"),
            ("## Breaking changes\n\nThe path is gone.", "The path is gone."),
            (
                "- [x] Breaking change (fix or feature that changes what exists)",
                "(fix or feature that changes what exists)",
            ),
            ("Breaking changes\n----------------\n\nThe path is gone.", "The path is gone."),
            ("BREAKING CHANGE\n===\nThe path is gone.", "The path is gone."),
            ("BREAKING CHANGE：gone", "gone"),
            ("* feat!: drop v1\n* fix: b", "drop v1"),
            ("* [PAY-1] feat!: drop v1\n* fix: b", "drop v1"),
            ("fix: b\nfeat(api)!: drop v1", "drop v1"),
            ("BREAKING CHANGE:", "something, which the commit does not name"),
        ] {
            assert_eq!(words("fix: a", body).as_deref(), Some(wanted), "{body}");
        }
        assert_eq!(words("BREAKING CHANGE: gone", "").as_deref(), Some("gone"));
    }

    #[test]
    fn prose_and_empty_answers_break_nothing() {
        for body in [
            "no breaking change: b",
            "This is not a BREAKING CHANGE: b",
            "Breaking change detection is better now",
            "Breaking the loop early: saves time",
            "Breaking news\n-------------\n\nmore",
            "Attention!: it is slow",
            "BREAKING CHANGE: none",
            "BREAKING CHANGES: N/A",
            "Breaking change: No.",
            "- [ ] Breaking change (fix or feature that changes what exists)",
            "> BREAKING CHANGE: of another project",
            "* feat: more\n* fix: b",
            "BREAKINGS: x",
            "",
        ] {
            assert_eq!(words("fix: a", body), None, "{body}");
        }
    }
}
