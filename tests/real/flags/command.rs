//! Feature flags by the user's own commands. What was run is told by a file that the commands write themselves.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::Completion;
use support::check::{holds, same};
use support::{Checked, Program, TestCluster, until};

use super::ended;
use crate::contract::servers::Servers;
use crate::suite::{Suite, case};

type Case = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, Case); 6] = [
    ("off_is_run_once_and_the_list_says_what_came_of_it", || Box::pin(off_is_run_once())),
    ("a_share_is_set_by_a_command_and_the_list_says_what_came_of_it", || Box::pin(share())),
    ("an_exit_code_is_shown_and_proves_nothing", || Box::pin(exit_codes())),
    ("a_list_that_cannot_be_read_is_said_and_off_is_run", || Box::pin(unreadable_lists())),
    ("a_command_that_outlives_a_killed_cockpit_may_still_come", || Box::pin(killed())),
    ("a_config_that_nobody_trusted_runs_nothing", || Box::pin(untrusted())),
];

pub fn suite() -> Suite {
    let trial = |(name, run): (&'static str, Case)| {
        case(format!("flags::command::{name}"), CASE_TIMEOUT, async move || {
            run().await?;
            Ok(Completion::Completed)
        })
    };
    Suite { max_concurrent: 4, cases: CASES.into_iter().map(trial).collect() }
}

/// Keeps the state of one flag in a file, notes what it was asked for in another, and ends as a third one says.
const SCRIPT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
case $1 in
    list) cat printed 2>/dev/null || echo '{"flags": [{"name": "checkout", "state": "'"$(cat state)"'", "owner": "ada"}]}' ;;
    *)
        echo "$@ $COCKPIT_ENV" >>asked
        while [ -e hold ]; do sleep 0.05; done
        [ -e deaf ] || echo "$1" >state
        [ -e after ] && mv after printed
        ;;
esac
[ "$1" = list ] && exit 0
echo "the last word" >&2
exit "$(cat code)"
"#;

struct Bed {
    program: Program,
    _cluster: TestCluster,
}

impl Bed {
    async fn new() -> Checked<Self> {
        let cluster = Servers::Simulator.start().await?;
        let program = crate::cockpit().env("KUBECONFIG", cluster.kubeconfig().display().to_string());
        let script = program.write("flags.sh", SCRIPT).display().to_string();
        program.write("state", "on\n");
        program.write("code", "0\n");
        program.write("asked", "");
        let config = format!(
            "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = 'bystander'\n\
             [[flags]]\nname = 'own'\nenvironments = {{ prod = 'production' }}\n\
             command = {{ list = ['sh', '{script}', 'list'], off = ['sh', '{script}', 'off', '{{environment}}', '{{flag}}'] }}\n"
        );
        program.write("cockpit.toml", &config);
        Ok(Self { program, _cluster: cluster })
    }

    /// The program with its config, named by the user.
    fn told(&self) -> Program {
        let path = self.program.path("cockpit.toml").display().to_string();
        self.program.clone().args(["--config".to_owned(), path])
    }

    async fn off(&self) -> support::Run {
        self.told().run_async(&["flags", "off", "prod", "checkout", "--yes"]).await
    }
}

async fn off_is_run_once() -> Checked {
    let bed = Bed::new().await?;
    ended(&bed.told().run_async(&["flags", "list", "prod"]).await, 0, "ada")?;
    ended(&bed.off().await, 0, "done: it is off")?;
    same("what was run", &bed.program.read("asked").as_str(), &"off production checkout prod\n")?;
    let on = bed.told().run_async(&["flags", "on", "prod", "checkout", "--yes"]).await;
    holds(&format!("it cannot be turned on: {}", on.said()), on.code() != 0)?;
    let hostile = bed.told().run_async(&["flags", "off", "prod", "--yes", "--", "--all"]).await;
    ended(&hostile, 3, "`--all` cannot be given to a command")?;
    same("what was run", &bed.program.read("asked").lines().count(), &1)
}

async fn share() -> Checked {
    let bed = Bed::new().await?;
    let set = async |percent: &str| bed.told().run_async(&["flags", "set", "prod", "checkout", percent, "--yes"]).await;
    ended(&set("25").await, 3, "add `set`")?;
    let script = bed.program.path("flags.sh").display().to_string();
    let config = bed.program.read("cockpit.toml");
    let with_set = format!("set = ['sh', '{script}', 'set', '{{flag}}', '{{percent}}'], off = ");
    bed.program.write("cockpit.toml", &config.replace("off = ", &with_set));
    let printed = |percent: u8| {
        format!("{{\"flags\": [{{\"name\": \"checkout\", \"state\": \"percent\", \"percent\": {percent}}}]}}")
    };
    bed.program.write("after", &printed(25));
    ended(&set("25").await, 0, "done: it is 25 %")?;
    same("what was run", &bed.program.read("asked").as_str(), &"set checkout 25 prod\n")?;
    // It says that it did, and did something else.
    bed.program.write("after", &printed(11));
    ended(&set("10").await, 1, "but not seen yet: it is 11 %")
}

async fn exit_codes() -> Checked {
    let bed = Bed::new().await?;
    bed.program.write("code", "7\n");
    ended(&bed.off().await, 0, "found done: it is off")?;
    let journal = bed.told().run_async(&["log", "show"]).await;
    ended(&journal, 0, "`off` ended with exit code 7: the last word")?;
    bed.program.write("state", "on\n");
    bed.program.write("deaf", "");
    ended(&bed.off().await, 1, "found not done: it is on")?;
    // It says that it did, and did not.
    bed.program.write("code", "0\n");
    ended(&bed.off().await, 1, "but not seen yet: it is on")?;
    same("what was run", &bed.program.read("asked").lines().count(), &3)
}

async fn unreadable_lists() -> Checked {
    let bed = Bed::new().await?;
    for printed in ["", "checkout on", "{\"flags\": [{\"name\": \"checkout\", \"state\": \"perhaps\"}]}"] {
        bed.program.write("printed", printed);
        let listed = bed.told().run_async(&["flags", "list", "prod"]).await;
        ended(&listed, 4, "`list` printed no list of flags")?;
    }
    // What came of it is not known; that it was run is.
    let off = bed.off().await;
    same(&off.said(), &off.code(), &1)?;
    same("what was run", &bed.program.read("asked").as_str(), &"off production checkout prod\n")
}

/// The next start does not take it for one that was not done.
async fn killed() -> Checked {
    let bed = Bed::new().await?;
    let script = bed.program.path("flags.sh").display().to_string();
    let config = bed.program.read("cockpit.toml");
    bed.program.write(
        "cockpit.toml",
        &config.replace("off = ", &format!("on = ['sh', '{script}', 'on', '{{flag}}'], off = ")),
    );
    bed.program.write("hold", "");
    let mut command = tokio::process::Command::from(bed.told().command(&["flags", "off", "prod", "checkout", "--yes"]));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = || async { (!bed.program.read("asked").is_empty()).then_some(()) };
    until("the command runs", asked).await?;
    child.kill().await?;
    // Nobody answers its question: it does nothing but settle.
    bed.told().run_async(&["flags", "on", "prod", "checkout"]).await;
    ended(&bed.told().run_async(&["log", "show"]).await, 0, "or not: it is on")?;
    std::fs::remove_file(bed.program.path("hold"))?;
    until("it came", || async { (bed.program.read("state") == "off\n").then_some(()) }).await?;
    ended(&bed.told().run_async(&["flags", "list", "prod"]).await, 0, "off")?;
    same("what was run", &bed.program.read("asked").as_str(), &"off production checkout prod\n")
}

async fn untrusted() -> Checked {
    let bed = Bed::new().await?;
    let here = bed.program.clone().current_dir(bed.program.path(""));
    let off = here.run_async(&["flags", "off", "prod", "checkout", "--yes"]).await;
    ended(&off, 3, "not trusted")?;
    same("what was run", &bed.program.read("asked").as_str(), &"")?;
    ended(&here.run_async(&["trust", "--yes"]).await, 0, "")?;
    ended(&here.run_async(&["flags", "off", "prod", "checkout", "--yes"]).await, 0, "done: it is off")
}
