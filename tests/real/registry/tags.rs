//! The tag that follows a release: what it names is told by the registry to `curl`, and how often it was moved by the registry's
//! own access log.

use std::process::Stdio;

use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::{canary, pause, weight};
use support::proxy::{Proxy, WriteFault};
use support::{Checked, TestNamespace};

use super::{Bed, OCI_IMAGE, OCI_INDEX, PASSWORD, REPOSITORY, Registry, USER, ended};

const TAG: &str = "stable";
const FOLLOWED: &str = "anonymous = true";

impl Registry {
    /// What a tag names, as `curl` is told.
    async fn named(&self, tag: &str) -> Checked<Option<String>> {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["-s", "--head", "--noproxy", "*"]);
        if self.login {
            curl.args(["-u", &format!("{USER}:{PASSWORD}")]);
        }
        let url = format!("http://{}/v2/{REPOSITORY}/manifests/{tag}", self.host);
        let head = curl.args(["-H", &format!("Accept: {OCI_IMAGE}, {OCI_INDEX}"), &url]).output().await?.stdout;
        let head = String::from_utf8(head)?.to_ascii_lowercase();
        holds("it answers", head.contains("200 ok") || head.contains("404 not found"))?;
        Ok(head.lines().find_map(|line| Some(line.strip_prefix("docker-content-digest:")?.trim().to_owned())))
    }

    async fn names(&self, digest: Option<&str>) -> Checked {
        same("what the tag names", &self.named(TAG).await?.as_deref(), &digest)
    }

    /// The answers to whatever of the program put a manifest under the tag.
    fn moves(&self) -> Checked<Vec<u16>> {
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        let put = format!("\"PUT /v2/{REPOSITORY}/manifests/{TAG} ");
        let ours = log.lines().filter(|line| line.contains(&put) && line.contains("\"release-cockpit/"));
        // The status follows what was asked.
        let status = |line: &str| line.split(&put).nth(1)?.split('"').nth(1)?.split_whitespace().next()?.parse().ok();
        ours.map(|line| status(line).ok_or_else(|| format!("no status: {line}").into())).collect()
    }

    /// Lets somebody else move the tag.
    async fn moved_by_another(&self, name: &str) -> Checked<String> {
        self.push_image(name, Some(TAG)).await
    }
}

/// A bed whose environment has a tag that follows.
async fn bed(registry: &Registry, digest: &str, more: &str) -> Checked<Bed> {
    let bed = Bed::new(registry, digest, more).await?;
    let config = bed.config.replacen("[[checks]]", &format!("stable_tag = '{TAG}'\n[[checks]]"), 1);
    Ok(Bed { config, ..bed })
}

/// The same with a proxy between the program and the registry.
async fn proxied(registry: &Registry, digest: &str) -> Checked<(Bed, Proxy)> {
    let proxy = Proxy::of_http(format!("http://{}", registry.host)).await?;
    let bed = bed(registry, digest, &format!("{FOLLOWED}\nurl = '{}'", proxy.url())).await?;
    Ok((bed, proxy))
}

pub(super) async fn follows() -> Checked {
    let registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let bed = bed(&registry, &one, FOLLOWED).await?;
    registry.names(None).await?;
    let image = format!("{}/{REPOSITORY}:2.0.0@{two}", registry.host);
    let run = bed.run(&["release", "prod", &image, "--yes"]).await;
    ended(&run, 0, "move tag stable to 2.0.0: done")?;
    registry.names(Some(&two)).await?;
    let again = bed.run(&["tag", "prod", "--yes"]).await;
    ended(&again, 0, "stable names 2.0.0 already")?;
    let run = bed.run(&["rollback", "prod", "--yes"]).await;
    ended(&run, 0, "move tag stable to 1.0.0: done")?;
    same("the image", &bed.image_now().await?, &json!(registry.image(&one)))?;
    registry.names(Some(&one)).await?;
    same("moves", &registry.moves()?, &vec![201, 201])?;
    let log = bed.run(&["log", "show"]).await;
    says(&log.out(), "move tag stable to 1.0.0")?;
    ended(&bed.run(&["log", "verify"]).await, 0, "")
}

pub(super) async fn by_hand() -> Checked {
    let registry = Registry::start(false).await?;
    let one = registry.push_image("one", None).await?;
    let bed = bed(&registry, &one, FOLLOWED).await?;
    // Nobody asked, and nobody can.
    let unasked = bed.run(&["tag", "prod"]).await;
    same(&unasked.said(), &unasked.code(), &3)?;
    let read_only = bed.with(str::to_owned).arg("--read-only").run_async(&["tag", "prod", "--yes"]).await;
    ended(&read_only, 3, "read-only")?;
    registry.names(None).await?;
    ended(&bed.run(&["tag", "prod", "--yes"]).await, 0, "done: ")?;
    registry.names(Some(&one)).await?;
    same("moves", &registry.moves()?, &vec![201])
}

pub(super) async fn waits_for_everybody() -> Checked {
    let registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let bed = bed(&registry, &one, FOLLOWED).await?;
    let mut object = canary("web", 4, &[weight(25), pause(), weight(50), pause()]);
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(registry.image(&one));
    bed.namespace.create_objects([object]).await?;
    until_healthy(&bed.namespace).await?;
    let config = bed.config.replace("deployment/api", "rollout/web");
    let bed = Bed { config, ..bed };
    let image = format!("{}/{REPOSITORY}:2.0.0@{two}", registry.host);
    let release = bed.run(&["release", "prod", &image, "--yes"]).await;
    same(&release.said(), &release.code(), &0)?;
    for _ in 0..2 {
        // At a pause: it serves some.
        registry.names(None).await?;
        ended(&bed.run(&["tag", "prod", "--yes"]).await, 3, "nothing is in progress")?;
        let on = bed.run(&["promote", "prod", "--yes"]).await;
        same(&on.said(), &on.code(), &0)?;
    }
    registry.names(Some(&two)).await?;
    same("moves", &registry.moves()?, &vec![201])
}

async fn until_healthy(namespace: &TestNamespace) -> Checked {
    let is_healthy = |object: &Value| object["status"]["phase"] == "Healthy";
    namespace.until("Rollout", "web", "healthy", is_healthy).await.map(|_| ())
}

pub(super) async fn moved_meanwhile() -> Checked {
    let registry = Registry::start(false).await?;
    let one = registry.push_image("one", None).await?;
    let bed = bed(&registry, &one, FOLLOWED).await?;
    // The question is open while somebody else moves the tag.
    let program = bed.with(str::to_owned);
    let mut screen = program.screen(&["tag", "prod"], (200, 40));
    screen.wait_text("move the tag? [y/N]");
    let theirs = registry.moved_by_another("theirs").await?;
    screen.send("y\r");
    same("exit code", &screen.exit(), &3)?;
    says(&screen.text(), "somebody moved")?;
    registry.names(Some(&theirs)).await?;
    same("moves", &registry.moves()?, &Vec::new())?;
    // Asked anew it is known what it names.
    ended(&bed.run(&["tag", "prod", "--yes"]).await, 0, "done: ")?;
    registry.names(Some(&one)).await
}

pub(super) async fn may_only_pull() -> Checked {
    let registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let (bed, proxy) = proxied(&registry, &one).await?;
    proxy.fail_next_write(WriteFault::Answer(403));
    let run = bed.run(&["tag", "prod", "--yes"]).await;
    ended(&run, 1, "403: no right to pull and push")?;
    says(&run.said(), &format!("the login for {} needs the right to push to {REPOSITORY}", registry.host))?;
    registry.names(None).await?;
    // That it fails says nothing of a release.
    proxy.fail_next_write(WriteFault::Answer(403));
    let image = format!("{}/{REPOSITORY}:2.0.0@{two}", registry.host);
    let run = bed.run(&["release", "prod", &image, "--yes"]).await;
    ended(&run, 0, "403: no right to pull and push")?;
    same("the image", &bed.image_now().await?, &json!(image))?;
    registry.names(None).await?;
    ended(&bed.run(&["tag", "prod", "--yes"]).await, 0, "done: ")?;
    registry.names(Some(&two)).await?;
    same("moves", &registry.moves()?, &vec![201])
}

pub(super) async fn lost() -> Checked {
    let registry = Registry::start(false).await?;
    let one = registry.push_image("one", None).await?;
    let (bed, proxy) = proxied(&registry, &one).await?;
    proxy.fail_next_write(WriteFault::LoseRequest);
    ended(&bed.run(&["tag", "prod", "--yes"]).await, 1, "found not done")?;
    registry.names(None).await?;
    same("moves", &registry.moves()?, &Vec::new())?;
    proxy.fail_next_write(WriteFault::LoseAnswer);
    ended(&bed.run(&["tag", "prod", "--yes"]).await, 0, "found done")?;
    registry.names(Some(&one)).await?;
    same("moves", &registry.moves()?, &vec![201])?;
    let puts = proxy.requests().iter().filter(|request| request.method == "PUT").count();
    same("manifests that left", &puts, &2)
}

pub(super) async fn kept_as_it_is() -> Checked {
    let mut registry = Registry::start(false).await?;
    let one = registry.push_image("one", None).await?;
    let bed = bed(&registry, &one, FOLLOWED).await?;
    registry.restart_read_only().await?;
    let run = bed.run(&["tag", "prod", "--yes"]).await;
    ended(&run, 1, "405: Method Not Allowed")?;
    says(&run.said(), "where the registry keeps tags from being moved")?;
    registry.names(None).await?;
    same("moves", &registry.moves()?, &vec![405])
}

pub(super) async fn with_a_login() -> Checked {
    let registry = Registry::start(true).await?;
    let one = registry.push_image("one", None).await?;
    let bed = bed(&registry, &one, &format!("username = '{USER}'\npassword = {{ env = 'PASSWORD' }}")).await?;
    let program = bed.program.clone().env("PASSWORD", PASSWORD);
    let bed = Bed { program, ..bed };
    let run = bed.run(&["tag", "prod", "--yes"]).await;
    ended(&run, 0, "done: ")?;
    holds("no password is shown", !run.said().contains(PASSWORD))?;
    registry.names(Some(&one)).await?;
    // It is not sent to be asked who sends it.
    same("moves", &registry.moves()?, &vec![201])
}

pub(super) async fn untrusted() -> Checked {
    let registry = Registry::start(false).await?;
    let one = registry.push_image("one", None).await?;
    let bed = bed(&registry, &one, FOLLOWED).await?;
    let folder = bed.program.path("found");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("cockpit.toml"), &bed.config)?;
    let program = bed.program.clone().current_dir(&folder);
    let run = program.run_async(&["tag", "prod", "--yes"]).await;
    ended(&run, 3, "is not trusted")?;
    registry.names(None).await?;
    ended(&program.run_async(&["trust", "--yes"]).await, 0, "move the tag stable in registries")?;
    ended(&program.run_async(&["tag", "prod", "--yes"]).await, 0, "done: ")?;
    registry.names(Some(&one)).await
}

impl Registry {
    /// Lets it take nothing any more, as registries do for maintenance.
    async fn restart_read_only(&mut self) -> Checked {
        self.stop()?;
        let path = self.folder.path().join("config.yml");
        let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        config["storage"]["maintenance"] = json!({"readonly": {"enabled": true}});
        std::fs::write(&path, config.to_string())?;
        let log = std::fs::OpenOptions::new().append(true).open(self.folder.path().join("log"))?;
        let mut command = std::process::Command::new("docker-registry");
        command.arg("serve").arg(path).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = support::process::Process::start(&mut command)?;
        let registry = &*self;
        support::until("the registry answers", || async { registry.status("/v2/").await.ok() }).await.map(|_| ())
    }
}
