//! Ready queries for what people run: istio, ingress-nginx, linkerd, OpenTelemetry, plain Prometheus clients.

use crate::config::Preset;
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;

/// What the queries of a preset are made of.
struct Parts {
    counter: &'static str,
    /// The histogram of latencies, and how many of its units make a second.
    buckets: (&'static str, u32),
    /// Matchers of requests whose outcome is known: `200` and `2xx`, but not `success`. Where no series has such a label there
    /// is no error ratio: without this, a service that counts errors under another label or word would look free of errors.
    known: &'static [&'static str],
    /// Matchers of failed requests; what any of them selects counts once.
    failed: &'static [&'static str],
    /// Matchers that tell the track; what any of them selects counts.
    stable: &'static [&'static str],
    canary: &'static [&'static str],
    /// Leaves out what no user asked for, where a label tells.
    no_probes: &'static str,
}

const BY_POD: &[&str] = &[r#"namespace="{{namespace}}",pod=~"{{pods}}""#];
const ISTIO: &[&str] = &[r#"reporter="destination",namespace="{{namespace}}",pod=~"{{pods}}""#];
const LINKERD: &[&str] = &[r#"direction="inbound",namespace="{{namespace}}",pod=~"{{pods}}""#];
// The pods are the controller's. Its own label for the namespace is renamed where the scrape does not honour labels.
const NGINX_STABLE: &[&str] = &[
    r#"ingress="{{workload}}",canary="",exported_namespace="{{namespace}}""#,
    r#"ingress="{{workload}}",canary="",exported_namespace="",namespace="{{namespace}}""#,
];
const NGINX_CANARY: &[&str] = &[
    r#"ingress="{{workload}}",canary!="",exported_namespace="{{namespace}}""#,
    r#"ingress="{{workload}}",canary!="",exported_namespace="",namespace="{{namespace}}""#,
];

/// Matchers that leave out the paths at which a kubelet, a load balancer and Prometheus ask by convention, by the labels in which
/// clients tell paths.
macro_rules! no_probes {
    ($first:literal $(, $label:literal)*) => {
        concat!($first, no_probes!(@), $(",", $label, no_probes!(@)),*)
    };
    (@) => {
        r#"!~"/healthz|/health|/livez|/live|/readyz|/ready|/health/.*|/actuator/health.*|/-/ready|/-/healthy|/metrics""#
    };
}

/// The presets, the more telling ones first: where several have series, the first is the one to take.
pub const BY_WORTH: [Preset; 5] =
    [Preset::Istio, Preset::Linkerd, Preset::OtelHttp, Preset::IngressNginx, Preset::Plain];

/// The metric that is there where the preset fits.
#[must_use]
pub fn metric(preset: Preset) -> &'static str {
    parts(preset).counter
}

/// The query for a signal, with the placeholders of [`crate::config::query`].
#[must_use]
pub fn signal(preset: Preset, track: Track, signal: Signal) -> String {
    let parts = parts(preset);
    match signal {
        Signal::Rps => format!("sum({})", parts.rate(parts.counter, track, &[""])),
        Signal::ErrorRatio => {
            let known = format!("sum({})", parts.rate(parts.counter, track, parts.known));
            let failed = format!("sum({})", parts.rate(parts.counter, track, parts.failed));
            // Zero errors only where requests are known to have been served.
            format!("({failed} or 0 * {known}) / {known}")
        }
        Signal::P50 => parts.quantile("0.5", track),
        Signal::P95 => parts.quantile("0.95", track),
        Signal::P99 => parts.quantile("0.99", track),
        Signal::Saturation => SATURATION.to_owned(),
    }
}

/// The query for the age of the newest sample, in seconds.
#[must_use]
pub fn age(preset: Preset, track: Track) -> String {
    let parts = parts(preset);
    let newest = parts.any(parts.counter, track, &[""], |selector| format!("timestamp({selector})"));
    format!("time() - max({newest})")
}

/// The selectors of a track's raw counters, with the placeholders of [`crate::config::query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Counters of requests, failed ones among them; together they are all of them.
    pub requests: Vec<String>,
    /// Histograms of latencies, classic and native.
    pub latency: Vec<String>,
    /// How many units of the histograms make a second.
    pub unit: u32,
    /// Whether the target answers the scrape; nothing where the target is not the pod.
    pub up: Vec<String>,
}

/// The raw counters of a track.
#[must_use]
pub fn raw(preset: Preset, track: Track) -> Raw {
    let parts = parts(preset);
    let (buckets, unit) = parts.buckets;
    let native = buckets.trim_end_matches("_bucket");
    let both = format!(r#"__name__=~"{native}|{buckets}""#);
    let up = match preset {
        // The controller's own scrape says nothing of the pods.
        Preset::IngressNginx => Vec::new(),
        _ => vec![format!("up{{{},{{{{labels}}}}}}", BY_POD.concat())],
    };
    Raw { requests: parts.each(parts.counter, track, &[""]), latency: parts.each("", track, &[&both]), unit, up }
}

/// Which series a preset reads.
fn parts(preset: Preset) -> Parts {
    match preset {
        // Of the pod's own sidecar: requests that never reached a pod are not in it.
        Preset::Istio => Parts {
            counter: "istio_requests_total",
            buckets: ("istio_request_duration_milliseconds_bucket", 1000),
            known: &[r#"response_code=~"[0-9]..|0""#],
            // gRPC: unknown, deadline exceeded, resource exhausted, unimplemented, internal, unavailable, data loss.
            failed: &[r#"response_code=~"5..""#, r#"grpc_response_status=~"2|4|8|12|13|14|15""#],
            stable: ISTIO,
            canary: ISTIO,
            no_probes: "",
        },
        // The Ingress is named like the workload; the controller tells requests to a canary Ingress by a label.
        Preset::IngressNginx => Parts {
            counter: "nginx_ingress_controller_requests",
            buckets: ("nginx_ingress_controller_request_duration_seconds_bucket", 1),
            known: &[r#"status=~"[0-9]..""#],
            failed: &[r#"status=~"5..""#],
            stable: NGINX_STABLE,
            canary: NGINX_CANARY,
            no_probes: "",
        },
        Preset::Linkerd => Parts {
            counter: "response_total",
            buckets: ("response_latency_ms_bucket", 1000),
            known: &[r#"classification=~".+""#],
            failed: &[r#"classification="failure""#],
            stable: LINKERD,
            canary: LINKERD,
            no_probes: r#"route_name!="probe""#,
        },
        Preset::OtelHttp => Parts {
            counter: "http_server_request_duration_seconds_count",
            buckets: ("http_server_request_duration_seconds_bucket", 1),
            known: &[r#"http_response_status_code=~"[0-9]..""#, r#"error_type=~".+""#],
            failed: &[r#"http_response_status_code=~"5..""#, r#"http_response_status_code="",error_type=~".+""#],
            stable: BY_POD,
            canary: BY_POD,
            no_probes: no_probes!("http_route"),
        },
        Preset::Plain => Parts {
            counter: "http_requests_total",
            buckets: ("http_request_duration_seconds_bucket", 1),
            known: &[r#"code=~"[0-9]..""#, r#"status=~"[0-9]..""#],
            failed: &[r#"code=~"5..""#, r#"status=~"5..""#],
            stable: BY_POD,
            canary: BY_POD,
            no_probes: no_probes!("handler", "path", "route", "uri"),
        },
    }
}

/// Busy cores per pod. The container without a name is the pod's sum.
const SATURATION: &str = concat!(
    r#"sum(rate(container_cpu_usage_seconds_total{container!="",container!="POD",namespace="{{namespace}}",pod=~"{{pods}}",{{labels}}}[{{window}}]))"#,
    " / ",
    r#"count(count by (pod) (container_cpu_usage_seconds_total{container!="",container!="POD",namespace="{{namespace}}",pod=~"{{pods}}",{{labels}}}))"#,
);

impl Parts {
    /// The selectors of a metric, each wrapped and joined by `or`: what several select counts once.
    fn any(&self, metric: &str, track: Track, matchers: &[&str], wrap: impl Fn(&str) -> String) -> String {
        self.each(metric, track, matchers).iter().map(|selector| wrap(selector)).collect::<Vec<_>>().join(" or ")
    }

    /// The selectors of a metric.
    fn each(&self, metric: &str, track: Track, matchers: &[&str]) -> Vec<String> {
        let tracks = match track {
            Track::Stable => self.stable,
            Track::Canary => self.canary,
        };
        let mut selected = Vec::new();
        for track in tracks {
            for more in matchers {
                let matchers = [*more, *track, self.no_probes];
                let matchers: Vec<_> = matchers.into_iter().filter(|matchers| !matchers.is_empty()).collect();
                selected.push(format!("{metric}{{{},{{{{labels}}}}}}", matchers.join(",")));
            }
        }
        selected
    }

    /// The rates of all series that any of the matchers selects.
    fn rate(&self, metric: &str, track: Track, matchers: &[&str]) -> String {
        self.any(metric, track, matchers, |selector| format!("rate({selector}[{{{{window}}}}])"))
    }

    /// A quantile of the latency in seconds.
    fn quantile(&self, q: &str, track: Track) -> String {
        let (metric, unit) = self.buckets;
        let rate = self.rate(metric, track, &[""]);
        let seconds = if unit == 1 { String::new() } else { format!(" / {unit}") };
        format!("histogram_quantile({q}, sum by (le) ({rate})){seconds}")
    }
}
