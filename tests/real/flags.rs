//! Feature flags on a simulated and on a real Unleash. What was sent is told by its own event log, which the program does not
//! write.
//!
//! The real one is an Unleash 7.5.1 that nobody else uses, named by `UNLEASH_URL` and `UNLEASH_ADMIN_TOKEN`; without, its cases
//! are ignored.

pub mod command;
pub mod flagd;
pub mod flagd_file;
mod front;
pub mod launchdarkly;
mod share;
pub mod table;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::Completion;
use serde_json::{Value, json};
use simulator::unleash::{ADMIN_TOKEN, Unleash as Simulated};
use support::check::{holds, same, says};
use support::program::Run;
use support::unleash::{DEVELOPMENT, PRODUCTION, Unleash};
use support::{Checked, Program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::front::{Fate, front};
use crate::contract::servers::Servers;
use crate::suite::{Suite, case};

type Case = fn(Unleash) -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, Case); 14] = [
    ("off_is_sent_once_and_recorded", |unleash| Box::pin(off_is_sent_once(unleash))),
    ("off_touches_one_environment", |unleash| Box::pin(off_touches_one_environment(unleash))),
    ("off_is_sent_where_nothing_can_be_listed", |unleash| Box::pin(off_while_lists_fail(unleash))),
    ("a_lost_answer_is_settled_by_looking", |unleash| Box::pin(lost_answer(unleash))),
    ("a_lost_request_is_found_not_done_and_not_repeated", |unleash| Box::pin(lost_request(unleash))),
    ("what_the_server_refuses_is_said", |unleash| Box::pin(refusals(unleash))),
    ("unknown_archived_and_hostile_names_change_nothing", |unleash| Box::pin(names(unleash))),
    ("read_only_and_a_wrong_token_send_nothing", |unleash| Box::pin(without_the_right(unleash))),
    ("off_is_refused_where_the_environment_is_not_there", |unleash| Box::pin(no_such_environment(unleash))),
    ("off_waits_for_a_token_that_takes_its_time", |unleash| Box::pin(slow_token(unleash))),
    ("off_ends_and_may_be_tried_again_where_nothing_answers", |unleash| Box::pin(silence(unleash))),
    ("lint_finds_what_is_overdue_and_missing", |unleash| Box::pin(lint(unleash))),
    ("on_is_refused_in_a_freeze", |unleash| Box::pin(on_is_gated(unleash))),
    ("on_turns_a_flag_on_where_every_gate_is_green", |unleash| Box::pin(on_is_sent(unleash))),
];

pub fn suite() -> Suite {
    let trial = |server: Server, (name, run): (&'static str, Case)| {
        case(format!("flags::{}::{name}", server.as_str()), CASE_TIMEOUT, async move || {
            let Some((unleash, _ends)) = server.start().await? else {
                return Ok(Completion::ignored_with("no Unleash: UNLEASH_URL and UNLEASH_ADMIN_TOKEN name one"));
            };
            run(unleash).await?;
            Ok(Completion::Completed)
        })
    };
    let on = |server| CASES.into_iter().chain(share::CASES).map(move |case| trial(server, case));
    Suite { max_concurrent: 2, cases: on(Server::Simulator).chain(on(Server::Unleash)).collect() }
}

/// Whose flags they are.
#[derive(Clone, Copy)]
enum Server {
    /// The embedded simulator's, a fresh one for each case.
    Simulator,
    /// The real one's.
    Unleash,
}

impl Server {
    fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Unleash => "unleash",
        }
    }

    /// Returns it as its administrator sees it, and what ends it; `None` where there is none.
    async fn start(self) -> Checked<Option<(Unleash, Option<DropGuard>)>> {
        match self {
            Self::Simulator => {
                let shutdown = CancellationToken::new();
                let address = Simulated::new([DEVELOPMENT, PRODUCTION]).serve(&shutdown).await?;
                let (url, token) = (format!("http://{address}"), ADMIN_TOKEN.to_owned());
                Ok(Some((Unleash { url, token }, Some(shutdown.drop_guard()))))
            }
            Self::Unleash => Ok(Unleash::of_environment().map(|unleash| (unleash, None))),
        }
    }
}

/// The program, with one environment in a simulated cluster, whose flags are those of development.
struct Bed {
    unleash: Unleash,
    program: Program,
    /// The same, told no config yet.
    plain: Program,
    _cluster: support::TestCluster,
}

impl Bed {
    async fn new(unleash: Unleash) -> Checked<Self> {
        let url = unleash.url.clone();
        Self::at(unleash, &url, "").await
    }

    /// With flags at this address, and more in the environment's section.
    async fn at(unleash: Unleash, url: &str, more: &str) -> Checked<Self> {
        let cluster = Servers::Simulator.start().await?;
        let program = crate::cockpit()
            .env("KUBECONFIG", cluster.kubeconfig().display().to_string())
            .env("UNLEASH_TOKEN", unleash.token.clone());
        let config = format!(
            "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = 'bystander'\n{more}\n\
             [[flags]]\nname = 'unleash'\nenvironments = {{ prod = '{DEVELOPMENT}' }}\n\
             unleash = {{ url = '{url}', token = {{ env = 'UNLEASH_TOKEN' }} }}\n"
        );
        let path = program.write("flags.toml", &config);
        let plain = program.clone();
        let program = program.arg("--config").arg(path.display().to_string());
        Ok(Self { unleash, program, plain, _cluster: cluster })
    }

    /// The program with the flags of another environment.
    fn with_environment(&self, environment: &str) -> Checked<Program> {
        self.with_config(|config| {
            config.replace(&format!("prod = '{DEVELOPMENT}'"), &format!("prod = '{environment}'"))
        })
    }

    fn with_config(&self, change: impl Fn(&str) -> String) -> Checked<Program> {
        let config = std::fs::read_to_string(self.program.path("flags.toml"))?;
        let path = self.program.write("changed.toml", &change(&config)).display().to_string();
        Ok(self.plain.clone().args(["--config", &path]))
    }

    async fn off(&self, flag: &str) -> Run {
        self.program.run_async(&["flags", "off", "prod", flag, "--yes"]).await
    }

    async fn listed(&self, flag: &str) -> Checked<Value> {
        let run = self.program.run_async(&["flags", "list", "prod", "--all", "-o", "json"]).await;
        let list: Value = serde_json::from_str(&run.out()).map_err(|error| format!("{error}: {}", run.said()))?;
        let flags = list["flags"].as_array().cloned().unwrap_or_default();
        Ok(flags.into_iter().find(|listed| listed["name"] == flag).unwrap_or_default())
    }
}

fn ended(run: &Run, code: i32, words: &str) -> Checked {
    same(&run.said(), &run.code(), &code)?;
    says(&run.said(), words)
}

async fn off_is_sent_once(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("once").await?;
    let listed = bed.listed(&flag).await?;
    same("its share", &listed["percent"], &json!(25))?;
    holds("its owner is known", listed["owner"].is_string())?;
    ended(&bed.off(&flag).await, 0, "done: it is off")?;
    same("times off", &bed.unleash.times_off(&flag, DEVELOPMENT).await?, &1)?;
    same("the state", &bed.listed(&flag).await?["state"], &json!("off"))?;
    // As wanted already, whether that is known in time or not.
    ended(&bed.off(&flag).await, 0, "off")?;
    same("times off", &bed.unleash.times_off(&flag, DEVELOPMENT).await?, &1)?;
    let journal = bed.program.run_async(&["log", "show"]).await;
    says(&journal.said(), &format!("turn off flag {flag}"))
}

async fn lint(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("lint").await?;
    let of_release = |name: &str| {
        let name = name.to_owned();
        bed.with_config(move |config| format!("{config}of_release = ['{name}']\n"))
    };
    let lint = ["flags", "lint", "prod"];
    let program = of_release(&flag)?;
    ended(&program.run_async(&lint).await, 0, "prod: 1 flag, nothing wrong")?;
    bed.unleash.tag(&flag, "remove-by:2020-01-31").await?;
    ended(&program.run_async(&lint).await, 3, &format!("prod: {flag}: was to be removed by 2020-01-31"))?;
    let run = program.run_async(&["flags", "lint", "-o", "json"]).await;
    let report: Value = serde_json::from_str(&run.out())?;
    same("the problem", &report["flags"][0]["problems"][0]["problem"], &json!("overdue"))?;
    same("the day", &report["flags"][0]["remove_by"], &json!("2020-01-31"))?;
    bed.unleash.tag(&flag, "ticket:PAY-123").await?;
    let run = program.run_async(&["flags", "list", "prod", "-o", "json"]).await;
    let report: Value = serde_json::from_str(&run.out())?;
    same("the ticket", &report["flags"][0]["ticket"], &json!("PAY-123"))?;
    same("what names it", &report["flags"][0]["named_by"], &json!({"by": "config"}))?;
    let missing = of_release("nobody-made-it")?;
    ended(&missing.run_async(&lint).await, 3, "nobody-made-it: the release names it, and no provider has it")?;
    let silent = bed.with_config(|config| config.replace(&bed.unleash.url, "http://127.0.0.1:9"))?;
    ended(&silent.run_async(&lint).await, 4, "nothing wrong as far as is known")
}

async fn off_touches_one_environment(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("one-environment").await?;
    ended(&bed.off(&flag).await, 0, "done")?;
    holds("it is on in production", bed.unleash.is_on(&flag, PRODUCTION).await?)?;
    same("times off in production", &bed.unleash.times_off(&flag, PRODUCTION).await?, &0)
}

#[derive(Clone, Copy)]
enum Fault {
    /// What becomes of requests that turn a flag off.
    OfOff(Fate),
    /// They are served; every list is answered with 503.
    NoLists,
}

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TOO_MANY: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const CHANGE_REQUEST: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 62\r\n\
                              connection: close\r\n\r\n\
                              {\"message\":\"Change requests are enabled in this environment\"}\n";
const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\ncontent-length: 32\r\n\
                        connection: close\r\n\r\n{\"message\":\"somebody was first\"}";

/// Stands before Unleash, and returns its address.
async fn unleash_behind(unleash: &Unleash, fault: Fault) -> Checked<String> {
    let server = unleash.url.trim_start_matches("http://").to_owned();
    let address = front(server, move |asked| {
        let turns = asked.contains("/off HTTP/1.1");
        let lists = ["/features HTTP/1.1", "/features-batch/", "/search/"].iter().any(|path| asked.contains(path));
        match fault {
            Fault::NoLists if lists => Fate::Answered(UNAVAILABLE),
            Fault::OfOff(fate) if turns => fate,
            Fault::NoLists | Fault::OfOff(_) => Fate::Arrives,
        }
    });
    Ok(format!("http://{}", address.await?))
}

/// Turns a flag off under a fault; returns the run, and how often the event log says that it was.
async fn off_under(unleash: Unleash, fault: Fault) -> Checked<(Run, usize)> {
    let (flag, url) = (unleash.create("fault").await?, unleash_behind(&unleash, fault).await?);
    let bed = Bed::at(unleash, &url, "").await?;
    let run = bed.off(&flag).await;
    let times = bed.unleash.times_off(&flag, DEVELOPMENT).await?;
    same("whether it is on", &bed.unleash.is_on(&flag, DEVELOPMENT).await?, &(times == 0))?;
    Ok((run, times))
}

async fn off_while_lists_fail(unleash: Unleash) -> Checked {
    let (run, times) = off_under(unleash, Fault::NoLists).await?;
    ended(&run, 0, "done: it is off")?;
    same("times off", &times, &1)
}

async fn lost_answer(unleash: Unleash) -> Checked {
    let (run, times) = off_under(unleash, Fault::OfOff(Fate::LosesAnswer)).await?;
    ended(&run, 0, "found done: it is off")?;
    same("times off", &times, &1)
}

async fn lost_request(unleash: Unleash) -> Checked {
    let (run, times) = off_under(unleash, Fault::OfOff(Fate::IsLost)).await?;
    ended(&run, 1, "found not done: it is 25 %")?;
    same("times off", &times, &0)
}

async fn refusals(unleash: Unleash) -> Checked {
    let answers = [
        (TOO_MANY, "refused: 429: too many requests, again in 7 s"),
        (CHANGE_REQUEST, "Change requests are enabled in this environment; make one in Unleash"),
        (CONFLICT, "refused: 409: somebody was first"),
    ];
    for (answer, words) in answers {
        let (run, times) = off_under(unleash.clone(), Fault::OfOff(Fate::Answered(answer))).await?;
        ended(&run, 3, words)?;
        same("times off", &times, &0)?;
    }
    Ok(())
}

async fn names(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("names").await?;
    for hostile in ["no-such-flag", "..", "../..", "%2e%2e", &format!("../features/{flag}"), "a\u{1b}[2Jb", "ä?x#y"] {
        let run = bed.off(hostile).await;
        same(&format!("{hostile:?}: {}", run.said()), &run.code(), &3)?;
        holds("no control character is printed", !run.said().contains('\u{1b}'))?;
    }
    bed.unleash.ask("DELETE", &format!("projects/default/features/{flag}"), None).await?;
    ended(&bed.off(&flag).await, 3, "archived")?;
    same("times off", &bed.unleash.times_off(&flag, DEVELOPMENT).await?, &0)
}

async fn without_the_right(unleash: Unleash) -> Checked {
    let (flag, url) = (unleash.create("rights").await?, unleash.url.clone());
    let bed = Bed::at(unleash, &url, "read_only = true").await?;
    ended(&bed.off(&flag).await, 3, "read-only")?;
    let wrong = Bed::new(bed.unleash.clone()).await?;
    let program = wrong.program.clone().env("UNLEASH_TOKEN", "*:*.a-wrong-token-of-nobody");
    let run = program.run_async(&["flags", "off", "prod", &flag, "--yes"]).await;
    ended(&run, 3, "401")?;
    holds("the token is not shown", !run.said().contains("a-wrong-token-of-nobody"))?;
    ended(&program.run_async(&["flags", "list", "prod"]).await, 4, "401")?;
    same("times off", &bed.unleash.times_off(&flag, DEVELOPMENT).await?, &0)
}

async fn on_is_gated(unleash: Unleash) -> Checked {
    let (flag, url) = (unleash.create("gated").await?, unleash.url.clone());
    let bed = Bed::at(unleash, &url, "protected = true").await?;
    ended(&bed.off(&flag).await, 0, "done")?;
    bed.program.run_async(&["freeze", "prod", "--until", "23:59", "--note", "incident"]).await;
    let run = bed.program.run_async(&["flags", "on", "prod", &flag, "--yes", "--confirm", "prod"]).await;
    ended(&run, 3, "frozen")?;
    ended(&bed.off(&flag).await, 0, "done: it is off")?;
    holds("it is off", !bed.unleash.is_on(&flag, DEVELOPMENT).await?)
}

async fn on_is_sent(unleash: Unleash) -> Checked {
    let (flag, url) = (unleash.create("on").await?, unleash.url.clone());
    let bed = Bed::at(unleash, &url, "protected = true\n\n[[checks]]\nid = \"notes\"").await?;
    ended(&bed.off(&flag).await, 0, "done")?;
    let unnamed = bed.program.run_async(&["flags", "on", "prod", &flag, "--yes"]).await;
    holds(&format!("it wants the name: {}", unnamed.said()), unnamed.code() != 0)?;
    holds("it is off still", !bed.unleash.is_on(&flag, DEVELOPMENT).await?)?;
    let run = bed.program.run_async(&["flags", "on", "prod", &flag, "--yes", "--confirm", "prod"]).await;
    ended(&run, 0, "done")?;
    holds("it is on", bed.unleash.is_on(&flag, DEVELOPMENT).await?)?;
    // Its strategy lets a quarter in, which is not changed.
    let listed = bed.program.run_async(&["flags", "list", "prod", "--all"]).await;
    let line = listed.said().lines().find(|line| line.contains(&flag)).map(str::to_owned).unwrap_or_default();
    says(&line, "25 %")
}

/// What the config calls an environment is no environment there: no list says so of every flag, and none is off.
async fn no_such_environment(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("elsewhere").await?;
    let elsewhere = bed.with_environment("staging-of-nobody")?;
    let listed = elsewhere.run_async(&["flags", "list", "prod", "--all"]).await;
    ended(&listed, 4, "there is no environment staging-of-nobody")?;
    let off = elsewhere.run_async(&["flags", "off", "prod", &flag, "--yes"]).await;
    holds(&format!("it is no success: {}", off.said()), off.code() != 0)?;
    holds("it is on still", bed.unleash.is_on(&flag, DEVELOPMENT).await?)
}

async fn slow_token(unleash: Unleash) -> Checked {
    let bed = Bed::new(unleash).await?;
    let flag = bed.unleash.create("token").await?;
    let token = "{ command = ['sh', '-c', 'sleep 2; echo \"$UNLEASH_TOKEN\"'] }";
    let slow = bed.with_config(|config| config.replace("{ env = 'UNLEASH_TOKEN' }", token))?;
    ended(&slow.run_async(&["flags", "off", "prod", &flag, "--yes"]).await, 0, "done: it is off")?;
    same("times off", &bed.unleash.times_off(&flag, DEVELOPMENT).await?, &1)
}

/// Every request ends in a 503: whether the flag was turned is not known, and it can be tried again.
async fn silence(unleash: Unleash) -> Checked {
    let flag = unleash.create("silence").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok() {
                    let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    // Whoever asked may be gone.
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    let bed = Bed::at(unleash, &format!("http://{address}"), "").await?;
    let first = bed.off(&flag).await;
    ended(&first, 1, "nothing was heard since")?;
    let again = bed.with_config(|config| config.replace(&format!("http://{address}"), &bed.unleash.url))?;
    let again = again.run_async(&["flags", "off", "prod", &flag, "--yes"]).await;
    ended(&again, 0, "done: it is off")
}
