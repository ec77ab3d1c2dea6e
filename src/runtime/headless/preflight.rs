//! `cockpit preflight`: is everything there that a release needs?

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::print;
use crate::cli::Exit;
use crate::cli::args::{Output, Preflight};
use crate::cli::output::json_pretty;
use crate::cli::preflight::{Local, items, json, text};
use crate::domain::record::checklist::CheckOutcome;

/// Looks at everything and says what is missing.
pub(super) async fn run(driver: &mut Driver, what: &Preflight, config: Option<String>) -> Result<Exit> {
    driver
        .first_look(
            |_| true,
            |core| {
                core.world
                    .environments
                    .iter()
                    .all(|env| env.looked_at() && (!env.kubernetes().link.is_up() || env.access.is_known()))
            },
        )
        .await?;
    // Any name will do: a journal is begun with its first entry, not by trying.
    let dispatcher = driver.session().dispatcher.clone();
    driver.meanwhile(async move { dispatcher.probe("preflight").await }).await?;
    driver.refresh();
    let local = Local {
        config,
        journals: driver.session().dispatcher.journal().dir().display().to_string(),
        journal_broken: driver.core.journal.broken.clone(),
    };
    let items = items(driver.world(), &local, driver.core.now);
    print(&match what.output {
        Output::Text => text(&items),
        Output::Json => json_pretty(&json(&items)) + "\n",
    })?;
    let any = |found| items.iter().any(|item| item.found == found);
    Ok(if any(CheckOutcome::Failed) {
        Exit::NoGo
    } else if any(CheckOutcome::Blind) {
        Exit::Blind
    } else {
        Exit::Done
    })
}
