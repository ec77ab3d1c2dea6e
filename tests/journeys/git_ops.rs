//! Journeys of what Argo CD owns: a real application controller applies what a real repository says. What users get is told
//! by every version of the object that the API server had, as a watch tells of them, and by the application itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{Config, Event, watcher};
use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};
use support::check::{WAIT_TIMEOUT, holds, same, says};
use support::git::git;
use support::manifests::{image, is_version};
use support::{Checked, TestNamespace};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::bed::{Bed, How, Strategy};
use super::by_hand::{confirmed, done, on_screen};
use crate::contract::servers::Servers;

pub(super) const JOURNEY_TIMEOUT: Duration = Duration::from_secs(240);
/// How long nothing may put back what was rolled back. Self-heal takes two seconds.
const QUIET: Duration = Duration::from_secs(45);

/// What people do with what Argo CD owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journey {
    /// It reached everybody and is bad; git is reverted later, and the automation is given back.
    RollBackUnderSelfHeal,
    /// It is bad at once: Argo CD is still applying it.
    RollBackInMidSync,
    /// It is bad while it goes out.
    RollBackInMidReleaseUnderSelfHeal,
    /// Without self-heal the next commit would bring the bad version back.
    RollBackUnderAutoSync,
    /// Whoever rolls back may not write to the application.
    RollBackWithoutTheRight,
    /// What would be put back within seconds is not released by hand.
    ReleaseIsRefused,
    /// Somebody has just asked Argo CD for a sync: it puts the bad version back once more.
    RollBackIntoASync,
    /// Another application writes this one from git, and switches its automation on again.
    RollBackUnderAnAppOfApps,
    /// Git was reverted and compared, and says the bad version again since: nobody has compared that.
    ResumeOnAnOldComparison,
}

impl Journey {
    const ALL: [Self; 9] = [
        Self::RollBackUnderSelfHeal,
        Self::RollBackInMidSync,
        Self::RollBackInMidReleaseUnderSelfHeal,
        Self::RollBackUnderAutoSync,
        Self::RollBackWithoutTheRight,
        Self::ReleaseIsRefused,
        Self::RollBackIntoASync,
        Self::RollBackUnderAnAppOfApps,
        Self::ResumeOnAnOldComparison,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::RollBackUnderSelfHeal => "roll_back_under_self_heal",
            Self::RollBackInMidSync => "roll_back_in_mid_sync",
            Self::RollBackInMidReleaseUnderSelfHeal => "roll_back_in_mid_release_under_self_heal",
            Self::RollBackUnderAutoSync => "roll_back_under_auto_sync",
            Self::RollBackWithoutTheRight => "roll_back_without_the_right",
            Self::ReleaseIsRefused => "release_is_refused",
            Self::RollBackIntoASync => "roll_back_into_a_sync",
            Self::RollBackUnderAnAppOfApps => "roll_back_under_an_app_of_apps",
            Self::ResumeOnAnOldComparison => "resume_on_an_old_comparison",
        }
    }

    fn strategies(self) -> &'static [Strategy] {
        match self {
            Self::RollBackUnderSelfHeal => &[Strategy::Canary, Strategy::WorkloadRef, Strategy::Deployment],
            Self::RollBackInMidSync => &[Strategy::Deployment],
            _ => &[Strategy::Canary],
        }
    }

    fn ways(self) -> &'static [How] {
        match self {
            Self::RollBackUnderSelfHeal | Self::RollBackInMidReleaseUnderSelfHeal => &[How::Command, How::Key],
            _ => &[How::Command],
        }
    }
}

/// The journeys, as cases of the suite.
pub(super) fn cases() -> Vec<Trial> {
    let mut cases = Vec::new();
    for journey in Journey::ALL {
        for strategy in journey.strategies() {
            for how in journey.ways() {
                let name =
                    format!("journeys::real::argo_cd::{}::{}::{}", strategy.as_str(), journey.as_str(), how.as_str());
                cases.push(Trial::ignorable_test(name, move || run(journey, *strategy, *how)));
            }
        }
    }
    cases
}

fn run(journey: Journey, strategy: Strategy, how: How) -> Checked<Completion> {
    if let Some(reason) = Servers::Real.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    if std::env::var_os("ARGO_CD_NAMESPACE").is_none() {
        return Ok(Completion::ignored_with("no Argo CD: tests/cluster/up starts one where there is a redis-server"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let case = format!("argo-{}-{}", strategy.as_str(), how.as_str());
        let namespace = TestNamespace::create(Servers::Real.start().await?, &case).await?;
        let bed = Bed::new(&namespace, strategy, how);
        let git_ops = GitOps::new(&namespace).await?;
        let ended = tokio::time::timeout(JOURNEY_TIMEOUT, carry_out(journey, &bed, &git_ops)).await;
        git_ops.delete().await;
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {JOURNEY_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}

async fn carry_out(journey: Journey, bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    let automated = match journey {
        Journey::RollBackUnderAutoSync => json!({"prune": false}),
        _ => json!({"selfHeal": true, "prune": true}),
    };
    git_ops.commit(bed, "1.0.0").await?;
    git_ops.create_application(&automated).await?;
    bed.serves("1.0.0").await?;
    match journey {
        Journey::RollBackUnderSelfHeal => {
            git_ops.release(bed, "1.1.0").await?;
            roll_back_and_resume(bed, git_ops, &automated).await
        }
        Journey::RollBackInMidSync => {
            bed.another_second().await?;
            git_ops.commit(bed, "1.1.0").await?;
            git_ops.is_applied(bed, "1.1.0").await?;
            bed.roll_back().await?;
            // What Argo CD had begun may have put it back for a moment: not any more once it is said to be done.
            let watched = Watched::begin(bed);
            let Ok(()) = bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
            watched.shows(bed, &[false]).await?;
            git_ops.is_suspended().await
        }
        Journey::RollBackInMidReleaseUnderSelfHeal => {
            bed.another_second().await?;
            git_ops.commit(bed, "1.1.0").await?;
            bed.is_paused().await?;
            git_ops.is_idle().await?;
            roll_back_and_resume(bed, git_ops, &automated).await
        }
        Journey::RollBackUnderAutoSync => {
            git_ops.release(bed, "1.1.0").await?;
            let watched = Watched::begin(bed);
            bed.roll_back().await?;
            // Somebody commits something else: the bad version is still in git, and nothing applies it.
            git_ops.commit_beside(bed).await?;
            watched.never_again(bed).await?;
            git_ops.is_suspended().await
        }
        Journey::RollBackWithoutTheRight => roll_back_without_the_right(bed, git_ops).await,
        Journey::ReleaseIsRefused => release_is_refused(bed, git_ops).await,
        Journey::RollBackIntoASync => {
            git_ops.release(bed, "1.1.0").await?;
            git_ops.ask_for_a_sync().await?;
            bed.roll_back().await?;
            let watched = Watched::begin(bed);
            let Ok(()) = bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
            watched.shows(bed, &[false]).await?;
            git_ops.is_suspended().await
        }
        Journey::RollBackUnderAnAppOfApps => roll_back_under_an_app_of_apps(bed, git_ops).await,
        Journey::ResumeOnAnOldComparison => {
            git_ops.release(bed, "1.1.0").await?;
            bed.roll_back().await?;
            git_ops.commit(bed, "1.0.0").await?;
            git_ops.is_idle().await?;
            git_ops.commit_unseen(bed, "1.1.0")?;
            let refused = bed.command(&["owner", "--resume", "--yes"]).await;
            holds(&format!("it is not resumed: {}", refused.said()), refused.code() != 0)?;
            git_ops.is_suspended().await?;
            bed.serves("1.0.0").await
        }
    }
}

async fn roll_back_and_resume(bed: &Bed<'_>, git_ops: &GitOps, automated: &Value) -> Checked {
    let watched = Watched::begin(bed);
    bed.roll_back().await?;
    let Ok(()) = bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
    git_ops.is_suspended().await?;
    watched.never_again(bed).await?;
    // Git says the bad version still: giving the automation back would bring it to users.
    let refused = bed.command(&["owner", "--resume", "--yes"]).await;
    same(&format!("exit code: {}", refused.said()), &refused.code(), &3)?;
    says(&refused.said(), "does not match the cluster")?;
    git_ops.is_suspended().await?;
    git_ops.commit(bed, "1.0.0").await?;
    match bed.how {
        How::Command => done(&bed.command(&["owner", "--resume", "--wait", "60s", "--yes"]).await)?,
        How::Key => {
            on_screen(&bed.alice, |pty| {
                pty.wait_text("git agrees");
                confirmed(pty, "O", "Resume");
                pty.wait_text("done:");
            })
            .await?;
        }
    }
    let application = git_ops.application().await?;
    same("the automation", &application["spec"]["syncPolicy"]["automated"], automated)?;
    same("what was noted", &application["metadata"]["annotations"]["release-cockpit/suspended"], &Value::Null)?;
    // It heals again: the next release goes out by git.
    bed.another_second().await?;
    git_ops.commit(bed, "1.2.0").await?;
    git_ops.is_applied(bed, "1.2.0").await
}

/// Nobody is told that it is done: what is not suspended puts the bad version back.
async fn roll_back_without_the_right(bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    git_ops.release(bed, "1.1.0").await?;
    let namespace = bed.namespace;
    let everything = json!([
        {"apiGroups": ["argoproj.io", "apps", "", "events.k8s.io", "networking.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]);
    namespace.grant("nobody", "everything-here", everything).await?;
    let nobody = bed.somebody("nobody");
    let run = nobody.run_async(&["rollback", "--yes", "--timeout", "20s"]).await;
    let said = run.said();
    says(&said, "Argo CD application")?;
    says(&said, "is not known")?;
    holds(&format!("it is not done: {said}"), run.code() != 0 && !said.contains("done:"))?;
    says(&said, "applications.argoproj.io")?;
    // It was sent all the same, and the real owner put it back.
    git_ops.is_applied(bed, "1.1.0").await
}

/// It is not done where the bad version comes back, and what brings it back is named.
async fn roll_back_under_an_app_of_apps(bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    git_ops.release(bed, "1.1.0").await?;
    git_ops.create_root().await?;
    let run = bed.command(&["rollback", "--yes", "--timeout", "60s"]).await;
    let said = run.said();
    says(&said, &format!("Argo CD application {}-root", git_ops.name))?;
    sleep(QUIET).await;
    let lasts = bed.serves_now("1.0.0").await?.is_ok();
    holds(&format!("done is said of what lasts, {lasts}: {said}"), run.code() != 0 || lasts)
}

async fn release_is_refused(bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    bed.released_in_staging("1.1.0").await?;
    let alice = bed.with_staging();
    let before = bed.namespace.get(bed.template_kind(), "api").await?;
    let run = alice.run_async(&["release", "prod", "--yes"]).await;
    holds(&format!("it is refused: {}", run.said()), run.code() == 3 || run.code() == 4)?;
    says(&run.said(), "commit the new version in git")?;
    let after = bed.namespace.get(bed.template_kind(), "api").await?;
    same("the spec", &after["spec"], &before["spec"])?;
    let shown = bed.command(&["owner", "-o", "json"]).await;
    let shown: Value = serde_json::from_str(&shown.out())?;
    same("name", &shown["name"], &json!(git_ops.name))?;
    same("automation", &shown["automation"], &json!("self-heal"))?;
    same("in sync", &shown["in_sync"], &json!(true))
}

/// A repository, and the application that applies it.
pub(super) struct GitOps {
    folder: tempfile::TempDir,
    /// Whether the objects are written as people write them.
    in_yaml: bool,
    name: String,
    namespace: String,
    api: Api<DynamicObject>,
}

impl GitOps {
    async fn new(namespace: &TestNamespace) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", "config.git"])?;
        git(folder.path(), &["clone", "--quiet", "config.git", "work"])?;
        let client = kube::Client::try_from(namespace.cluster.config("admin").await?)?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
        let api = Api::namespaced_with(client, "argocd", &resource);
        Ok(Self { folder, in_yaml: false, name: namespace.name.clone(), namespace: namespace.name.clone(), api })
    }

    /// The same with a file that people write.
    pub(super) async fn in_yaml(namespace: &TestNamespace) -> Checked<Self> {
        Ok(Self { in_yaml: true, ..Self::new(namespace).await? })
    }

    pub(super) fn bare(&self) -> PathBuf {
        self.folder.path().join("config.git")
    }

    pub(super) fn address(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Git says that this version runs, and Argo CD is told to look.
    pub(super) async fn commit(&self, bed: &Bed<'_>, version: &str) -> Checked {
        self.write(bed, version)?;
        self.push(version).await
    }

    fn write(&self, bed: &Bed<'_>, version: &str) -> Checked {
        let mut objects = bed.strategy.objects();
        let mut written = false;
        for object in &mut objects {
            if object["kind"] == bed.template_kind() {
                object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image("api", version));
                written = true;
            }
        }
        holds("a template is written", written)?;
        if self.in_yaml {
            let mut parts = vec!["# What runs in prod.\n".to_owned()];
            for object in &objects {
                parts.push(serde_saphyr::to_string(object)?.trim_end().to_owned() + "\n");
            }
            let text = parts.join("---\n");
            std::fs::write(self.work().join("objects.yaml"), text)?;
            return Ok(());
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        std::fs::write(self.work().join("objects.json"), serde_json::to_string_pretty(&list)?)?;
        Ok(())
    }

    /// Git says that this version runs, and Argo CD will see it when it looks next.
    pub(super) fn commit_unseen(&self, bed: &Bed<'_>, version: &str) -> Checked {
        self.write(bed, version)?;
        self.push_quietly(version)
    }

    /// Somebody presses *Sync*.
    async fn ask_for_a_sync(&self) -> Checked {
        let sync = json!({"operation": {"initiatedBy": {"username": "somebody"}, "sync": {"revision": "HEAD"}}});
        self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(sync)).await?;
        Ok(())
    }

    /// An application that writes this one, as it is now, and puts it back where it differs.
    async fn create_root(&self) -> Checked {
        let own = self.application().await?;
        let folder = self.work().join("root");
        std::fs::create_dir_all(&folder)?;
        let child = json!({
            "apiVersion": own["apiVersion"], "kind": own["kind"], "metadata": {"name": self.name, "namespace": "argocd"},
            "spec": own["spec"],
        });
        std::fs::write(folder.join("child.json"), child.to_string())?;
        self.push_quietly("root")?;
        let mut spec = own["spec"].clone();
        spec["source"]["path"] = json!("root");
        spec["destination"]["namespace"] = json!("argocd");
        let name = format!("{}-root", self.name);
        let root =
            json!({"apiVersion": own["apiVersion"], "kind": own["kind"], "metadata": {"name": name}, "spec": spec});
        self.api.create(&PostParams::default(), &serde_json::from_value(root)?).await?;
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let marked = |own: &Value| own["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].is_string();
        while !marked(&self.application().await?) {
            holds("the root application owns it in time", Instant::now() < deadline)?;
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// A commit about something else.
    async fn commit_beside(&self, bed: &Bed<'_>) -> Checked {
        let beside = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "beside"}});
        std::fs::write(self.work().join("beside.json"), beside.to_string())?;
        self.push(bed.strategy.as_str()).await
    }

    fn push_quietly(&self, message: &str) -> Checked {
        git(&self.work(), &["add", "--all"])?;
        git(&self.work(), &["commit", "--quiet", "--allow-empty", "--message", message])?;
        git(&self.work(), &["push", "--quiet", "origin", "HEAD:main"]).map(drop)
    }

    async fn push(&self, message: &str) -> Checked {
        self.push_quietly(message)?;
        if self.api.get_opt(&self.name).await?.is_some() {
            let look = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}});
            self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(look)).await?;
        }
        Ok(())
    }

    /// Git says that this version runs, and it reaches everybody.
    pub(super) async fn release(&self, bed: &Bed<'_>, version: &str) -> Checked {
        bed.another_second().await?;
        self.commit(bed, version).await?;
        self.is_applied(bed, version).await?;
        if bed.strategy.is_rollout() {
            bed.is_paused().await?;
            bed.promote_fully().await?;
        }
        bed.serves(version).await?;
        self.is_idle().await
    }

    pub(super) async fn is_applied(&self, bed: &Bed<'_>, version: &str) -> Checked {
        let is_it =
            |object: &Value| is_version(&object["spec"]["template"]["spec"]["containers"][0]["image"], "api", version);
        bed.until(bed.template_kind(), "what git says", is_it).await.map(drop)
    }

    pub(super) async fn create_application(&self, automated: &Value) -> Checked {
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": self.name},
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": self.address(),
                    "path": ".", "targetRevision": "main",
                },
                "destination": {"name": "bed", "namespace": self.namespace},
                "syncPolicy": {"automated": automated},
            },
        });
        self.api.create(&PostParams::default(), &serde_json::from_value(application)?).await?;
        self.is_idle().await
    }

    /// Waits until what git says is applied, and nothing more is to be done.
    async fn is_idle(&self) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let application = self.application().await?;
            let (operation, status) = (&application["operation"], &application["status"]);
            let is_synced = status["operationState"]["phase"] == "Succeeded" && status["sync"]["status"] == "Synced";
            if operation.is_null() && is_synced {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("Argo CD does not get done: {}", application["status"]).into());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn application(&self) -> Checked<Value> {
        Ok(serde_json::to_value(self.api.get(&self.name).await?)?)
    }

    pub(super) async fn is_suspended(&self) -> Checked {
        let application = self.application().await?;
        same("the automation", &application["spec"]["syncPolicy"]["automated"], &Value::Null)?;
        let noted = &application["metadata"]["annotations"]["release-cockpit/suspended"];
        says(noted.as_str().unwrap_or_default(), "\"by\":\"alice\"")
    }

    pub(super) async fn delete(&self) {
        // Where there is one: it would make the other anew.
        let _ = self.api.delete(&format!("{}-root", self.name), &DeleteParams::default()).await;
        if let Err(error) = self.api.delete(&self.name, &DeleteParams::default()).await {
            eprintln!("application {} is left behind: {error}", self.name);
        }
    }
}

/// The images that the manifest named, in order, as the API server told of them.
pub(super) struct Watched {
    images: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Watched {
    pub(super) fn begin(bed: &Bed<'_>) -> Self {
        let images = Arc::new(Mutex::new(Vec::new()));
        let api = bed.namespace.api(bed.template_kind());
        let seen = Arc::clone(&images);
        let task = tokio::spawn(async move {
            let mut events = watcher(api, Config::default().fields("metadata.name=api")).boxed();
            while let Some(event) = events.next().await {
                let Ok(Event::Apply(object) | Event::InitApply(object)) = event else { continue };
                let image = &object.data["spec"]["template"]["spec"]["containers"][0]["image"];
                let image = image.as_str().unwrap_or_default().to_owned();
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if seen.last() != Some(&image) {
                    seen.push(image);
                }
            }
        });
        Self { images, task }
    }

    /// After the version of before was put back the bad one is never seen again, for a while.
    async fn never_again(self, bed: &Bed<'_>) -> Checked {
        self.shows(bed, &[true, false]).await
    }

    /// For a while, these are the versions that are seen, bad or not, and in the end 1.0.0 serves everybody.
    pub(super) async fn shows(self, bed: &Bed<'_>, wanted: &[bool]) -> Checked {
        sleep(QUIET).await;
        self.task.abort();
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let versions: Vec<bool> = images.iter().map(|image| is_version(&json!(image), "api", "1.1.0")).collect();
        same(&format!("bad or not, in order: {images:?}"), &versions.as_slice(), &wanted)?;
        let Err(why) = bed.serves_now("1.0.0").await? else { return Ok(()) };
        Err(format!("1.0.0 does not serve everybody any more: {why}").into())
    }
}
