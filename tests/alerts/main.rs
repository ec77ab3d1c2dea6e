//! The checks `alerts` and `promql` against a real Prometheus and a real Alertmanager: what fires is red, what stopped
//! firing is green, and a server that is away is blind.
//!
//! ```sh
//! apt-get install prometheus prometheus-alertmanager      # else the trials are ignored
//! cargo test --test alerts [NAME]
//! ```

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use release_cockpit::config::{Config, Place, Prometheus as Settings};
use release_cockpit::domain::checklist::Found;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::checks::{Evidence, Scene, Tools, http_client, look};
use release_cockpit::sources::prometheus::PrometheusClient;

/// What a trial gives: a failure says in words what is not as it must be.
type Checked<T = ()> = Result<T, Failed>;
/// A trial.
type Play = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a trial that hangs.
const CURTAIN: Duration = Duration::from_secs(120);

const TRIALS: [(&str, &[&str], Play); 3] = [
    ("a_real_prometheus_fires_and_calms_down", &["prometheus"], || Box::pin(by_prometheus())),
    ("a_real_alertmanager_fires_and_is_silenced", &["prometheus-alertmanager"], || Box::pin(by_alertmanager())),
    ("a_query_of_a_real_prometheus_holds_or_not", &["prometheus"], || Box::pin(by_query())),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = |(name, needs, play): (&'static str, &'static [&str], Play)| {
        Trial::ignorable_test(name, move || {
            if let Some(missing) = needs.iter().find(|program| !installed(program)) {
                return Ok(Completion::ignored_with(format!("no {missing}")));
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                tokio::time::timeout(CURTAIN, play()).await.map_err(|_| format!("it did not end in {CURTAIN:?}"))??;
                Ok(Completion::Completed)
            })
        })
    };
    libtest_mimic::run(&arguments, TRIALS.into_iter().map(trial).collect()).exit_code()
}

fn installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// A server with its data. Killed when dropped.
struct Server {
    process: Child,
    url: String,
    data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts one in a folder of its own, and waits until it is ready.
    async fn start(
        program: &str,
        files: &[(&str, &str)],
        arguments: impl Fn(&Path, &str) -> Vec<String>,
    ) -> Checked<Self> {
        let data = tempfile::tempdir()?;
        for (name, text) in files {
            fs::write(data.path().join(name), text)?;
        }
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let process = Command::new(program)
            .args(arguments(data.path(), &address))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { process, url: format!("http://{address}"), data };
        let ready = format!("{}/-/ready", server.url);
        until("a server that is ready", || async {
            reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await?;
        Ok(server)
    }

    /// A Prometheus with one rule, which fires while a file of targets says so.
    async fn prometheus() -> Checked<Self> {
        let config = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n\
                      scrape_configs: [{job_name: self, file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]}]\n";
        let rules = "groups: [{name: g, rules: [{alert: HighErrorRate, expr: 'up{service=\"payments\"} == 0', \
                     labels: {severity: page}, annotations: {summary: \"too many requests fail\"}}]}]\n";
        let files = [("prometheus.yml", config), ("rules.yml", rules), ("targets.json", "[]")];
        Self::start("prometheus", &files, |data, address| {
            vec![
                format!("--config.file={}", data.join("prometheus.yml").display()),
                format!("--storage.tsdb.path={}", data.join("data").display()),
                format!("--web.listen-address={address}"),
            ]
        })
        .await
    }

    /// Says what it scrapes, as service `payments`: a target that is away makes the rule fire.
    fn scrapes(&self, target: &str) -> Checked {
        let text = format!("[{{\"targets\": [\"{target}\"], \"labels\": {{\"service\": \"payments\"}}}}]");
        let new = self.data.path().join("targets.new");
        fs::write(&new, text)?;
        fs::rename(new, self.data.path().join("targets.json"))?;
        Ok(())
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    async fn tools(&self) -> Checked<Tools> {
        let prometheus = PrometheusClient::new(&Settings::at(self.url.parse()?), &Redactor::default()).await?;
        Ok(Tools { http: http_client(), prometheus: Some(prometheus), ..Tools::default() })
    }
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) -> Checked {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..1200 {
        ticks.tick().await;
        if holds().await {
            return Ok(());
        }
    }
    Err(format!("{what} never came").into())
}

/// Looks as a config says.
async fn looked(asked: &str, tools: &Tools) -> Checked<Evidence> {
    let place = Place { folder: "/".into(), ..Place::default() };
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\n{asked}"), &place);
    let config = config.map_err(|problems| format!("{asked}: {problems:#?}"))?;
    let kind = config.defaults.checks.first().and_then(|check| check.kind.clone()).ok_or("no kind")?;
    let scene = Scene { service: "payments".to_owned(), ..Scene::default() };
    Ok(look(&kind, &scene, tools).await)
}

async fn until_found(found: Found, says: &str, asked: &str, tools: &Tools) -> Checked {
    let came = until("the answer", || async { looked(asked, tools).await.is_ok_and(|now| now.found == found) }).await;
    let now = looked(asked, tools).await?;
    let last = format!("{:?}: {} {:?}", now.found, now.summary, now.lines);
    came.map_err(|_| format!("{asked} is never {found:?}, but {last}"))?;
    if last.contains(says) { Ok(()) } else { Err(format!("{asked} does not say {says:?}: {last}").into()) }
}

async fn by_prometheus() -> Checked {
    let server = Server::prometheus().await?;
    let tools = server.tools().await?;
    let asked = "alerts = { matchers = { service = '{{service}}' } }";
    until_found(Found::Passed, "", asked, &tools).await?;
    server.scrapes("127.0.0.1:1")?;
    until_found(Found::Failed, "HighErrorRate", asked, &tools).await?;
    until_found(Found::Passed, "", "alerts = { matchers = { service = 'others' } }", &tools).await?;
    server.scrapes(server.address())?;
    until_found(Found::Passed, "", asked, &tools).await?;
    drop(server);
    until_found(Found::Blind, "", asked, &tools).await
}

async fn by_query() -> Checked {
    let server = Server::prometheus().await?;
    let tools = server.tools().await?;
    server.scrapes(server.address())?;
    let up = |is: &str| format!("promql = {{ query = 'up{{service=\"payments\"}}', is = '{is}' }}");
    until_found(Found::Passed, "1", &up("> 0"), &tools).await?;
    until_found(Found::Failed, "1", &up("> 1"), &tools).await?;
    until_found(Found::Blind, "", "promql = { query = 'nothing_of_the_kind', is = '> 0' }", &tools).await?;
    until_found(Found::Blind, "", "promql = { query = '0 / 0 + up', is = '> 0' }", &tools).await?;
    until_found(Found::Blind, "", "promql = { query = 'up{', is = '> 0' }", &tools).await
}

async fn by_alertmanager() -> Checked {
    let config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
    let server = Server::start("prometheus-alertmanager", &[("config.yml", config)], |data, address| {
        vec![
            format!("--config.file={}", data.join("config.yml").display()),
            format!("--storage.path={}", data.join("data").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ]
    })
    .await?;
    let tools = Tools { http: http_client(), ..Tools::default() };
    let asked = format!("alerts = {{ url = '{}', matchers = {{ service = '{{{{service}}}}' }} }}", server.url);
    until_found(Found::Passed, "", &asked, &tools).await?;
    let labels = serde_json::json!({"alertname": "HighErrorRate", "service": "payments", "severity": "page"});
    let alert = serde_json::json!([{"labels": labels, "annotations": {"summary": "too many requests fail"}}]);
    let post = |path: &str, body: serde_json::Value| {
        reqwest::Client::new().post(format!("{}/api/v2/{path}", server.url)).json(&body).send()
    };
    post("alerts", alert).await?.error_for_status()?;
    until_found(Found::Failed, "HighErrorRate", &asked, &tools).await?;
    // Who silences an alert has seen it: it does not fire for us.
    let (now, later) = (jiff::Timestamp::now(), jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
    let silence = serde_json::json!({
        "matchers": [{"name": "service", "value": "payments", "isRegex": false, "isEqual": true}],
        "startsAt": now.to_string(), "endsAt": later.to_string(), "createdBy": "ana", "comment": "known",
    });
    post("silences", silence).await?.error_for_status()?;
    until_found(Found::Passed, "", &asked, &tools).await
}
