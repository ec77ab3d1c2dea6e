//! Release notes as Markdown.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::markdown::{escape, line};
use super::{Changes, Commit, CommitKind, short};
use crate::domain::facts::text::plural;

/// Whom the notes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those who build and run it: all commits, with hashes, authors and tickets.
    Internal,
    /// Those who use it: what breaks, is new, or was repaired; no names, no scopes, no tickets.
    External,
}

impl Audience {
    pub const ALL: [Self; 2] = [Self::Internal, Self::External];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

/// Scopes that users have nothing to do with.
const INTERNAL_SCOPES: [&str; 12] =
    ["build", "ci", "deps", "deps-dev", "dev", "internal", "release", "repo", "test", "tests", "tooling", "infra"];

/// Returns the notes. Text from outside shows as it was written, on one line each.
#[must_use]
pub fn markdown(changes: &Changes, audience: Audience) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# {} {}{}", escape(&changes.service), escape(&changes.to.version), date(changes.to.at));
    match audience {
        Audience::Internal => internal(changes, &mut out),
        Audience::External => external(changes, &mut out),
    }
    out
}

fn date(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" ({})", at.strftime("%Y-%m-%d")))
}

fn internal(changes: &Changes, out: &mut String) {
    let (from, to) = (&changes.from, &changes.to);
    let more = if changes.cut { " or more" } else { "" };
    let _ = writeln!(
        out,
        "\n{}{more} since {}: `{}..{}`",
        plural(changes.commits.len(), "commit"),
        escape(&from.version),
        code(short(&from.commit)),
        code(short(&to.commit)),
    );
    let authors: Vec<String> = changes.authors().into_iter().map(escape).collect();
    if !authors.is_empty() {
        let _ = writeln!(out, "\nAuthors: {}", authors.join(", "));
    }
    let tickets: Vec<String> = changes.tickets().into_iter().map(plain).collect();
    if !tickets.is_empty() {
        let _ = writeln!(out, "\nTickets: {}", tickets.join(", "));
    }
    for group in changes.groups() {
        let _ = writeln!(out, "\n## {}\n", group.title);
        for commit in group.commits {
            let _ = writeln!(out, "- {}", internal_line(commit));
            if let Some(breaking) = &commit.breaking {
                let _ = writeln!(out, "  - **Breaking:** {}", escape(breaking));
            }
        }
    }
    if !changes.lost.is_empty() {
        let _ = writeln!(out, "\n## No longer in it\n");
        for commit in &changes.lost {
            let _ = writeln!(out, "- {}", internal_line(commit));
        }
    }
}

/// `**api:** queue (PAY-1) — Ada, 9f2c41ab`, with the tickets that the description does not name.
fn internal_line(commit: &Commit) -> String {
    let scope = commit.scope.as_ref().map_or_else(String::new, |scope| format!("**{}:** ", escape(scope)));
    let unnamed: Vec<String> =
        commit.tickets.iter().filter(|ticket| !commit.description.contains(*ticket)).map(|t| plain(t)).collect();
    let tickets = if unnamed.is_empty() { String::new() } else { format!(" ({})", unnamed.join(", ")) };
    let authors: Vec<String> = commit.authors.iter().map(|name| escape(name)).collect();
    format!("{scope}{}{tickets} — {}, `{}`", escape(&commit.description), authors.join(" and "), code(commit.short()))
}

fn external(changes: &Changes, out: &mut String) {
    let mut nothing = true;
    for group in changes.groups() {
        let told = matches!(group.kind, None | Some(CommitKind::Security | CommitKind::Feat | CommitKind::Fix));
        // What breaks is reported whatever it is about.
        let for_users = |commit: &&&Commit| group.kind.is_none() || !is_internal(commit);
        let lines: Vec<String> = group.commits.iter().filter(for_users).map(|commit| external_line(commit)).collect();
        if !told || lines.is_empty() {
            continue;
        }
        nothing = false;
        let _ = writeln!(out, "\n## {}\n", group.title);
        for line in lines {
            let _ = writeln!(out, "- {line}");
        }
    }
    if nothing {
        let _ = writeln!(out, "\nNothing changes for users.");
    }
}

fn is_internal(commit: &Commit) -> bool {
    commit.scope.as_ref().is_some_and(|scope| INTERNAL_SCOPES.contains(&scope.to_ascii_lowercase().as_str()))
}

fn external_line(commit: &Commit) -> String {
    let description = without_tickets(commit);
    match &commit.breaking {
        Some(breaking) if *breaking != commit.description => {
            format!("{}: {}", escape(&description), escape(breaking))
        }
        _ => escape(&description),
    }
}

/// Takes `(#123)`, `(PAY-1)` and `PAY-1` off the end, and `PAY-1:` off the beginning: users cannot look them up.
fn without_tickets(commit: &Commit) -> String {
    let mut text = commit.description.trim();
    loop {
        let named = |ticket: &String| {
            let end = text.strip_suffix(&format!("({ticket})")).or_else(|| text.strip_suffix(&format!("[{ticket}]")));
            let start = || {
                let bare = text.strip_prefix(ticket.as_str());
                bare.or_else(|| text.strip_prefix(&format!("[{ticket}]"))).filter(|rest| rest.starts_with([':', ' ']))
            };
            // A number alone may be a part of the sentence: `closes #12`.
            let bare = || text.strip_suffix(&format!(" {ticket}")).filter(|_| !ticket.starts_with('#'));
            end.or_else(bare).or_else(start).map(|rest| rest.trim_start_matches(':').trim())
        };
        match commit.tickets.iter().find_map(named) {
            Some(rest) if !rest.is_empty() => text = rest,
            _ => return text.to_owned(),
        }
    }
}

/// Text between backticks: there is no escape there.
fn code(text: &str) -> String {
    line(text).replace('`', "'")
}

/// A ticket: `#12` stays as it is, for forges link it.
fn plain(ticket: &str) -> String {
    line(ticket).replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::changes::commit::tests::commit;
    use crate::domain::facts::changes::tests::changes;
    use crate::domain::facts::text::is_unsafe;
    use proptest::prelude::*;

    fn example() -> Changes {
        let mut changes = changes(&[
            "feat(api)!: PAY-9: cursors instead of pages (#31)\n\nBREAKING CHANGE: `?page=` is gone; use ?cursor=",
            "fix(ci): cache",
            "fix(queue): lost *wake-ups* <b>\u{202e}\u{1b}[31m (#30)\n\nRefs PAY-12\nCo-authored-by: Grace [x](y) <g@x>",
            "fix(security): [click](https://evil.example)",
            "docs: readme",
            "feat: export PAY-31",
            "# not a heading",
        ]);
        changes.lost = vec![commit("fix: hotfix on the branch")];
        changes.to.at = "2026-11-20T10:00:00Z".parse().ok();
        changes
    }

    #[test]
    fn internal_notes_render() {
        insta::assert_snapshot!(markdown(&example(), Audience::Internal));
    }

    #[test]
    fn external_notes_render() {
        let notes = markdown(&example(), Audience::External);
        for hidden in ["Ada", "Grace", "PAY", "#3", "cache", "readme", "9f2c41ab", "**"] {
            assert!(!notes.contains(hidden), "{hidden}: {notes}");
        }
        insta::assert_snapshot!(notes);
    }

    #[test]
    fn notes_say_when_nothing_concerns_users() {
        let notes = markdown(&changes(&["docs: a", "fix(deps): b"]), Audience::External);
        assert!(notes.ends_with("\nNothing changes for users.\n"), "{notes}");
    }

    proptest! {
        #[test]
        fn notes_contain_no_raw_control_characters(
            messages in proptest::collection::vec(any::<String>(), 0..4),
            service in any::<String>(), version in any::<String>(),
        ) {
            let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
            let mut changes = changes(&messages);
            changes.service = service;
            changes.to.version = version.clone();
            changes.from.commit = version;
            for audience in Audience::ALL {
                let notes = markdown(&changes, audience);
                prop_assert!(!notes.chars().any(|c| c != '\n' && is_unsafe(c)), "{notes:?}");
            }
        }
    }
}
