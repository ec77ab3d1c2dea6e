//! The main release with the analysis result of its canary, from real counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::{Bucket, CanaryAnalyzer, Counts, Look, Rules, Scrape};
use jiff::SignedDuration;
use release_cockpit::app::Model;
use release_cockpit::app::model::Screen;
use release_cockpit::app::{Msg, update};
use release_cockpit::core;
use release_cockpit::domain::facts::flag::rollout::{FlagRollout, of_users};
use release_cockpit::domain::facts::freshness::{Heard, Link};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::flags::{FlagSettings, FlagSource};
use release_cockpit::keys::{Chord, Key};

use super::parts::{now, target};
use super::releases;
use super::shots::{flagged, on};

fn counts(requests: u64, errors: u64, shares: [u64; 4]) -> Counts {
    let bounds = [0.1, 0.25, 0.5, f64::INFINITY];
    let buckets = bounds.iter().zip(shares).map(|(le, share)| Bucket { le: *le, count: requests * share / 100 });
    Counts { requests, errors, buckets: buckets.collect(), ..Counts::default() }
}

/// The analysis after so many looks, with so many errors of the canary in each.
fn judged(looks: u64, errors: u64) -> CanaryAnalyzer {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    for look in 0..looks {
        let scrape = Scrape {
            t: 15.0 * look as f64,
            canary: counts(400, errors, [50, 40, 8, 2]),
            stable: counts(600, u64::from(look % 2 == 0), [55, 37, 7, 1]),
            stable_pods: Vec::new(),
        };
        judge.take(&Look::Scrape(scrape));
    }
    judge
}

/// A canary whose flag went to more users once it had been proven.
fn changed() -> CanaryAnalyzer {
    let mut judge = judged(20, 0);
    judge.take(&Look::Changed { t: 290.0, what: "express-checkout-v2 went 10 % → 50 %".to_owned() });
    judge
}

fn told(mut model: Model, judge: &CanaryAnalyzer) -> Model {
    let target = target("prod-eu");
    let status = model.core.world.find(&target).and_then(|(_, workload)| workload.status.clone());
    let set =
        |revision: Option<release_cockpit::domain::facts::workload::Revision>| revision.map(|known| known.replicaset);
    let (stable, canary) = status.map(|status| (set(status.stable), set(status.canary))).unwrap_or_default();
    let feed = Feed::Counted {
        target,
        tracks: Tracks { stable, canary },
        look: None,
        report: Arc::new(judge.report()),
        flags: None,
    };
    update(&mut model, Msg::Core(core::Msg::Feed(feed)), now());
    model
}

fn undecided() -> Model {
    told(releases::main(), &judged(3, 0))
}

/// Autopilot counts down, ten seconds of twenty are over.
fn counted_down() -> Model {
    let mut model = releases::main();
    model.core.world.environments[1].settings.guardrails.autopilot = true;
    let mut model = told(model, &judged(12, 12));
    let later = now() + SignedDuration::from_secs(10);
    update(&mut model, Msg::Core(core::Msg::Clock), later);
    model
}

/// A flag that goes step by step, with what comparing its users gave; it is counted down where that is proof.
fn stepping(judge: &CanaryAnalyzer) -> Model {
    let mut model = flagged(releases::main());
    let (name, provider) = ("express-checkout-v2".to_owned(), "unleash".to_owned());
    let label = |value: &str| BTreeMap::from([("variant".to_owned(), value.to_owned())]);
    let rollout = FlagRollout {
        flag: name.clone(),
        steps: [1, 5, 25].into_iter().filter_map(|step| step.try_into().ok()).collect(),
        wait: SignedDuration::ZERO,
        workload: None,
        with: label("on"),
        without: label("off"),
    };
    for env in &mut model.core.world.environments {
        env.settings.guardrails.autopilot = true;
        for source in &mut env.flags {
            let settings = FlagSettings { rollouts: vec![rollout.clone()], ..source.settings.clone() };
            let heard = Heard { link: Link::Up, at: Some(now()) };
            *source = FlagSource { heard, flags: Arc::clone(&source.flags), ..FlagSource::new(settings) };
        }
    }
    let mut report = judge.report();
    report.reasons.iter_mut().for_each(|reason| *reason = of_users(reason));
    let (env, every, result) = (target("prod-eu").env, SignedDuration::from_secs(10), Ok(Arc::new(report)));
    let feed = Feed::FlagCompared { env, provider, flag: name, every, result };
    update(&mut model, Msg::Core(core::Msg::Feed(feed)), now());
    update(&mut model, Msg::Core(core::Msg::Clock), now());
    model
}

fn asked_for_share(mut model: Model) -> Model {
    model = on(model, Screen::Flags);
    let msg = Msg::Key { chord: Chord::plain(Key::Char('%')), repeat: false };
    update(&mut model, msg, now());
    model
}

/// What is drawn of it.
pub fn shots() -> Vec<(&'static str, Model)> {
    vec![
        ("judged-undecided", on(undecided(), Screen::Signals)),
        ("judged-flag-changed", on(told(releases::main(), &changed()), Screen::Signals)),
        ("judged-healthy", on(told(releases::main(), &judged(20, 0)), Screen::Signals)),
        ("judged-countdown", on(counted_down(), Screen::Signals)),
        ("judged-deck", counted_down()),
        ("flags-step-next", on(stepping(&judged(20, 0)), Screen::Flags)),
        ("flags-step-share", asked_for_share(stepping(&judged(20, 0)))),
        ("flags-step-regressed", on(stepping(&judged(12, 12)), Screen::Flags)),
        ("flags-step-regressed-deck", stepping(&judged(12, 12))),
    ]
}
