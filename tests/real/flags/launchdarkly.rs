//! Feature flags of LaunchDarkly, on a server that answers as its published API says. What was sent is told by that server's own
//! state, audit log and list of requests, which the test asks for itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Completion;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::launchdarkly_api::{Fault, LaunchDarklyApi, PRODUCTION, PROJECT, READER, TEST, TOKEN};
use support::program::Run;
use support::{Checked, Program};

use super::ended;
use crate::contract::servers::Servers;
use crate::journeys::by_hand::{confirmed, on_screen};
use crate::suite::{Suite, case};

type Case = fn(Bed) -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const FLAG: &str = "checkout";

const CASES: [(&str, Case); 18] = [
    ("off_is_sent_once_and_recorded", |bed| Box::pin(off_is_sent_once(bed))),
    ("off_is_sent_where_nothing_can_be_listed", |bed| Box::pin(off_while_lists_fail(bed))),
    ("off_goes_on_after_a_conflict", |bed| Box::pin(off_after_a_conflict(bed))),
    ("off_is_sent_with_a_token_that_was_replaced", |bed| Box::pin(off_with_another_token(bed))),
    ("off_that_takes_nothing_away_is_not_done", |bed| Box::pin(off_in_vain(bed))),
    ("a_lost_answer_is_settled_by_looking", |bed| Box::pin(lost_answer(bed))),
    ("a_lost_request_is_found_not_done_and_not_repeated", |bed| Box::pin(lost_request(bed))),
    ("what_the_server_refuses_is_said", |bed| Box::pin(refusals(bed))),
    ("unknown_archived_and_hostile_names_change_nothing", |bed| Box::pin(names(bed))),
    ("read_only_and_a_wrong_token_send_nothing", |bed| Box::pin(without_the_right(bed))),
    ("an_environment_or_project_that_is_not_there_is_an_error", |bed| Box::pin(not_there(bed))),
    ("on_is_sent_for_the_version_that_was_seen", |bed| Box::pin(on_is_conditional(bed))),
    ("a_share_is_set_for_the_version_that_was_seen", |bed| Box::pin(share(bed))),
    ("on_that_lets_nobody_in_is_refused", |bed| Box::pin(on_in_vain(bed))),
    ("who_changed_it_is_told_by_the_audit_log", |bed| Box::pin(changes(bed))),
    ("thousands_of_flags_come_in_pages", |bed| Box::pin(pages(bed))),
    ("garbage_is_no_list_and_off_is_sent", |bed| Box::pin(garbage(bed))),
    ("a_config_that_nobody_trusted_asks_nothing", |bed| Box::pin(untrusted(bed))),
];

pub fn suite() -> Suite {
    let trial = |(name, run): (&'static str, Case)| {
        case(format!("flags::launchdarkly::{name}"), CASE_TIMEOUT, async move || {
            run(Bed::new().await?).await?;
            Ok(Completion::Completed)
        })
    };
    Suite { max_concurrent: 4, cases: CASES.into_iter().map(trial).collect() }
}

/// The program, with one environment in a simulated cluster, whose flags are those of production.
struct Bed {
    api: LaunchDarklyApi,
    program: Program,
    config: String,
    _cluster: support::TestCluster,
}

impl Bed {
    async fn new() -> Checked<Self> {
        let (api, cluster) = (LaunchDarklyApi::start().await?, Servers::Simulator.start().await?);
        api.create(FLAG);
        let program = crate::cockpit()
            .env("KUBECONFIG", cluster.kubeconfig().display().to_string())
            .env("LAUNCHDARKLY_TOKEN", TOKEN.to_owned());
        let config = format!(
            "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = 'bystander'\nprotected = true\n\
             [[checks]]\nid = 'notes'\n\
             [[flags]]\nname = 'ld'\nenvironments = {{ prod = '{PRODUCTION}' }}\n\
             launchdarkly = {{ url = '{}', project = '{PROJECT}', token = {{ env = 'LAUNCHDARKLY_TOKEN' }} }}\n",
            api.url()
        );
        Ok(Self { api, program, config, _cluster: cluster })
    }

    /// The program with a config, named by the user.
    fn with(&self, change: impl Fn(&str) -> String) -> Program {
        let path = self.program.write("flags.toml", &change(&self.config)).display().to_string();
        self.program.clone().args(["--config", &path])
    }

    fn told(&self) -> Program {
        self.with(ToOwned::to_owned)
    }

    async fn off(&self) -> Run {
        self.told().run_async(&["flags", "off", "prod", FLAG, "--yes"]).await
    }

    async fn on(&self) -> Run {
        self.told().run_async(&["flags", "on", "prod", FLAG, "--yes", "--confirm", "prod"]).await
    }

    async fn listed(&self) -> Checked<Value> {
        let run = self.told().run_async(&["flags", "list", "prod", "--all", "-o", "json"]).await;
        let list: Value = serde_json::from_str(&run.out()).map_err(|error| format!("{error}: {}", run.said()))?;
        let flags = list["flags"].as_array().cloned().unwrap_or_default();
        Ok(flags.into_iter().find(|listed| listed["name"] == FLAG).unwrap_or_default())
    }

    /// Whether it was turned off so often, and is on unless it was.
    async fn was_off(&self, times: usize) -> Checked {
        same("times off", &self.api.times_off(FLAG, PRODUCTION).await?, &times)?;
        same("whether it is on", &self.api.is_on(FLAG, PRODUCTION).await?, &(times == 0))
    }
}

/// The screen has been open since before: who presses `K` need not start it again.
async fn off_with_another_token(bed: Bed) -> Checked {
    let program = bed.with(|config| config.replace("{ env = 'LAUNCHDARKLY_TOKEN' }", "{ file = 'token' }"));
    program.write("token", TOKEN);
    let api = Arc::new(bed.api);
    let (server, screen) = (Arc::clone(&api), program.clone());
    on_screen(&program, move |pty| {
        pty.send("7");
        pty.wait_text(FLAG);
        server.rotate("another-token-of-the-test");
        screen.write("token", "another-token-of-the-test");
        confirmed(pty, "K", "Turn off");
        pty.wait_text("done:");
    })
    .await?;
    same("times off", &api.times_off(FLAG, PRODUCTION).await?, &1)?;
    same("whether it is on", &api.is_on(FLAG, PRODUCTION).await?, &false)
}

async fn off_is_sent_once(bed: Bed) -> Checked {
    let listed = bed.listed().await?;
    same("its share", &listed["percent"], &json!(25))?;
    same("its owner", &listed["owner"], &json!("ada@shop.example"))?;
    same("its type", &listed["type"], &json!("temporary"))?;
    same("its tags", &listed["tags"], &json!(["web"]))?;
    ended(&bed.off().await, 0, "done: it is off")?;
    bed.was_off(1).await?;
    holds("it is on in the other environment", bed.api.is_on(FLAG, TEST).await?)?;
    let patches = bed.api.patches().await?;
    same("patches", &patches.len(), &1)?;
    says(&patches[0], &format!("PATCH /api/v2/flags/{PROJECT}/{FLAG} "))?;
    says(&patches[0], "turnFlagOff")?;
    same("the state", &bed.listed().await?["state"], &json!("off"))?;
    let journal = bed.told().run_async(&["log", "show"]).await;
    says(&journal.said(), &format!("turn off flag {FLAG}"))
}

async fn off_while_lists_fail(bed: Bed) -> Checked {
    bed.api.fails(Fault::NoLists);
    ended(&bed.off().await, 0, "done: it is off")?;
    bed.was_off(1).await
}

async fn off_after_a_conflict(bed: Bed) -> Checked {
    bed.api.fails(Fault::ConflictOnce);
    ended(&bed.off().await, 0, "done: it is off")?;
    bed.was_off(1).await?;
    same("patches", &bed.api.patches().await?.len(), &2)
}

async fn off_in_vain(bed: Bed) -> Checked {
    bed.api.set(FLAG, &json!({"offVariation": 0}));
    let off = bed.off().await;
    ended(&off, 1, "but not seen yet: it is on")?;
    says(&off.said(), "its off variation is `true`")?;
    holds("it was sent", !bed.api.is_on(FLAG, PRODUCTION).await?)?;
    same("the state", &bed.listed().await?["state"], &json!("on"))?;
    bed.api.set(FLAG, &json!({"offVariation": null}));
    same("the state", &bed.listed().await?["state"], &json!("some"))?;
    let off = bed.off().await;
    ended(&off, 1, "but not seen yet: it is on for some")?;
    says(&off.said(), "it has no off variation")
}

async fn lost_answer(bed: Bed) -> Checked {
    bed.api.fails(Fault::AnswerLost);
    ended(&bed.off().await, 0, "found done: it is off")?;
    bed.was_off(1).await?;
    same("patches", &bed.api.patches().await?.len(), &1)
}

async fn lost_request(bed: Bed) -> Checked {
    bed.api.fails(Fault::RequestLost);
    ended(&bed.off().await, 1, "found not done: it is 25 %")?;
    bed.was_off(0).await?;
    same("patches", &bed.api.patches().await?.len(), &1)
}

async fn refusals(bed: Bed) -> Checked {
    for (fault, words) in [
        (
            Fault::Says(405, "method_not_allowed", "Flag updates require approval"),
            "Flag updates require approval; ask for",
        ),
        (Fault::Says(403, "forbidden", "Access was denied"), "refused: 403: Access was denied"),
        (
            Fault::Says(400, "invalid_request", "a pending change would fail"),
            "refused: 400: a pending change would fail",
        ),
        (Fault::TooMany(60_000), "too many requests, again in "),
    ] {
        bed.api.fails(fault);
        let before = bed.api.patches().await?.len();
        ended(&bed.off().await, 3, words)?;
        same("patches", &bed.api.patches().await?.len(), &(before + 1))?;
        bed.was_off(0).await?;
    }
    ended(&bed.told().run_async(&["flags", "list", "prod"]).await, 4, "too many requests, again in ")
}

async fn names(bed: Bed) -> Checked {
    for hostile in ["no-such-flag", "..", "../..", "%2e%2e", "../shop/checkout", "a\u{1b}[2Jb", "ä?x#y"] {
        let run = bed.told().run_async(&["flags", "off", "prod", hostile, "--yes"]).await;
        same(&format!("{hostile:?}: {}", run.said()), &run.code(), &3)?;
        holds("no control character is printed", !run.said().contains('\u{1b}'))?;
    }
    for patch in bed.api.patches().await? {
        let path = patch.split(' ').nth(1).unwrap_or_default();
        same(&format!("parts of {path}"), &path.split('/').count(), &6)?;
        holds(&format!("{path} has no query"), !path.contains('?'))?;
    }
    bed.was_off(0).await?;
    bed.api.archive(FLAG);
    same("it is listed no more", &bed.listed().await?, &Value::Null)?;
    ended(&bed.on().await, 3, "unknown or archived")
}

async fn without_the_right(bed: Bed) -> Checked {
    let read_only = bed.with(|config| config.replace("protected = true", "read_only = true"));
    ended(&read_only.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 3, "read-only")?;
    same("patches", &bed.api.patches().await?.len(), &0)?;
    let reader = bed.told().env("LAUNCHDARKLY_TOKEN", READER);
    ended(&reader.run_async(&["flags", "list", "prod"]).await, 0, "25 %")?;
    ended(&reader.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 3, "refused: 403: Forbidden")?;
    let wrong = bed.told().env("LAUNCHDARKLY_TOKEN", "api-a-wrong-token-of-nobody");
    let run = wrong.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await;
    ended(&run, 3, "401")?;
    holds("the token is not shown", !run.said().contains("a-wrong-token-of-nobody"))?;
    ended(&wrong.run_async(&["flags", "list", "prod"]).await, 4, "401")?;
    bed.was_off(0).await
}

async fn not_there(bed: Bed) -> Checked {
    let elsewhere = bed.with(|config| config.replace(&format!("prod = '{PRODUCTION}'"), "prod = 'of-nobody'"));
    let listed = elsewhere.run_async(&["flags", "list", "prod", "--all"]).await;
    ended(&listed, 4, "there is no environment of-nobody in project shop")?;
    ended(&elsewhere.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 3, "Unknown environment key")?;
    let project = bed.with(|config| config.replace(&format!("project = '{PROJECT}'"), "project = 'of-nobody'"));
    ended(&project.run_async(&["flags", "list", "prod", "--all"]).await, 4, "Unknown project key")?;
    ended(&project.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 3, "404")?;
    bed.was_off(0).await
}

async fn on_is_conditional(bed: Bed) -> Checked {
    ended(&bed.off().await, 0, "done: it is off")?;
    bed.api.fails(Fault::SomebodyFirst);
    ended(&bed.on().await, 3, "who gets the flag was changed")?;
    holds("it is off still", !bed.api.is_on(FLAG, PRODUCTION).await?)?;
    bed.api.fails(Fault::None);
    bed.told().run_async(&["freeze", "prod", "--until", "23:59", "--note", "incident"]).await;
    ended(&bed.on().await, 3, "frozen")?;
    ended(&bed.told().run_async(&["unfreeze", "prod", "--note", "over"]).await, 0, "")?;
    let before = bed.api.patches().await?.len();
    ended(&bed.on().await, 0, "done")?;
    holds("it is on", bed.api.is_on(FLAG, PRODUCTION).await?)?;
    let patches = bed.api.patches().await?;
    same("patches", &patches.len(), &(before + 1))?;
    says(&patches[before], "\"op\":\"test\",\"path\":\"/environments/production/version\"")?;
    same("its share", &bed.listed().await?["percent"], &json!(25))
}

async fn share(bed: Bed) -> Checked {
    let set = async |percent: &str| {
        bed.told().run_async(&["flags", "set", "prod", FLAG, percent, "--yes", "--confirm", "prod"]).await
    };
    bed.told().run_async(&["freeze", "prod", "--until", "23:59", "--note", "incident"]).await;
    ended(&set("50").await, 3, "frozen")?;
    ended(&set("10").await, 0, "done: it is 10 %")?;
    ended(&bed.told().run_async(&["unfreeze", "prod", "--note", "over"]).await, 0, "")?;
    bed.api.fails(Fault::SomebodyFirst);
    ended(&set("50").await, 3, "who gets the flag was changed")?;
    same("its share", &bed.listed().await?["percent"], &json!(10))?;
    bed.api.fails(Fault::None);
    ended(&bed.off().await, 0, "done: it is off")?;
    ended(&set("50").await, 0, "done: it is 50 %")?;
    holds("it is on", bed.api.is_on(FLAG, PRODUCTION).await?)?;
    ended(&set("100").await, 0, "done: it is on")?;
    bed.api.set(FLAG, &json!({"targets": [{"values": ["ada"], "variation": 1, "contextKind": "user"}]}));
    ended(&set("20").await, 3, "its share is not known")
}

async fn on_in_vain(bed: Bed) -> Checked {
    bed.api.set(FLAG, &json!({"fallthrough": {"variation": 1}}));
    same("the state", &bed.listed().await?["state"], &json!("off"))?;
    ended(&bed.on().await, 3, "its rules let nobody in")?;
    same("patches", &bed.api.patches().await?.len(), &0)
}

async fn changes(bed: Bed) -> Checked {
    bed.api.set(FLAG, &json!({"trackEvents": true}));
    let listed = bed.listed().await?;
    same("who changed it", &listed["changed"]["by"], &json!("ops@shop.example"))
}

async fn pages(bed: Bed) -> Checked {
    for number in 0..4_999 {
        bed.api.create(&format!("flag-{number}"));
    }
    let run = bed.told().run_async(&["flags", "list", "prod", "--all", "-o", "json"]).await;
    let list: Value = serde_json::from_str(&run.out()).map_err(|error| format!("{error}: {}", run.said()))?;
    let names: std::collections::BTreeSet<&str> =
        list["flags"].as_array().into_iter().flatten().filter_map(|flag| flag["name"].as_str()).collect();
    same("flags", &names.len(), &5_000)?;
    let asked = bed.api.requests().await?;
    let pages = asked.iter().filter(|line| line.contains("sort=creationDate")).count();
    same("pages", &pages, &50)?;
    ended(&bed.off().await, 0, "done: it is off")?;
    bed.was_off(1).await
}

async fn garbage(bed: Bed) -> Checked {
    for garbage in ["", "<html>", "[]", "{\"items\": [{}]}", "{\"items\": [], \"totalCount\": \"many\"}"] {
        bed.api.fails(Fault::Garbage(garbage));
        let listed = bed.told().run_async(&["flags", "list", "prod"]).await;
        ended(&listed, 4, "the answer is none of LaunchDarkly's REST API")?;
    }
    // It is sent; what came of it cannot be seen.
    let off = bed.off().await;
    same(&off.said(), &off.code(), &1)?;
    bed.was_off(1).await
}

async fn untrusted(bed: Bed) -> Checked {
    bed.program.write("cockpit.toml", &bed.config);
    let here = bed.program.clone().current_dir(bed.program.path(""));
    ended(&here.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 3, "not trusted")?;
    same("requests", &bed.api.requests().await?.len(), &0)?;
    ended(&here.run_async(&["trust", "--yes"]).await, 0, "")?;
    ended(&here.run_async(&["flags", "off", "prod", FLAG, "--yes"]).await, 0, "done: it is off")?;
    bed.was_off(1).await
}
