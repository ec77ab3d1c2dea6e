//! The endpoints below `/api/v1`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::Shared;
use super::answer::{self, Answer};
use super::params::Params;
use super::promql::evaluate::{self, Needed};
use super::promql::{self, Kind, Query};
use super::samples::is_stale;
use super::store::{Fetched, RETENTION};

/// The most steps of a range query.
const MAX_POINTS: i64 = 11_000;

/// `query`: the value at one moment.
pub fn query(shared: &Shared, params: &Params) -> Result<Answer, Answer> {
    let (at, query, needed) = {
        let state = shared.state();
        let now = now(state.store.newest());
        let at = params.time("time").map_err(Answer::bad_data)?.unwrap_or(now);
        let query = parse(params)?;
        let needed = Needed::fetch(&query, &state.store, at, at);
        (at, query, needed)
    };
    let evaluated = evaluate::instant(&query, &needed, at).map_err(|e| Answer::execution(e.to_string()))?;
    Ok(Answer::success(answer::instant(evaluated.value, at), evaluated.infos))
}

/// `query_range`: the values at each step.
pub fn query_range(shared: &Shared, params: &Params) -> Result<Answer, Answer> {
    let required = |key: &str| {
        let missing = || format!("invalid parameter {key:?}: cannot parse \"\" to a valid timestamp");
        params.time(key).and_then(|time| time.ok_or_else(missing)).map_err(Answer::bad_data)
    };
    let (start, end) = (required("start")?, required("end")?);
    if end < start {
        let message = "invalid parameter \"end\": end timestamp must not be before start time";
        return Err(Answer::bad_data(message));
    }
    let step = params.duration("step").map_err(Answer::bad_data)?;
    if step <= 0 {
        let message = "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Answer::bad_data(message));
    }
    if (end - start) / step > MAX_POINTS {
        let message = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(Answer::bad_data(message));
    }
    let query = parse(params)?;
    if !matches!(query.kind(), Kind::Scalar | Kind::Vector) {
        return Err(Answer::bad_data(format!(
            "invalid parameter \"query\": invalid expression type {:?} for range query, must be Scalar or instant Vector",
            query.kind().as_str()
        )));
    }
    let needed = Needed::fetch(&query, &shared.state().store, start, end);
    let evaluated = evaluate::range(&query, &needed, start, end, step).map_err(|e| Answer::execution(e.to_string()))?;
    Ok(Answer::success(answer::matrix(evaluated.value), evaluated.infos))
}

/// `labels`: the names of all labels.
pub fn labels(shared: &Shared, params: &Params) -> Result<Answer, Answer> {
    let series = selected(shared, params)?;
    let names: BTreeSet<&str> = series.iter().flat_map(|s| s.labels.iter().map(|(name, _)| name)).collect();
    Ok(Answer::success(json!(names), Vec::new()))
}

/// `label/NAME/values`: the values of one label.
pub fn label_values(shared: &Shared, name: &str, params: &Params) -> Result<Answer, Answer> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        return Err(Answer::bad_data(format!("invalid label name: {name:?}")));
    }
    let series = selected(shared, params)?;
    let values: BTreeSet<&str> = series.iter().map(|s| s.labels.get(name)).filter(|v| !v.is_empty()).collect();
    Ok(Answer::success(json!(values), Vec::new()))
}

/// `series`: the label sets of the series that any `match[]` selects.
pub fn series(shared: &Shared, params: &Params) -> Result<Answer, Answer> {
    if params.all("match[]").next().is_none() {
        return Err(Answer::bad_data("no match[] parameter provided"));
    }
    let series = selected(shared, params)?;
    let sets: Vec<_> = series.iter().map(|s| answer::object(&s.labels)).collect();
    Ok(Answer::success(json!(sets), Vec::new()))
}

/// `status/buildinfo`: the version whose behaviour this is nearest to.
pub fn build_info() -> Answer {
    let data = json!({
        "version": "3.0.0", "revision": "simulator", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
    });
    Answer::success(data, Vec::new())
}

/// The series of all `match[]` (or all series), within `start` and `end`.
fn selected(shared: &Shared, params: &Params) -> Result<Vec<Fetched>, Answer> {
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        let invalid = |e: promql::ParseError| format!("invalid parameter \"match[]\": {}", e.render(text));
        selectors.push(promql::parse_selector(text).map_err(|e| Answer::bad_data(invalid(e)))?);
    }
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    let start = params.time("start").map_err(Answer::bad_data)?;
    let end = params.time("end").map_err(Answer::bad_data)?;
    let state = shared.state();
    let end = end.unwrap_or_else(|| now(state.store.newest()));
    let start = start.unwrap_or(end - RETENTION);
    let mut found: Vec<Fetched> =
        selectors.iter().flat_map(|matchers| state.store.select(matchers, start, end)).collect();
    found.retain(|series| series.samples.iter().any(|sample| !is_stale(sample.value)));
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    found.dedup_by(|a, b| a.labels == b.labels);
    Ok(found)
}

fn parse(params: &Params) -> Result<Query, Answer> {
    let text = params.get("query");
    promql::parse(text)
        .map_err(|error| Answer::bad_data(format!("invalid parameter \"query\": {}", error.render(text))))
}

/// Now, or the newest sample if the simulation is ahead of the wall clock. Milliseconds.
fn now(newest: Option<i64>) -> i64 {
    let wall = Timestamp::now().as_millisecond();
    newest.map_or(wall, |newest| newest.max(wall))
}
