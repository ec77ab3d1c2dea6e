//! `cockpit wait`: until a workload is paused, healthy or degraded.

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, complain, print};
use crate::cli::args::Wait;
use crate::cli::{Exit, target};
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workload::Phase;

pub(super) async fn run(driver: &mut Driver, what: &Wait) -> Result<Exit> {
    driver
        .until(FIRST_DATA_TIMEOUT, |core| {
            core.world.environments.iter().all(|env| !env.workloads.is_empty() || env.looked_at())
        })
        .await?;
    let target = match target::resolve(&driver.core.world, what.target.as_deref()) {
        Ok(target) => target,
        Err(error) => return Ok(super::usage(driver.redactor(), &error)),
    };
    let goal = what.goal.phase();
    let phase = |world: &crate::domain::world::World| {
        world.find(&target).and_then(|(_, workload)| workload.status.as_ref()).map(|status| status.phase)
    };
    // Degraded ends every wait: what failed does not get better by waiting.
    let reached = driver
        .until(what.timeout, |core| phase(&core.world).is_some_and(|phase| phase == goal || phase == Phase::Degraded))
        .await?;
    let shows = driver.core.world.find(&target).map_or_else(String::new, |(env, workload)| match &workload.status {
        Some(status) if status.message.is_empty() => status.phase.to_string(),
        Some(status) => format!("{}: {}", status.phase, status.message),
        None if workload.missing => format!("{} does not exist", workload.id),
        None => match env.kubernetes().link {
            crate::domain::facts::freshness::Link::Down(why) => format!("not seen: {why}"),
            _ => "not seen".to_owned(),
        },
    });
    let line = format!("{target}: {}", sanitize(&shows));
    match phase(&driver.core.world) {
        Some(phase) if phase == goal => {
            print(&format!("{line}\n"))?;
            Ok(Exit::Done)
        }
        Some(_) if reached => {
            complain(driver.redactor(), &line);
            Ok(Exit::NoGo)
        }
        _ => {
            complain(driver.redactor(), &format!("gave up after {}: {line}", humantime(what.timeout)));
            Ok(Exit::Error)
        }
    }
}

fn humantime(time: std::time::Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(|_| "a long time".to_owned(), crate::domain::facts::text::duration)
}
