//! The share of users who get a flag, on a simulated and on a real Unleash. What was done, and in what order, is told by its own
//! event log.

use serde_json::json;
use support::Checked;
use support::check::{holds, same, says};
use support::program::Run;
use support::unleash::{DEVELOPMENT, PRODUCTION, Unleash};

use super::front::{Fate, front};
use super::{Bed, Case, ended};

pub(super) const CASES: [(&str, Case); 6] = [
    ("a_share_is_raised_past_every_gate_and_lowered_past_none", |unleash| Box::pin(gates(unleash))),
    ("a_flag_that_is_off_gets_its_share_before_it_is_turned_on", |unleash| Box::pin(from_off(unleash))),
    ("half_of_a_share_that_was_set_is_said", |unleash| Box::pin(half_applied(unleash))),
    ("what_somebody_changed_before_it_is_turned_on_is_left_alone", |unleash| Box::pin(changed_before_on(unleash))),
    ("where_more_than_a_share_decides_nothing_is_changed", |unleash| Box::pin(more_than_a_share(unleash))),
    ("of_two_at_once_each_holds_only_for_what_it_saw", |unleash| Box::pin(two_at_once(unleash))),
];

const GATED: &str = "protected = true\n\n[[checks]]\nid = \"notes\"";
const UPDATED: &str = "feature-strategy-update";
const ENABLED: &str = "feature-environment-enabled";

async fn gated(unleash: Unleash, case: &str) -> Checked<(Bed, String)> {
    let (flag, url) = (unleash.create(case).await?, unleash.url.clone());
    Ok((Bed::at(unleash, &url, GATED).await?, flag))
}

async fn set(bed: &Bed, flag: &str, percent: &str, more: &[&str]) -> Run {
    let set = [&["flags", "set", "prod", flag, percent, "--yes"], more].concat();
    bed.program.run_async(&set).await
}

const NAMED: &[&str] = &["--confirm", "prod"];

async fn gates(unleash: Unleash) -> Checked {
    let (bed, flag) = gated(unleash, "gates").await?;
    let unnamed = set(&bed, &flag, "50", &[]).await;
    holds(&format!("it wants the name: {}", unnamed.said()), unnamed.code() != 0)?;
    bed.program.run_async(&["freeze", "prod", "--until", "23:59", "--note", "incident"]).await;
    ended(&set(&bed, &flag, "50", NAMED).await, 3, "frozen")?;
    same("its share", &bed.unleash.rollout(&flag, DEVELOPMENT).await?, &json!("25"))?;
    // Fewer users: neither a freeze nor the name is asked for.
    ended(&set(&bed, &flag, "10", &[]).await, 0, "done: it is 10 %")?;
    same("its share", &bed.unleash.rollout(&flag, DEVELOPMENT).await?, &json!("10"))?;
    bed.program.run_async(&["unfreeze", "prod", "--note", "over"]).await;
    ended(&set(&bed, &flag, "100", NAMED).await, 0, "done: it is on")?;
    same("its share", &bed.unleash.rollout(&flag, DEVELOPMENT).await?, &json!("100"))?;
    ended(&set(&bed, &flag, "100", NAMED).await, 0, "nothing to do")?;
    for (percent, why) in [("0", "turn the flag off"), ("101", "more than everybody"), ("a lot", "a whole number")] {
        ended(&set(&bed, &flag, percent, NAMED).await, 2, why)?;
    }
    let log = bed.unleash.log(&flag, DEVELOPMENT).await?;
    same("changes of its share", &log.iter().filter(|kind| *kind == UPDATED).count(), &2)?;
    same("the other environment", &bed.unleash.rollout(&flag, PRODUCTION).await?, &json!("100"))?;
    let journal = bed.program.run_async(&["log", "show"]).await;
    says(&journal.said(), &format!("set flag {flag} of unleash to 100 %"))
}

async fn from_off(unleash: Unleash) -> Checked {
    let (bed, flag) = gated(unleash, "from-off").await?;
    ended(&bed.off(&flag).await, 0, "done: it is off")?;
    let before = bed.unleash.log(&flag, DEVELOPMENT).await?.len();
    // Nobody has it: any share brings it to somebody.
    let unnamed = set(&bed, &flag, "5", &[]).await;
    holds(&format!("it wants the name: {}", unnamed.said()), unnamed.code() != 0)?;
    ended(&set(&bed, &flag, "5", NAMED).await, 0, "done: it is 5 %")?;
    let log = bed.unleash.log(&flag, DEVELOPMENT).await?;
    same("what was done, in order", &log[before..].to_vec(), &vec![UPDATED.to_owned(), ENABLED.to_owned()])
}

const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 24\r\n\
                         connection: close\r\n\r\n{\"message\":\"not by you\"}";

async fn half_applied(unleash: Unleash) -> Checked {
    let flag = unleash.create("half").await?;
    let server = unleash.url.trim_start_matches("http://").to_owned();
    let turns_on = |asked: &str| {
        if asked.contains("/on HTTP/1.1") { Fate::Answered(FORBIDDEN) } else { Fate::Arrives }
    };
    let url = format!("http://{}", front(server, turns_on).await?);
    let bed = Bed::at(unleash, &url, GATED).await?;
    ended(&bed.off(&flag).await, 0, "done: it is off")?;
    let run = set(&bed, &flag, "5", NAMED).await;
    ended(&run, 3, "its strategy says 5 % now, and it was not turned on: 403: not by you")?;
    holds("it is off", !bed.unleash.is_on(&flag, DEVELOPMENT).await?)?;
    same("its share", &bed.unleash.rollout(&flag, DEVELOPMENT).await?, &json!("5"))
}

/// Off, it has a strategy that would let everybody in by the time it is turned on.
async fn changed_before_on(unleash: Unleash) -> Checked {
    let (bed, flag) = gated(unleash, "before-on").await?;
    ended(&bed.off(&flag).await, 0, "done: it is off")?;
    let server = bed.unleash.url.trim_start_matches("http://").to_owned();
    let (asked, answer) =
        (format!("GET /api/admin/projects/default/features/{flag} "), read_with_another(&bed.unleash, &flag).await?);
    let answer: &'static str = answer.leak();
    let is_set = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fates = move |request: &str| {
        let order = std::sync::atomic::Ordering::SeqCst;
        is_set.fetch_or(request.starts_with("PATCH "), order);
        if is_set.load(order) && request.starts_with(&asked) { Fate::Answered(answer) } else { Fate::Arrives }
    };
    let url = format!("http://{}", front(server, fates).await?);
    let program = bed.with_config(|config| config.replace(&bed.unleash.url, &url))?;
    let run = program.run_async(&["flags", "set", "prod", &flag, "5", "--yes", "--confirm", "prod"]).await;
    ended(&run, 3, "it was not turned on: somebody else changed it meanwhile")?;
    holds("it is off", !bed.unleash.is_on(&flag, DEVELOPMENT).await?)
}

/// The flag as Unleash answers it, with a strategy more in development.
async fn read_with_another(unleash: &Unleash, flag: &str) -> Checked<String> {
    let mut feature = unleash.ask("GET", &format!("projects/default/features/{flag}"), None).await?;
    for env in feature["environments"].as_array_mut().into_iter().flatten() {
        if let Some(strategies) = env["strategies"].as_array_mut() {
            strategies.push(json!({"id": "x", "name": "default", "parameters": {}, "constraints": [], "segments": []}));
        }
    }
    let body = feature.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    Ok(format!("{head}content-length: {}\r\n\r\n{body}", body.len()))
}

async fn more_than_a_share(unleash: Unleash) -> Checked {
    let (bed, flag) = gated(unleash, "more").await?;
    let of_two = json!({
        "name": "flexibleRollout", "constraints": [], "segments": [],
        "parameters": {"rollout": "40", "stickiness": "userId", "groupId": flag},
    });
    let strategies = format!("projects/default/features/{flag}/environments/{DEVELOPMENT}/strategies");
    bed.unleash.ask("POST", &strategies, Some(of_two)).await?;
    let before = bed.unleash.log(&flag, DEVELOPMENT).await?;
    for (percent, more) in [("30", &[][..]), ("90", NAMED)] {
        ended(&set(&bed, &flag, percent, more).await, 3, "its share is not known")?;
    }
    same("what was done", &bed.unleash.log(&flag, DEVELOPMENT).await?, &before)
}

/// Two captains from 25 %: a share is changed from what its sender saw, or not at all.
async fn two_at_once(unleash: Unleash) -> Checked {
    let (bed, flag) = gated(unleash, "two").await?;
    let (one, other) = tokio::join!(set(&bed, &flag, "50", NAMED), set(&bed, &flag, "60", NAMED));
    let runs = [(&one, "50", "60"), (&other, "60", "50")];
    let said = format!("{}\n{}", one.said(), other.said());
    let done: Vec<&str> = runs.iter().filter(|(run, ..)| run.code() == 0).map(|(_, share, _)| *share).collect();
    holds(&format!("one of them is done: {said}"), !done.is_empty())?;
    // The other one may have set its share from there before this one saw its own.
    let replaced = |(run, _, by): &&(&Run, &str, &str)| {
        run.code() == 1 && run.said().contains(&format!("but not seen yet: it is {by} %"))
    };
    let replaced = runs.iter().filter(replaced).count();
    let refused = runs.iter().filter(|(run, ..)| run.code() == 3).count();
    same(&said, &(done.len() + replaced + refused), &2)?;
    let now = bed.unleash.rollout(&flag, DEVELOPMENT).await?;
    holds(&format!("{now} is what one of them set: {said}"), done.iter().any(|share| now == *share))?;
    let log = bed.unleash.log(&flag, DEVELOPMENT).await?;
    same(&said, &log.iter().filter(|kind| *kind == UPDATED).count(), &(done.len() + replaced))
}
