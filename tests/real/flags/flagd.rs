//! Feature flags of flagd in a `ConfigMap`, on simulated and on real servers. What was written is told by `kubectl`, and how
//! often by a proxy before the API server.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::config::Kubeconfig;
use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::manifests::deployment;
use support::program::Run;
use support::proxy::WriteFault;
use support::{Checked, Program, Proxy, TestNamespace};

use super::ended;
use crate::contract::servers::Servers;
use crate::suite::Suite;

type Case = for<'a> fn(&'a TestNamespace) -> Pin<Box<dyn Future<Output = Checked> + 'a>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, Case); 10] = [
    ("off_is_written_once_and_the_rest_stays", |namespace| Box::pin(off_is_written_once(namespace))),
    ("off_goes_on_where_somebody_wrote_in_between", |namespace| Box::pin(off_after_a_conflict(namespace))),
    ("on_is_refused_where_somebody_wrote_in_between", |namespace| Box::pin(on_after_a_conflict(namespace))),
    ("a_share_is_written_into_the_targeting_and_the_rest_stays", |namespace| Box::pin(share(namespace))),
    ("a_share_is_not_lowered_where_somebody_turned_it_off", |namespace| Box::pin(share_after_a_conflict(namespace))),
    ("a_lost_answer_is_settled_by_looking", |namespace| Box::pin(lost_answer(namespace))),
    ("a_lost_request_is_found_not_done_and_not_repeated", |namespace| Box::pin(lost_request(namespace))),
    ("what_cannot_be_read_is_said_and_nothing_is_written", |namespace| Box::pin(unreadable(namespace))),
    ("without_the_right_nothing_is_written", |namespace| Box::pin(without_the_right(namespace))),
    ("the_owner_of_the_config_map_is_named", |namespace| Box::pin(owned(namespace))),
];

pub fn suite() -> Suite {
    let trial = |servers: Servers, (name, case): (&'static str, Case)| {
        Trial::ignorable_test(format!("flags::flagd::{}::{name}", servers.as_str()), move || {
            if let Some(reason) = servers.missing() {
                return Ok(Completion::ignored_with(reason));
            }
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(async {
                let namespace = TestNamespace::create(servers.start().await?, name).await?;
                let ended = tokio::time::timeout(CASE_TIMEOUT, case(&namespace)).await;
                namespace.delete().await;
                ended.map_err(|_| format!("it did not end within {CASE_TIMEOUT:?}"))??;
                Ok(Completion::Completed)
            })
        })
    };
    let on = |servers| CASES.into_iter().map(move |case| trial(servers, case));
    Suite { max_concurrent: 4, cases: Servers::ALL.into_iter().flat_map(on).collect() }
}

/// As people write it: three spaces, a key that nobody knows, one flag in a line.
pub const DOCUMENT: &str = r#"{
   "$schema": "https://flagd.dev/schema/v0/flags.json",
   "flags": {
      "banner":   {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
      "checkout": {
         "state": "ENABLED",
         "variants": { "on": true, "off": false },
         "defaultVariant": "off",
         "targeting": { "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] },
         "x-note": "1.50 \u00e4"
      },
      "colour": {"state": "ENABLED", "variants": {"red": "f00", "blue": "00f"}, "defaultVariant": "red"},
      "dark": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}
   }
}
"#;

fn config_map(document: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "features"},
        "data": {"flags.json": document, "other": "kept\n"},
    })
}

/// The program, with a proxy between it and the API server.
struct Bed<'a> {
    namespace: &'a TestNamespace,
    proxy: Proxy,
    program: Program,
}

impl<'a> Bed<'a> {
    async fn new(namespace: &'a TestNamespace) -> Checked<Self> {
        namespace.create_objects([config_map(DOCUMENT)]).await?;
        Self::by("alice", namespace, "").await
    }

    /// As this person, with more in the environment's section.
    async fn by(who: &str, namespace: &'a TestNamespace, more: &str) -> Checked<Self> {
        let proxy = Proxy::of_kubernetes_with_tls(namespace.cluster.config(who).await?).await?;
        let known = serde_json::to_value(Kubeconfig::read_from(namespace.cluster.kubeconfig())?)?;
        let users = known["users"].as_array().cloned().unwrap_or_default();
        let user = users.iter().find(|user| user["name"] == who).ok_or("the cluster does not know who it is")?;
        let token = user["user"]["token"].as_str().ok_or("there is no token")?;
        let authority = proxy.authority().ok_or("the proxy speaks no TLS")?;
        let (url, name) = (proxy.url(), &namespace.name);
        let program = crate::cockpit();
        let kubeconfig = program.write(
            "kubeconfig",
            &format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
                 clusters: [{{name: bed, cluster: {{server: \"{url}\", certificate-authority: {}}}}}]\n\
                 contexts: [{{name: prod, context: {{cluster: bed, user: it, namespace: {name}}}}}]\n\
                 users: [{{name: it, user: {{token: {token}}}}}]\n",
                authority.display()
            ),
        );
        let config = program.write(
            "flags.toml",
            &format!(
                "[[environments]]\nname = 'prod'\ncontext = 'prod'\n{more}\n\
                 [[flags]]\nname = 'flagd'\nflagd = {{ config_map = 'features' }}\n"
            ),
        );
        let program = program
            .env("KUBECONFIG", kubeconfig.display().to_string())
            .args(["--config".to_owned(), config.display().to_string()]);
        Ok(Self { namespace, proxy, program })
    }

    async fn turn(&self, turn: &str, flag: &str) -> Run {
        self.program.run_async(&["flags", turn, "prod", flag, "--yes"]).await
    }

    async fn off(&self, flag: &str) -> Run {
        self.turn("off", flag).await
    }

    async fn set(&self, flag: &str, percent: &str) -> Run {
        self.program.run_async(&["flags", "set", "prod", flag, percent, "--yes"]).await
    }

    async fn listed(&self, flag: &str) -> Checked<Value> {
        let run = self.program.run_async(&["flags", "list", "prod", "--all", "-o", "json"]).await;
        let list: Value = serde_json::from_str(&run.out()).map_err(|error| format!("{error}: {}", run.said()))?;
        let flags = list["flags"].as_array().cloned().unwrap_or_default();
        flags.into_iter().find(|listed| listed["name"] == flag).ok_or_else(|| format!("no {flag}: {list}").into())
    }

    /// The `ConfigMap` as `kubectl` shows it; where that is not installed, as the API server has it.
    async fn object(&self) -> Checked<Value> {
        let get = ["get", "configmap", "features", "-o", "json", "--show-managed-fields"];
        match self.namespace.tool("kubectl", &get).await? {
            Some(shown) => Ok(serde_json::from_slice(&shown.stdout)?),
            None => self.namespace.get("ConfigMap", "features").await,
        }
    }

    async fn document(&self) -> Checked<String> {
        Ok(self.object().await?["data"]["flags.json"].as_str().unwrap_or_default().to_owned())
    }

    /// Has the program see the `ConfigMap` as it is now until a write of it meets what others wrote since.
    async fn goes_by_what_is_there_now(&self) -> Checked {
        let (stale, has_met) = (self.namespace.get("ConfigMap", "features").await?, AtomicBool::new(false));
        self.proxy.rewrite(Some(Box::new(move |answer| {
            if answer["code"] == 409 {
                has_met.store(true, Ordering::SeqCst);
            } else if answer["metadata"]["name"] == "features" && !has_met.load(Ordering::SeqCst) {
                answer.clone_from(&stale);
            }
        })));
        Ok(())
    }

    /// What the API server answered to each write.
    fn answers(&self) -> Vec<Option<u16>> {
        self.proxy.writes().iter().map(|write| write.answer).collect()
    }
}

async fn off_is_written_once(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    let listed = bed.listed("checkout").await?;
    same("its share", &listed["percent"], &json!(25))?;
    let before = bed.object().await?["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    ended(&bed.off("checkout").await, 0, "done: it is off")?;
    let after = bed.object().await?;
    let rule = r#"{ "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] }"#;
    let off = DOCUMENT.replace(rule, &format!("{{\"if\": [false, {rule}, \"off\"]}}"));
    same("the document", &after["data"]["flags.json"], &json!(off))?;
    same("the other key", &after["data"]["other"], &json!("kept\n"))?;
    let writes = bed.proxy.writes();
    same("writes", &writes.len(), &1)?;
    same("what it was conditional on", &writes[0].precondition, &Some(before))?;
    let managers = after["metadata"]["managedFields"].to_string();
    says(&managers, "\"manager\":\"release-cockpit\"")?;
    same("who wrote it", &bed.listed("checkout").await?["document"]["written"]["by"], &json!("release-cockpit"))?;
    // As wanted already: nothing is written.
    ended(&bed.off("checkout").await, 0, "off")?;
    same("the object", &bed.object().await?["metadata"]["resourceVersion"], &after["metadata"]["resourceVersion"])?;
    ended(&bed.off("banner").await, 0, "done: it is off")?;
    ended(&bed.off("colour").await, 0, "done: it is off")?;
    let document: Value = serde_json::from_str(&bed.document().await?)?;
    same("what everybody gets", &document["flags"]["banner"]["defaultVariant"], &json!("off"))?;
    same("a flag without an off", &document["flags"]["colour"]["state"], &json!("DISABLED"))?;
    // Disabled, the code decides, which may say `true`.
    ended(&bed.off("dark").await, 0, "done: it is off")?;
    let document: Value = serde_json::from_str(&bed.document().await?)?;
    let dark = &document["flags"]["dark"];
    same("what everybody gets", &[&dark["state"], &dark["defaultVariant"]], &[&json!("ENABLED"), &json!("off")])?;
    ended(&bed.off("no-such-flag").await, 3, "there is no flag no-such-flag")?;
    same("writes", &bed.answers(), &vec![Some(200); 4])?;
    let journal = bed.program.run_async(&["log", "show"]).await;
    says(&journal.said(), "turn off flag checkout")
}

async fn share(namespace: &TestNamespace) -> Checked {
    let bed = with_green_gates(namespace).await?;
    ended(&bed.set("checkout", "50").await, 0, "done: it is 50 %")?;
    let text = DOCUMENT.replace(
        r#"{ "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] }"#,
        r#"{"fractional": [{ "var": "email" }, ["on", 50], ["off", 50]]}"#,
    );
    same("the document", &bed.document().await?, &text)?;
    // Fewer users of a flag that everybody had.
    ended(&bed.set("banner", "1").await, 0, "done: it is 1 %")?;
    let document: Value = serde_json::from_str(&bed.document().await?)?;
    let banner = json!({
        "targeting": {"fractional": [["on", 1], ["off", 99]]}, "state": "ENABLED", "variants": {"on": true, "off": false},
        "defaultVariant": "off",
    });
    same("its definition", &document["flags"]["banner"], &banner)?;
    ended(&bed.set("banner", "100").await, 0, "done: it is on")?;
    ended(&bed.set("colour", "50").await, 3, "is no boolean flag")?;
    same("writes", &bed.answers(), &vec![Some(200); 3])
}

async fn share_after_a_conflict(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    bed.goes_by_what_is_there_now().await?;
    let off = DOCUMENT.replacen("\"defaultVariant\": \"on\"", "\"defaultVariant\": \"off\"", 1);
    namespace.merge("ConfigMap", "features", json!({"data": {"flags.json": off}})).await?;
    let run = bed.set("banner", "50").await;
    ended(&run, 3, "the flag is off by now, and more users would get it")?;
    same("what was answered", &bed.answers(), &vec![Some(409)])?;
    same("the document", &bed.document().await?, &off)
}

async fn off_after_a_conflict(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    bed.goes_by_what_is_there_now().await?;
    let other = DOCUMENT.replace("\"red\": \"f00\"", "\"red\": \"e00\"");
    namespace.merge("ConfigMap", "features", json!({"data": {"flags.json": other}})).await?;
    ended(&bed.off("banner").await, 0, "done: it is off")?;
    same("what was answered", &bed.answers(), &vec![Some(409), Some(200)])?;
    let both = other.replace(
        "\"defaultVariant\": \"on\"},\n      \"checkout\"",
        "\"defaultVariant\": \"off\"},\n      \"checkout\"",
    );
    holds("the two differ", both != other)?;
    same("both changes are there", &bed.document().await?, &both)
}

/// With a workload, and no gate but one that nobody has to answer.
async fn with_green_gates(namespace: &TestNamespace) -> Checked<Bed<'_>> {
    namespace.create_objects([config_map(DOCUMENT), deployment("api", 1)]).await?;
    namespace.until("Deployment", "api", "it is there", |object| object["status"]["readyReplicas"] == 1).await?;
    Bed::by("alice", namespace, "workloads = ['deployment/api']\n\n[[checks]]\nid = 'notes'").await
}

async fn on_after_a_conflict(namespace: &TestNamespace) -> Checked {
    let bed = with_green_gates(namespace).await?;
    ended(&bed.off("dark").await, 0, "done: it is off")?;
    ended(&bed.turn("on", "dark").await, 0, "done: it is on")?;
    let on = DOCUMENT.replace("DISABLED", "ENABLED");
    same("the document", &bed.document().await?, &on)?;
    ended(&bed.off("dark").await, 0, "done: it is off")?;
    bed.goes_by_what_is_there_now().await?;
    bed.proxy.forget();
    // Somebody else has turned it on meanwhile.
    namespace.merge("ConfigMap", "features", json!({"data": {"flags.json": on}})).await?;
    ended(&bed.turn("on", "dark").await, 3, "the flag is on instead of off")?;
    same("what was answered", &bed.answers(), &vec![Some(409)])?;
    same("the document is theirs", &bed.document().await?, &on)
}

async fn lost_answer(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    bed.proxy.fail_next_write(WriteFault::LoseAnswer);
    ended(&bed.off("banner").await, 0, "found done: it is off")?;
    same("writes", &bed.answers(), &vec![Some(200)])
}

async fn lost_request(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    bed.proxy.fail_next_write(WriteFault::LoseRequest);
    ended(&bed.off("banner").await, 1, "found not done: it is on")?;
    same("writes", &bed.answers(), &vec![None])?;
    same("the document", &bed.document().await?.as_str(), &DOCUMENT)
}

async fn unreadable(namespace: &TestNamespace) -> Checked {
    let bed = Bed::by("alice", namespace, "").await?;
    let list = async || bed.program.run_async(&["flags", "list", "prod"]).await;
    ended(&list().await, 4, "404: NotFound: configmaps \"features\" not found")?;
    ended(&bed.off("banner").await, 3, "not found")?;
    namespace.create_objects([config_map("flags:\n  banner: {}\n")]).await?;
    ended(&list().await, 4, "ConfigMap features key flags.json: it is no JSON: expected ident at line 1 column 2")?;
    ended(&bed.off("banner").await, 3, "not sent: ConfigMap features key flags.json: it is no JSON")?;
    namespace.merge("ConfigMap", "features", json!({"data": {"flags.json": null}})).await?;
    ended(&list().await, 4, "ConfigMap features key flags.json: there is no such key")?;
    same("writes", &bed.answers().len(), &0)
}

async fn without_the_right(namespace: &TestNamespace) -> Checked {
    namespace.create_objects([config_map(DOCUMENT)]).await?;
    let viewer = Bed::by("viewer", namespace, "").await?;
    ended(&viewer.off("banner").await, 3, "403")?;
    let read_only = Bed::by("alice", namespace, "read_only = true").await?;
    ended(&read_only.off("banner").await, 3, "read-only")?;
    same("writes", &read_only.answers().len(), &0)?;
    same("the document", &viewer.document().await?.as_str(), &DOCUMENT)
}

async fn owned(namespace: &TestNamespace) -> Checked {
    let bed = Bed::new(namespace).await?;
    let tracking = format!("shop:/ConfigMap:{}/features", namespace.name);
    let marks = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}});
    namespace.merge("ConfigMap", "features", marks).await?;
    let warning = "Argo CD application shop may put it back: change it there, too";
    let listed = bed.program.run_async(&["flags", "list", "prod"]).await;
    ended(&listed, 0, warning)?;
    ended(&bed.off("banner").await, 0, &format!("done: it is off; {warning}; users notice once flagd has read"))
}
