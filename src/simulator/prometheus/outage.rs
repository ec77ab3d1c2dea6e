//! The failures that the server can be told to show.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

use super::answer::Answer;

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outage {
    #[default]
    None,
    Down,
    /// Requests are taken and not answered until the outage ends.
    Hang,
    /// Every query succeeds with no series in it.
    Empty,
    /// A proxy's log-in page, with status 200.
    Html,
    /// 422: every query fails in execution.
    Unprocessable,
    /// 503: the server has not loaded its data.
    Unavailable,
    /// Answers carry a warning that a store did not take part.
    Partial,
    /// Values are JSON numbers where the API has strings.
    WrongTypes,
    /// The JSON breaks off in the middle.
    Truncated,
}

/// What is sent in place of the answer to a query.
pub fn distort(outage: Outage, answer: Answer) -> Response {
    match outage {
        Outage::None | Outage::Down | Outage::Hang => send(&answer),
        Outage::Empty => {
            let mut body = answer.body;
            match body.pointer_mut("/data/result") {
                Some(result) => *result = json!([]),
                None => body["data"] = json!([]),
            }
            send(&Answer::success(body["data"].take(), Vec::new()))
        }
        Outage::Html => {
            let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action=\"/login\">\
                Sign in to continue</form></body></html>\n";
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
        }
        Outage::Unprocessable => {
            send(&Answer::execution("query processing would load too many samples into memory in query execution"))
        }
        Outage::Unavailable => send(&Answer::unavailable("TSDB not ready")),
        Outage::Partial => {
            let mut body = answer.body;
            body["warnings"] = json!(["receive series from store-1:10901: rpc error: code = Unavailable"]);
            send(&Answer { body, ..answer })
        }
        Outage::WrongTypes => {
            let mut body = answer.body;
            numbers_for_strings(&mut body["data"]["result"]);
            send(&Answer { body, ..answer })
        }
        Outage::Truncated => {
            let mut text = answer.body.to_string();
            let cut = (0..=text.len() * 2 / 3).rfind(|at| text.is_char_boundary(*at));
            text.truncate(cut.unwrap_or(0));
            json_text(answer.status, text)
        }
    }
}

/// Sends an answer as it is.
pub fn send(answer: &Answer) -> Response {
    json_text(answer.status, answer.body.to_string())
}

fn json_text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(text)).into_response()
}

/// Replaces the string in each pair of time and value by a number.
fn numbers_for_strings(json: &mut Json) {
    match json {
        Json::Array(items) => match items.as_mut_slice() {
            [Json::Number(_), value @ Json::String(_)] => {
                let number = value.as_str().and_then(|text| text.parse::<f64>().ok());
                *value = number.into();
            }
            items => items.iter_mut().for_each(numbers_for_strings),
        },
        Json::Object(fields) => {
            for key in ["value", "values"] {
                if let Some(inner) = fields.get_mut(key) {
                    numbers_for_strings(inner);
                }
            }
        }
        _ => {}
    }
}
