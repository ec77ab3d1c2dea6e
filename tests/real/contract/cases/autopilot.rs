//! The analysis and autopilot on a real Prometheus and real canaries: what gets worse is held and rolled back, what is well
//! is left alone, and numbers that go away stop promotions and nothing else. The program runs in a terminal, as it does
//! for its users.

use serde_json::{Value, json};
use support::check::{WAIT_TIMEOUT, holds, same};
use support::cluster::RealCluster;
use support::manifests::{canary, image, pause, pause_for, weight};
use support::{Checked, Pty, TestNamespace};

use super::checklist::Person;

/// How many canaries have to be left alone.
const HEALTHY_CANARIES: usize = 10;
/// Requests per second to every pod: enough to tell soon.
const REQUESTS_PER_SECOND: u32 = 200;

fn settings() -> Checked<String> {
    Ok(format!(
        "[prometheus]\nurl = \"{}\"\ninterval = \"2s\"\nwindow = \"15s\"\n\n[verdict]\nevery = \"2s\"\nenough = \"off\"\n\n\
         [guardrails]\nautopilot = true\nhold = \"3s\"\n\n",
        std::env::var("PROMETHEUS_URL")?
    ))
}

async fn traffic(namespace: &TestNamespace, pods: &str, what: Value) -> Checked {
    let url = format!("{}/traffic/{}/{pods}", std::env::var("EXPORTER_URL")?, namespace.name);
    support::http_client().put(url).json(&what).send().await?.error_for_status()?;
    Ok(())
}

/// Creates a healthy rollout and updates it, up to its first pause at a quarter.
async fn at_a_quarter(namespace: &TestNamespace, name: &str, step: Value, error_ratio: f64) -> Checked {
    traffic(namespace, name, json!({"rps": REQUESTS_PER_SECOND, "error_ratio": error_ratio, "latency_ms": 80})).await?;
    let mut object = canary(name, 4, &[weight(25), step, weight(50), pause()]);
    object["spec"]["template"]["metadata"]["labels"]["cockpit.test/metrics"] = json!("true");
    namespace.create_objects([object]).await?;
    let is_at = |image: String| {
        move |rollout: &Value| {
            let status = &rollout["status"];
            rollout["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str()
                && status["observedGeneration"].as_str() == Some(&rollout["metadata"]["generation"].to_string())
                && (status["phase"] == "Healthy" || status["currentStepIndex"] == 1)
        }
    };
    namespace.until("Rollout", name, "the first version healthy", is_at(image(name, "1.0.0"))).await?;
    namespace.set_image("Rollout", name, &image(name, "1.1.0")).await?;
    namespace.until("Rollout", name, "a pause at a quarter", is_at(image(name, "1.1.0"))).await?;
    Ok(())
}

/// Returns the name of the ReplicaSet that goes out.
async fn canary_set(namespace: &TestNamespace, name: &str) -> Checked<String> {
    let rollout = namespace.get("Rollout", name).await?;
    let hash = rollout["status"]["currentPodHash"].as_str().unwrap_or_default().to_owned();
    Ok(format!("{name}-{hash}"))
}

/// Opens the screen, which keeps its state apart from that of commands; returns who looks at what it kept.
fn open(person: &Person) -> (Person, Pty) {
    let mut at_screen = person.with_state("screen");
    at_screen.program = at_screen.program.env("USER", "alice");
    let pty = at_screen.program.screen(&[], (120, 40));
    (at_screen, pty)
}

/// Its error ratio triples at 25 %: it is held, rolled back, and the journal says on what evidence.
pub async fn errors_triple_at_a_quarter(namespace: &TestNamespace) -> Checked {
    at_a_quarter(namespace, "api", pause_for(600), 0.01).await?;
    let alice = Person::new(namespace, "alice", &settings()?);
    let (at_screen, _pty) = open(&alice);
    traffic(
        namespace,
        &canary_set(namespace, "api").await?,
        json!({"rps": REQUESTS_PER_SECOND, "error_ratio": 0.03, "latency_ms": 80}),
    )
    .await?;
    namespace.until("Rollout", "api", "the canary held", |rollout| rollout["spec"]["paused"] == true).await?;
    let old = image("api", "1.0.0");
    namespace
        .until("Rollout", "api", "the version before", |rollout| {
            rollout["spec"]["template"]["spec"]["containers"][0]["image"] == old.as_str()
        })
        .await?;
    let said = at_screen.until_journal("autopilot of alice requested: roll back to 1.0.0").await?;
    holds(
        &format!("the journal gives no evidence:\n{said}"),
        said.contains("error rate is higher than stable by more than 25 %: evidence"),
    )?;
    holds(&format!("no hold before it:\n{said}"), said.contains("autopilot of alice requested: pause"))
}

/// Two people watch it, both with autopilot: it is held once, and rolled back once.
pub async fn two_cockpits_act_once(namespace: &TestNamespace) -> Checked {
    at_a_quarter(namespace, "api", pause_for(600), 0.01).await?;
    let people = [Person::new(namespace, "alice", &settings()?), Person::new(namespace, "bob", &settings()?)];
    let _screens = people.each_ref().map(open);
    traffic(
        namespace,
        &canary_set(namespace, "api").await?,
        json!({"rps": REQUESTS_PER_SECOND, "error_ratio": 0.05, "latency_ms": 80}),
    )
    .await?;
    let old = image("api", "1.0.0");
    namespace
        .until("Rollout", "api", "the version before, at rest", |rollout| {
            rollout["spec"]["template"]["spec"]["containers"][0]["image"] == old.as_str()
                && rollout["status"]["phase"] == "Healthy"
        })
        .await?;
    let taken = taken_patches(namespace)?;
    let count = |text: &str| taken.iter().filter(|body| body.contains(text)).count();
    same("rollbacks", &count(&old), &1)?;
    same("pauses", &count("paused\":true"), &1)
}

/// Returns the bodies of all patches of its Rollout by the two that the API server took.
fn taken_patches(namespace: &TestNamespace) -> Checked<Vec<String>> {
    let log = std::fs::read_to_string(RealCluster::find()?.audit_log())?;
    let events = log.lines().filter(|line| line.contains(&namespace.name)).map(serde_json::from_str::<Value>);
    let mut taken = Vec::new();
    for event in events {
        let event = event?;
        let is_person = event["user"]["username"].as_str().is_some_and(|who| ["alice", "bob"].contains(&who));
        let is_taken = event["responseStatus"]["code"].as_u64().is_some_and(|code| (200..300).contains(&code));
        if event["objectRef"]["resource"] == "rollouts" && event["verb"] == "patch" && is_person && is_taken {
            taken.push(event["requestObject"].to_string());
        }
    }
    Ok(taken)
}

/// Its latency creeps up: the latency test sees it, and it is held as the guardrail says.
pub async fn latency_creeps_up(namespace: &TestNamespace) -> Checked {
    at_a_quarter(namespace, "api", pause_for(600), 0.01).await?;
    let alice = Person::new(namespace, "alice", &settings()?);
    let (at_screen, _pty) = open(&alice);
    for latency in [90, 105, 120] {
        let what = json!({"rps": REQUESTS_PER_SECOND, "error_ratio": 0.01, "latency_ms": latency});
        traffic(namespace, &canary_set(namespace, "api").await?, what).await?;
    }
    namespace.until("Rollout", "api", "the canary held", |rollout| rollout["spec"]["paused"] == true).await?;
    let said = at_screen.until_journal("autopilot of alice requested: pause").await?;
    holds(&format!("the journal does not name latency:\n{said}"), said.contains("latency looks worse"))
}

/// Nothing fails and nothing is slow, and one request in ten is answered 404: it is held.
pub async fn requests_find_nothing(namespace: &TestNamespace) -> Checked {
    at_a_quarter(namespace, "api", pause_for(600), 0.001).await?;
    let alice = Person::new(namespace, "alice", &settings()?);
    let (at_screen, _pty) = open(&alice);
    let what = json!({"rps": REQUESTS_PER_SECOND, "error_ratio": 0.001, "not_found_ratio": 0.1, "latency_ms": 80});
    traffic(namespace, &canary_set(namespace, "api").await?, what).await?;
    namespace.until("Rollout", "api", "the canary held", |rollout| rollout["spec"]["paused"] == true).await?;
    let said = at_screen.until_journal("autopilot of alice requested: pause").await?;
    holds(&format!("the journal does not name statuses:\n{said}"), said.contains("more rejected requests (4xx)"))
}

/// Ten healthy canaries are analysed for a while, and not touched.
pub async fn the_healthy_are_left_alone(namespace: &TestNamespace) -> Checked {
    let names: Vec<String> = (0..HEALTHY_CANARIES).map(|n| format!("api{n}")).collect();
    for name in &names {
        at_a_quarter(namespace, name, pause(), 0.001).await?;
    }
    let workloads: Vec<String> = names.iter().map(|name| format!("rollout/{name}")).collect();
    let alice = Person::with(namespace, "alice", &workloads, &settings()?);
    let (at_screen, _pty) = open(&alice);
    let until = std::time::Instant::now() + WAIT_TIMEOUT;
    loop {
        let status = at_screen.status().await?;
        let judged: Vec<&Value> =
            status["environments"][0]["workloads"].as_array().into_iter().flatten().map(|w| &w["judged"]).collect();
        let counted = |judged: &&&Value| judged["canary"]["requests"].as_u64().unwrap_or_default() > 5_000;
        for said in &judged {
            holds(&format!("a healthy canary is called {said}"), said["opinion"] != "regressed")?;
        }
        if judged.iter().filter(counted).count() == HEALTHY_CANARIES {
            let healthy = judged.iter().filter(|said| said["opinion"] == "healthy").count();
            holds(&format!("only {healthy} are proved healthy: {judged:?}"), healthy * 10 >= HEALTHY_CANARIES * 8)?;
            break;
        }
        holds(&format!("too few were counted: {status:#}"), std::time::Instant::now() < until)?;
    }
    for name in &names {
        let rollout = namespace.get("Rollout", name).await?;
        let image = image(name, "1.1.0");
        let template = &rollout["spec"]["template"]["spec"]["containers"][0]["image"];
        holds(&format!("{name} was rolled back"), *template == image.as_str())?;
        holds(&format!("{name} was held"), rollout["spec"]["paused"] != true)?;
    }
    Ok(())
}

/// The numbers go away in the middle: nothing goes on, every stop goes.
pub async fn metrics_go_away(namespace: &TestNamespace) -> Checked {
    at_a_quarter(namespace, "api", pause(), 0.001).await?;
    let alice = Person::new(namespace, "alice", &settings()?.replace("autopilot = true", "autopilot = false"));
    let outage = |on: bool| async move {
        let url = format!("{}/outage", std::env::var("EXPORTER_URL")?);
        support::http_client().put(url).json(&json!({"on": on})).send().await?.error_for_status()?;
        Checked::Ok(())
    };
    alice.until_ends(0, &["gate", "prod"]).await?;
    outage(true).await?;
    let blind = async {
        alice.until_ends(4, &["gate", "prod"]).await?;
        alice.expect(4, &["promote", "prod", "--yes"], "no data").await?;
        alice.expect(0, &["pause", "prod", "--yes"], "done").await?;
        alice.expect(4, &["resume", "prod", "--yes"], "no data").await?;
        alice.expect(0, &["rollback", "prod", "--yes"], "done").await
    };
    let seen = blind.await;
    outage(false).await?;
    seen
}
