//! A flag of the release that changes while its canary is analysed: the verdict waits until the analysis knows.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{feed, model, target};
use crate::app::model::Model;
use crate::domain::facts::flag::of_release::{ReleaseFlag, ReleaseFlags};
use crate::domain::facts::flag::{Flag, FlagState, ProviderKind};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::signals::Tracks;
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::{FlagSettings, FlagSource};
use crate::domain::world::verdict::Verdict;
use analysis::{AnalysisStatus, CanaryAnalyzer, Need, Rules};

const FLAG: &str = "checkout";

fn release() -> Model {
    let mut model = model(true, false);
    let settings = FlagSettings {
        provider: "unleash".to_owned(),
        place: "https://unleash.example".to_owned(),
        of_release: vec![FLAG.to_owned()],
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: Vec::new(),
    };
    let env = &mut model.core.world.environments[0];
    env.settings.has_metrics = true;
    env.flags = vec![FlagSource::new(settings)];
    model
}

fn flag(state: FlagState) -> Flag {
    Flag::of_name(FLAG, state)
}

fn lists(model: &mut Model, flags: Vec<Flag>) {
    let (env, provider, at) = (target().env, "unleash".to_owned(), Some(model.core.now));
    feed(model, Feed::Flags { env, provider, link: Link::Up, at, flags: Arc::new(flags) });
}

/// The analysis finds nothing wrong, and knows the flag like this.
fn healthy(model: &mut Model, known: Option<FlagState>) {
    let tracks = Tracks { stable: Some("api-old".to_owned()), canary: Some("api-new".to_owned()) };
    let mut report = CanaryAnalyzer::new(Rules::default()).report();
    report.opinion = AnalysisStatus::Healthy;
    report.needs.enough = Some(Need { requests: 0.0, seconds: 0.0 });
    report.seen.canary.requests = 1000;
    let mut flags = ReleaseFlags::default();
    if let Some(state) = known {
        flags.insert("unleash", FLAG, ReleaseFlag::of(Some(&flag(state)), SignedDuration::ZERO));
    }
    let (report, flags) = (Arc::new(report), Some(Arc::new(flags)));
    feed(model, Feed::Counted { target: target(), tracks, look: None, report, flags });
}

fn verdict(model: &Model) -> (Verdict, Option<&str>) {
    let assessment = &model.core.world.environments[0].workloads[0].assessment;
    (assessment.verdict, assessment.describe().next())
}

const WAITS: (Verdict, Option<&str>) =
    (Verdict::Wait, Some("waiting: the analysis has not taken in the release's flags yet"));

#[test]
fn what_was_found_before_a_flag_changed_is_no_go_for_what_the_canary_is_now() {
    let mut model = release();
    lists(&mut model, vec![flag(FlagState::Off)]);
    healthy(&mut model, Some(FlagState::Off));
    assert_eq!(verdict(&model).0, Verdict::Go);
    lists(&mut model, vec![flag(FlagState::Percent(10))]);
    assert_eq!(verdict(&model), WAITS);
    // This one was on its way.
    healthy(&mut model, Some(FlagState::Off));
    assert_eq!(verdict(&model), WAITS);
    healthy(&mut model, Some(FlagState::Percent(10)));
    assert_eq!(verdict(&model).0, Verdict::Go);
    lists(&mut model, Vec::new());
    assert_eq!(verdict(&model), WAITS, "it was removed");
}

/// As after a restart: the analysis goes on from what it had found, and whether a flag changed meanwhile is known later.
#[test]
fn what_was_found_in_an_earlier_run_waits_for_the_flags_of_this_one() {
    let mut model = release();
    let silent = "flags of the release unknown: unleash: it has not answered yet";
    for known in [None, Some(FlagState::Off)] {
        healthy(&mut model, known);
        assert_eq!(verdict(&model), (Verdict::Blind, Some(silent)));
    }
    let (env, provider, link) = (target().env, "unleash".to_owned(), Link::Down("401: no such token".to_owned()));
    feed(&mut model, Feed::Flags { env, provider, link, at: None, flags: Arc::default() });
    let down = "flags of the release unknown: unleash: 401: no such token";
    assert_eq!(verdict(&model), (Verdict::Blind, Some(down)));
    lists(&mut model, vec![flag(FlagState::On)]);
    assert_eq!(verdict(&model), WAITS);
    healthy(&mut model, Some(FlagState::On));
    assert_eq!(verdict(&model).0, Verdict::Go);
}

/// As where its commits cannot be read for a while: what the analysis knows is looked at all the same.
#[test]
fn a_flag_that_nothing_names_at_the_moment_changes_the_canary_all_the_same() {
    let mut model = release();
    model.core.world.environments[0].flags[0].settings.of_release.clear();
    lists(&mut model, vec![flag(FlagState::Off)]);
    healthy(&mut model, Some(FlagState::Off));
    assert_eq!(verdict(&model).0, Verdict::Go);
    lists(&mut model, vec![flag(FlagState::On)]);
    assert_eq!(verdict(&model), WAITS);
    healthy(&mut model, Some(FlagState::On));
    assert_eq!(verdict(&model).0, Verdict::Go);
}

/// A recording of before says nothing of them.
#[test]
fn an_analysis_that_says_nothing_of_flags_is_not_held_back() {
    let mut model = release();
    lists(&mut model, vec![flag(FlagState::On)]);
    healthy(&mut model, Some(FlagState::On));
    let mut said = model.core.world.environments[0].workloads[0].judged.clone().unwrap();
    said.flags = None;
    let (tracks, report) = (said.tracks, said.report);
    feed(&mut model, Feed::Counted { target: target(), tracks, look: None, report, flags: None });
    lists(&mut model, vec![flag(FlagState::Off)]);
    assert_eq!(verdict(&model).0, Verdict::Go);
}

#[test]
fn flags_that_are_not_of_the_release_change_nothing() {
    let mut model = release();
    model.core.world.environments[0].flags[0].settings.of_release.clear();
    healthy(&mut model, None);
    assert_eq!(verdict(&model).0, Verdict::Go, "nothing says that there are such flags");
    for state in [FlagState::Off, FlagState::On, FlagState::Percent(3)] {
        lists(&mut model, vec![flag(state)]);
        assert_eq!(verdict(&model).0, Verdict::Go);
    }
}
