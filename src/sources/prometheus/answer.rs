//! Reads the answers of the API strictly: what is not of the documented shape is an error, never a guess.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::domain::facts::counters::Histogram;

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub data: Data,
    /// What means that the answer is not complete, or that its numbers are not what the query asks for.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Scalar(Point),
    Vector(Vec<Element>),
    /// Numbers over time per series.
    Matrix(Vec<Run>),
}

/// A number at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The value; may be NaN or infinite.
    pub value: f64,
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Element {
    pub metric: BTreeMap<String, String>,
    pub value: Point,
}

/// One series of a matrix: it has values, native histograms, or one after the other.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "AnyRun")]
pub struct Run {
    pub metric: BTreeMap<String, String>,
    /// The values, oldest first; steps without a value are left out.
    pub values: Vec<Point>,
    /// The native histograms, oldest first.
    pub histograms: Vec<(Timestamp, Histogram)>,
}

#[derive(Deserialize)]
struct AnyRun {
    metric: BTreeMap<String, String>,
    values: Option<Vec<Point>>,
    histograms: Option<Vec<(f64, AnyHistogram)>>,
}

#[derive(Deserialize)]
struct AnyHistogram {
    count: String,
    /// Which ends belong to the bucket, its bounds, and its requests.
    #[serde(default)]
    buckets: Vec<(u8, String, String, String)>,
}

impl TryFrom<AnyRun> for Run {
    type Error = String;

    fn try_from(run: AnyRun) -> Result<Self, String> {
        if run.values.is_none() && run.histograms.is_none() {
            return Err("a series without values".to_owned());
        }
        let read = |(seconds, histogram): (f64, AnyHistogram)| {
            let row = |(_, low, high, count): &(u8, String, String, String)| {
                Ok((number(low)?, number(high)?, number(count)?))
            };
            let rows: Vec<_> = histogram.buckets.iter().map(row).collect::<Result<_, String>>()?;
            Ok((time(seconds)?, Histogram::read(number(&histogram.count)?, &rows)?))
        };
        let histograms = run.histograms.unwrap_or_default().into_iter().map(read).collect::<Result<_, String>>()?;
        Ok(Self { metric: run.metric, values: run.values.unwrap_or_default(), histograms })
    }
}

/// An answer as it comes: success or error.
#[derive(Deserialize)]
pub struct Envelope {
    status: Status,
    data: Option<ResultData>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
    #[serde(rename = "isPartial")]
    is_partial: Option<bool>,
    /// The kind of an error.
    #[serde(default, rename = "errorType")]
    pub kind: String,
    /// The words of an error.
    #[serde(default)]
    pub error: String,
}

/// What a server says against its own answer: `warnings` of Prometheus and Thanos (a store did not answer), `infos` of
/// Prometheus since 2.53 (remarks on the query), and `isPartial` of VictoriaMetrics (some storage did not answer).
fn doubts(warnings: Option<Vec<String>>, infos: Option<Vec<String>>, is_partial: Option<bool>) -> Vec<String> {
    let partial = is_partial.unwrap_or(false).then(|| "part of the storage did not answer".to_owned());
    let said = warnings.into_iter().chain(infos).flatten();
    partial.into_iter().chain(said.filter(|text| !is_harmless(text))).collect()
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum ResultData {
    Scalar(Point),
    Vector(Vec<Element>),
    Matrix(Vec<Run>),
    String(serde::de::IgnoredAny),
}

/// A successful answer to what is no query.
#[derive(Deserialize)]
pub struct Plain<T> {
    /// `success`, if it is one.
    pub status: String,
    pub data: Option<T>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
    #[serde(rename = "isPartial")]
    is_partial: Option<bool>,
}

impl<T> Plain<T> {
    /// Takes it apart: the data, and what means that it is not complete.
    pub fn into_parts(self) -> (Option<T>, Vec<String>) {
        (self.data, doubts(self.warnings, self.infos, self.is_partial))
    }
}

impl AlertingRule {
    /// Returns whether it is evaluated, so that it could raise an alert.
    #[must_use]
    pub fn works(&self) -> bool {
        self.trouble().is_none()
    }

    /// Says why it raises no alert whatever happens.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        match self.health.as_deref()? {
            "err" => Some("cannot be evaluated"),
            // Since the server was started, or read its rules again.
            "unknown" => Some("was not evaluated yet"),
            _ => None,
        }
    }
}

/// Answer of `/api/v1/alerts`.
#[derive(Deserialize)]
pub struct Alerts {
    /// All of them, pending ones as well.
    pub alerts: Vec<RaisedAlert>,
}

/// An alert that a rule raises.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RaisedAlert {
    /// Its labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// What it says to people.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `pending` or `firing`.
    pub state: String,
    /// Since when, RFC 3339.
    pub active_at: Option<String>,
}

/// Answer of `/api/v1/rules`.
#[derive(Deserialize)]
pub struct RuleGroups {
    pub groups: Vec<RuleGroup>,
}

#[derive(Deserialize)]
pub struct RuleGroup {
    pub rules: Vec<AlertingRule>,
}

/// A rule that raises alerts. Servers differ in what they tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct AlertingRule {
    /// The name of its alerts.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub query: String,
    /// `alerting`, or `recording` where a server does not tell them apart.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `err` where it cannot be evaluated, `unknown` where it was not yet.
    pub health: Option<String>,
    /// The labels that it adds; a value may be a template.
    pub labels: Option<BTreeMap<String, String>>,
    /// What it raises now.
    pub alerts: Option<Vec<RaisedAlert>>,
}

impl Envelope {
    /// Says whether the server reports success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == Status::Success
    }

    /// The answer, or what is wrong with it.
    pub fn into_answer(self) -> Result<Answer, String> {
        let data = match self.data {
            None => return Err("success without data".to_owned()),
            Some(ResultData::Scalar(point)) => Data::Scalar(point),
            Some(ResultData::Vector(elements)) => Data::Vector(elements),
            Some(ResultData::Matrix(runs)) => Data::Matrix(runs),
            Some(ResultData::String(_)) => return Err("a string instead of a number".to_owned()),
        };
        Ok(Answer { data, warnings: doubts(self.warnings, self.infos, self.is_partial) })
    }
}

/// Remarks of Prometheus that leave the numbers as they are: a counter goes by another name than is usual, and buckets
/// that were scraped at slightly different moments were put in order.
const HARMLESS: [&str; 2] = [
    "PromQL info: metric might not be a counter, name does not end in",
    "PromQL info: input to histogram_quantile needed to be fixed for monotonicity",
];

/// Says whether a remark is harmless; servers before 2.53 put remarks among the warnings. Any other one may mean that
/// data is missing, that samples were left out, or that a gauge was taken for a counter.
fn is_harmless(remark: &str) -> bool {
    HARMLESS.iter().any(|known| remark.starts_with(known))
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, text) = <(f64, String)>::deserialize(deserializer)?;
        let at = time(seconds).map_err(D::Error::custom)?;
        let value = number(&text).map_err(D::Error::custom)?;
        Ok(Self { at, value })
    }
}

fn time(seconds: f64) -> Result<Timestamp, String> {
    let at = Timestamp::from_millisecond((seconds * 1000.0).round() as i64);
    at.map_err(|_| format!("time {seconds} is out of range"))
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" | "Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        text => {
            let digit = text.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digit);
            number.ok_or_else(|| format!("value {text:?} is not a number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Answer, String> {
        serde_json::from_str::<Envelope>(json).map_err(|e| e.to_string())?.into_answer()
    }

    #[test]
    fn documented_shapes_are_read() {
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1435781451.781,"+Inf"]}]},"infos":null,"stats":{"seriesFetched":"1"}}"#;
        let answer = read(vector).unwrap();
        let Data::Vector(elements) = answer.data else { panic!("{answer:?}") };
        assert_eq!(elements[0].value.at.as_millisecond(), 1_435_781_451_781);
        assert!(elements[0].value.value == f64::INFINITY);
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451,"NaN"]}}"#;
        let Data::Scalar(point) = read(scalar).unwrap().data else { panic!() };
        assert!(point.value.is_nan());
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2,"-3e-7"]]}]}}"#;
        let Data::Matrix(runs) = read(matrix).unwrap().data else { panic!() };
        assert_eq!(runs[0].values.iter().map(|p| p.value).collect::<Vec<_>>(), [2.0, -3e-7]);
    }

    #[test]
    fn native_histograms_are_read() {
        let json = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{"count":"5","sum":"3.2","buckets":[[3,"-0.001","0.001","1"],[0,"0.5","1","4"]]}]]}]}}"#;
        let Data::Matrix(runs) = read(json).unwrap().data else { panic!() };
        let (at, histogram) = &runs[0].histograms[0];
        assert_eq!((at.as_second(), histogram.schema), (1, 0));
        assert!((histogram.count - 5.0).abs() < 1e-9 && (histogram.up_to(-1) - 1.0).abs() < 1e-9);
        assert!(read(&json.replace(r#""0.5","1""#, r#""0.5","x""#)).is_err());
        assert!(read(&json.replace(r#""0.5","1""#, r#""0.5","0.7""#)).is_err(), "bounds of its own");
    }

    #[test]
    fn harmless_remarks_are_not_warnings() {
        let answer = |doubts: &str| {
            let json = format!(r#"{{"status":"success",{doubts}"data":{{"resultType":"vector","result":[]}}}}"#);
            read(&json).unwrap().warnings
        };
        let name =
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: hits (1:6)";
        let order = "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs)";
        for harmless in [
            String::new(),
            format!(r#""infos":["{name}","{order}"],"#),
            format!(r#""warnings":["{name}"],"#),
            r#""isPartial":false,"warnings":[],"infos":[],"#.to_owned(),
            r#""isPartial":null,"warnings":null,"#.to_owned(),
        ] {
            assert_eq!(answer(&harmless), [""; 0], "{harmless}");
        }
        for (doubts, warning) in [
            (r#""isPartial":true,"#, "part of the storage did not answer"),
            (
                r#""warnings":["PromQL info: metric might not be a counter, name does not end in x","store gone"],"#,
                "store gone",
            ),
            (r#""warnings":["PromQL warning: bucket label is missing"],"#, "PromQL warning: bucket label is missing"),
        ] {
            assert_eq!(answer(doubts), [warning]);
        }
    }

    #[test]
    fn remarks_that_make_a_value_doubtful_are_warnings() {
        for doubtful in [
            "PromQL info: ignored histogram in max aggregation (1:1)",
            "PromQL info: ignored histograms in a range containing both floats and histograms for metric name x (1:1)",
            "PromQL info: incompatible sample types encountered for binary operator +: float + histogram (1:1)",
            "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher (1:1)",
            "PromQL info: metric might not be a counter, __type__ label is not set to counter, got gauge (1:1)",
            "PromQL info: a remark of a later version",
            "store-1 did not answer",
        ] {
            let json = serde_json::json!({
                "status": "success", "infos": [doubtful], "data": {"resultType": "vector", "result": []},
            });
            assert_eq!(read(&json.to_string()).unwrap().warnings, [doubtful]);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let cases = [
            r#"{"status":"success"}"#,
            r#"{"status":"fine","data":{"resultType":"vector","result":[]}}"#,
            r#"{"data":{"resultType":"vector","result":[]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":{}}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"infinity"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":["1","2"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1e300,"2"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2",3]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}"#,
            r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#,
            r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#,
            r#"{"status":"success","warnings":"x","data":{"resultType":"vector","result":[]}}"#,
            "[]",
            "null",
            "",
        ];
        for json in cases {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
