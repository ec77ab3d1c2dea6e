//! The database migrations of a release: those that came or changed since what is stable.

use std::path::Path;

use glob::{MatchOptions, Pattern};

use super::ends::Ends;
use crate::config::checks::Migrations;
use crate::domain::facts::changes::Migration;
use crate::domain::facts::changes::migration::liquibase::{self, Source};
use crate::domain::facts::changes::migration::{MigrationState, files};
use crate::sources::git::{File, FileChange, Git};

/// `*` stays within a folder; only `**` crosses them.
const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
/// Most files that are read.
const MAX_FILES: usize = 2_000;
/// Longest file that is read from the disk, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads the migrations of a release: from git those that came or changed since what is stable, without git all that
/// lie on the disk.
///
/// # Errors
/// Why they cannot be known, in words. That no file fits one of the patterns is one of the reasons: it may be wrong.
pub async fn migrations(asked: &Migrations, git: Option<(&Git, &Ends)>) -> Result<Vec<Migration>, String> {
    let patterns: Vec<Pattern> = asked.files.iter().filter_map(|pattern| Pattern::new(pattern).ok()).collect();
    let place = git.map_or(asked.folder.as_path(), |(git, _)| git.folder());
    match git {
        Some((git, ends)) => from_git(&patterns, git, ends).await,
        None => from_disk(asked).await,
    }
    .map_err(|why| match why {
        Unknown::Unfit(pattern) => format!("no file in {} fits {pattern}: check `files`", place.display()),
        Unknown::Unread(why) => why,
    })
}

/// Why the migrations of a release cannot be known.
enum Unknown {
    /// No file fits this pattern.
    Unfit(String),
    Unread(String),
}

impl From<String> for Unknown {
    fn from(why: String) -> Self {
        Self::Unread(why)
    }
}

/// Makes sure that each pattern fits a file: of one that fits none nobody knows what it was meant to find.
fn all_fit(patterns: &[Pattern], paths: &[&String]) -> Result<(), Unknown> {
    let is_unfit = |pattern: &&Pattern| !paths.iter().any(|path| pattern.matches_with(path, MATCH));
    patterns.iter().find(is_unfit).map_or(Ok(()), |pattern| Err(Unknown::Unfit(pattern.to_string())))
}

fn fits(patterns: &[Pattern], path: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches_with(path, MATCH))
}

async fn from_git(patterns: &[Pattern], git: &Git, ends: &Ends) -> Result<Vec<Migration>, Unknown> {
    let words = |error: crate::sources::git::GitError| error.to_string();
    let all = git.files(&ends.to.1).await.map_err(words)?;
    let changed: Vec<(FileChange, File)> = match &ends.from {
        Some((_, from)) => git.files_changed(from, &ends.to.1).await.map_err(words)?,
        None => all.iter().cloned().map(|file| (FileChange::Added, file)).collect(),
    };
    let mine: Vec<_> = changed.into_iter().filter(|(_, file)| fits(patterns, &file.path)).collect();
    let known: Vec<&String> = all.iter().chain(mine.iter().map(|(_, file)| file)).map(|file| &file.path).collect();
    all_fit(patterns, &known)?;
    // A way down may lie beside the patterns, as in U1__x.sql next to V*.sql.
    let paths: Vec<String> = all.iter().map(|file| file.path.clone()).collect();
    is_read_whole(mine.len())?;
    let mine = mine.into_iter().filter(|(_, file)| !files::is_down(&file.path, &paths)).collect();
    let (change_sets, mine) = change_sets(mine, git, ends).await?;
    let mut migrations = read_change_sets(change_sets).await?;
    for (change, file) in mine {
        let fate = match change {
            FileChange::Added => MigrationState::New,
            FileChange::Changed => MigrationState::Changed,
            FileChange::Gone => {
                migrations.push(Migration::gone(&file.path));
                continue;
            }
        };
        let text = git.content(&file).await.map_err(|error| format!("{}: {error}", file.path))?;
        let mut migration = read(file.path, text.clone(), fate, paths.clone()).await?;
        if let Some(down) = all.iter().find(|file| Some(&file.path) == migration.down.as_ref()) {
            let down = git.content(down).await.map_err(|error| format!("{}: {error}", down.path))?;
            migration = read_down(migration, text, down).await?;
        }
        migrations.push(migration);
    }
    Ok(migrations)
}

/// Files of change sets as they were, and as they are.
#[derive(Default)]
struct ChangeSets {
    before: Vec<Source>,
    after: Vec<Source>,
}

/// Takes out the files that hold change sets, which are new one by one; one that had none before is a whole file still.
async fn change_sets(
    mine: Vec<(FileChange, File)>,
    git: &Git,
    ends: &Ends,
) -> Result<(ChangeSets, Vec<(FileChange, File)>), String> {
    let mut found = ChangeSets::default();
    let mut others = Vec::new();
    let earlier = match &ends.from {
        Some((_, from)) if mine.iter().any(|(change, _)| *change != FileChange::Added) => {
            git.files(from).await.map_err(|error| error.to_string())?
        }
        _ => Vec::new(),
    };
    for (change, file) in mine {
        let before = earlier.iter().find(|before| before.path == file.path).filter(|_| change != FileChange::Added);
        let after = Some(&file).filter(|_| change != FileChange::Gone);
        let (before, after) = (in_git(git, before).await?, in_git(git, after).await?);
        let all = before.iter().chain(&after);
        if all.clone().count() > 0 && all.clone().all(|(_, text)| liquibase::has_change_sets(text)) {
            found.before.extend(before);
            found.after.extend(after);
        } else {
            others.push((change, file));
        }
    }
    Ok((found, others))
}

async fn in_git(git: &Git, file: Option<&File>) -> Result<Option<Source>, String> {
    let Some(file) = file else { return Ok(None) };
    let text = git.content(file).await.map_err(|error| format!("{}: {error}", file.path))?;
    Ok(Some((file.path.clone(), text)))
}

async fn read_change_sets(sets: ChangeSets) -> Result<Vec<Migration>, String> {
    tokio::task::spawn_blocking(move || liquibase::migrations(&sets.before, &sets.after))
        .await
        .map_err(|error| format!("change sets: {error}"))
}

async fn from_disk(asked: &Migrations) -> Result<Vec<Migration>, Unknown> {
    let (folder, patterns) = (asked.folder.clone(), asked.files.clone());
    let found = tokio::task::spawn_blocking(move || list(&folder, &patterns)).await;
    let found = found.map_err(|error| format!("listing the files: {error}"))??;
    let paths: Vec<String> = found.clone();
    let mut migrations = Vec::new();
    is_read_whole(found.len())?;
    for path in found {
        if files::is_down(&path, &paths) {
            continue;
        }
        let text = content(&asked.folder.join(&path)).await?;
        let mut migration = read(path, text.clone(), MigrationState::New, paths.clone()).await?;
        if let Some(down) = paths.iter().find(|path| Some(*path) == migration.down.as_ref()) {
            migration = read_down(migration, text, content(&asked.folder.join(down)).await?).await?;
        }
        migrations.push(migration);
    }
    Ok(migrations)
}

/// What is left out may be the newest.
fn is_read_whole(files: usize) -> Result<(), String> {
    if files > MAX_FILES {
        return Err(format!("{files} files fit, and at most {MAX_FILES} are read: narrow `files`"));
    }
    Ok(())
}

/// Reads a file from the disk.
async fn content(path: &Path) -> Result<String, String> {
    let size = tokio::fs::metadata(path).await.map_err(|error| format!("{}: {error}", path.display()))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("{} is longer than 1 MiB", path.display()));
    }
    let bytes = tokio::fs::read(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lists the files that fit, relative to the folder; their ways down lie in the same folders.
fn list(folder: &Path, patterns: &[String]) -> Result<Vec<String>, Unknown> {
    let mut found: Vec<String> = Vec::new();
    for pattern in patterns {
        let before = found.len();
        let whole = format!("{}/{pattern}", Pattern::escape(&folder.display().to_string()));
        let paths = glob::glob_with(&whole, MATCH).map_err(|error| format!("`{pattern}`: {error}"))?;
        for path in paths {
            let path = path.map_err(|error| error.to_string())?;
            if let Some(path) = path.strip_prefix(folder).ok().filter(|_| path.is_file()) {
                found.push(path.display().to_string());
            }
        }
        if found.len() == before {
            return Err(Unknown::Unfit(pattern.clone()));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Reads one where it holds no one up: SQL may be long.
async fn read(path: String, text: String, fate: MigrationState, files: Vec<String>) -> Result<Migration, String> {
    let name = path.clone();
    tokio::task::spawn_blocking(move || Migration::read(&path, &text, fate, &files))
        .await
        .map_err(|error| format!("{name}: {error}"))
}

/// The same for its way down: both files are compared.
async fn read_down(migration: Migration, text: String, down: String) -> Result<Migration, String> {
    let name = migration.file.clone();
    tokio::task::spawn_blocking(move || migration.with_down(&text, &down))
        .await
        .map_err(|error| format!("{name}: {error}"))
}
