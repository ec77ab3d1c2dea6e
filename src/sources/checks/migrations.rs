//! `migrations`: the database migrations of the release can be gone back from.

use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Migrations;
use crate::domain::facts::changes::Migration;
use crate::domain::facts::changes::migration::{Class, MigrationState};
use crate::domain::facts::text::plural;
use crate::sources::changes::{ends, migrations, open};
use crate::sources::git::Git;

/// Reads the SQL files that came or changed since what is stable.
pub(super) async fn look(asked: &Migrations, scene: &CheckInput, tools: &Tools) -> Evidence {
    if tools.repository.is_none() {
        return told(asked, migrations(asked, None).await);
    }
    let git: Git = match open(tools).await {
        Ok(git) => git,
        Err(error) => return Evidence::blind(error.to_string()),
    };
    match ends(&git, scene, tools.tag_prefix()).await {
        Ok(ends) => told(asked, migrations(asked, Some((&git, &ends))).await),
        Err(error) => Evidence::blind(error.to_string()),
    }
}

fn told(asked: &Migrations, found: Result<Vec<Migration>, String>) -> Evidence {
    match found {
        Ok(found) => evidence(asked, &found),
        Err(why) => Evidence::blind(why),
    }
}

fn no_way_down(migration: &Migration) -> String {
    let file = &migration.file;
    match (&migration.down, &migration.left_behind) {
        (Some(down), _) if migration.is_down_empty && down.ends_with(file) => {
            format!("{file}: the section of its way down does nothing")
        }
        (Some(down), _) if migration.is_down_empty => format!("{file}: its way down, {down}, does nothing"),
        (Some(_), Some(left)) => format!("{file}: its way down does not undo {left}"),
        _ => format!("{file} has no way down"),
    }
}

fn tampered(migration: &Migration) -> String {
    let name = migration.name();
    match migration.fate {
        MigrationState::Moved => {
            format!(
                "{name} was released in another file: databases run it again, unless `logicalFilePath` names that one"
            )
        }
        MigrationState::Gone => {
            format!("{name} is missing after it was released: databases that ran it stay as they are")
        }
        MigrationState::New | MigrationState::Changed => {
            format!("{name} was changed after it was released: databases that ran it stay as they are")
        }
    }
}

/// What is wrong is reported first, then what cannot be read, then what is fine.
fn evidence(asked: &Migrations, found: &[Migration]) -> Evidence {
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    let mut fine = Vec::new();
    for migration in found {
        let file = &migration.file;
        if migration.is_tampered() {
            wrong.push(tampered(migration));
        }
        if asked.down && !migration.has_way_down() {
            wrong.push(no_way_down(migration));
        }
        for class in [Class::Contract, Class::Unclear, Class::Expand] {
            let lines = match class {
                class if class <= asked.allow => &mut fine,
                Class::Contract => &mut wrong,
                _ => &mut unknown,
            };
            lines.extend(migration.lines(class));
        }
        if let Some(unread) = &migration.unread {
            unknown.push(format!("{file}:{}: cannot be read: {}", unread.line, unread.why));
        }
    }
    let count = plural(found.len(), "migration");
    let first = |lines: &[String]| {
        let more = if lines.len() > 1 { format!(" (and {} more)", lines.len() - 1) } else { String::new() };
        format!("{}{more}", lines.first().map_or("", String::as_str))
    };
    let evidence = if !wrong.is_empty() {
        let green =
            "the old version can live with every statement, each has a way down, and released files stay as they are";
        Evidence::failed(format!("{count}: {}", first(&wrong)), green)
    } else if !unknown.is_empty() {
        Evidence::blind(format!("{count}: {}", first(&unknown)))
    } else if found.is_empty() {
        Evidence::passed("no migration in this release")
    } else {
        Evidence::passed(format!(
            "{count}, and the version before can live with {}",
            if found.len() == 1 { "it" } else { "all" }
        ))
    };
    evidence.with(wrong).with(unknown).with(fine)
}
