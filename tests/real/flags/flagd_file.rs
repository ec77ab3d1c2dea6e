//! Feature flags of flagd in a file of a git repository. What was committed is told by `git` in the repository itself.

use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::Completion;
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::git::{FlagsRepository, git};
use support::program::Run;
use support::{Checked, Program, TestCluster, until};

use super::ended;
use super::flagd::DOCUMENT;
use crate::contract::servers::Servers;
use crate::suite::{Suite, case};

type Case = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, Case); 14] = [
    ("off_is_one_commit_and_the_rest_stays", || Box::pin(off_is_one_commit())),
    ("a_share_is_one_commit_and_the_rest_stays", || Box::pin(share())),
    ("off_goes_on_where_somebody_committed_in_between", || Box::pin(off_after_a_conflict())),
    ("on_is_refused_where_somebody_committed_in_between", || Box::pin(on_after_a_conflict())),
    ("on_is_refused_in_a_freeze", || Box::pin(on_is_gated())),
    ("what_the_server_refuses_is_said_and_nothing_is_written", || Box::pin(refused())),
    ("a_lost_answer_is_settled_by_looking", || Box::pin(lost_answer())),
    ("a_push_without_an_answer_may_still_come", || Box::pin(no_answer())),
    ("a_push_that_is_late_does_not_come_after_an_off", || Box::pin(late_push())),
    ("it_is_committed_where_nobody_ever_committed", || Box::pin(without_an_identity())),
    ("what_cannot_be_read_is_said_and_nothing_is_written", || Box::pin(unreadable())),
    ("commits_tell_who_changed_a_flag_before_anybody_watched", || Box::pin(history())),
    ("each_environment_has_a_file_of_its_own", || Box::pin(file_of_each_environment())),
    ("read_only_and_a_config_that_nobody_trusted_write_nothing", || Box::pin(without_the_right())),
];

pub fn suite() -> Suite {
    let trial = |(name, run): (&'static str, Case)| {
        case(format!("flags::flagd_file::{name}"), CASE_TIMEOUT, async move || {
            run().await?;
            Ok(Completion::Completed)
        })
    };
    Suite { max_concurrent: 4, cases: CASES.into_iter().map(trial).collect() }
}

const FILE: &str = "flags/prod.json";

struct Bed {
    repository: FlagsRepository,
    program: Program,
    _cluster: TestCluster,
}

impl Bed {
    async fn new() -> Checked<Self> {
        Self::with("").await
    }

    /// With more in the environment's section.
    async fn with(more: &str) -> Checked<Self> {
        let cluster = Servers::Simulator.start().await?;
        let repository = FlagsRepository::create(FILE, DOCUMENT)?;
        let program = crate::cockpit().env("KUBECONFIG", cluster.kubeconfig().display().to_string());
        program.write(
            "cockpit.toml",
            &format!(
                "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = 'bystander'\n{more}\n\
                 [[flags]]\nname = 'git'\n[flags.flagd]\nrepository = '{}'\npath = 'flags/{{environment}}.json'\n\
                 author_name = 'Release Cockpit'\nauthor_mail = 'releases@shop.example'\n",
                repository.address()
            ),
        );
        Ok(Self { repository, program, _cluster: cluster })
    }

    async fn run(&self, words: &[&str]) -> Run {
        let path = self.program.path("cockpit.toml").display().to_string();
        self.program.clone().args(["--config", &path]).run_async(words).await
    }

    async fn turn(&self, turn: &str, flag: &str) -> Run {
        self.run(&["flags", turn, "prod", flag, "--yes"]).await
    }

    async fn listed(&self, flag: &str) -> Checked<Value> {
        let run = self.run(&["flags", "list", "prod", "--all", "-o", "json"]).await;
        let list: Value = serde_json::from_str(&run.out()).map_err(|error| format!("{error}: {}", run.said()))?;
        let flags = list["flags"].as_array().cloned().unwrap_or_default();
        flags.into_iter().find(|listed| listed["name"] == flag).ok_or_else(|| format!("no {flag}: {list}").into())
    }

    fn git(&self, words: &[&str]) -> Checked<String> {
        git(&self.repository.bare(), words)
    }

    fn commits(&self) -> Checked<usize> {
        Ok(self.repository.subjects()?.len())
    }

    /// Has the server run a script.
    fn hook(&self, name: &str, script: &str) -> Checked {
        let hook = self.repository.bare().join("hooks").join(name);
        std::fs::create_dir_all(self.repository.bare().join("hooks"))?;
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// Has somebody's commit arrive while the next push does.
    fn somebody_commits_meanwhile(&self, path: &str, text: &str) -> Checked {
        self.repository.commit("bob", path, text)?;
        self.repository.push("theirs")?;
        self.hook(
            "pre-receive",
            "rm \"$0\"\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
             git update-ref refs/heads/main refs/heads/theirs",
        )
    }
}

/// With `banner` off.
fn banner_off() -> String {
    DOCUMENT.replacen("\"defaultVariant\": \"on\"", "\"defaultVariant\": \"off\"", 1)
}

async fn off_is_one_commit() -> Checked {
    let bed = Bed::new().await?;
    same("its share", &bed.listed("checkout").await?["percent"], &json!(25))?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off; users notice once the commit is applied")?;
    same("the document", &bed.repository.file(FILE)?, &banner_off())?;
    same(
        "the commits",
        &bed.repository.subjects()?.join("; ").as_str(),
        &"flags: turn off banner in prod; flags/prod.json by hand",
    )?;
    let author = bed.git(&["log", "-1", "--format=%an <%ae>", "main"])?;
    same("who committed", &author.trim(), &"Release Cockpit <releases@shop.example>")?;
    same("the files", &bed.git(&["show", "--name-only", "--format=", "main"])?.trim(), &FILE)?;
    let (journal, commit) = (bed.run(&["log", "show"]).await, bed.git(&["rev-parse", "--short=8", "main"])?);
    says(&journal.said(), "turn off flag banner")?;
    says(&journal.said(), &format!("in commit {}", commit.trim()))?;
    // As wanted already: nothing is committed.
    ended(&bed.turn("off", "banner").await, 0, "off")?;
    same("commits", &bed.commits()?, &2)?;
    ended(&bed.turn("off", "colour").await, 0, "done: it is off")?;
    let document: Value = serde_json::from_str(&bed.repository.file(FILE)?)?;
    same("a flag without an off", &document["flags"]["colour"]["state"], &json!("DISABLED"))?;
    ended(&bed.turn("off", "no-such-flag").await, 3, "there is no flag no-such-flag")?;
    same("commits", &bed.commits()?, &3)
}

async fn share() -> Checked {
    let bed = Bed::with("\n[[checks]]\nid = 'notes'").await?;
    ended(&bed.run(&["flags", "set", "prod", "checkout", "10", "--yes"]).await, 0, "done: it is 10 %")?;
    let rule = r#"{ "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] }"#;
    let set = DOCUMENT.replace(rule, r#"{"fractional": [{ "var": "email" }, ["on", 10], ["off", 90]]}"#);
    same("the document", &bed.repository.file(FILE)?, &set)?;
    same(
        "the commit",
        &bed.repository.subjects()?.first().map(String::as_str),
        &Some("flags: set checkout to 10 % in prod"),
    )?;
    ended(&bed.run(&["flags", "set", "prod", "colour", "50", "--yes"]).await, 3, "is no boolean flag")?;
    same("commits", &bed.commits()?, &2)
}

async fn off_after_a_conflict() -> Checked {
    let bed = Bed::new().await?;
    let theirs = DOCUMENT.replace("\"red\": \"f00\"", "\"red\": \"e00\"");
    bed.somebody_commits_meanwhile(FILE, &theirs)?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    let both = theirs.replacen("\"defaultVariant\": \"on\"", "\"defaultVariant\": \"off\"", 1);
    same("both changes are there", &bed.repository.file(FILE)?, &both)?;
    let subjects = bed.repository.subjects()?;
    same("the commits", &subjects.len(), &3)?;
    same("ours follows on theirs", &subjects[0].as_str(), &"flags: turn off banner in prod")
}

async fn on_after_a_conflict() -> Checked {
    let bed = Bed::with("\n[[checks]]\nid = 'notes'").await?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    ended(&bed.turn("on", "banner").await, 0, "done: it is on")?;
    same("the document", &bed.repository.file(FILE)?.as_str(), &DOCUMENT)?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    // Somebody else turns it on with a targeting of theirs.
    let targeting = "\"defaultVariant\": \"off\", \"targeting\": {\"fractional\": [[\"on\", 5], [\"off\", 95]]}";
    let theirs = banner_off().replacen("\"defaultVariant\": \"off\"", targeting, 1);
    bed.somebody_commits_meanwhile(FILE, &theirs)?;
    ended(&bed.turn("on", "banner").await, 3, "the flag is 5 % instead of off")?;
    same("the document is theirs", &bed.repository.file(FILE)?, &theirs)
}

async fn on_is_gated() -> Checked {
    let bed = Bed::with("protected = true").await?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    bed.run(&["freeze", "prod", "--until", "23:59", "--note", "incident"]).await;
    let on = bed.run(&["flags", "on", "prod", "banner", "--yes", "--confirm", "prod"]).await;
    ended(&on, 3, "frozen")?;
    ended(&bed.turn("off", "checkout").await, 0, "done: it is off")?;
    same("commits", &bed.commits()?, &3)
}

async fn refused() -> Checked {
    let bed = Bed::new().await?;
    bed.hook("pre-receive", "echo 'main takes pull requests only' >&2\nexit 1")?;
    let off = bed.turn("off", "banner").await;
    ended(
        &off,
        3,
        "refused: the server of git refused the push, pre-receive hook declined: main takes pull requests only",
    )?;
    same("the document", &bed.repository.file(FILE)?.as_str(), &DOCUMENT)?;
    same("commits", &bed.commits()?, &1)
}

async fn lost_answer() -> Checked {
    let bed = Bed::new().await?;
    bed.hook("reference-transaction", "[ \"$1\" = committed ] && rm \"$0\" && kill -9 $PPID\nexit 0")?;
    ended(&bed.turn("off", "banner").await, 0, "found done: it is off")?;
    same("the document", &bed.repository.file(FILE)?, &banner_off())?;
    same("commits", &bed.commits()?, &2)
}

/// Servers run hooks for minutes.
async fn no_answer() -> Checked {
    let bed = Bed::new().await?;
    bed.hook("pre-receive", "rm \"$0\"\nkill -9 $PPID")?;
    ended(&bed.turn("off", "banner").await, 1, "accepted, or not: it is on")?;
    same("commits", &bed.commits()?, &1)?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    same("commits", &bed.commits()?, &2)
}

/// The server takes its time over an `on`, and an `off` comes before it.
async fn late_push() -> Checked {
    let bed = Bed::with("\n[[checks]]\nid = 'notes'").await?;
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    let (holds_it, is_held) = (bed.program.path("holds-it"), bed.program.path("is-held"));
    std::fs::write(&holds_it, "")?;
    bed.hook(
        "pre-receive",
        &format!(
            "rm \"$0\"\ntouch '{}'\nwhile [ -e '{}' ]; do sleep 0.05; done",
            is_held.display(),
            holds_it.display()
        ),
    )?;
    let off = async {
        until("the server has it", || async { is_held.exists().then_some(()) }).await?;
        ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
        same("the commit", &bed.repository.subjects()?[0].as_str(), &"flags: keep banner off in prod")?;
        Ok(std::fs::remove_file(&holds_it)?)
    };
    let (on, off): (Run, Checked) = tokio::join!(bed.turn("on", "banner"), off);
    off?;
    ended(&on, 3, "somebody else committed meanwhile: look at it and ask again")?;
    same("the document", &bed.repository.file(FILE)?, &banner_off())
}

async fn without_an_identity() -> Checked {
    let bed = Bed::new().await?;
    bed.program.write(".gitconfig", "[user]\nuseConfigOnly = true\n");
    let config = bed.program.read("cockpit.toml");
    let config = config.lines().filter(|line| !line.starts_with("author_")).collect::<Vec<_>>().join("\n");
    bed.program.write("cockpit.toml", &config);
    ended(&bed.turn("off", "banner").await, 0, "done: it is off")?;
    let author = bed.git(&["log", "-1", "--format=%an <%ae>", "main"])?;
    same("who committed", &author.trim(), &"Release Cockpit <release-cockpit@localhost>")
}

async fn unreadable() -> Checked {
    let bed = Bed::new().await?;
    let list = async || bed.run(&["flags", "list", "prod"]).await;
    let commit = |text: &str| bed.repository.commit("ann", FILE, text).and_then(|()| bed.repository.push("main"));
    commit("flags:\n  banner: {}\n")?;
    ended(&list().await, 4, "flags/prod.json: it is no JSON: expected ident at line 1 column 2")?;
    ended(&bed.turn("off", "banner").await, 3, "not sent: flags/prod.json: it is no JSON")?;
    commit("{\"flags\": []}")?;
    ended(&list().await, 4, "flags/prod.json: `flags` is a list")?;
    // What is no document in between tells nothing of who changed what.
    commit(&banner_off())?;
    same("who changed it", &bed.listed("banner").await?["changed"]["by"], &json!("ann"))?;
    same("commits", &bed.commits()?, &4)?;
    let away = bed.repository.bare().with_extension("away");
    std::fs::rename(bed.repository.bare(), away)?;
    ended(&list().await, 4, "cannot be read")?;
    ended(&bed.turn("off", "checkout").await, 3, "cannot be read")
}

async fn history() -> Checked {
    let bed = Bed::new().await?;
    bed.repository.commit("bob", FILE, &banner_off())?;
    bed.repository.commit("cy", FILE, &banner_off().replace("\"red\": \"f00\"", "\"red\": \"e00\""))?;
    bed.repository.commit("ann", "README", "flags of the shop\n")?;
    bed.repository.push("main")?;
    for (flag, author, commit) in [("banner", "bob", "main~2"), ("colour", "cy", "main~1")] {
        let at = bed.git(&["show", "--no-patch", "--format=%ct", commit])?;
        let at = jiff::Timestamp::from_second(at.trim().parse()?)?.to_string();
        same(flag, &bed.listed(flag).await?["changed"], &json!({"by": author, "at": at}))?;
    }
    same("what nobody changed", &bed.listed("checkout").await?["changed"], &Value::Null)
}

async fn file_of_each_environment() -> Checked {
    let bed = Bed::new().await?;
    let config = bed.program.read("cockpit.toml");
    let two = config.replace(
        "[[flags]]\nname = 'git'\n",
        "[[environments]]\nname = 'dev'\ncontext = 'bed'\nnamespace = 'dev'\n\
         [[flags]]\nname = 'git'\nenvironments = { prod = 'prod', dev = 'eu/dev' }\n",
    );
    holds("the config has two environments", two != config)?;
    bed.program.write("cockpit.toml", &two);
    bed.repository.commit("ann", "flags/eu/dev.json", DOCUMENT)?;
    bed.repository.push("main")?;
    ended(&bed.run(&["flags", "off", "dev", "banner", "--yes"]).await, 0, "done: it is off")?;
    same("the file of dev", &bed.repository.file("flags/eu/dev.json")?, &banner_off())?;
    same("that of prod", &bed.repository.file(FILE)?.as_str(), &DOCUMENT)?;
    same("the state in prod", &bed.listed("banner").await?["state"], &json!("on"))
}

async fn without_the_right() -> Checked {
    let bed = Bed::with("read_only = true").await?;
    ended(&bed.turn("off", "banner").await, 3, "read-only")?;
    let config = bed.program.read("cockpit.toml").replace("read_only = true", "");
    bed.program.write("cockpit.toml", &config);
    let here = bed.program.clone().current_dir(bed.program.path(""));
    let off = ["flags", "off", "prod", "banner", "--yes"];
    ended(&here.run_async(&off).await, 3, "not trusted")?;
    same("commits", &bed.commits()?, &1)?;
    ended(&here.run_async(&["trust", "--yes"]).await, 0, &bed.repository.address())?;
    ended(&here.run_async(&off).await, 0, "done: it is off")?;
    same("commits", &bed.commits()?, &2)
}
