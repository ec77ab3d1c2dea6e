//! What became of requests, by the labels of their counter.

use std::collections::BTreeMap;

use crate::config::Preset;
use crate::domain::facts::counters::{AnswerClass, Role};

/// gRPC: unknown, deadline exceeded, resource exhausted, unimplemented, internal, unavailable, data loss.
const GRPC_FAILED: [&str; 7] = ["2", "4", "8", "12", "13", "14", "15"];

/// Returns what a series counts. Statuses of 500 and above are errors of the version; that a client left (nginx' 499,
/// Istio's flag `DC`) is not.
#[must_use]
pub fn role(preset: Preset, labels: &BTreeMap<String, String>) -> Role {
    let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let by_status = |status: Option<&str>| match status {
        Some(status) if is_server_error(status) => Role::Failed,
        Some(status) if is_status(status) => Role::Answered(answer(status)),
        // What `success` and `error` stand for, only its author knows.
        _ => Role::Unknown,
    };
    match preset {
        Preset::Plain => {
            let status = |name| label(name).filter(|status| is_status(status));
            by_status(status("code").or_else(|| status("status")))
        }
        Preset::IngressNginx => by_status(label("status")),
        Preset::Linkerd => match label("classification") {
            Some("failure") => Role::Failed,
            Some(_) => Role::Answered(label("status_code").map_or(AnswerClass::Unknown, answer)),
            None => Role::Unknown,
        },
        Preset::OtelHttp => match (label("http_response_status_code"), label("error_type")) {
            (None, Some(_)) => Role::Failed,
            (status, _) => by_status(status),
        },
        Preset::Istio => {
            let client_left = label("response_flags").is_some_and(|flags| flags.split(',').any(|flag| flag == "DC"));
            match label("grpc_response_status") {
                Some(status) if GRPC_FAILED.contains(&status) => return Role::Failed,
                // Cancelled is the client's doing, like one that left.
                Some(status) if !["0", "1"].contains(&status) => return Role::Answered(AnswerClass::Rejected),
                _ => {}
            }
            match label("response_code") {
                // The connection ended before there was a status.
                Some("0") if !client_left => Role::Failed,
                status => by_status(status),
            }
        }
    }
}

/// What the class of a status says, of `404` and of `4xx`. That a client left (nginx' 499) is not the version's answer.
fn answer(status: &str) -> AnswerClass {
    let is_class = status.chars().count() == 3;
    match status.as_bytes().first() {
        _ if !is_class || status == "499" => AnswerClass::Unknown,
        Some(b'1' | b'2' | b'5') => AnswerClass::Served,
        Some(b'3') => AnswerClass::Redirect,
        Some(b'4') => AnswerClass::Rejected,
        _ => AnswerClass::Unknown,
    }
}

/// Whether a label holds a status of HTTP or a class of them: the same as `[0-9]..` in the queries, and 0 of Istio.
fn is_status(status: &str) -> bool {
    status == "0" || status.chars().count() == 3 && status.starts_with(|c: char| c.is_ascii_digit())
}

/// The same as the regular expression `5..` of the queries.
fn is_server_error(status: &str) -> bool {
    status.starts_with('5') && status.chars().count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_selects_errors_by_its_labels() {
        use AnswerClass::{Redirect, Rejected, Served, Unknown};
        use Preset::{IngressNginx, Istio, Linkerd, OtelHttp, Plain};
        type Case = (Preset, &'static [(&'static str, &'static str)], Role);
        let cases: [Case; 23] = [
            (Plain, &[("code", "200")], Role::Answered(Served)),
            (Plain, &[("code", "404")], Role::Answered(Rejected)),
            (Plain, &[("code", "3xx")], Role::Answered(Redirect)),
            (Plain, &[("status", "success")], Role::Unknown),
            (Plain, &[("code", "OK"), ("status", "200")], Role::Answered(Served)),
            (OtelHttp, &[("http_response_status_code", "ok")], Role::Unknown),
            (Plain, &[("status", "503")], Role::Failed),
            (Plain, &[("code", "5xx")], Role::Failed),
            (Plain, &[("handler", "/")], Role::Unknown),
            (IngressNginx, &[("status", "499")], Role::Answered(Unknown)),
            (IngressNginx, &[("status", "502")], Role::Failed),
            (Linkerd, &[("classification", "failure"), ("status_code", "200")], Role::Failed),
            (Linkerd, &[("classification", "success"), ("status_code", "500")], Role::Answered(Served)),
            (Linkerd, &[("classification", "success")], Role::Answered(Unknown)),
            (OtelHttp, &[("http_response_status_code", "500"), ("error_type", "500")], Role::Failed),
            (OtelHttp, &[("http_response_status_code", "404")], Role::Answered(Rejected)),
            (OtelHttp, &[("error_type", "timeout")], Role::Failed),
            (Istio, &[("response_code", "0"), ("response_flags", "UC")], Role::Failed),
            (Istio, &[("response_code", "0"), ("response_flags", "DC")], Role::Answered(Unknown)),
            (Istio, &[("response_code", "503"), ("response_flags", "UF,URX")], Role::Failed),
            (Istio, &[("response_code", "200"), ("grpc_response_status", "14")], Role::Failed),
            (Istio, &[("response_code", "200"), ("grpc_response_status", "5")], Role::Answered(Rejected)),
            (Istio, &[("response_code", "200"), ("grpc_response_status", "0")], Role::Answered(Served)),
        ];
        for (preset, labels, expected) in cases {
            let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(role(preset, &labels), expected, "{preset:?} {labels:?}");
        }
    }
}
