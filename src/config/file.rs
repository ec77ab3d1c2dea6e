//! The config file: where it is searched, and how it is read.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest as _, Sha256};
use toml::de::DeTable;

use super::problem::{ConfigError, Problem, position};
use super::prometheus::parse_url;
use super::reader::{Note, Reader};
use super::{Config, Flags, NeedOf, Origin, document};
use crate::domain::record::journal::hex;
use crate::platform::Variables;
use crate::platform::trust::TrustStore;

/// Largest config file, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Most errors of syntax that are told one by one: what is no TOML at all has one a line or more.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Name of the config file.
pub const CONFIG_FILE: &str = "cockpit.toml";

/// Names the folder that relative paths start from and what `~/` means, and where Prometheus is if nothing says so.
#[derive(Clone, Debug, Default)]
pub struct ConfigBase {
    pub folder: PathBuf,
    pub home: Option<PathBuf>,
    /// Prometheus for where the file names none.
    pub prometheus: Option<Url>,
}

/// A config file that merely lies in the working folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundConfig {
    pub origin: Origin,
    /// What it has to be trusted for.
    pub needs: Vec<NeedOf>,
    pub is_trusted: bool,
}

/// Where a config file comes from.
enum Place {
    /// A person named it, or keeps it in their own folder.
    Chosen(PathBuf),
    /// It lies in the working folder, where the user may have a config of their own.
    Here { path: PathBuf, own: Option<PathBuf> },
}

impl Config {
    /// Finds, reads and checks the config file, and lets flags override it. Without a file, flags and defaults hold.
    pub fn load(flags: &Flags, variables: &Variables) -> Result<Self, ConfigError> {
        let place = place(flags, variables)?;
        let config = match find(flags.config.as_deref(), variables) {
            Some(Place::Chosen(path)) => read_file(&path, place)?,
            Some(Place::Here { path, own: instead_of }) => {
                let own = place.prometheus.clone();
                let mut config = read_found(&path, place, instead_of)?;
                if !is_trusted(config.origin.as_ref(), variables) {
                    config.withhold(own.as_ref());
                }
                config
            }
            None => Self::parse("", &place).map_err(|problems| invalid(CONFIG_FILE.into(), problems))?,
        };
        Ok(config.with_flags(flags))
    }

    /// Returns the config file that lies in the working folder, if there is one: what a person may trust.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn found(flags: &Flags, variables: &Variables) -> Result<Option<FoundConfig>, ConfigError> {
        let Some(Place::Here { path, own: instead_of }) = find(None, variables) else { return Ok(None) };
        let place = place(flags, variables)?;
        let own = place.prometheus.clone();
        let config = read_found(&path, place, instead_of)?;
        let (needs, is_trusted) = (config.needs(own.as_ref()), is_trusted(config.origin.as_ref(), variables));
        Ok(config.origin.map(|origin| FoundConfig { origin, needs, is_trusted }))
    }

    /// Reads and checks the text of a config file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(text: &str, place: &ConfigBase) -> Result<Self, Vec<Problem>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut reader = Reader { notes: Vec::new(), folder: place.folder.clone(), home: place.home.clone() };
        let mut config = Self::default();
        if errors.is_empty() {
            config = document::read(&mut reader, document.get_ref(), place.prometheus.as_ref());
        }
        if let Some(file) = &mut config.record.allowed_signers {
            file.position = position(text, file.at);
        }
        let span_of = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
            reader.note(span_of(error), format!("not TOML: {}", error.message()), "");
        }
        if let Some(next) = errors.get(MAX_SYNTAX_ERRORS) {
            let more = errors.len() - MAX_SYNTAX_ERRORS;
            reader.note(span_of(next), format!("not TOML: {more} more errors from here on"), "is it the right file?");
        }
        if reader.notes.is_empty() { Ok(config) } else { Err(problems(text, reader.notes)) }
    }
}

/// Returns what a file is read with: what the user says, not the file.
fn place(flags: &Flags, variables: &Variables) -> Result<ConfigBase, ConfigError> {
    let from_variable = match &variables.prometheus_url {
        Some(text) => Some(
            parse_url(text)
                .map_err(|error| ConfigError::Variable { name: "PROMETHEUS_URL", why: error.to_string() })?,
        ),
        None => None,
    };
    Ok(ConfigBase {
        folder: PathBuf::new(),
        home: variables.home.clone(),
        prometheus: flags.prometheus.clone().or(from_variable),
    })
}

fn problems(text: &str, notes: Vec<Note>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = notes
        .into_iter()
        .map(|Note { at, what, help }| {
            let (line, column) = position(text, at);
            Problem { line, column, what, help }
        })
        .collect();
    problems.sort();
    problems.dedup();
    problems
}

fn invalid(path: PathBuf, problems: Vec<Problem>) -> ConfigError {
    ConfigError::Invalid { path, problems }
}

/// Returns the file to read: the one that was named, `./cockpit.toml`, or that of the user.
fn find(named: Option<&Path>, variables: &Variables) -> Option<Place> {
    if let Some(path) = named {
        return Some(Place::Chosen(path.to_owned()));
    }
    // What is there but cannot be read is an error later, not a reason to look elsewhere.
    let there = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok();
    let own = variables.config_dir().map(|folder| folder.join(CONFIG_FILE)).filter(there);
    let here = PathBuf::from(CONFIG_FILE);
    if !there(&here) {
        return own.map(Place::Chosen);
    }
    let is_own = own
        .as_ref()
        .is_some_and(|own| own.canonicalize().is_ok_and(|own| here.canonicalize().is_ok_and(|here| own == here)));
    Some(if is_own { Place::Chosen(here) } else { Place::Here { path: here, own } })
}

fn is_trusted(origin: Option<&Origin>, variables: &Variables) -> bool {
    let store = TrustStore::of(variables).ok();
    origin.zip(store).is_some_and(|(origin, store)| store.is_trusted(&origin.path, &origin.hash))
}

fn read_found(path: &Path, place: ConfigBase, instead_of: Option<PathBuf>) -> Result<Config, ConfigError> {
    let mut config = read_file(path, place)?;
    if let Some(origin) = &mut config.origin {
        origin.instead_of = instead_of;
    }
    Ok(config)
}

fn read_file(path: &Path, place: ConfigBase) -> Result<Config, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
    let too_large = || {
        let what = format!("it is larger than {} MiB: is it the right file?", MAX_CONFIG_BYTES >> 20);
        std::io::Error::new(std::io::ErrorKind::FileTooLarge, what)
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(unreadable(too_large()));
    }
    let hash = hex(&Sha256::digest(&bytes));
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let (line, column) = position(&String::from_utf8_lossy(&error.as_bytes()[..good]), good);
        let is_utf_16 = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let what = if is_utf_16 { "the file is UTF-16" } else { "not UTF-8 from here on" }.to_owned();
        invalid(path.to_owned(), vec![Problem { line, column, what, help: "save it as UTF-8".to_owned() }])
    })?;
    // Paths must stay right when the working folder is not that of the file.
    let whole = std::path::absolute(path).map_err(unreadable)?;
    let folder = whole.parent().unwrap_or(Path::new("/")).to_owned();
    let config = Config::parse(&text, &ConfigBase { folder, ..place });
    let mut config = config.map_err(|problems| invalid(path.to_owned(), problems))?;
    config.origin = Some(Origin { path: whole, hash, instead_of: None });
    Ok(config)
}
