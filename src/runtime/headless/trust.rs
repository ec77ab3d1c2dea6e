//! `cockpit trust`: lets the config in the working folder run programs, read secrets and send requests.

use std::io::IsTerminal as _;

use color_eyre::eyre::{Result, WrapErr};

use super::{complain, print, usage};
use crate::cli::Exit;
use crate::cli::args::{Global, Trust};
use crate::config::file::CONFIG_FILE;
use crate::config::{Config, FoundConfig};
use crate::domain::facts::text::sanitize;
use crate::platform::trust::TrustStore;
use crate::platform::{Redactor, Variables};

/// Shows what the config would be allowed to do, asks, and remembers the answer.
pub(in crate::runtime) async fn run(global: &Global, what: &Trust, redactor: &Redactor) -> Result<Exit> {
    let variables = Variables::of_process();
    if let Some(path) = &global.config {
        complain(redactor, &format!("{}: a config that is named with --config needs no trust", path.display()));
        return Ok(Exit::Usage);
    }
    let store = match TrustStore::of(&variables) {
        Ok(store) => store,
        Err(error) => return Ok(usage(redactor, &error)),
    };
    if what.remove {
        let path = std::path::absolute(CONFIG_FILE).wrap_err("the working folder is unknown")?;
        let was = store.forget(&path).wrap_err("cannot forget it")?;
        print(&format!(
            "{} {}\n",
            sanitize(&path.display().to_string()),
            if was { "is no longer trusted" } else { "was not trusted" }
        ))?;
        return Ok(Exit::Done);
    }
    let found = match Config::found(&global.flags(), &variables) {
        Ok(Some(found)) => found,
        Ok(None) => {
            complain(redactor, &format!("there is no {CONFIG_FILE} in the working folder that would need trust"));
            return Ok(Exit::Usage);
        }
        Err(error) => return Ok(usage(redactor, &error)),
    };
    print(&described(&found))?;
    if found.is_trusted {
        return Ok(Exit::Done);
    }
    if !what.yes && !std::io::stdin().is_terminal() {
        complain(redactor, "no terminal to confirm at: add --yes");
        return Ok(Exit::NoGo);
    }
    if !what.yes && !is_confirmed().await? {
        complain(redactor, "not trusted");
        return Ok(Exit::NoGo);
    }
    store.trust(&found.origin.path, &found.origin.hash).wrap_err("cannot remember that it is trusted")?;
    print("trusted until it changes\n")?;
    Ok(Exit::Done)
}

async fn is_confirmed() -> Result<bool> {
    print("trust it? [y/N] ")?;
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = read.await.wrap_err("cannot read the answer")?.wrap_err("cannot read the answer")?;
    Ok(answer.trim() == "y")
}

/// What the config would be allowed, line by line.
fn described(found: &FoundConfig) -> String {
    let path = found.origin.path.display();
    let head = match (found.needs.is_empty(), found.is_trusted) {
        (true, true) => format!("{path} is trusted: what it asks for is recorded for everybody"),
        (true, false) => format!("{path} names no program, no secret and no other machine. Trusted, it may:"),
        (false, true) => format!("{path} is trusted, and may:"),
        (false, false) => format!("{path} is not trusted. Trusted, it may:"),
    };
    let needs = found.needs.iter().map(|need| format!("  {} ({})", need.need, need.of));
    let record =
        (!found.is_trusted).then(|| "  have its gates recorded as those that everybody is asked for".to_owned());
    std::iter::once(head).chain(needs).chain(record).fold(String::new(), |text, line| text + &sanitize(&line) + "\n")
}
