//! `cockpit drill`: game day on the simulator, and the score afterwards.

use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};
use jiff::tz::TimeZone;

use super::drill_observer::Observer;
use super::sandbox::Sandbox;
use crate::cli::Exit;
use crate::cli::args::{Drill, Global, Output};
use crate::cli::drill::{json, text};
use crate::cli::output::json_pretty;
use crate::domain::facts::ids::EnvName;
use crate::domain::rules::drill::{Draw, Failure, draw, score};
use crate::platform::Redactor;
use crate::runtime::headless::print;
use crate::runtime::{telemetry, tui};
use simulator::{DrillFault, Options, Scenario};

/// What the header shows: it must not tell what comes.
const NAME: &str = "drill";

/// Runs a drill, then prints its score.
pub(in crate::runtime) async fn run(global: &Global, drill: &Drill, redactor: &Redactor) -> Result<Exit> {
    // The lower half of a UUID v7 is random.
    let seed = drill.seed.unwrap_or_else(|| u64::from(uuid::Uuid::now_v7().as_u128() as u32));
    let Draw { failure, after } = draw(seed, drill.scenario);
    let fault = match failure {
        Failure::Errors => DrillFault::Errors,
        Failure::Latency => DrillFault::Latency,
        Failure::Crash => DrillFault::Crash,
        Failure::Healthy => DrillFault::None,
    };
    let after = Duration::try_from(after).unwrap_or_default();
    let scenario = Scenario::drill(fault, after).wrap_err("the scenario of drills")?;
    let sandbox = Sandbox::prepare(&scenario, Options { speed: drill.speed, seed }).await?;
    let env = sandbox.simulator.current().map_or("", |cluster| cluster.environment());
    let (observer, notes) = Observer::new(EnvName::new(env), sandbox.simulator.served());
    let (config, variables) = sandbox.config(global)?;
    let log = telemetry::to_file(&variables, config.log.level, redactor).wrap_err("cannot begin the log file")?;
    let exit = tui::run(
        config,
        &variables,
        redactor,
        Some(NAME.to_owned()),
        Some(Box::new(observer)),
        global.record.as_deref(),
    )
    .await?;
    drop(log);
    let score = score(&notes.record(failure, seed));
    print(&match drill.output {
        Output::Text => text(&score, drill.speed, &TimeZone::system()),
        Output::Json => json_pretty(&json(&score, drill.speed)) + "\n",
    })?;
    Ok(exit)
}
