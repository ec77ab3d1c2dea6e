//! What is shown of lanes.

use super::*;
use crate::cli::fixtures::{now, release_in_progress};
use crate::cli::output::json_pretty;
use crate::cli::status;
use crate::config::schema::check;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::lane::tests::opening;
use jiff::SignedDuration;

const HOUR: i64 = 3600;

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A lane into prod-eu that was opened so long ago, for an hour.
fn hotfix(since: i64) -> Lane {
    let lane = opening(ago(since).as_second(), ago(since - HOUR).as_second());
    Lane { env: EnvName::new("prod-eu"), ..lane }
}

fn world_with(lanes: &[Lane]) -> World {
    let mut world = release_in_progress();
    let entry = |lane: &Lane| Line::after(None, lane.at, Entry::Lane(Box::new(lane.clone())));
    let lines: Vec<Line> = lanes.iter().map(entry).collect();
    world.take_lines(&lines, now());
    world
}

fn listed_text(world: &World) -> String {
    text(world, &world.environments.iter().collect::<Vec<_>>(), now())
}

/// One that is over, one that was closed, and one that is open and allowed by nobody.
fn three() -> World {
    let end = |lane: &Lane, who: &str| Lane {
        is_end: true,
        who: who.to_owned(),
        note: "it is out".to_owned(),
        at: lane.opened + SignedDuration::from_secs(60),
        ..lane.clone()
    };
    let closed = hotfix(2000);
    world_with(&[hotfix(9000), closed.clone(), end(&closed, "bob"), hotfix(600)])
}

#[test]
fn every_opening_is_listed_with_how_it_stands() {
    let listed = listed_text(&three());
    insta::assert_snapshot!(listed);
    assert_eq!(listed_text(&world_with(&[])), "no lane was opened\n");
}

#[test]
fn the_status_shows_the_one_that_matters_as_its_schema_says() {
    let schema: Value = serde_json::from_str(status::SCHEMA).unwrap();
    let status = status::json(&three(), None, now());
    assert_eq!(check::errors(&schema, &status), [""; 0]);
    let lane = &status["environments"][1]["lane"];
    assert_eq!((&lane["state"], &lane["opened_at"]), (&json!("not-used"), &json!(ago(600).to_string())), "{lane}");
    assert_eq!(status["environments"][0]["lane"], Value::Null);
    // What is over, and of which nothing goes out or is owed, is of no matter any more.
    let over = status::json(&world_with(&[hotfix(9000)]), None, now());
    assert_eq!(over["environments"][1]["lane"], Value::Null);
    let json = json(&three(), &three().environments.iter().collect::<Vec<_>>(), now());
    insta::assert_snapshot!(json_pretty(&json));
}

/// Two people opened it at once; one of an earlier hour is over all the same.
#[test]
fn what_two_people_opened_is_open_twice() {
    let mine = hotfix(600);
    let bobs = Lane { who: "bob".to_owned(), ..hotfix(590) };
    let mut world = world_with(&[mine.clone(), bobs, hotfix(9000)]);
    let rule = mine.rule.known().unwrap().clone();
    let workload = &mut world.environments[1].workloads[0];
    workload.lane = Some(LaneState::Open(Arc::new(OpenedLane {
        until: mine.until,
        by: BTreeSet::from(["alice".to_owned(), "bob".to_owned()]),
        before: rule.before.env.clone(),
        skips: Vec::new(),
        lane: mine,
        rule,
    })));
    let shown = opened(&world, &world.environments[1], now());
    assert_eq!(shown.iter().map(LaneShown::state_word).collect::<Vec<_>>(), ["open", "open", "ended"]);
    let lines = of_workload(&world, &world.environments[1], (&"rollout/api".parse().unwrap(), now()));
    assert_eq!(lines[1], "hotfix 1.5.1 until 2026-06-01T15:20:00Z, by alice: “incident 4711”");
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_end_of_another_workload_ends_nothing_here() {
    let lane = hotfix(600);
    let other = "rollout/other".parse().unwrap();
    let world = world_with(&[lane.clone(), Lane { is_end: true, workload: other, ..lane }]);
    assert!(listed_text(&world).contains("not used here: "), "{}", listed_text(&world));
}

#[test]
fn what_is_asked_before_it_opens_names_all_that_is_left_out() {
    let lane = opening(1000, 1000 + HOUR);
    let mut asked = LaneQuestion {
        from: EnvName::new("dev"),
        leaves_out: vec!["staging: not seen".to_owned(), "gate load: not run yet".to_owned()],
        asks_for: vec!["gate smoke".to_owned(), "sign-off sre (1 person other than alice)".to_owned()],
        lane,
    };
    assert_eq!(
        question(&asked),
        "prod: open the lane hotfix for api 1.5.1 (77aa01ce), as dev runs it, until 1970-01-01T01:16:40Z\n  \
         leaves out   staging: not seen\n               gate load: not run yet\n  \
         asks for     gate smoke, sign-off sre (1 person other than alice)\n"
    );
    asked.lane.at += SignedDuration::from_secs(9);
    assert!(question(&asked).starts_with("prod: extend the lane hotfix for api 1.5.1"));
}
