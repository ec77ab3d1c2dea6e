//! The first line of a conventional commit, with what trackers, servers and people put before it.

use super::{CommitKind, tickets};

/// The first line of a conventional commit.
pub(super) struct Header<'a> {
    pub kind: CommitKind,
    pub scope: Option<&'a str>,
    pub breaking: bool,
    pub description: &'a str,
}

/// How many marks before the type are skipped: a merge, a ticket and an emoji.
const MAX_MARKS: usize = 4;

/// Reads `type(scope)!: description`, be it that a ticket, an emoji or the number of a pull request stands before it. An
/// unknown type counts only where it is marked as breaking: `Note: …` is a sentence, `wire!: …` is a warning.
pub(super) fn header(subject: &str) -> Option<Header<'_>> {
    let breaks = is_marked_breaking(subject);
    let mut rest = subject.trim();
    for _ in 0..=MAX_MARKS {
        if let Some(header) = plain(rest) {
            return Some(Header { breaking: header.breaking || breaks, ..header });
        }
        rest = without_mark(rest)?;
    }
    None
}

/// Whether the emoji of breaking changes (gitmoji.dev) stands before the words of a subject.
pub(super) fn is_marked_breaking(subject: &str) -> bool {
    let mut rest = subject.trim();
    for _ in 0..=MAX_MARKS {
        if rest.starts_with('💥') || rest.starts_with(":boom:") {
            return true;
        }
        let Some(next) = without_mark(rest) else { return false };
        rest = next;
    }
    false
}

/// Returns what follows a mark that a subject begins with; `None` where it begins with none.
fn without_mark(subject: &str) -> Option<&str> {
    let rest = merged(subject)
        .or_else(|| bracketed(subject, '[', ']'))
        .or_else(|| bracketed(subject, '(', ')'))
        .or_else(|| emoji(subject))
        .or_else(|| ticket(subject))?;
    Some(rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '–' | '|' | '/')))
}

/// `Merged PR 12: …`, as Azure DevOps writes it, and `PR #12: …`.
fn merged(subject: &str) -> Option<&str> {
    let rest = ["Merged PR ", "PR ", "MR "].iter().find_map(|words| subject.strip_prefix(words))?;
    let rest = rest.trim_start_matches(['#', '!']);
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < rest.len()).then_some(after)
}

/// `[PAY-1] …`, `(api) …`.
fn bracketed(subject: &str, open: char, close: char) -> Option<&str> {
    let (inside, rest) = subject.strip_prefix(open)?.split_once(close)?;
    (!inside.contains(open)).then_some(rest)
}

/// `:boom: …`, `💥 …`.
fn emoji(subject: &str) -> Option<&str> {
    if let Some((code, rest)) = subject.strip_prefix(':').and_then(|rest| rest.split_once(':')) {
        let is_code =
            !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'));
        return is_code.then_some(rest);
    }
    let rest = subject.trim_start_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace());
    (rest.len() < subject.len()).then_some(rest)
}

/// `PAY-1: …`, `#12 …`.
fn ticket(subject: &str) -> Option<&str> {
    let end = subject.find(|c: char| c.is_whitespace() || c == ':')?;
    let (word, rest) = subject.split_at(end);
    (tickets(word) == [word]).then_some(rest)
}

fn plain(subject: &str) -> Option<Header<'_>> {
    // A colon of full width is one key away from the other where Chinese is typed.
    let (head, description) = subject.split_once([':', '：'])?;
    let description = description.trim();
    let (head, breaking) = match head.trim_end().strip_suffix('!') {
        Some(head) => (head.trim_end(), true),
        None => (head.trim_end(), false),
    };
    let (word, scope) = match head.split_once('(') {
        Some((word, rest)) => (word, Some(rest.strip_suffix(')')?.trim()).filter(|scope| !scope.is_empty())),
        None => (head, None),
    };
    let word = word.trim_end();
    // `feat!(api): …` is not in the specification, and means what it seems to.
    let (word, is_marked) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
    let breaking = breaking || is_marked;
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !is_word || description.is_empty() {
        return None;
    }
    let kind = match CommitKind::parse(word) {
        Some(CommitKind::Fix) if scope.is_some_and(|scope| CommitKind::parse(scope) == Some(CommitKind::Security)) => {
            CommitKind::Security
        }
        Some(kind) => kind,
        None if breaking => CommitKind::Other,
        None => return None,
    };
    Some(Header { kind, scope, breaking, description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_is_found_behind_tickets_emoji_and_merges() {
        for (subject, kind, breaks) in [
            ("Merged PR 12: feat!: drop v1", CommitKind::Feat, true),
            ("Merged PR 12: fix: a", CommitKind::Fix, false),
            ("[PAY-1] feat!: drop v1", CommitKind::Feat, true),
            ("[PAY-1][api] feat(x)!: drop v1", CommitKind::Feat, true),
            ("PAY-1 feat!: drop v1", CommitKind::Feat, true),
            ("PAY-1: feat!: drop v1", CommitKind::Feat, true),
            ("#12 - feat!: drop v1", CommitKind::Feat, true),
            ("(PAY-1) fix: a", CommitKind::Fix, false),
            (":boom: drop v1", CommitKind::Other, true),
            ("💥 feat: drop v1", CommitKind::Feat, true),
            ("💥 drop v1", CommitKind::Other, true),
            ("✨ feat: more", CommitKind::Feat, false),
            (":sparkles: feat(api): more", CommitKind::Feat, false),
            ("[PAY-1] 💥 drop v1", CommitKind::Other, true),
            ("fix(api) !: drop v1", CommitKind::Fix, true),
            ("fix (api)!: drop v1", CommitKind::Fix, true),
            ("feat!(api): drop v1", CommitKind::Feat, true),
            ("feat !: drop v1", CommitKind::Feat, true),
            ("feat!：drop v1", CommitKind::Feat, true),
            ("PAY-1: words", CommitKind::Other, false),
            ("[PAY-1] words: more", CommitKind::Other, false),
            ("Merged PR 12: words", CommitKind::Other, false),
            ("see :boom: in the logs", CommitKind::Other, false),
        ] {
            let read = header(subject);
            let found = read.as_ref().map_or((CommitKind::Other, is_marked_breaking(subject)), |head| {
                assert!(subject.ends_with(head.description), "{subject}");
                (head.kind, head.breaking)
            });
            assert_eq!(found, (kind, breaks), "{subject}");
        }
    }
}
