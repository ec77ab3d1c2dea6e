//! `cockpit log`: the journals, read, checked and exported.

use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, WrapErr};
use jiff::Timestamp;

use super::{complain, print, print_raw};
use crate::cli::args::{Log, Output};
use crate::cli::{Exit, journal as text};
use crate::config::Config;
use crate::domain::facts::text::plural;
use crate::domain::record::journal::{Entry, Line};
use crate::executors::journal;
use crate::platform::{Redactor, Variables};

/// Runs `show`, `verify` or `export`.
pub(in crate::runtime) async fn run(
    config: &Config,
    variables: &Variables,
    redactor: &Redactor,
    what: &Log,
) -> Result<Exit> {
    super::warn_of_distrust(config, redactor);
    let folder = match config.journals(variables) {
        Ok(folder) => folder,
        Err(error) => return Ok(super::usage(redactor, &error)),
    };
    match what {
        Log::Show { release, output } => with_journal(&folder, release.as_deref(), redactor, |_, lines| {
            let shown: Vec<String> = match output {
                Output::Text => {
                    let zone = jiff::tz::TimeZone::system();
                    match config.record.keys() {
                        Some(mut keys) => text::text(&keys.prove_lines(lines.to_vec(), Timestamp::now()), &zone),
                        None => text::text(lines, &zone),
                    }
                }
                Output::Json => lines.iter().map(text::json).collect(),
            };
            print(&shown.iter().fold(String::new(), |all, line| all + line + "\n"))?;
            Ok(Exit::Done)
        }),
        Log::Verify { release } => super::verify::run(config, variables, redactor, &folder, release.as_deref()).await,
        Log::Export { release, file } => with_journal(&folder, release.as_deref(), redactor, |path, lines| {
            export(path, file.as_deref(), lines, redactor)
        }),
    }
}

pub(super) fn journals(folder: &Path) -> Result<Vec<PathBuf>> {
    match journal::list(folder) {
        Ok(found) => Ok(found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).wrap_err_with(|| format!("cannot read {}", folder.display())),
    }
}

/// Returns the release that a journal is about.
fn release_of(lines: &[Line]) -> Option<&str> {
    lines.iter().find_map(|line| match &line.entry {
        Entry::Opened { release, .. } => Some(release.as_str()),
        _ => None,
    })
}

/// Finds a journal by its release, by default the one written last, and reads it.
fn with_journal(
    folder: &Path,
    release: Option<&str>,
    redactor: &Redactor,
    then: impl FnOnce(&Path, &[Line]) -> Result<Exit>,
) -> Result<Exit> {
    let found = journals(folder)?;
    let path = match release {
        Some(release) => Some(folder.join(journal::file_name(release))).filter(|path| path.exists()),
        None => found.first().cloned(),
    };
    let Some(path) = path else {
        let known: Vec<String> = found
            .iter()
            .filter_map(|path| journal::read(path).ok())
            .filter_map(|contents| release_of(&contents.lines).map(|release| format!("`{release}`")))
            .collect();
        let there =
            if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", known.join(", ")) };
        complain(
            redactor,
            &match release {
                Some(release) => format!("no journal of `{release}` in {}: {there}", folder.display()),
                None => format!("no journals in {}", folder.display()),
            },
        );
        return Ok(Exit::Error);
    };
    match journal::read(&path) {
        Ok(contents) => {
            if !contents.torn.is_empty() {
                complain(
                    redactor,
                    &format!("{}: the last line is truncated; the lines before it are complete", path.display()),
                );
            }
            then(&path, &contents.lines)
        }
        Err(error) => {
            complain(redactor, &error.to_string());
            Ok(Exit::Error)
        }
    }
}

/// Writes the whole lines of a journal: the same JSON, for the hashes are over it.
fn export(journal: &Path, file: Option<&Path>, lines: &[Line], redactor: &Redactor) -> Result<Exit> {
    let bytes = journal::whole_lines(journal).wrap_err_with(|| format!("cannot read {}", journal.display()))?;
    let bytes = text::exported(bytes);
    let Some(path) = file else {
        print_raw(&bytes)?;
        return Ok(Exit::Done);
    };
    journal::copy_new(path, &bytes)
        .wrap_err_with(|| format!("cannot write {} (what is there is not overwritten)", path.display()))?;
    complain(redactor, &format!("{} written to {}", plural(lines.len(), "line"), path.display()));
    Ok(Exit::Done)
}
