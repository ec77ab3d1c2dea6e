//! The program: by command or by key, told where to die.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use release_cockpit::domain::action::Verb;
use tokio::process::Command;

use crate::Checked;
use crate::pty::Tui;
use crate::scene::{How, Scene};

/// Ends a run that hangs: a full promotion is waited for three minutes.
const CURTAIN: Duration = Duration::from_secs(240);

/// Where and on what the program runs. Its state is kept from run to run.
pub struct Program {
    kubeconfig: PathBuf,
    namespace: String,
    workload: String,
    home: tempfile::TempDir,
    /// Its config, where the scene needs one.
    config: Option<String>,
}

/// How a run ended.
pub struct Run {
    /// The places it passed, in order.
    pub passed: Vec<String>,
    /// Whether it was killed.
    pub killed: bool,
    /// What it said, and its exit code.
    pub said: String,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
}

impl Program {
    /// Makes a home for it.
    pub fn new(kubeconfig: &Path, namespace: &str, scene: &Scene) -> Checked<Self> {
        let home = tempfile::tempdir()?;
        let config = match scene.how {
            How::Sign | How::Count => {
                let path = home.path().join("cockpit.toml");
                fs::write(&path, crate::kept::settings(scene, namespace)?)?;
                Some(path.display().to_string())
            }
            How::Command | How::Keys(..) => None,
        };
        Ok(Self {
            config,
            kubeconfig: kubeconfig.to_owned(),
            namespace: namespace.to_owned(),
            workload: format!("{}/{}", scene.kind.to_lowercase(), scene.workload),
            home,
        })
    }

    /// Returns where its journals are.
    pub fn journals(&self) -> PathBuf {
        self.home.path().join("release-cockpit/journals")
    }

    fn list(&self) -> PathBuf {
        self.home.path().join("passed")
    }

    fn globals(&self) -> Vec<&str> {
        match &self.config {
            Some(config) => vec!["--config", config],
            None => vec!["--context", "alice", "--namespace", &self.namespace, "--workload", &self.workload],
        }
    }

    fn variables(&self, at: Option<&str>) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.display().to_string();
        let mut variables = vec![
            ("HOME", text(self.home.path())),
            ("XDG_STATE_HOME", text(self.home.path())),
            ("XDG_CONFIG_HOME", text(self.home.path())),
            ("KUBECONFIG", text(&self.kubeconfig)),
            ("USER", "alice".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("COCKPIT_KILL_LIST", text(&self.list())),
        ];
        variables.extend(at.map(|at| ("COCKPIT_KILL_AT", at.to_owned())));
        variables
    }

    /// Returns the places that were passed so far.
    pub fn passed(&self) -> Vec<String> {
        fs::read_to_string(self.list()).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
    }

    /// Runs a command.
    pub async fn command(&self, words: &[&str], at: Option<&str>) -> Checked<Run> {
        let _ = fs::remove_file(self.list());
        let child = Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .args(words)
            .args(self.globals())
            .env_clear()
            .envs(self.variables(at))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let Output { status, stdout, stderr } = tokio::time::timeout(CURTAIN, child.wait_with_output())
            .await
            .map_err(|_| format!("`cockpit {}` did not end", words.join(" ")))??;
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        Ok(Run { passed: self.passed(), killed: status.signal() == Some(9), said, code: status.code() })
    }

    /// Asks for what the scene is about.
    pub async fn act(&self, scene: &Scene, at: Option<&str>) -> Checked<Run> {
        match (scene.how, scene.verb) {
            (How::Keys(keys, title), _) => self.by_keys(keys, title, at),
            (How::Sign | How::Count, _) => crate::kept::act(self, scene, at).await,
            (How::Command, Verb::Promote) => self.command(&["promote", "--yes"], at).await,
            (How::Command, Verb::PromoteFull) => {
                self.command(&["promote", "--full", "--yes", "--confirm", "alice"], at).await
            }
            (How::Command, verb) => self.command(&[verb.word(), "--yes"], at).await,
        }
    }

    /// Opens the screen.
    pub fn screen(&self, at: Option<&str>) -> Tui {
        let _ = fs::remove_file(self.list());
        let variables = self.variables(at);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Tui::start(&self.globals(), (140, 40), &variables)
    }

    fn by_keys(&self, keys: &str, title: &str, at: Option<&str>) -> Checked<Run> {
        let mut tui = self.screen(at);
        let dead = |tui: &Tui| is_dead(tui.pid());
        tui.wait_text(self.workload.split('/').next_back().unwrap_or_default());
        // A key that comes before the first picture says why it cannot act: it is pressed again.
        while !dead(&tui) && !shows_soon(&tui, title) {
            tui.send("\x1b");
            std::thread::sleep(Duration::from_millis(100));
            tui.send(keys);
        }
        while !dead(&tui) && tui.text().contains(title) {
            tui.send("y");
            tui.gone_soon(title);
        }
        let over = |text: &str| ["done:", "found ", "refused:", "not sent"].iter().any(|word| text.contains(word));
        let until = std::time::Instant::now() + CURTAIN;
        while !dead(&tui) && !over(&tui.text()) {
            if std::time::Instant::now() > until {
                return Err(format!("the screen never says how it ended:\n{}", tui.text()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let (killed, said) = (dead(&tui), tui.text());
        if !killed {
            leave(&mut tui);
        }
        Ok(Run { passed: self.passed(), killed, said, code: None })
    }
}

fn shows_soon(tui: &Tui, text: &str) -> bool {
    for _ in 0..10 {
        if tui.text().contains(text) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Leaves the screen. The journal may be a moment ahead of it: then it asks whether to leave what is on its way.
pub fn leave(tui: &mut Tui) {
    tui.send("q");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !is_dead(tui.pid()) && std::time::Instant::now() < until {
        if tui.text().contains("Leave while") {
            tui.send("y");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    tui.exit();
}

/// Whether a child has ended, waited for or not.
pub fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}
