//! `http`: asks a server once.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::{Method as Verb, RequestBuilder};
use serde_json::Value;

use super::web::{Got, headers, request, send, shown};
use super::wording::{MAX_LINE_CHARS, Wording as _, decimal};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Http;
use crate::config::checks::http::Method;
use crate::platform::Redactor;

/// Most of a body that is looked into, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// How many lines of a body that is not as it should be are shown.
const MAX_BODY_LINES: usize = 10;

pub(super) async fn look(asked: &Http, _scene: &CheckInput, tools: &Tools) -> Evidence {
    let redactor = &tools.redactor;
    let what = format!("{} {}", asked.method.as_str(), shown(&asked.url, redactor));
    let wanted = format!("{what} answers {}", wanted(asked, redactor));
    let request = match prepared(asked, tools).await {
        Ok(request) => request,
        Err(why) => return Evidence::blind(why),
    };
    let asking = send(request, &asked.url, MAX_BODY_BYTES, redactor);
    let limit = asked.within.map_or(Duration::MAX, SignedDuration::unsigned_abs);
    // Past the limit the answer does not matter any more.
    match tokio::time::timeout(limit, asking).await {
        Err(_) => Evidence::failed(format!("{what} gave no answer within {}", time(limit)), wanted),
        Ok(Err(why)) => Evidence::blind(why),
        Ok(Ok(got)) => judge(asked, &got, &what, wanted, redactor),
    }
}

/// Makes the request; the time that its secrets take does not count.
async fn prepared(asked: &Http, tools: &Tools) -> Result<RequestBuilder, String> {
    let verb = match asked.method {
        Method::Get => Verb::GET,
        Method::Head => Verb::HEAD,
        Method::Post => Verb::POST,
    };
    Ok(request(verb, &asked.url, tools)?.headers(headers(&asked.headers, tools).await?))
}

fn wanted(asked: &Http, redactor: &Redactor) -> String {
    let statuses: Vec<String> = asked.status.iter().map(ToString::to_string).collect();
    let within = asked.within.map(|within| format!(" within {}", time(within.unsigned_abs())));
    let contains = asked.contains.as_ref().map(|text| format!(", with `{}` in it", redactor.cut(text, 80)));
    let equals = asked.equals.as_ref().map(|(pointer, value)| {
        format!(", with {} at {}", redactor.cut(&value.to_string(), 80), redactor.cut(pointer, 80))
    });
    [Some(statuses.join(" or ")), within, contains, equals].into_iter().flatten().collect()
}

fn time(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", decimal((time.as_secs_f64() * 10.0).round() / 10.0))
    }
}

fn judge(asked: &Http, got: &Got, what: &str, wanted: String, redactor: &Redactor) -> Evidence {
    let took = time(got.took);
    let answer = format!("{what} answers {} in {took}", got.status);
    let body = String::from_utf8_lossy(&got.body);
    let trouble = match trouble(asked, got, &body, redactor) {
        Ok(trouble) => trouble,
        Err(why) => return Evidence::blind(format!("{what}: {why}")),
    };
    let kind = if got.kind.is_empty() { Vec::new() } else { vec![format!("Content-Type: {}", got.kind)] };
    match trouble {
        None => Evidence::passed(answer).with(kind),
        Some(trouble) => Evidence::failed(format!("{answer}: {trouble}"), wanted)
            .with(kind)
            .with(got.to.iter().map(|to| format!("Location: {to}")))
            .with(
                body.lines()
                    .filter(|line| !line.trim().is_empty())
                    .take(MAX_BODY_LINES)
                    .map(|line| redactor.one_line(line)),
            ),
    }
}

/// Returns what is not as it should be, or why that cannot be told.
fn trouble(asked: &Http, got: &Got, body: &str, redactor: &Redactor) -> Result<Option<String>, String> {
    if !asked.status.contains(&got.status) {
        let statuses: Vec<String> = asked.status.iter().map(ToString::to_string).collect();
        return Ok(Some(format!("not {}", statuses.join(" or "))));
    }
    let looks_into_it = asked.contains.is_some() || asked.equals.is_some();
    if let Some(why) = got.unread_encoding().filter(|_| looks_into_it) {
        return Err(why);
    }
    let too_long = || format!("the answer is longer than {} MiB, and is not looked into", MAX_BODY_BYTES >> 20);
    if let Some(text) = &asked.contains {
        if !body.contains(text.as_str()) {
            return if got.is_longer {
                Err(too_long())
            } else {
                Ok(Some(format!("no `{}` in it", redactor.cut(text, 80))))
            };
        }
    }
    let Some((pointer, wanted)) = &asked.equals else { return Ok(None) };
    if got.is_longer {
        return Err(too_long());
    }
    let pointer_text = redactor.cut(pointer, 80);
    let json: Value = match serde_json::from_slice(&got.body) {
        Ok(json) => json,
        Err(error) => return Ok(Some(format!("it is no JSON ({})", redactor.cut(&error.to_string(), 80)))),
    };
    Ok(match json.pointer(pointer) {
        Some(value) if same(value, wanted) => None,
        Some(value) => {
            Some(format!("{} at {pointer_text}, not {wanted}", redactor.cut(&value.to_string(), MAX_LINE_CHARS / 3)))
        }
        None => Some(format!("nothing at {pointer_text}")),
    })
}

/// Says whether two values are the same; `1` and `1.0` are.
fn same(value: &Value, wanted: &Value) -> bool {
    value == wanted || value.as_f64().zip(wanted.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= f64::EPSILON * b.abs())
}

#[cfg(test)]
mod tests;
