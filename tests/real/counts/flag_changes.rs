//! A flag of the release that changes while the canary is analysed.

use analysis::{AnalysisStatus, Report, Rules};
use jiff::SignedDuration;
use release_cockpit::domain::facts::flag::of_release::{ReleaseFlag, ReleaseFlags};
use release_cockpit::domain::facts::flag::{Flag, FlagState};
use support::Checked;
use support::check::holds;

use super::cases::{CANARY, STABLE, settings, two_pods};
use super::cockpit::Cockpit;
use super::exporter::Exporter;

fn search(state: FlagState) -> ReleaseFlags {
    let mut flags = ReleaseFlags::default();
    flags.insert(
        "unleash",
        "new-search",
        ReleaseFlag::of(Some(&Flag::of_name("new-search", state)), SignedDuration::ZERO),
    );
    flags
}

/// Between two bursts of requests there is nothing to compare: what counts is kept.
fn is_proven(report: &Report) -> bool {
    report.e.safe >= Rules::default().healthy_bar
}

/// Requests that prove a canary to be healthy.
fn answer_well(exporter: &Exporter) {
    exporter.answer(CANARY, "200", 5000.0);
    exporter.answer(STABLE, "200", 9000.0);
}

/// What was counted before proves nothing of what the canary is now, over a restart too.
pub async fn start_over() -> Checked {
    let (exporter, prometheus) = two_pods().await?;
    let folder = tempfile::tempdir()?;
    let open = || async { Cockpit::open(settings(&prometheus.url())?, Some(folder.path().to_owned())).await };
    let cockpit = open().await?;
    cockpit.list(search(FlagState::Off));
    cockpit.counts().await?;
    answer_well(&exporter);
    cockpit.has_counted([5000, 0, 9000, 0]).await?;
    cockpit.is("proven", |report| is_proven(report) && report.proof_since.is_none()).await?;
    cockpit.list(search(FlagState::Percent(10)));
    cockpit
        .is("unproven", |report| {
            let is_lacking = report.needs.enough.is_none_or(|need| need.requests > 0.0);
            let since = report.proof_since.as_deref() == Some("new-search was turned on for 10 %");
            !is_proven(report) && is_lacking && since && report.seen.canary.requests == 5000
        })
        .await?;
    // Scrapes that may hold requests from before the change are left out.
    let mut rounds = 1;
    while !cockpit.report().is_some_and(|report| is_proven(&report)) {
        rounds += 1;
        answer_well(&exporter);
        cockpit.has_counted([5000 * rounds, 0, 9000 * rounds, 0]).await?;
    }
    holds("requests from before the change were left out", rounds > 2)?;
    // It is changed once more while nothing runs.
    let before = cockpit.close().await;
    let cockpit = open().await?.after(before);
    cockpit.list(search(FlagState::On));
    cockpit
        .is("unproven again", |report| {
            let since = report.proof_since.as_deref() == Some("new-search went 10 % → on");
            !is_proven(report) && since
        })
        .await?;
    cockpit.list(search(FlagState::Off));
    cockpit.is("told of it", |report| report.proof_since.as_deref() == Some("new-search was turned off")).await
}

/// Turning a flag is no way around a gate.
pub async fn regressed_stays() -> Checked {
    let (exporter, prometheus) = two_pods().await?;
    let folder = tempfile::tempdir()?;
    let open = || async { Cockpit::open(settings(&prometheus.url())?, Some(folder.path().to_owned())).await };
    let cockpit = open().await?;
    cockpit.list(search(FlagState::On));
    cockpit.counts().await?;
    let mut rounds = 0;
    while !cockpit.report().is_some_and(|report| report.opinion == AnalysisStatus::Regressed) {
        rounds += 1;
        exporter.answer(CANARY, "200", 300.0);
        exporter.answer(CANARY, "500", 100.0);
        exporter.answer(STABLE, "200", 900.0);
        cockpit.has_counted([400 * rounds, 100 * rounds, 900 * rounds, 0]).await?;
    }
    cockpit.list(search(FlagState::Off));
    answer_well(&exporter);
    cockpit.has_counted([400 * rounds + 5000, 100 * rounds, 900 * rounds + 9000, 0]).await?;
    cockpit.is("regressed", |report| report.opinion == AnalysisStatus::Regressed).await?;
    let before = cockpit.close().await;
    let cockpit = open().await?.after(before);
    cockpit.list(search(FlagState::Percent(1)));
    cockpit.counts().await?;
    cockpit.is("regressed", |report| report.opinion == AnalysisStatus::Regressed).await
}
