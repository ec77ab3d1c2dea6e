//! `cockpit status`: one look, or a line for every change.

use color_eyre::eyre::Result;
use jiff::Timestamp;

use super::{FIRST_LOOK, complain, look_until, looked_at, print, take_in};
use crate::cli::args::{Output, Status};
use crate::cli::output::json_pretty;
use crate::cli::{Exit, status, watch};
use crate::domain::freshness::Link;
use crate::runtime::session::Session;

/// Looks, prints, and goes on looking with `--watch`.
pub(super) async fn run(session: &mut Session, what: &Status) -> Result<Exit> {
    look_until(session, FIRST_LOOK, |world| world.environments.iter().all(looked_at)).await;
    let now = Timestamp::now();
    if what.watch {
        return follow(session, what.output).await;
    }
    let service = session.service.as_deref();
    print(&match what.output {
        Output::Text => status::text(&session.world, service, now),
        Output::Json => json_pretty(&status::json(&session.world, service, now)) + "\n",
    })?;
    let mut exit = Exit::Done;
    for env in &session.world.environments {
        if let Link::Down(why) = env.kubernetes().link {
            complain(&session.redactor, &format!("{} (context {}): {why}", env.name(), env.settings.context));
            exit = Exit::Error;
        }
        for workload in env.workloads.iter().filter(|workload| workload.missing) {
            complain(
                &session.redactor,
                &format!(
                    "{}: {} does not exist in namespace {}; check the name, or leave it out to watch what there is",
                    env.name(),
                    workload.id,
                    env.settings.namespace
                ),
            );
            exit = Exit::Error;
        }
    }
    Ok(exit)
}

/// Prints a line for every change, until interrupted.
async fn follow(session: &mut Session, output: Output) -> Result<Exit> {
    let zone = jiff::tz::TimeZone::system();
    let mut shown = crate::domain::world::World::default();
    loop {
        let now = Timestamp::now();
        for change in watch::diff(&shown, &session.world) {
            print(&match output {
                Output::Text => change.line(now, &zone) + "\n",
                Output::Json => change.json(now) + "\n",
            })?;
        }
        shown = session.world.clone();
        session.inbox.arrived().await;
        take_in(session);
    }
}
