//! `cockpit changes`: what is in the release, as text, JSON and Markdown.

use std::fmt::Write as _;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde_json::{Value, json};

use super::status::API_VERSION;
use crate::domain::facts::changes::Bump;
use crate::domain::facts::changes::migration::{Class, MigrationState};
use crate::domain::facts::changes::{Audience, Changes as Release, Commit, Migration, Part, Point, short};
use crate::domain::facts::text::{plural, sanitize};

/// `cockpit changes`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "The git repository is [service] repository of the config, else the one that the config file \
                        or the current folder is in.\n\n\
                        Examples:\n  cockpit changes prod-eu\n  cockpit changes --notes external > NOTES.md\n  \
                        cockpit changes -o json | jq -r '.commits[] | select(.breaking) | .subject'\n\n\
                        Exits 2 without a git repository, 4 where the commits are unknown.")]
pub struct Changes {
    /// Environment; by default the one with something in progress or to come, else the first
    #[arg(value_name = "ENV")]
    pub env: Option<String>,
    /// Release notes as Markdown, for whom
    #[arg(long, value_enum, value_name = "AUDIENCE")]
    pub notes: Option<Audience>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "notes")]
    pub output: Output,
}

/// How the changes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// As internal release notes.
    Markdown,
}

impl ValueEnum for Audience {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(self.as_str().into())
    }
}

impl Changes {
    /// Returns whom notes are asked for, if they are.
    #[must_use]
    pub fn audience(&self) -> Option<Audience> {
        self.notes.or_else(|| (self.output == Output::Markdown).then_some(Audience::Internal))
    }
}

/// Where the changes are looked at.
#[derive(Clone, Copy, Debug)]
pub struct ChangesContext<'a> {
    /// The environment.
    pub env: &'a str,
    /// How it stands there: `in progress`, `to come`, `there`.
    pub standing: &'a str,
    /// The environment before.
    pub before: Option<&'a str>,
}

/// The contract of [`json()`].
pub const SCHEMA: &str = include_str!("../../assets/changes.schema.json");

/// Returns the changes as JSON, as `assets/changes.schema.json` describes it. What is unknown is null.
#[must_use]
pub fn json(changes: &Release, place: &ChangesContext<'_>) -> Value {
    let (migrations, no_migrations) = part(&changes.migrations);
    let (drift, no_drift) = part(&changes.drift);
    let (version, no_version) = part(&changes.version);
    json!({
        "apiVersion": API_VERSION,
        "service": changes.service,
        "environment": place.env,
        "standing": place.standing,
        "from": point(&changes.from),
        "to": point(&changes.to),
        "commits": changes.commits.iter().map(commit).collect::<Vec<_>>(),
        "cut": changes.cut,
        "lost": changes.lost.iter().map(commit).collect::<Vec<_>>(),
        "authors": changes.authors(),
        "tickets": changes.tickets(),
        "version": version.map(|version| json!({
            "right": version.troubles().is_empty(),
            "words": version.describe(),
            "last": version.bumping.as_ref().map(|bumping| bumping.last.to_string()),
            "demanded": version.bumping.as_ref().map(|bumping| bumping.demanded.as_str()),
            "taken": version.bumping.as_ref().and_then(|bumping| bumping.taken).map(Bump::as_str),
            "because": version.because,
        })),
        "migrations": migrations.map(|all| all.iter().map(migration).collect::<Vec<_>>()),
        "drift": drift.map(|all| all.iter().map(|difference| json!({
            "workload": difference.workload,
            "key": difference.key(),
            "container": difference.container,
            "text": difference.words,
        })).collect::<Vec<_>>()),
        "unknown": {"version": no_version, "migrations": no_migrations, "drift": no_drift},
    })
}

/// What is known of a part, and why it is not.
fn part<T>(part: &Part<T>) -> (Option<&T>, Option<&str>) {
    match part {
        Part::Known(known) => (Some(known), None),
        Part::Blind(why) => (None, Some(why)),
        Part::NotAsked => (None, None),
    }
}

fn point(point: &Point) -> Option<Value> {
    (!point.commit.is_empty())
        .then(|| json!({"version": point.version, "commit": point.commit, "told_by": point.told_by, "at": point.at}))
}

fn commit(commit: &Commit) -> Value {
    json!({
        "hash": commit.hash,
        "type": commit.kind.as_str(),
        "scope": commit.scope,
        "breaking": commit.breaking,
        "subject": commit.subject,
        "description": commit.description,
        "authors": commit.authors,
        "at": commit.at,
        "tickets": commit.tickets,
    })
}

fn migration(migration: &Migration) -> Value {
    json!({
        "file": migration.file,
        "class": migration.class().as_str(),
        "tampered": migration.is_tampered(),
        "down": migration.down.as_ref().filter(|_| !migration.is_down_empty && migration.left_behind.is_none()),
        "statements": migration.statements.iter().map(|statement| json!({
            "line": statement.line,
            "class": statement.class.as_str(),
            "text": statement.what,
        })).collect::<Vec<_>>(),
        "unread": migration.unread.as_ref().map(|unread| json!({"line": unread.line, "why": unread.why})),
    })
}

/// Returns the changes as text, grouped as the notes are.
#[must_use]
pub fn text(changes: &Release, place: &ChangesContext<'_>) -> String {
    let mut lines = vec![head(changes, place)];
    for (word, point) in [("from", &changes.from), ("to", &changes.to)] {
        if !point.commit.is_empty() {
            let at = point.at.map_or_else(String::new, |at| format!(", {}", at.strftime("%Y-%m-%d")));
            lines.push(format!("  {word:<8} {}  from {}{at}", short(&point.commit), point.told_by));
        }
    }
    lines.push(format!("  {:<8} {}", "commits", totals(changes)));
    if !changes.tickets().is_empty() {
        lines.push(format!("  {:<8} {}", "tickets", changes.tickets().join(", ")));
    }
    match &changes.version {
        Part::Known(version) => lines.push(format!("  {:<8} {}", "version", version.describe())),
        Part::Blind(why) => lines.push(format!("  {:<8} unknown: {why}", "version")),
        Part::NotAsked => {}
    }
    for group in changes.groups() {
        lines.extend([String::new(), group.title.to_owned()]);
        group.commits.iter().for_each(|commit| commit_text(commit, &mut lines));
    }
    if !changes.lost.is_empty() {
        lines.extend([String::new(), format!("No longer in it: stable now, and not in {}", changes.to.version)]);
        changes.lost.iter().for_each(|commit| commit_text(commit, &mut lines));
    }
    migrations_text(&changes.migrations, &mut lines);
    drift_text(&changes.drift, place, &mut lines);
    lines.iter().fold(String::new(), |mut out, line| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", sanitize(line.trim_end()));
        out
    })
}

fn head(changes: &Release, place: &ChangesContext<'_>) -> String {
    let from = if changes.from.version.is_empty() { String::new() } else { format!("{} → ", changes.from.version) };
    format!("{}  {from}{}  {} in {}", changes.service, changes.to.version, place.standing, place.env)
}

fn totals(changes: &Release) -> String {
    let more = if changes.cut { " or more" } else { "" };
    let people = match changes.authors().len() {
        0 => String::new(),
        1 => " by one person".to_owned(),
        people => format!(" by {people} people"),
    };
    let mut parts = vec![format!("{}{more}{people}", changes.commits.len())];
    for (count, what) in [(changes.breaking(), "breaking"), (changes.lost.len(), "lost")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

fn commit_text(commit: &Commit, lines: &mut Vec<String>) {
    let scope = commit.scope.as_ref().map_or_else(String::new, |scope| format!("{scope}: "));
    lines.push(format!("  {}  {scope}{}  {}", commit.short(), commit.description, commit.authors.join(" and ")));
    if let Some(breaking) = commit.breaking.as_ref().filter(|breaking| **breaking != commit.description) {
        lines.push(format!("            breaks: {breaking}"));
    }
}

fn migrations_text(part: &Part<Vec<Migration>>, lines: &mut Vec<String>) {
    let all = match part {
        Part::Known(all) if all.is_empty() => return,
        Part::Known(all) => all,
        Part::Blind(why) => return lines.extend([String::new(), format!("Migrations are unknown: {why}")]),
        Part::NotAsked => return,
    };
    lines.extend([String::new(), "Migrations".to_owned()]);
    for migration in all {
        lines.push(format!("  {}  {}", migration.name(), migration_words(migration)));
        for class in [Class::Contract, Class::Unclear] {
            lines.extend(migration.lines(class).map(|line| format!("    {}: {line}", class.as_str())));
        }
        if let Some(unread) = &migration.unread {
            lines.push(format!("    {}:{}: cannot be read: {}", migration.file, unread.line, unread.why));
        }
    }
}

fn migration_words(migration: &Migration) -> String {
    if migration.fate == MigrationState::Gone {
        return "was released before, and is missing now".to_owned();
    }
    let mut parts = vec![migration.class().as_str().to_owned(), plural(migration.statements.len(), "statement")];
    if !migration.has_way_down() {
        parts.push(match &migration.left_behind {
            Some(left) if !migration.is_down_empty => format!("its way down does not undo {left}"),
            _ => "no way down".to_owned(),
        });
    }
    if migration.is_tampered() {
        let what = if migration.fate == MigrationState::Moved { "moved to another file" } else { "changed" };
        parts.push(format!("{what} after it was released"));
    }
    parts.join(", ")
}

fn drift_text(
    part: &Part<Vec<crate::domain::facts::changes::Difference>>,
    place: &ChangesContext<'_>,
    lines: &mut Vec<String>,
) {
    let before = place.before.unwrap_or("the environment before");
    match part {
        Part::Known(all) if all.is_empty() => lines.extend([String::new(), format!("Set up as in {before}")]),
        Part::Known(all) => {
            lines.extend([String::new(), format!("Differences to {before}")]);
            lines.extend(all.iter().map(|difference| format!("  {}", difference.line())));
        }
        Part::Blind(why) => lines.extend([String::new(), format!("Differences to {before} are unknown: {why}")]),
        Part::NotAsked => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::json_pretty;
    use crate::config::schema::check;
    use crate::domain::facts::changes::drift::Aspect;
    use crate::domain::facts::changes::version::Bumping;
    use crate::domain::facts::changes::{Difference, RawCommit, Tag, Versioning};

    fn example() -> Release {
        let raw = |message: &str, seconds: i64| RawCommit {
            hash: "9f2c41abd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f".to_owned(),
            author: "Ada \u{202e}Lovelace".to_owned(),
            at: jiff::Timestamp::from_second(1_780_000_000 + seconds).ok(),
            message: message.to_owned(),
            merge: false,
        };
        let commits = Commit::read_all(&[
            raw("feat(api)!: cursors (#31)\n\nBREAKING CHANGE: \u{1b}[31m`?page=` is gone", 2),
            raw("fix: PAY-1 wake-ups\n\nCo-authored-by: Grace <g@x>", 1),
        ]);
        let (last, next) = (semver::Version::new(1, 4, 2), semver::Version::new(1, 5, 0));
        Release {
            service: "payments-api".to_owned(),
            from: Point { version: "1.4.2".into(), commit: "a".repeat(40), told_by: "tag v1.4.2".into(), at: None },
            to: Point {
                version: "1.5.0".into(),
                commit: "b".repeat(40),
                told_by: "git-commit".into(),
                at: jiff::Timestamp::from_second(1_780_000_000).ok(),
            },
            version: Part::Known(Versioning {
                version: Some(next.clone()),
                tag: Tag::There("v1.5.0".to_owned()),
                bumping: Some(Bumping::judge(&last, &next, &commits)),
                because: vec!["9f2c41ab feat(api)!: cursors (#31)".to_owned()],
            }),
            lost: Commit::read_all(&[raw("fix: on the branch", 0)]),
            commits,
            cut: false,
            migrations: Part::Known(vec![
                Migration::read(
                    "m/V2__a.sql",
                    "DROP TABLE old;\nSELECT tidy();\nDO $$ x $$;",
                    MigrationState::New,
                    &[],
                ),
                Migration::gone("m/V1__b.sql"),
            ]),
            drift: Part::Known(vec![Difference {
                workload: "rollout/api".to_owned(),
                aspect: Aspect::Env,
                container: Some("api".to_owned()),
                name: "URL".to_owned(),
                words: "differs between prod-eu and staging".to_owned(),
            }]),
            code: Part::NotAsked,
        }
    }

    const PLACE: ChangesContext<'static> =
        ChangesContext { env: "prod-eu", standing: "under way", before: Some("staging") };

    #[test]
    fn text_lists_the_contents_of_the_release() {
        let text = text(&example(), &PLACE);
        assert!(!text.chars().any(|c| c != '\n' && crate::domain::facts::text::is_unsafe(c)));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json_has_all_of_it() {
        insta::assert_snapshot!(json_pretty(&json(&example(), &PLACE)));
    }

    #[test]
    fn json_is_the_contract() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        for changes in [example(), Release::default()] {
            assert_eq!(check::errors(&schema, &json(&changes, &PLACE)), [""; 0]);
        }
        let mut wrong = json(&example(), &PLACE);
        wrong["standing"] = json!("gone");
        wrong["commits"][0]["type"] = json!("feature");
        wrong["migrations"][0]["statements"][0]["line"] = json!("7");
        wrong["to"]["told"] = json!("x");
        assert_eq!(check::errors(&schema, &wrong).len(), 4);
    }

    #[test]
    fn unknown_parts_say_why() {
        let changes = Release {
            migrations: Part::Blind("no file fits".to_owned()),
            drift: Part::Blind("403".to_owned()),
            version: Part::Blind("no tag".to_owned()),
            ..Release::default()
        };
        let text = text(&changes, &PLACE);
        for why in ["no file fits", "403", "no tag"] {
            assert!(text.contains(&format!("unknown: {why}")), "{text}");
        }
        let json = json(&changes, &PLACE);
        assert_eq!(json["migrations"], Value::Null);
        assert_eq!(json["unknown"]["migrations"], "no file fits");
        assert_eq!(json["from"], Value::Null);
    }

    #[test]
    fn markdown_prints_release_notes() {
        let asked = |notes, output| Changes { env: None, notes, output }.audience();
        assert_eq!(asked(None, Output::Text), None);
        assert_eq!(asked(None, Output::Markdown), Some(Audience::Internal));
        assert_eq!(asked(Some(Audience::External), Output::Text), Some(Audience::External));
    }
}
