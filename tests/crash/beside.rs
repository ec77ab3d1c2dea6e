//! Deaths in actions whose system is not a workload of the cluster: a feature flag that is taken from users, a commit that
//! releases, and a script that does. The program dies once at each place that they pass. What was sent is told by the provider
//! of the flag, by git, and by the file to which the script writes what it was told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::core::DynamicObject;
use release_cockpit::domain::record::action::Outcome;
use release_cockpit::domain::record::journal::{Entry, open_intents};
use serde_json::{Value, json};
use support::git::git;
use support::manifests::{deployment, image};
use support::unleash::Unleash;
use support::{Checked, TestNamespace};
use tokio::task::JoinHandle;

use crate::cockpit::{Cockpit, Run};
use crate::flags::{Kind, Provider, Turn, lines};
use crate::trial::{Deaths, died_at, only_outcome, read};

/// What has a server of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Flag(Kind, Turn),
    Git,
    Pipeline,
}

/// What one action is about: a flag, a repository or a script of its own.
enum Scene {
    Flag { provider: Provider, turn: Turn },
    Git { folder: tempfile::TempDir, applies: JoinHandle<()> },
    Pipeline { folder: tempfile::TempDir, api: Box<kube::Api<DynamicObject>>, applies: JoinHandle<()> },
}

impl System {
    pub const ALL: [Self; 14] = [
        Self::Flag(Kind::Unleash, Turn::Off),
        Self::Flag(Kind::Flagd, Turn::Off),
        Self::Flag(Kind::FlagdFile, Turn::Off),
        Self::Flag(Kind::Table, Turn::Off),
        Self::Flag(Kind::LaunchDarkly, Turn::Off),
        Self::Flag(Kind::Command, Turn::Off),
        Self::Flag(Kind::Unleash, Turn::Fewer),
        Self::Flag(Kind::Flagd, Turn::Fewer),
        Self::Flag(Kind::FlagdFile, Turn::Fewer),
        Self::Flag(Kind::Table, Turn::Fewer),
        Self::Flag(Kind::LaunchDarkly, Turn::Fewer),
        Self::Flag(Kind::Command, Turn::Fewer),
        Self::Git,
        Self::Pipeline,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag(Kind::Unleash, Turn::Off) => "flag",
            Self::Flag(Kind::Flagd, Turn::Off) => "flagd",
            Self::Flag(Kind::FlagdFile, Turn::Off) => "flagd-file",
            Self::Flag(Kind::Table, Turn::Off) => "table",
            Self::Flag(Kind::LaunchDarkly, Turn::Off) => "launchdarkly",
            Self::Flag(Kind::Command, Turn::Off) => "command",
            Self::Flag(Kind::Unleash, Turn::Fewer) => "flag-set",
            Self::Flag(Kind::Flagd, Turn::Fewer) => "flagd-set",
            Self::Flag(Kind::FlagdFile, Turn::Fewer) => "flagd-file-set",
            Self::Flag(Kind::Table, Turn::Fewer) => "table-set",
            Self::Flag(Kind::LaunchDarkly, Turn::Fewer) => "launchdarkly-set",
            Self::Flag(Kind::Command, Turn::Fewer) => "command-set",
            Self::Git => "git",
            Self::Pipeline => "pipeline",
        }
    }

    /// Returns the words for `--only`, as a list.
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join("|")
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Flag(Kind::Unleash, Turn::Off) => "unleash: off",
            Self::Flag(Kind::Unleash, Turn::Fewer) => "unleash: to fewer",
            Self::Flag(Kind::Flagd, Turn::Off) => "flagd: off",
            Self::Flag(Kind::Flagd, Turn::Fewer) => "flagd: to fewer",
            Self::Flag(Kind::FlagdFile, Turn::Off) => "flagd in git: off",
            Self::Flag(Kind::FlagdFile, Turn::Fewer) => "flagd in git: to fewer",
            Self::Flag(Kind::Table, Turn::Off) => "table: off",
            Self::Flag(Kind::Table, Turn::Fewer) => "table: to fewer",
            Self::Flag(Kind::LaunchDarkly, Turn::Off) => "launchdarkly: off",
            Self::Flag(Kind::LaunchDarkly, Turn::Fewer) => "launchdarkly: to fewer",
            Self::Flag(Kind::Command, Turn::Off) => "command: off",
            Self::Flag(Kind::Command, Turn::Fewer) => "command: to fewer",
            Self::Git => "git: release",
            Self::Pipeline => "pipeline: release",
        }
    }

    /// Whether settling takes minutes where the program dies there: what may have left is looked for that long in git.
    fn settles_slowly(self, place: &str) -> bool {
        const BEFORE_THE_PUSH: [&str; 6] = [
            "journal.asked.before-sync",
            "journal.asked.after-sync",
            "dispatcher.intent-written",
            "dispatcher.before-prepare",
            "dispatcher.before-send",
            "git.before-push",
        ];
        self == Self::Git && BEFORE_THE_PUSH.contains(&place)
    }

    /// Whether all that a death at this place can show is shown by another system as well: the journal is one for all turns.
    fn is_shown_by_another(self, place: &str) -> bool {
        let own = ["flags.", "dispatcher.before-send", "dispatcher.answered"];
        matches!(self, Self::Flag(_, Turn::Fewer)) && !own.iter().any(|start| place.starts_with(start))
    }

    /// Whether it dies at this place also where nobody asks for this system alone.
    pub fn is_tried_with_others(self, place: &str) -> bool {
        !self.settles_slowly(place) && !self.is_shown_by_another(place)
    }

    /// Returns why it is not tried here, if so.
    pub fn missing(self) -> Option<&'static str> {
        let no_unleash = matches!(self, Self::Flag(Kind::Unleash, _)) && Unleash::of_environment().is_none();
        no_unleash.then_some("no Unleash: UNLEASH_URL and UNLEASH_ADMIN_TOKEN name one")
    }
}

/// Runs an action to its end, and returns the places it passes, by name and in order.
pub async fn places(namespace: &TestNamespace, system: System, version: u32) -> Checked<Vec<String>> {
    let (scene, cockpit) = Scene::prepare(namespace, system, version).await?;
    let run = scene.act(&cockpit, None).await;
    is_done(&run)?;
    let mut known = BTreeSet::new();
    Ok(run.passed.into_iter().filter(|place| known.insert(place.clone())).collect())
}

/// Kills the program at the first passing of a place, has it settled by the next start, and asks once more for what was not sent.
pub async fn run(namespace: &TestNamespace, system: System, version: u32, deaths: &Deaths) -> Checked<String> {
    let (scene, cockpit) = Scene::prepare(namespace, system, version).await?;
    let run = scene.act(&cockpit, Some(&deaths.first)).await;
    if !run.killed {
        is_done(&run)?;
        return Ok("place not passed".to_owned());
    }
    died_at(&run, &deaths.first)?;
    // Nobody answers its question: it does nothing but settle.
    let next = scene.settle(&cockpit).await;
    let settled = scene.judge(&cockpit, &next).await?;
    if scene.times().await? == 0 {
        is_done(&scene.act(&cockpit, None).await)?;
    }
    let times = scene.times().await?;
    if times != 1 || !scene.shows().await? {
        return Err(format!("in the end it was done {times} times").into());
    }
    Ok(settled)
}

fn is_done(run: &Run) -> Checked {
    if run.said.contains("done: ") { Ok(()) } else { Err(format!("it is not done:\n{}", run.said).into()) }
}

impl Scene {
    async fn prepare(namespace: &TestNamespace, system: System, version: u32) -> Checked<(Self, Cockpit)> {
        let environment = |name: &str, workload: &str| {
            format!(
                "[[environments]]\nname = '{name}'\ncontext = 'alice'\nnamespace = '{}'\nworkloads = ['{workload}']\n",
                namespace.name
            )
        };
        let (scene, config) = match system {
            System::Flag(kind, turn) => {
                let provider = Provider::start(kind, namespace, version).await?;
                let config = environment("prod", "deployment/web") + &provider.config();
                (Self::Flag { provider, turn }, config)
            }
            System::Git => {
                let folder = repository(&released(namespace, version).await?)?;
                let settings = format!(
                    "git = {{ repository = 'file://{}', path = 'web.yaml', format = 'plain', author_name = 'Alice', \
                     author_mail = 'alice@shop.example' }}\n",
                    bare(folder.path()).display()
                );
                let bare = bare(folder.path());
                let says = move || git(&bare, &["show", "main:web.yaml"]).ok().as_deref().and_then(image_of);
                let applies = tokio::spawn(apply(says, namespace.api("Deployment")));
                let config = environment("staging", "deployment/staging") + &environment("prod", "deployment/web");
                (Self::Git { folder, applies }, config + &settings)
            }
            System::Pipeline => {
                released(namespace, version).await?;
                let folder = tempfile::tempdir()?;
                let told = told(folder.path());
                let settings = format!(
                    "promote = {{ command = ['sh', '-c', 'echo \"$0\" >> \"$1\"', '{{image}}', '{}'], timeout = '20s' }}\n",
                    told.display()
                );
                let says = move || Some(std::fs::read_to_string(&told).ok()?.lines().last()?.to_owned());
                let api = namespace.api("Deployment");
                let applies = tokio::spawn(apply(says, api.clone()));
                let api = Box::new(api);
                let config = environment("staging", "deployment/staging") + &environment("prod", "deployment/web");
                (Self::Pipeline { folder, api, applies }, config + &settings)
            }
        };
        Ok((scene, Cockpit::configured(namespace, &config)))
    }

    /// Whether what was begun may outlive the program.
    fn may_run_on(&self) -> bool {
        matches!(self, Self::Flag { provider: Provider::Command(_) | Provider::FlagdFile(_), .. })
    }

    async fn act(&self, cockpit: &Cockpit, at: Option<&str>) -> Run {
        match self {
            Self::Flag { provider, turn } => cockpit.command(&turn.command(provider.flag()), at).await,
            Self::Git { .. } | Self::Pipeline { .. } => cockpit.command(&["release", "prod", "--yes"], at).await,
        }
    }

    /// Asks for something that waits until what was left open is settled.
    async fn settle(&self, cockpit: &Cockpit) -> Run {
        match self {
            Self::Flag { provider, .. } => cockpit.command(&["flags", "on", "prod", provider.flag()], None).await,
            Self::Git { .. } | Self::Pipeline { .. } => cockpit.command(&["restart", "prod"], None).await,
        }
    }

    /// How often it was done, as its server tells.
    async fn times(&self) -> Checked<usize> {
        match self {
            Self::Flag { provider, turn } => provider.times(*turn).await,
            Self::Git { folder, .. } => {
                let log =
                    git(&bare(folder.path()), &["log", "--format=%(trailers:key=Release-Cockpit-Action)", "main"])?;
                Ok(log.lines().filter(|line| !line.is_empty()).count())
            }
            Self::Pipeline { folder, .. } => Ok(lines(&told(folder.path()))),
        }
    }

    /// Whether its server shows it as done.
    async fn shows(&self) -> Checked<bool> {
        match self {
            Self::Flag { provider, turn } => provider.shows(*turn).await,
            Self::Git { folder, .. } => Ok(git(&bare(folder.path()), &["show", "main:web.yaml"])?.contains("@sha256:")),
            Self::Pipeline { api, .. } => {
                let object = api.get("web").await?;
                let image = &object.data["spec"]["template"]["spec"]["containers"][0]["image"];
                Ok(image.as_str().is_some_and(|image| image.contains("@sha256:")))
            }
        }
    }

    /// Compares what the journal says after the next start with what the server tells.
    async fn judge(&self, cockpit: &Cockpit, next: &Run) -> Checked<String> {
        let (lines, _) = read(&cockpit.journals())?;
        if let Some((_, record)) = open_intents(&lines).first() {
            return Err(format!("still open: {}, and the next start said: {}", record.headline, next.said).into());
        }
        let verified = cockpit.command(&["log", "verify"], None).await;
        if verified.code != Some(0) {
            return Err(format!("the journal does not hold together: {}", verified.said).into());
        }
        let (times, shows) = (self.times().await?, self.shows().await?);
        let intent = lines.iter().find_map(|line| match &line.entry {
            Entry::Intent { action, .. } => Some(action),
            _ => None,
        });
        let Some(action) = intent else {
            return if times == 0 {
                Ok("nothing asked, nothing sent".to_owned())
            } else {
                Err("sent without an intent".into())
            };
        };
        let outcome = only_outcome(&lines, action)?;
        let is_true = match outcome {
            Outcome::Confirmed { .. } | Outcome::FoundDone { .. } => shows && times == 1,
            Outcome::FoundNotDone { .. } | Outcome::Refused { .. } | Outcome::Moved { .. } => !shows && times == 0,
            // A command or push that was begun may run on: one that was not is not known to be over.
            Outcome::Unconfirmed { .. } => self.may_run_on() && !shows && times == 0,
            Outcome::Unknown { .. } | Outcome::AwaitsMerge { .. } => false,
        };
        let words = outcome.describe();
        if !is_true {
            return Err(format!("the journal says `{words}`, but it was done {times} times, and shows: {shows}").into());
        }
        Ok(words.split(':').next().unwrap_or_default().to_owned())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Self::Git { applies, .. } | Self::Pipeline { applies, .. } = self {
            applies.abort();
        }
    }
}

fn bare(folder: &Path) -> PathBuf {
    folder.join("config.git")
}

/// What a script is told, a line each time.
fn told(folder: &Path) -> PathBuf {
    folder.join("told")
}

/// Has staging run a version that is new to prod; returns the object of prod.
async fn released(namespace: &TestNamespace, version: u32) -> Checked<Value> {
    let (before, new) = (image("api", &format!("1.{version}.0")), image("api", &format!("1.{version}.1")));
    let mut objects = [deployment("web", 2), deployment("staging", 2)];
    for (object, image) in objects.iter_mut().zip([&before, &new]) {
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    }
    if namespace.get("Deployment", "staging").await.is_err() {
        namespace.create_objects([objects[1].clone()]).await?;
    }
    for (name, image) in [("web", &before), ("staging", &new)] {
        namespace.set_image("Deployment", name, image).await?;
    }
    for name in ["web", "staging"] {
        let is_out = |object: &Value| {
            let (replicas, status) = (&object["spec"]["replicas"], &object["status"]);
            status["observedGeneration"] == object["metadata"]["generation"]
                && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[*count] == *replicas)
        };
        namespace.until("Deployment", name, "out", is_out).await?;
    }
    let [web, _] = objects;
    Ok(web)
}

/// A repository that names what prod runs.
fn repository(web: &Value) -> Checked<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", "config.git"])?;
    git(folder.path(), &["clone", "--quiet", "config.git", "work"])?;
    let work = folder.path().join("work");
    std::fs::write(work.join("web.yaml"), serde_saphyr::to_string(web)?)?;
    git(&work, &["add", "--all"])?;
    git(&work, &["commit", "--quiet", "--message", "web"])?;
    git(&work, &["push", "--quiet", "origin", "HEAD:main"])?;
    Ok(folder)
}

/// The image that a manifest names.
fn image_of(manifest: &str) -> Option<String> {
    let image = manifest.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "))?;
    Some(image.trim_matches(['"', '\'']).to_owned())
}

/// Applies the image that is said, again and again, as a job without Argo CD would.
async fn apply(says: impl Fn() -> Option<String> + Send, api: kube::Api<DynamicObject>) {
    let mut applied = None;
    loop {
        if let Some(image) = says().filter(|image| applied.as_ref() != Some(image)) {
            let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
            let patch = kube::api::Patch::Strategic(patch);
            if api.patch("web", &kube::api::PatchParams::default(), &patch).await.is_ok() {
                applied = Some(image);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
