//! Images in a real registry: Debian's `docker-registry` on loopback. What is there is told by `curl`, and what was asked by
//! the registry's own access log.

mod tags;

use std::fs::File;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Completion;
use release_cockpit::domain::record::journal::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::check::{holds, same, says};
use support::http::http_client;
use support::manifests::deployment;
use support::process::{Process, is_installed};
use support::program::Run;
use support::{Checked, Program, TestNamespace};

use crate::contract::servers::Servers;
use crate::suite::{Suite, case};

type Case = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(180);

const CASES: [(&str, Case); 19] = [
    ("an_image_that_is_there_is_green_and_a_missing_one_is_red", || Box::pin(there_or_not())),
    ("an_index_names_its_platforms_and_what_was_not_copied", || Box::pin(index())),
    ("a_digest_that_is_deleted_goes_red", || Box::pin(deleted())),
    ("without_a_login_it_is_blind_and_with_one_it_is_not", || Box::pin(logins())),
    ("what_docker_login_saved_is_used", || Box::pin(docker_logins())),
    ("a_registry_that_is_down_is_blind_and_stops_no_rollback", || Box::pin(down())),
    ("a_release_of_a_missing_digest_sends_nothing", || Box::pin(release_of_nothing())),
    ("a_rollback_to_a_deleted_image_goes_on", || Box::pin(rollback_to_nothing())),
    ("a_signature_has_to_be_listed_where_one_is_required", || Box::pin(signatures())),
    ("a_config_that_nobody_trusts_asks_nothing", || Box::pin(untrusted())),
    ("a_tag_follows_a_release_and_the_way_back", || Box::pin(tags::follows())),
    ("a_tag_is_moved_by_a_command_and_by_nothing_read_only", || Box::pin(tags::by_hand())),
    ("a_tag_waits_until_a_canary_serves_everybody", || Box::pin(tags::waits_for_everybody())),
    ("a_tag_that_somebody_moved_meanwhile_is_left_alone", || Box::pin(tags::moved_meanwhile())),
    ("a_login_that_may_only_pull_moves_no_tag_and_says_so", || Box::pin(tags::may_only_pull())),
    ("a_lost_answer_is_settled_without_moving_the_tag_again", || Box::pin(tags::lost())),
    ("a_registry_that_takes_nothing_is_said", || Box::pin(tags::kept_as_it_is())),
    ("a_manifest_is_sent_once_with_a_login", || Box::pin(tags::with_a_login())),
    ("a_config_that_nobody_trusts_moves_no_tag", || Box::pin(tags::untrusted())),
];

pub fn suite() -> Suite {
    let trial = |(name, run): (&'static str, Case)| {
        case(format!("registry::{name}"), CASE_TIMEOUT, async move || {
            if !is_installed("docker-registry") || !is_installed("curl") {
                let why = "no docker-registry or no curl: apt-get install docker-registry curl";
                return Ok(Completion::ignored_with(why));
            }
            run().await?;
            Ok(Completion::Completed)
        })
    };
    Suite { max_concurrent: 2, cases: CASES.into_iter().map(trial).collect() }
}

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const REPOSITORY: &str = "shop/api";
const USER: &str = "ada";
const PASSWORD: &str = "a-planted-secret";
/// `htpasswd -B` of the two.
const HTPASSWD: &str = "ada:$2b$04$GJcaCP6vnvO8PkRpg9.HNOiQcx2xN7m3xKxpExrAnlYEE7xBFGwAu\n";

/// A registry of its own.
struct Registry {
    host: String,
    login: bool,
    folder: tempfile::TempDir,
    process: Process,
}

impl Registry {
    async fn start(login: bool) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let host = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string();
        std::fs::write(folder.path().join("htpasswd"), HTPASSWD)?;
        let mut config = json!({
            "version": "0.1",
            "log": {"accesslog": {"disabled": false}},
            "storage": {"filesystem": {"rootdirectory": folder.path().join("data")}, "delete": {"enabled": true}},
            "http": {"addr": host},
        });
        if login {
            config["auth"] = json!({"htpasswd": {"realm": "bed", "path": folder.path().join("htpasswd")}});
        }
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config.to_string())?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path).stdout(log.try_clone()?).stderr(log);
        let process = Process::start(&mut command)?;
        let registry = Self { host, login, folder, process };
        support::until("the registry answers", || async { registry.status("/v2/").await.ok() }).await?;
        Ok(registry)
    }

    fn stop(&mut self) -> Checked {
        self.process.child().kill()?;
        self.process.child().wait()?;
        Ok(())
    }

    fn request(&self, method: &str, path: &str) -> Checked<reqwest::RequestBuilder> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("http://{}{path}", self.host) };
        let request = http_client().request(method.parse()?, url);
        Ok(if self.login { request.basic_auth(USER, Some(PASSWORD)) } else { request })
    }

    /// The status of a path, as `curl` gets it.
    async fn status(&self, path: &str) -> Checked<u16> {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*"]);
        if self.login {
            curl.args(["-u", &format!("{USER}:{PASSWORD}")]);
        }
        let accepted = format!("Accept: {OCI_IMAGE}, {OCI_INDEX}");
        let output = curl.args(["-H", &accepted, &format!("http://{}{path}", self.host)]).output().await?;
        let status: u16 = String::from_utf8(output.stdout)?.parse()?;
        if status == 0 { Err("no answer".into()) } else { Ok(status) }
    }

    async fn has(&self, digest: &str) -> Checked<u16> {
        self.status(&format!("/v2/{REPOSITORY}/manifests/{digest}")).await
    }

    async fn push_blob(&self, bytes: &[u8]) -> Checked<String> {
        let digest = digest(bytes);
        let begun = self.request("POST", &format!("/v2/{REPOSITORY}/blobs/uploads/"))?.send().await?;
        let place = begun.headers().get("location").and_then(|value| value.to_str().ok()).ok_or("no place")?;
        let put = self.request("PUT", &format!("{place}&digest={digest}"))?.body(bytes.to_vec()).send().await?;
        same("the blob is taken", &put.status().as_u16(), &201)?;
        Ok(digest)
    }

    async fn push(&self, media_type: &str, manifest: &Value, tag: Option<&str>) -> Checked<String> {
        let text = manifest.to_string();
        let digest = digest(text.as_bytes());
        let reference = tag.unwrap_or(&digest);
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let put = self.request("PUT", &path)?.header("Content-Type", media_type).body(text).send().await?;
        let (status, said) = (put.status().as_u16(), put.text().await?);
        same(&format!("the manifest is taken: {said}"), &status, &201)?;
        Ok(digest)
    }

    /// Pushes an image of nothing but a config; returns its digest.
    async fn push_image(&self, name: &str, tag: Option<&str>) -> Checked<String> {
        let config = json!({"architecture": "amd64", "os": "linux", "author": name}).to_string();
        let config_digest = self.push_blob(config.as_bytes()).await?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_IMAGE, "layers": [],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
        });
        self.push(OCI_IMAGE, &manifest, tag).await
    }

    async fn delete(&self, digest: &str) -> Checked {
        let answer = self.request("DELETE", &format!("/v2/{REPOSITORY}/manifests/{digest}"))?.send().await?;
        same("it is deleted", &answer.status().as_u16(), &202)
    }

    fn image(&self, digest: &str) -> String {
        format!("{}/{REPOSITORY}:1.0.0@{digest}", self.host)
    }

    /// The requests of the program that its access log has.
    fn asked(&self) -> Checked<usize> {
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        Ok(log.lines().filter(|line| line.contains("\"release-cockpit/")).count())
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// A digest that nobody pushed.
fn nobodys() -> String {
    digest(b"nobody pushed this")
}

/// The program, with a Deployment of one image in a simulated cluster.
struct Bed {
    program: Program,
    namespace: TestNamespace,
    config: String,
}

const DEPLOYMENT: &str = "api";

impl Bed {
    async fn new(registry: &Registry, digest: &str, more: &str) -> Checked<Self> {
        let namespace = TestNamespace::create(Servers::Simulator.start().await?, "registry").await?;
        let mut object = deployment(DEPLOYMENT, 1);
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(registry.image(digest));
        namespace.create_objects([object]).await?;
        let is_up = |object: &Value| object["status"]["availableReplicas"] == 1;
        namespace.until("Deployment", DEPLOYMENT, "up", is_up).await?;
        let program =
            crate::cockpit().env("KUBECONFIG", namespace.cluster.kubeconfig().display().to_string()).with_path();
        let config = format!(
            "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = '{}'\nworkloads = ['deployment/{DEPLOYMENT}']\n\
             [[checks]]\nid = 'artifact'\ngate = true\nartifact = true\n\
             [[registries]]\nhost = '{}'\n{more}\n",
            namespace.name, registry.host
        );
        Ok(Self { program, namespace, config })
    }

    fn with(&self, change: impl Fn(&str) -> String) -> Program {
        let path = self.program.write("registry.toml", &change(&self.config));
        self.program.clone().arg("--config").arg(path.display().to_string())
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        self.with(str::to_owned).run_async(arguments).await
    }

    async fn check(&self) -> Run {
        self.run(&["check", "prod", "registry"]).await
    }

    async fn image_now(&self) -> Checked<Value> {
        let object = self.namespace.get("Deployment", DEPLOYMENT).await?;
        Ok(object["spec"]["template"]["spec"]["containers"][0]["image"].clone())
    }

    /// Deploys another image, and waits until it is everywhere.
    async fn deploy(&self, image: &str) -> Checked {
        self.namespace.set_image("Deployment", DEPLOYMENT, image).await?;
        let is_done = |object: &Value| {
            let status = &object["status"];
            status["observedGeneration"] == object["metadata"]["generation"]
                && status["updatedReplicas"] == 1
                && status["replicas"] == 1
                && status["availableReplicas"] == 1
        };
        self.namespace.until("Deployment", DEPLOYMENT, "rolled out", is_done).await.map(|_| ())
    }
}

fn ended(run: &Run, code: i32, words: &str) -> Checked {
    same(&run.said(), &run.code(), &code)?;
    says(&run.said(), words)
}

async fn there_or_not() -> Checked {
    let registry = Registry::start(false).await?;
    let there = registry.push_image("one", Some("1.0.0")).await?;
    same("curl finds it", &registry.has(&there).await?, &200)?;
    let bed = Bed::new(&registry, &there, "anonymous = true").await?;
    ended(&bed.check().await, 0, &format!("is in {}/{REPOSITORY}", registry.host))?;
    let missing = nobodys();
    same("curl finds none", &registry.has(&missing).await?, &404)?;
    bed.deploy(&registry.image(&missing)).await?;
    ended(&bed.check().await, 3, &format!("is not in {}/{REPOSITORY}", registry.host))?;
    let gate = bed.run(&["gate", "prod", "-o", "json"]).await;
    same(&gate.said(), &gate.code(), &3)?;
    says(&gate.out(), "registry: sha256:")
}

async fn index() -> Checked {
    let registry = Registry::start(false).await?;
    let (amd64, arm64) = (registry.push_image("amd64", None).await?, registry.push_image("arm64", None).await?);
    let entry = |digest: &str, architecture: &str| {
        let platform = json!({"os": "linux", "architecture": architecture});
        json!({"mediaType": OCI_IMAGE, "digest": digest, "size": 100, "platform": platform})
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [entry(&amd64, "amd64"), entry(&arm64, "arm64")],
    });
    let index = registry.push(OCI_INDEX, &manifest, None).await?;
    let bed = Bed::new(&registry, &index, "anonymous = true").await?;
    ended(&bed.check().await, 0, "platforms: linux/amd64, linux/arm64")?;
    registry.delete(&arm64).await?;
    ended(&bed.check().await, 0, "listed in its index, and not there: linux/arm64")?;
    registry.delete(&amd64).await?;
    same("curl finds the index still", &registry.has(&index).await?, &200)?;
    ended(&bed.check().await, 3, "none of the manifests that it lists")
}

async fn deleted() -> Checked {
    let registry = Registry::start(false).await?;
    let digest = registry.push_image("one", None).await?;
    let bed = Bed::new(&registry, &digest, "anonymous = true").await?;
    ended(&bed.check().await, 0, "is in")?;
    registry.delete(&digest).await?;
    same("curl finds it no more", &registry.has(&digest).await?, &404)?;
    ended(&bed.check().await, 3, "is not in")
}

async fn logins() -> Checked {
    let registry = Registry::start(true).await?;
    let digest = registry.push_image("one", None).await?;
    let bed = Bed::new(&registry, &digest, "LOGIN").await?;
    let program = bed.program.clone().env("PASSWORD", PASSWORD).env("WRONG", "not-the-password");
    let bed = Bed { program, ..bed };
    let cases = [
        ("anonymous = true", 4, "401: it wants a login"),
        ("username = 'ada'\npassword = { env = 'WRONG' }", 4, "401: the login of ada is not accepted"),
        ("username = 'ada'\npassword = { env = 'NOT_SET' }", 4, "NOT_SET: it is not set"),
        ("username = 'ada'\npassword = { env = 'PASSWORD' }", 0, "is in"),
    ];
    for (login, code, words) in cases {
        let run = bed.with(|config| config.replace("LOGIN", login)).run_async(&["check", "prod", "registry"]).await;
        ended(&run, code, words)?;
        holds("no password is shown", !run.said().contains(PASSWORD) && !run.said().contains("not-the-password"))?;
    }
    Ok(())
}

async fn docker_logins() -> Checked {
    let registry = Registry::start(true).await?;
    let digest = registry.push_image("one", None).await?;
    let bed = Bed::new(&registry, &digest, "").await?;
    // printf 'ada:a-planted-secret' | base64
    let saved = json!({"auths": {&registry.host: {"auth": "YWRhOmEtcGxhbnRlZC1zZWNyZXQ="}}});
    bed.program.write("config.json", &saved.to_string());
    let folder = bed.program.path("").display().to_string();
    let program = bed.program.clone().env("DOCKER_CONFIG", folder.clone());
    let bed = Bed { program, ..bed };
    ended(&bed.check().await, 0, "is in")?;
    // The same by a program that keeps it.
    let helper = bed.program.write("docker-credential-bed", HELPER);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(helper, mode)?;
    bed.program.write("config.json", &json!({"credHelpers": {&registry.host: "bed"}}).to_string());
    ended(&bed.check().await, 4, "docker-credential-bed: No such file")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let program = bed.program.clone().env("PATH", format!("{folder}:{path}"));
    let bed = Bed { program, ..bed };
    ended(&bed.check().await, 0, "is in")?;
    same("what the program was asked", &bed.program.read("asked"), &registry.host)
}

const HELPER: &str = r#"#!/bin/sh
cat > "$HOME/asked"
echo '{"ServerURL": "", "Username": "ada", "Secret": "a-planted-secret"}'
"#;

async fn down() -> Checked {
    let mut registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let bed = Bed::new(&registry, &one, "anonymous = true").await?;
    bed.deploy(&registry.image(&two)).await?;
    ended(&bed.check().await, 0, "is in")?;
    registry.stop()?;
    ended(&bed.check().await, 4, "Connection refused")?;
    let run = bed.run(&["rollback", "prod", "--yes"]).await;
    same(&run.said(), &run.code(), &0)?;
    same("the image", &bed.image_now().await?, &json!(registry.image(&one)))
}

async fn release_of_nothing() -> Checked {
    let registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let bed = Bed::new(&registry, &one, "anonymous = true").await?;
    let image = |digest: &str| format!("{}/{REPOSITORY}:2.0.0@{digest}", registry.host);
    let run = bed.run(&["release", "prod", &image(&nobodys()), "--yes"]).await;
    ended(&run, 3, &format!("is not in {}/{REPOSITORY}", registry.host))?;
    same("the image", &bed.image_now().await?, &json!(registry.image(&one)))?;
    let run = bed.run(&["release", "prod", &image(&two), "--yes"]).await;
    same(&run.said(), &run.code(), &0)?;
    same("the image", &bed.image_now().await?, &json!(image(&two)))
}

async fn rollback_to_nothing() -> Checked {
    let registry = Registry::start(false).await?;
    let (one, two) = (registry.push_image("one", None).await?, registry.push_image("two", None).await?);
    let bed = Bed::new(&registry, &one, "anonymous = true").await?;
    bed.deploy(&registry.image(&two)).await?;
    registry.delete(&one).await?;
    same("curl finds it no more", &registry.has(&one).await?, &404)?;
    let run = bed.run(&["rollback", "prod", "--yes"]).await;
    same(&run.said(), &run.code(), &0)?;
    same("the image", &bed.image_now().await?, &json!(registry.image(&one)))
}

async fn signatures() -> Checked {
    let registry = Registry::start(false).await?;
    let digest = registry.push_image("one", None).await?;
    let bed = Bed::new(&registry, &digest, "anonymous = true\nrequire_signature = true").await?;
    ended(&bed.check().await, 3, "no signature of sha256:")?;
    let tag = digest.replace(':', "-");
    registry.push_image("its signature", Some(&format!("{tag}.sig"))).await?;
    ended(&bed.check().await, 0, "cosign signature listed (not verified)")
}

async fn untrusted() -> Checked {
    let registry = Registry::start(false).await?;
    let digest = registry.push_image("one", None).await?;
    // Without a login of its own it would use that of `docker login`.
    let bed = Bed::new(&registry, &digest, "").await?;
    let folder: PathBuf = bed.program.path("found");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("cockpit.toml"), &bed.config)?;
    let program = bed.program.clone().current_dir(&folder);
    let run = program.run_async(&["check", "prod", "registry"]).await;
    ended(&run, 4, "not trusted: run `cockpit trust`")?;
    same("requests", &registry.asked()?, &0)?;
    let trusted = program.run_async(&["trust", "--yes"]).await;
    ended(&trusted, 0, "docker login")?;
    ended(&program.run_async(&["check", "prod", "registry"]).await, 0, "is in")?;
    holds("it was asked", registry.asked()? > 0)
}
