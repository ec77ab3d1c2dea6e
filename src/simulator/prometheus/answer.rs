//! The JSON that Prometheus answers with.

use axum::http::StatusCode;
use serde_json::{Map, Value as Json, json};

use super::labels::Labels;
use super::promql::evaluate::{Point, Value};
use super::samples::{Sample, is_stale};
use super::store::Fetched;

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Json,
}

impl Answer {
    /// A success with its data and notices.
    pub fn success(data: Json, infos: Vec<String>) -> Self {
        let mut body = json!({"status": "success"});
        body["data"] = data;
        // Prometheus 3 tells what went wrong on the way apart from what may be meant otherwise.
        let (infos, warnings): (Vec<_>, Vec<_>) = infos.into_iter().partition(|note| note.starts_with("PromQL info"));
        for (key, notes) in [("warnings", warnings), ("infos", infos)] {
            if !notes.is_empty() {
                body[key] = notes.into();
            }
        }
        Self { status: StatusCode::OK, body }
    }

    fn error(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        Self { status, body: json!({"status": "error", "errorType": kind, "error": message.into()}) }
    }

    /// 400: a parameter is missing or cannot be understood.
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "bad_data", message)
    }

    /// 422: the query was understood but has no answer.
    pub fn execution(message: impl Into<String>) -> Self {
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, "execution", message)
    }

    /// 503: the server is not ready.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

/// The data of an instant query.
pub fn instant(value: Value, at: i64) -> Json {
    match value {
        Value::Scalar(number) => json!({"resultType": "scalar", "result": pair(at, number)}),
        Value::Text(text) => json!({"resultType": "string", "result": [seconds(at), text]}),
        Value::Vector(points) => {
            let one = |Point { labels, value, .. }: Point| json!({"metric": object(&labels), "value": pair(at, value)});
            json!({"resultType": "vector", "result": points.into_iter().map(one).collect::<Vec<_>>()})
        }
        Value::Matrix(series) => matrix(series),
    }
}

/// The data of a range query.
pub fn matrix(series: Vec<Fetched>) -> Json {
    let one = |Fetched { labels, samples }: Fetched| {
        let fresh = samples.iter().filter(|sample| !is_stale(sample.value));
        let values: Vec<Json> = fresh.map(|Sample { at, value }| pair(*at, *value)).collect();
        json!({"metric": object(&labels), "values": values})
    };
    json!({"resultType": "matrix", "result": series.into_iter().map(one).collect::<Vec<_>>()})
}

/// A label set as an object.
pub fn object(labels: &Labels) -> Json {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), value.into()));
    Json::Object(pairs.collect::<Map<_, _>>())
}

fn pair(at: i64, value: f64) -> Json {
    json!([seconds(at), number(value)])
}

/// Milliseconds as seconds, without a fraction where there is none.
fn seconds(at: i64) -> Json {
    if at % 1000 == 0 { (at / 1000).into() } else { (at as f64 / 1000.0).into() }
}

/// A value as Prometheus writes it: a string, never in exponents.
fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
