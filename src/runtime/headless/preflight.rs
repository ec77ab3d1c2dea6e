//! `cockpit preflight`: is everything there that a release needs?

use color_eyre::eyre::Result;
use jiff::Timestamp;

use super::{FIRST_LOOK, look_until, looked_at, print};
use crate::cli::Exit;
use crate::cli::args::{Output, Preflight};
use crate::cli::output::json_pretty;
use crate::cli::preflight::{Local, items, json, text};
use crate::domain::checklist::Found;
use crate::runtime::session::Session;

/// Looks at everything and says what is missing.
pub(super) async fn run(session: &mut Session, what: &Preflight, config: Option<String>) -> Result<Exit> {
    look_until(session, FIRST_LOOK, |world| {
        world
            .environments
            .iter()
            .all(|env| looked_at(env) && (!env.kubernetes().link.is_up() || !env.access.verbs.is_empty()))
    })
    .await;
    // Any name will do: a journal is begun with its first entry, not by trying.
    session.door.probe("preflight").await;
    let local = Local {
        config,
        journals: session.door.journal().dir().display().to_string(),
        journal_broken: session.door.journal().state().broken.or_else(|| session.troubles.first().cloned()),
    };
    let items = items(&session.world, &local, Timestamp::now());
    print(&match what.output {
        Output::Text => text(&items),
        Output::Json => json_pretty(&json(&items)) + "\n",
    })?;
    let any = |found| items.iter().any(|item| item.found == found);
    Ok(if any(Found::Failed) {
        Exit::NoGo
    } else if any(Found::Blind) {
        Exit::Blind
    } else {
        Exit::Done
    })
}
