//! The feature flags in the code of a release: in the lines that came since what is stable.

use std::collections::{BTreeMap, BTreeSet};

use super::ends::Ends;
use crate::domain::facts::changes::code::{CodeFlags, CodeSearch, Finder, Language, SKIPPED, Sdk};
use crate::sources::git::Git;

/// Finds what may be names of flags.
///
/// # Errors
/// Why not all of them can be known, in words.
pub async fn flags_in_code(asked: &CodeSearch, git: &Git, ends: &Ends) -> Result<CodeFlags, String> {
    let extensions = Language::ALL.into_iter().flat_map(Language::extensions);
    let own = asked.calls.iter().flat_map(|call| call.files.iter().cloned());
    let wanted: Vec<String> = extensions.map(|extension| format!("**/*.{extension}")).chain(own).collect();
    let unwanted: Vec<String> = SKIPPED.into_iter().map(str::to_owned).chain(asked.skip.iter().cloned()).collect();
    let (from, to) = (ends.from.as_ref().map(|(_, commit)| commit), &ends.to.1);
    let patch = git.patch((from, to), (&wanted, &unwanted)).await.map_err(|error| error.to_string())?;
    let asked = asked.clone();
    // It may be long, and holds no one up.
    let found = tokio::task::spawn_blocking(move || Finder::new(&asked)?.find(&patch)).await;
    let found = found.map_err(|error| format!("looking for flags: {error}"))??;
    let mut users: BTreeMap<Sdk, BTreeSet<String>> = BTreeMap::new();
    for sdk in Sdk::ALL {
        let files = found.files(sdk);
        if !files.is_empty() {
            let users_of_it = git.mentions(to, sdk.mention(), &files).await.map_err(|error| error.to_string())?;
            users.insert(sdk, users_of_it);
        }
    }
    Ok(found.settle(|sdk, file| users.get(&sdk).is_some_and(|files| files.contains(file))))
}

#[cfg(test)]
mod tests;
