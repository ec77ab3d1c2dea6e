//! Finds names of flags in a patch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::diff::{self, Part};
use super::files::{Files, Language, SKIPPED};
use super::{CodeFlag, CodeFlags, CodeSearch, Sdk, is_name};

/// Largest a regular expression may become, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Most files that are read.
const MAX_FILES: usize = 10_000;
/// Most calls that are kept.
const MAX_CALLS: usize = 5_000;
/// Most different texts that are kept.
const MAX_TEXTS: usize = 50_000;
/// A text that may be the name of a flag, all of what stands in quotes.
const TEXT: &str = r#""(?<double>[A-Za-z0-9][A-Za-z0-9._~:/@-]*)"|'(?<single>[A-Za-z0-9][A-Za-z0-9._~:/@-]*)'|`(?<back>[A-Za-z0-9][A-Za-z0-9._~:/@-]*)`"#;

/// Reads a regular expression whose first group is the name of a flag. Its `^` and `$` are the ends of lines.
///
/// # Errors
/// Why it is none, in a line.
pub fn group_of(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).multi_line(true).size_limit(MAX_REGEX_BYTES).build();
    let regex = built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong, those before it show where.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })?;
    if regex.captures_len() < 2 {
        return Err("it has no group: the part in parentheses is the name of the flag".to_owned());
    }
    Ok(regex)
}

/// What a call is known by.
enum Rule {
    Sdk(Sdk, Language, Regex),
    Own(Files, Regex),
}

impl Rule {
    fn regex(&self, path: &str, language: Option<Language>) -> Option<(&Regex, Option<Sdk>)> {
        match self {
            Self::Sdk(sdk, of, regex) => (language == Some(*of)).then_some((regex, Some(*sdk))),
            Self::Own(files, regex) => files.have(path).then_some((regex, None)),
        }
    }
}

/// Knows which files to look at, and what to look for in them.
pub struct Finder {
    skipped: Files,
    rules: Vec<Rule>,
    text: Regex,
}

/// A call that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    name: String,
    file: Arc<str>,
    line: u32,
    /// Whose it looks like; `None` for one of the user's own.
    sdk: Option<Sdk>,
}

/// What was found in a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    calls: Vec<Call>,
    texts: BTreeMap<String, (Arc<str>, u32)>,
}

impl Finder {
    /// # Errors
    /// Which pattern is none; a config is read with the same patterns.
    pub fn new(asked: &CodeSearch) -> Result<Self, String> {
        let skipped = Files::new(SKIPPED.into_iter().chain(asked.skip.iter().map(String::as_str)))?;
        let mut rules = Vec::new();
        for (language, sdk) in Language::ALL.into_iter().flat_map(|language| Sdk::ALL.map(|sdk| (language, sdk))) {
            if asked.sdks {
                rules.push(Rule::Sdk(sdk, language, group_of(&sdk.calls(language))?));
            }
        }
        for call in &asked.calls {
            let files = Files::new(call.files.iter().map(String::as_str))?;
            rules.push(Rule::Own(files, group_of(&call.pattern)?));
        }
        Ok(Self { skipped, rules, text: group_of(TEXT)? })
    }

    /// Finds all names in what came with a patch of git's.
    ///
    /// # Errors
    /// Why not all of them are known.
    pub fn find(&self, patch: &str) -> Result<Found, String> {
        let (mut found, mut files, mut file) = (Found::default(), BTreeSet::new(), Arc::<str>::from(""));
        diff::read(patch, |path, part| {
            if self.skipped.have(path) {
                return Ok(());
            }
            if *file != *path {
                file = Arc::from(path);
                files.insert(Arc::clone(&file));
                if files.len() > MAX_FILES {
                    return Err(format!("the release changes more than {MAX_FILES} files of code"));
                }
            }
            self.look(&file, part, &mut found)
        })?;
        Ok(found)
    }

    fn look(&self, file: &Arc<str>, part: &Part, found: &mut Found) -> Result<(), String> {
        let language = Language::of(file);
        for (regex, sdk) in self.rules.iter().filter_map(|rule| rule.regex(file, language)) {
            for (name, line) in names(regex, part, language) {
                found.calls.push(Call { name: name.to_owned(), file: Arc::clone(file), line, sdk });
                if found.calls.len() > MAX_CALLS {
                    return Err(format!("there are more than {MAX_CALLS} calls that ask for a flag"));
                }
            }
        }
        if language.is_some() {
            for (name, line) in names(&self.text, part, language) {
                if !found.texts.contains_key(name) {
                    found.texts.insert(name.to_owned(), (Arc::clone(file), line));
                }
                if found.texts.len() > MAX_TEXTS {
                    return Err(format!("the code has more than {MAX_TEXTS} texts that may be the name of a flag"));
                }
            }
        }
        Ok(())
    }
}

/// Returns the names that a regular expression finds in lines that came, with the numbers of the lines.
fn names<'p>(
    regex: &'p Regex,
    part: &'p Part,
    language: Option<Language>,
) -> impl Iterator<Item = (&'p str, u32)> + 'p {
    let name = |captures: &Captures<'p>| captures.iter().skip(1).flatten().next();
    regex.captures_iter(&part.text).filter_map(move |captures| {
        let (whole, name) = (captures.get(0)?, name(&captures)?);
        let is_comment = |at| language.is_some_and(|language| language.is_comment(part.line(at)));
        let line = part.came(name.start()).filter(|_| is_name(name.as_str()))?;
        (!is_comment(whole.start()) && !is_comment(name.start())).then_some((name.as_str(), line))
    })
}

impl Found {
    /// Returns the files with calls that look like those of an SDK.
    #[must_use]
    pub fn files(&self, sdk: Sdk) -> BTreeSet<&str> {
        self.calls.iter().filter(|call| call.sdk == Some(sdk)).map(|call| &*call.file).collect()
    }

    /// Returns all names. A call that looks like that of an SDK is one where its file uses that SDK; else it is a text like others.
    #[must_use]
    pub fn settle(self, uses: impl Fn(Sdk, &str) -> bool) -> CodeFlags {
        let calls = self.calls.into_iter().map(|call| {
            let is_call = call.sdk.is_none_or(|sdk| uses(sdk, &call.file));
            CodeFlag { name: call.name, file: call.file, line: call.line, is_call }
        });
        let text = |(name, (file, line))| CodeFlag { name, file, line, is_call: false };
        CodeFlags::new(calls.chain(self.texts.into_iter().map(text)).collect())
    }
}
