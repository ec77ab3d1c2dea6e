//! Lines of `cockpit judge`: what is read is analysed, and the answer is a line of JSON with numbers in it.

use analysis::{CanaryAnalyzer, Look, Rules};
use release_cockpit::cli::judge::{json, read, text};
use serde_json::Value;

use super::safe;

pub fn check(data: &[u8]) {
    let mut judge = CanaryAnalyzer::new(Rules::default());
    for line in data.split(|byte| *byte == b'\n').take(200) {
        let told = match read(line) {
            Ok(told) => told,
            Err(why) => {
                assert!(!why.is_empty() && why.len() < 2_000 + line.len() * 8, "{why}");
                continue;
            }
        };
        if told.weight.is_some() {
            judge.set_weight(told.weight);
        }
        take(&mut judge, &told.look);
    }
    remembered(&judge);
}

/// Feeds the analysis, and asserts that its result is consistent.
pub fn take(judge: &mut CanaryAnalyzer, look: &Look) {
    judge.take(look);
    let report = judge.report();
    let e = report.e;
    for (name, evidence) in [("plain", e.plain), ("guarded", e.guarded), ("safe", e.safe), ("latency", e.latency)] {
        assert!(evidence.is_finite() && evidence >= 0.0, "{name} {evidence}");
    }
    if let Some(ratio) = report.ratio {
        assert!(!ratio.low.is_nan() && ratio.low >= 0.0, "{ratio:?}");
        assert!(ratio.high.is_none_or(|high| high >= ratio.low), "{ratio:?}");
        assert!(ratio.estimate.is_none_or(f64::is_finite), "{ratio:?}");
    }
    for need in [report.needs.x2, report.needs.x5].into_iter().flatten() {
        assert!(!need.seconds.is_nan() && need.seconds >= 0.0, "{need:?}");
    }
    let mut out = Vec::new();
    json(&report, &mut out);
    let line: Value = serde_json::from_slice(&out).unwrap();
    for name in ["plain", "guarded", "safe", "latency"] {
        assert!(line["e"][name].is_number(), "{line}");
    }
    is_a_line(out);
    let mut out = Vec::new();
    text(&report, &mut out);
    is_a_line(out);
}

/// Asserts that an answer is one line that may be printed.
fn is_a_line(out: Vec<u8>) {
    let line = String::from_utf8(out).unwrap();
    assert_eq!(line.lines().count(), 1, "{line:?}");
    assert!(line.ends_with('\n'), "{line:?}");
    safe::lines(&line);
}

/// Asserts that what is kept over a restart says the same afterwards.
pub fn remembered(judge: &CanaryAnalyzer) {
    let kept = serde_json::to_vec(judge).unwrap();
    let again: CanaryAnalyzer = serde_json::from_slice(&kept).unwrap();
    assert_eq!(format!("{:?}", again.report()), format!("{:?}", judge.report()));
}
