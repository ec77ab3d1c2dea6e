//! `cockpit status`: one look, or a line for every change.

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::{complain, print};
use crate::cli::args::{Output, Status};
use crate::cli::output::json_pretty;
use crate::cli::{Exit, status, watch};
use crate::domain::world::{Environment, World};

/// Looks, prints, and continues looking with `--watch`.
pub(super) async fn run(driver: &mut Driver, what: &Status) -> Result<Exit> {
    driver.first_look(|_| true, |core| core.world.chosen().all(Environment::looked_at)).await?;
    driver.refresh();
    let now = driver.core.now;
    if what.watch {
        return follow(driver, what.output).await;
    }
    let service = driver.session().service.as_deref();
    print(&match what.output {
        Output::Text => status::text(&driver.core.world, service, now),
        Output::Json => json_pretty(&status::json(&driver.core.world, service, now)) + "\n",
    })?;
    let mut exit = Exit::Done;
    for env in driver.core.world.chosen() {
        if let Some(why) = env.kubernetes().link.why() {
            complain(driver.redactor(), &format!("{} (context {}): {why}", env.name(), env.settings.context));
            exit = Exit::Error;
        }
        for workload in env.workloads.iter().filter(|workload| workload.missing) {
            complain(
                driver.redactor(),
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
async fn follow(driver: &mut Driver, output: Output) -> Result<Exit> {
    let zone = jiff::tz::TimeZone::system();
    let mut shown = World::default();
    loop {
        let now = driver.core.now;
        for change in watch::diff(&shown, &driver.core.world) {
            print(&match output {
                Output::Text => change.line(now, &zone) + "\n",
                Output::Json => change.json(now) + "\n",
            })?;
        }
        shown = driver.core.world.clone();
        driver.next().await?;
    }
}
