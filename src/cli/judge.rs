//! `cockpit judge`: reads a line, writes a line.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Exit;
use super::output::json_safe;
use crate::domain::facts::text::{has_unsafe, sanitize};
use analysis::{AnalysisStatus, Bucket, Counts, Look, Need, PodCounts, Report, Scrape, Statuses, Tier};

/// A line that is read, with all that it may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputLine {
    t: Option<f64>,
    canary: Option<TrackIn>,
    stable: Option<TrackIn>,
    #[serde(default)]
    stable_pods: Vec<PodIn>,
    weight: Option<f64>,
    #[serde(default)]
    missing: bool,
    why: Option<String>,
    /// What of the canary changed then.
    changed: Option<String>,
    #[serde(default)]
    reset: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrackIn {
    requests: u64,
    errors: u64,
    statuses: Option<StatusesIn>,
    #[serde(default)]
    buckets: Vec<(Bound, u64)>,
}

/// Answers that are no failures, and no success.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusesIn {
    #[serde(default)]
    redirects: u64,
    #[serde(default)]
    rejected: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodIn {
    requests: u64,
    errors: u64,
}

/// An upper bound, as Prometheus writes it or as a number.
struct Bound(f64);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bound;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an upper bound in seconds, such as \"0.25\" or \"+Inf\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bound, E> {
                let number = text.parse::<f64>().ok().filter(|number| !number.is_nan());
                number.map(Bound).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Bound, E> {
                Ok(Bound(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Bound, E> {
                Ok(Bound(number as f64))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// What a line says: a look, and the canary's share of requests where it is reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The look.
    pub look: Look,
    /// The share that the canary was given.
    pub weight: Option<f64>,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(line: &[u8]) -> Result<Input, String> {
    // Text is known to be text once, not key by key.
    let parsed = match str::from_utf8(line) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(line),
    };
    let line: InputLine = parsed.map_err(|error| describe(&error))?;
    if line.reset {
        return Ok(Input { look: Look::Reset, weight: None });
    }
    let t = line.t.filter(|t| t.is_finite()).ok_or("`t` is missing: the time of the scrape in seconds")?;
    let weight = match line.weight {
        Some(percent) if !(0.0..=100.0).contains(&percent) => return Err("`weight` is a share in percent".to_owned()),
        weight => weight.map(|percent| percent / 100.0),
    };
    if let Some(what) = line.changed {
        return Ok(Input { look: Look::Changed { t, what }, weight });
    }
    if line.missing {
        return Ok(Input { look: Look::Missing { t, why: line.why.unwrap_or_default() }, weight });
    }
    let canary = track("canary", line.canary)?;
    let stable = track("stable", line.stable)?;
    let stable_pods = line.stable_pods.into_iter().map(pod).collect::<Result<_, _>>()?;
    Ok(Input { look: Look::Scrape(Scrape { t, canary, stable, stable_pods }), weight })
}

/// Says what a parser says, with the column and without its line: there is only one.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    format!("column {}: {what}", error.column())
}

fn track(name: &str, track: Option<TrackIn>) -> Result<Counts, String> {
    let TrackIn { requests, errors, statuses, buckets } = track.ok_or_else(|| format!("`{name}` is missing"))?;
    if errors > requests {
        return Err(format!("`{name}` has more errors than requests: {errors} of {requests}"));
    }
    let statuses = statuses.map(|StatusesIn { redirects, rejected }| Statuses { redirects, rejected });
    let told = statuses.map_or(0, |told| told.redirects.saturating_add(told.rejected));
    if told.saturating_add(errors) > requests {
        return Err(format!("`{name}` has more statuses than requests: {told} and {errors} errors of {requests}"));
    }
    let buckets: Vec<Bucket> = buckets.into_iter().map(|(le, count)| Bucket { le: le.0, count }).collect();
    if buckets.iter().zip(buckets.iter().skip(1)).any(|(low, high)| low.le >= high.le) {
        return Err(format!("the bounds of `{name}` do not ascend"));
    }
    Ok(Counts { requests, errors, statuses, buckets })
}

fn pod(PodIn { requests, errors }: PodIn) -> Result<PodCounts, String> {
    if errors > requests {
        return Err(format!("a pod of `stable_pods` has more errors than requests: {errors} of {requests}"));
    }
    Ok(PodCounts { requests, errors })
}

/// A figure with seven digits: more than the evidence is worth, fewer than a float has.
struct Figure(f64);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = 6.0 - self.0.abs().log10().floor();
        if !(-200.0..200.0).contains(&digits) {
            return serializer.serialize_f64(self.0);
        }
        let scale = 10_f64.powi(digits as i32);
        serializer.serialize_f64((self.0 * scale).round() / scale)
    }
}

/// A time as it was given: whole where it was.
struct Time(f64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0 as i64;
        let is_whole = whole as f64 - self.0 == 0.0 && whole.unsigned_abs() < 1 << 53;
        if is_whole { serializer.serialize_i64(whole) } else { serializer.serialize_f64(self.0) }
    }
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    t: Option<Time>,
    verdict: &'static str,
    tier: Option<Tier>,
    e: EvidenceOut,
    ratio: Option<RatioOut>,
    needs: NeedsOut,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct EvidenceOut {
    plain: Figure,
    guarded: Figure,
    safe: Figure,
    latency: Figure,
}

#[derive(Serialize)]
struct RatioOut {
    estimate: Option<Figure>,
    low: Figure,
    high: Option<Figure>,
}

#[derive(Serialize)]
struct NeedsOut {
    x2_seconds: Option<Figure>,
    x5_seconds: Option<Figure>,
}

/// Writes an answer as a JSON line.
pub fn json(report: &Report, out: &mut Vec<u8>) {
    let seconds = |need: Option<Need>| need.map(|need| Figure(need.seconds));
    let answer = AnswerLine {
        t: report.t.map(Time),
        verdict: report.opinion.as_str(),
        tier: report.tier,
        e: EvidenceOut {
            plain: Figure(report.e.plain),
            guarded: Figure(report.e.guarded),
            safe: Figure(report.e.safe),
            latency: Figure(report.e.latency),
        },
        ratio: report.ratio.map(|ratio| RatioOut {
            estimate: ratio.estimate.map(Figure),
            low: Figure(ratio.low),
            high: ratio.high.map(Figure),
        }),
        needs: NeedsOut { x2_seconds: seconds(report.needs.x2), x5_seconds: seconds(report.needs.x5) },
        reasons: &report.reasons,
    };
    // Numbers and text into memory: nothing can fail.
    if report.reasons.iter().any(|reason| has_unsafe(reason)) {
        let line = serde_json::to_string(&answer).unwrap_or_default();
        out.extend_from_slice(json_safe(&line).as_bytes());
    } else {
        drop(serde_json::to_writer(&mut *out, &answer));
    }
    out.push(b'\n');
}

/// Writes an answer as a line for people.
pub fn text(report: &Report, out: &mut Vec<u8>) {
    let t = report.t.unwrap_or_default();
    let reasons: Vec<_> = report.reasons.iter().map(|reason| sanitize(reason)).collect();
    out.extend_from_slice(format!("{t:>8} s  {:<9}  {}\n", report.opinion.as_str(), reasons.join("; ")).as_bytes());
}

/// Returns how the command ends after its last verdict, if there was any.
#[must_use]
pub fn exit(last: Option<AnalysisStatus>) -> Exit {
    match last {
        Some(AnalysisStatus::Healthy) => Exit::Done,
        Some(AnalysisStatus::Regressed | AnalysisStatus::Suspect) => Exit::NoGo,
        Some(AnalysisStatus::Undecided | AnalysisStatus::NoData) | None => Exit::Blind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::{CanaryAnalyzer, Rules};

    #[test]
    fn scrape_is_read_with_all_fields() {
        let line = br#"{"t":15,"canary":{"requests":38,"errors":1,"buckets":[["0.1",20],["2.5e-1",10],["+Inf",8]]},
            "stable":{"requests":712,"errors":1},"stable_pods":[{"requests":36,"errors":0}],"weight":5}"#;
        let told = read(line).unwrap();
        assert_eq!(told.weight, Some(0.05));
        let Look::Scrape(scrape) = told.look else { panic!("no scrape") };
        let les: Vec<f64> = scrape.canary.buckets.iter().map(|bucket| bucket.le).collect();
        assert_eq!(les, [0.1, 0.25, f64::INFINITY]);
        assert_eq!(scrape.stable_pods, [PodCounts { requests: 36, errors: 0 }]);
        assert_eq!(read(br#"{"reset":true}"#).unwrap().look, Look::Reset);
        let changed = Look::Changed { t: 30.0, what: "new-search went on".to_owned() };
        assert_eq!(read(br#"{"t":30,"changed":"new-search went on"}"#).unwrap().look, changed);
        assert_eq!(read(br#"{"t":30,"missing":true}"#).unwrap().look, Look::Missing { t: 30.0, why: String::new() });
    }

    #[test]
    fn invalid_line_is_explained() {
        for (line, says) in [
            ("", "column 0: EOF"),
            ("15", "column 2: invalid type: integer"),
            (r#"{"t":15}"#, "`canary` is missing"),
            (r#"{"canary":{"requests":1,"errors":0}}"#, "`t` is missing"),
            (
                r#"{"t":1,"canary":{"requests":1,"errors":2},"stable":{"requests":1,"errors":0}}"#,
                "more errors than requests: 2 of 1",
            ),
            (r#"{"t":1,"canary":{"requests":-1,"errors":2}}"#, "column 30: invalid value: integer `-1`"),
            (r#"{"t":1,"canary":{"request":1,"errors":2}}"#, "unknown field `request`"),
            (r#"{"t":1,"canary":{"requests":1,"errors":0,"buckets":[["x",1]]}}"#, "such as \"0.25\""),
            (
                r#"{"t":1,"canary":{"requests":1,"errors":0,"buckets":[["1",1],["0.5",1]]},"stable":{"requests":1,"errors":0}}"#,
                "the bounds of `canary` do not ascend",
            ),
            (r#"{"t":1,"weight":101}"#, "`weight` is a share in percent"),
        ] {
            let error = read(line.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn an_answer_is_a_line() {
        let mut judge = CanaryAnalyzer::new(Rules::default());
        let scrape = br#"{"t":15,"canary":{"requests":38,"errors":1},"stable":{"requests":712,"errors":1}}"#;
        judge.take(&read(scrape).unwrap().look);
        let mut out = Vec::new();
        json(&judge.report(), &mut out);
        text(&judge.report(), &mut out);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn the_last_verdict_is_the_exit_code() {
        let codes = [
            AnalysisStatus::Healthy,
            AnalysisStatus::Regressed,
            AnalysisStatus::Suspect,
            AnalysisStatus::Undecided,
            AnalysisStatus::NoData,
        ]
        .map(|opinion| exit(Some(opinion)).code());
        assert_eq!(codes, [0, 3, 3, 4, 4]);
        assert_eq!(exit(None), Exit::Blind);
    }
}
