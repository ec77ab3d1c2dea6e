//! The cockpit: by command or by key, told where to die.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use release_cockpit::domain::record::action::Verb;
use support::process::is_dead;
use support::{Checked, Program, Pty, TestNamespace};

use crate::cases::{Case, How};

/// In its home: the places that it passed.
const PASSED: &str = "passed";
/// A push that was not answered may be carried out by a hook for five minutes: so long is looked.
const RUN_TIMEOUT: Duration = Duration::from_secs(420);
/// How long the screen may take to say how an action ended: a full promotion is waited for three minutes.
const SCREEN_TIMEOUT: Duration = Duration::from_secs(240);

/// Where and on what the program runs. Its state is kept from run to run.
pub struct Cockpit {
    program: Program,
    workload: String,
}

pub struct Run {
    /// The places it passed, in order.
    pub passed: Vec<String>,
    pub killed: bool,
    /// What it said, and its exit code.
    pub said: String,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
}

impl Cockpit {
    /// Makes a home for it.
    pub fn new(namespace: &TestNamespace, case: &Case) -> Checked<Self> {
        let workload = format!("{}/{}", case.kind.to_lowercase(), case.workload);
        let program = at_home(namespace);
        let program = match case.how {
            How::Sign | How::Count => {
                let config = program.write("cockpit.toml", &crate::kept::settings(case, &namespace.name)?);
                program.args(["--config".to_owned(), config.display().to_string()])
            }
            How::Command | How::Keys(..) => {
                program.args(["--context", "alice", "--namespace", &namespace.name, "--workload", &workload])
            }
        };
        Ok(Self { program, workload })
    }

    /// The same with this config, for what is asked by command.
    pub fn configured(namespace: &TestNamespace, config: &str) -> Self {
        let program = at_home(namespace);
        let config = program.write("cockpit.toml", config);
        let program = program.args(["--config".to_owned(), config.display().to_string()]);
        Self { program, workload: String::new() }
    }

    /// Returns where its journals are.
    pub fn journals(&self) -> PathBuf {
        self.program.path("release-cockpit/journals")
    }

    /// Returns the places that were passed so far.
    pub fn passed(&self) -> Vec<String> {
        fs::read_to_string(self.program.path(PASSED)).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
    }

    /// The program that dies at this place; what it passed before is forgotten.
    fn dying(&self, at: Option<&str>) -> Program {
        let _ = fs::remove_file(self.program.path(PASSED));
        let program = self.program.clone();
        match at {
            Some(at) => program.env("COCKPIT_FAIL_AT", at),
            None => program,
        }
    }

    pub async fn command(&self, words: &[&str], at: Option<&str>) -> Run {
        let run = self.dying(at).run_within(RUN_TIMEOUT, words).await;
        Run { passed: self.passed(), killed: run.was_killed(), said: run.said(), code: run.status.code() }
    }

    /// Asks for what the case is about.
    pub async fn act(&self, case: &Case, at: Option<&str>) -> Checked<Run> {
        match (case.how, case.verb) {
            (How::Keys(keys, title), _) => self.by_keys(keys, title, at),
            (How::Sign | How::Count, _) => crate::kept::act(self, case, at).await,
            (How::Command, Verb::Promote) => Ok(self.command(&["promote", "--yes"], at).await),
            (How::Command, Verb::PromoteFull) => {
                Ok(self.command(&["promote", "--full", "--yes", "--confirm", "alice"], at).await)
            }
            (How::Command, verb) => Ok(self.command(&[verb.as_str(), "--yes"], at).await),
        }
    }

    pub fn screen(&self, at: Option<&str>) -> Pty {
        self.dying(at).screen(&[], (140, 40))
    }

    fn by_keys(&self, keys: &str, title: &str, at: Option<&str>) -> Checked<Run> {
        let mut pty = self.screen(at);
        let dead = |pty: &Pty| is_dead(pty.pid());
        pty.wait_text(self.workload.split('/').next_back().unwrap_or_default());
        // A key that comes before the first picture says why it cannot act: it is pressed again.
        while !dead(&pty) && !shows_soon(&pty, title) {
            pty.send("\x1b");
            std::thread::sleep(Duration::from_millis(100));
            pty.send(keys);
        }
        while !dead(&pty) && pty.text().contains(title) {
            pty.send("y");
            pty.gone_soon(title);
        }
        let over = |text: &str| ["done:", "found ", "refused:", "not sent"].iter().any(|word| text.contains(word));
        let until = std::time::Instant::now() + SCREEN_TIMEOUT;
        while !dead(&pty) && !over(&pty.text()) {
            if std::time::Instant::now() > until {
                return Err(format!("the screen never says how it ended:\n{}", pty.text()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let (killed, said) = (dead(&pty), pty.text());
        if !killed {
            leave(&mut pty);
        }
        Ok(Run { passed: self.passed(), killed, said, code: None })
    }
}

/// The program with a home of its own, which tells what it passes.
fn at_home(namespace: &TestNamespace) -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_cockpit"));
    let home = program.path("").display().to_string();
    let list = program.path(PASSED).display().to_string();
    program
        .env("XDG_STATE_HOME", &home)
        .env("XDG_CONFIG_HOME", &home)
        .env("KUBECONFIG", namespace.cluster.kubeconfig().display().to_string())
        .env("COCKPIT_FAILPOINTS", list)
        .with_path()
}

fn shows_soon(pty: &Pty, text: &str) -> bool {
    for _ in 0..10 {
        if pty.text().contains(text) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Leaves the screen. The journal may be a moment ahead of it: then it asks whether to leave what is in progress, and goes on
/// asking when that has ended meanwhile.
pub fn leave(pty: &mut Pty) {
    pty.send("q");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !is_dead(pty.pid()) && std::time::Instant::now() < until {
        if ["Leave while", "leave now"].iter().any(|asks| pty.text().contains(asks)) {
            pty.send("y");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    pty.exit();
}
