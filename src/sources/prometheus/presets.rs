//! Ready queries for what people run: istio, ingress-nginx, linkerd, OpenTelemetry, plain Prometheus clients.

use serde::{Deserialize, Serialize};

use crate::domain::ids::Track;
use crate::domain::signals::Signal;

/// A set of ready queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// `istio_requests_total` of the pod's own sidecar. Requests that never reached a pod are not in it.
    Istio,
    /// `nginx_ingress_controller_requests` of the Ingress named like the workload; the canary is told by the label
    /// `canary` that the controller sets for a canary Ingress.
    IngressNginx,
    /// `response_total` of the pod's own proxy.
    Linkerd,
    /// `http_server_request_duration_seconds` as OpenTelemetry's conventions name it.
    OtelHttp,
    /// `http_requests_total` with `code` or `status`, and `http_request_duration_seconds`.
    Plain,
}

/// What the queries of a preset are made of.
struct Parts {
    /// The counter of requests.
    counter: &'static str,
    /// The histogram of latencies, and how many of its units make a second.
    buckets: (&'static str, u32),
    /// Matchers of requests whose outcome is known. Where no series has such a label there is no error ratio: without
    /// this, a service that counts errors under another label would look free of errors.
    known: &'static [&'static str],
    /// Matchers of failed requests; what any of them selects counts once.
    failed: &'static [&'static str],
    /// Matchers that tell the track; what any of them selects counts.
    stable: &'static [&'static str],
    canary: &'static [&'static str],
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

impl Preset {
    /// All presets, the more telling ones first: where several are served, the first is the one to take.
    pub const ALL: [Self; 5] = [Self::Istio, Self::Linkerd, Self::OtelHttp, Self::IngressNginx, Self::Plain];

    /// The name in the config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Istio => "istio",
            Self::IngressNginx => "ingress-nginx",
            Self::Linkerd => "linkerd",
            Self::OtelHttp => "otel-http",
            Self::Plain => "plain",
        }
    }

    /// The metric that is there where the preset fits.
    #[must_use]
    pub fn metric(self) -> &'static str {
        self.parts().counter
    }

    /// The template of a signal's query; see [`super::template`] for the placeholders.
    #[must_use]
    pub fn promql(self, track: Track, signal: Signal) -> String {
        let parts = self.parts();
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

    /// The template of a query for the age of the newest sample, in seconds.
    #[must_use]
    pub fn age(self, track: Track) -> String {
        let parts = self.parts();
        let newest = parts.any(parts.counter, track, &[""], |selector| format!("timestamp({selector})"));
        format!("time() - max({newest})")
    }

    fn parts(self) -> Parts {
        match self {
            Self::Istio => Parts {
                counter: "istio_requests_total",
                buckets: ("istio_request_duration_milliseconds_bucket", 1000),
                known: &[r#"response_code=~".+""#],
                // gRPC: unknown, deadline exceeded, resource exhausted, unimplemented, internal, unavailable, data loss.
                failed: &[r#"response_code=~"5..""#, r#"grpc_response_status=~"2|4|8|12|13|14|15""#],
                stable: ISTIO,
                canary: ISTIO,
            },
            Self::IngressNginx => Parts {
                counter: "nginx_ingress_controller_requests",
                buckets: ("nginx_ingress_controller_request_duration_seconds_bucket", 1),
                known: &[r#"status=~".+""#],
                failed: &[r#"status=~"5..""#],
                stable: NGINX_STABLE,
                canary: NGINX_CANARY,
            },
            Self::Linkerd => Parts {
                counter: "response_total",
                buckets: ("response_latency_ms_bucket", 1000),
                known: &[r#"classification=~".+""#],
                failed: &[r#"classification="failure""#],
                stable: LINKERD,
                canary: LINKERD,
            },
            Self::OtelHttp => Parts {
                counter: "http_server_request_duration_seconds_count",
                buckets: ("http_server_request_duration_seconds_bucket", 1),
                known: &[r#"http_response_status_code=~".+""#, r#"error_type=~".+""#],
                failed: &[r#"http_response_status_code=~"5..""#, r#"http_response_status_code="",error_type=~".+""#],
                stable: BY_POD,
                canary: BY_POD,
            },
            Self::Plain => Parts {
                counter: "http_requests_total",
                buckets: ("http_request_duration_seconds_bucket", 1),
                known: &[r#"code=~".+""#, r#"status=~".+""#],
                failed: &[r#"code=~"5..""#, r#"status=~"5..""#],
                stable: BY_POD,
                canary: BY_POD,
            },
        }
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
        let tracks = match track {
            Track::Stable => self.stable,
            Track::Canary => self.canary,
        };
        let mut selected = Vec::new();
        for track in tracks {
            for more in matchers {
                let comma = if more.is_empty() { "" } else { "," };
                selected.push(wrap(&format!("{metric}{{{more}{comma}{track},{{{{labels}}}}}}")));
            }
        }
        selected.join(" or ")
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
