//! `cockpit plan`: what each step of a rollout can detect, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::text::sanitize;
use crate::domain::rules::forecast::{self, Alternative, Assumed, Forecast, Lasts, Outlook};
use analysis::{Chances, Detectable, Rules, Traffic};

/// What there is to say about the steps of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPlan {
    pub target: WorkloadKey,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It has no steps; why, in a sentence.
    NoSteps(String),
    /// The traffic is unknown; why.
    Blind(String),
    Forecast {
        traffic: Traffic,
        assumed: Assumed,
        rules: Box<Rules>,
        steps: Vec<Forecast>,
        /// Other steps that detect more, with what each can detect.
        alternative: Option<(Alternative, Vec<Forecast>)>,
    },
}

/// Returns the plan as text: a line for each stretch of steps.
#[must_use]
pub fn text(plan: &StepPlan) -> String {
    let mut out = format!("{}\n", sanitize(&plan.target.to_string()));
    match &plan.said {
        Said::NoSteps(why) => {
            let _ = writeln!(out, "  {}", sanitize(why));
        }
        Said::Blind(why) => {
            let _ = writeln!(out, "  BLIND: {}", sanitize(why));
            let _ = writeln!(out, "  State the traffic by hand: --rps 500 --errors 0.1%");
        }
        Said::Forecast { traffic, assumed, rules, steps, alternative } => {
            let is_assumed = assumed.per_second.is_some() || assumed.errors.is_some();
            let _ = writeln!(out, "  {}", forecast::assumption(traffic, rules, is_assumed));
            lines(steps, &mut out);
            if let Some((other, steps)) = alternative {
                let _ = writeln!(out, "\n  Steps of the same length that detect more:");
                lines(steps, &mut out);
                let _ = writeln!(out, "  {}", gain(other));
            }
        }
    }
    out
}

fn lines(steps: &[Forecast], out: &mut String) {
    let number = |forecast: &Forecast| match forecast.stretch.steps {
        (first, last) if first == last => format!("{}", first + 1),
        (first, last) => format!("{}-{}", first + 1, last + 1),
    };
    let wide = steps.iter().map(|forecast| number(forecast).len()).max().unwrap_or_default();
    for forecast in steps {
        let _ = writeln!(out, "    {:>wide$}  {}", number(forecast), forecast::line(forecast));
    }
}

/// What is better: chances by the end of the last step.
fn gain(other: &Alternative) -> String {
    let percent = |chance: f64| format!("{:.0} %", (chance * 100.0).min(99.0));
    let (before, after) = (&other.before, &other.after);
    let sizes = [("×2", before.chances.x2, after.chances.x2), ("×5", before.chances.x5, after.chances.x5)];
    let better = sizes.into_iter().filter(|(_, before, after)| after - before > 0.01);
    let better: Vec<String> = better
        .map(|(size, before, after)| format!("{size} in {} instead of {}", percent(after), percent(before)))
        .collect();
    format!("By their end: {}, at no higher cost.", better.join(", "))
}

/// JSON Schema of [`json()`].
pub const SCHEMA: &str = include_str!("../../assets/plan.schema.json");

/// Returns the plan as JSON, as `assets/plan.schema.json` describes it. What is unknown is null, never zero.
#[must_use]
pub fn json(plan: &StepPlan) -> Value {
    let mut answer = json!({
        "apiVersion": "cockpit/v1",
        "environment": plan.target.env,
        "workload": plan.target.workload.to_string(),
        "why_not": null,
        "traffic": null,
        "steps": null,
        "alternative": null,
    });
    match &plan.said {
        Said::NoSteps(why) | Said::Blind(why) => answer["why_not"] = json!(why),
        Said::Forecast { traffic, assumed, rules, steps, alternative } => {
            answer["traffic"] = json!({
                "rps": traffic.per_second,
                "error_ratio": traffic.errors,
                "assumed": {"rps": assumed.per_second.is_some(), "error_ratio": assumed.errors.is_some()},
                "bad_error_ratio": chances_json(Chances {
                    x2: traffic.bad(rules, 2.0),
                    x5: traffic.bad(rules, 5.0),
                    x10: traffic.bad(rules, 10.0),
                }),
            });
            answer["steps"] = steps.iter().map(step_json).collect();
            answer["alternative"] = alternative.as_ref().map_or(Value::Null, |(other, steps)| {
                json!({
                    "steps": steps.iter().map(step_json).collect::<Vec<_>>(),
                    "before": chances_json(other.before.chances),
                    "after": chances_json(other.after.chances),
                })
            });
        }
    }
    answer
}

fn step_json(forecast: &Forecast) -> Value {
    let stretch = &forecast.stretch;
    let (ends, detected, open) = match forecast.outlook {
        Outlook::Ends(detectable) => ("by-itself", Some(detectable), None),
        Outlook::Open(seconds) => (open_end(stretch.lasts), None, seconds),
        Outlook::AtOnce => ("at-once", None, None),
        Outlook::NoCanary => ("no-canary", None, None),
        Outlook::NoStable => ("no-stable", None, None),
    };
    let seconds = match stretch.lasts {
        Lasts::Time(time) => Some(time.as_secs_f64()),
        Lasts::Person | Lasts::Unknown(_) => None,
    };
    let of = |value: fn(&Detectable) -> f64| detected.as_ref().map(value).map(tenths);
    json!({
        "first": stretch.steps.0 + 1,
        "last": stretch.steps.1 + 1,
        "weight": stretch.weight,
        "share": stretch.share,
        "seconds": seconds,
        "ends": ends,
        "at_least": forecast.is_least,
        "requests": of(|detectable| detectable.requests),
        "detects": detected.map(|detectable| chances_json(detectable.chances)),
        "failed_requests": of(|detectable| detectable.cost).filter(|_| !forecast.is_least),
        "x5_in_9_of_10_after_seconds": open.map(tenths),
        "text": forecast::line(forecast),
    })
}

fn open_end(lasts: Lasts) -> &'static str {
    match lasts {
        Lasts::Person => "by-promotion",
        Lasts::Time(_) | Lasts::Unknown(_) => "unknown",
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Rounded to what the simulations can tell.
fn chances_json(chances: Chances) -> Value {
    let round = |chance: f64| (chance * 10_000.0).round() / 10_000.0;
    json!({"x2": round(chances.x2), "x5": round(chances.x5), "x10": round(chances.x10)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::target;
    use crate::config::schema::check;
    use crate::domain::facts::workload::rollout::Split;
    use crate::domain::rules::forecast::{Stretch, alternative, forecast};
    use jiff::SignedDuration;

    fn said(said: Said) -> StepPlan {
        StepPlan { target: target("prod-eu", "rollout/api"), said }
    }

    fn stretch(step: usize, weight: u32, lasts: Lasts) -> Stretch {
        Stretch { steps: (step, step + 1), weight, share: f64::from(weight) / 100.0, lasts }
    }

    fn planned() -> StepPlan {
        let steps = [
            stretch(0, 5, Lasts::Time(SignedDuration::from_mins(2))),
            stretch(2, 20, Lasts::Person),
            stretch(4, 100, Lasts::Time(SignedDuration::ZERO)),
        ];
        let (rules, traffic) = (Rules::default(), Traffic { per_second: 1500.0, errors: 0.001 });
        let steps = forecast(&steps, &rules, &traffic);
        let assumed = Assumed { per_second: Some(1500.0), errors: None };
        said(Said::Forecast { traffic, assumed, rules: Box::new(rules), steps, alternative: None })
    }

    #[test]
    fn text_has_a_line_for_each_stretch() {
        let text = text(&planned());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "rollout/api in prod-eu");
        assert_eq!(lines[1], "  assuming 1,500 requests/s, of which 0.10 % fail on stable; ×5 means that 0.50 % fail");
        assert!(
            lines[2].starts_with("    1-2  5 % for 2 min: 9,000 requests; ×5 in 99 of 100 cases, ×2 in "),
            "{text}"
        );
        assert!(
            lines[3].starts_with("    3-4  20 % until promoted: no end; ×5 in 9 of 10 cases before it begins"),
            "{text}"
        );
        assert_eq!(lines[4], "    5-6  100 %: nothing is left to compare with");
    }

    #[test]
    fn json_has_the_same_facts_and_null_for_what_is_unknown() {
        let plan = json(&planned());
        assert_eq!(plan["steps"][0]["requests"], 9000.0);
        assert_eq!(plan["steps"][0]["ends"], "by-itself");
        assert!(plan["steps"][0]["detects"]["x5"].as_f64().unwrap() > 0.95);
        assert_eq!(plan["steps"][1]["detects"], Value::Null);
        assert_eq!(plan["steps"][1]["x5_in_9_of_10_after_seconds"], 0.0);
        assert_eq!(plan["steps"][2]["ends"], "no-stable");
        let blind = json(&said(Said::Blind("no data: stable traffic (no metrics configured)".to_owned())));
        assert_eq!((&blind["steps"], &blind["traffic"]), (&Value::Null, &Value::Null));
        assert!(blind["why_not"].as_str().unwrap().starts_with("no data"));
    }

    #[test]
    fn json_is_the_contract() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let timed = |step, weight, seconds| stretch(step, weight, Lasts::Time(SignedDuration::from_secs(seconds)));
        let steps = [timed(0, 5, 300), timed(2, 10, 60), timed(4, 50, 30)];
        let (rules, traffic) = (Rules::default(), Traffic { per_second: 300.0, errors: 0.002 });
        let other = alternative(&steps, Split { max_weight: 100, pods: None }, &rules, &traffic);
        let alternative = other.map(|other| {
            let steps = forecast(&other.stretches, &rules, &traffic);
            (other, steps)
        });
        assert!(alternative.is_some());
        let steps = forecast(&steps, &rules, &traffic);
        let (assumed, rules) = (Assumed::default(), Box::new(rules));
        let with_other = said(Said::Forecast { traffic, assumed, rules, steps, alternative });
        let blind = said(Said::Blind("no data".to_owned()));
        let none = said(Said::NoSteps("it has no steps".to_owned()));
        for plan in [planned(), with_other, blind, none] {
            assert_eq!(check::errors(&schema, &json(&plan)), [""; 0]);
        }
        let mut wrong = json(&planned());
        wrong["steps"][0]["ends"] = json!("never");
        wrong["environment"] = json!(7);
        wrong["traffic"]["rps"] = Value::Null;
        assert_eq!(check::errors(&schema, &wrong).len(), 3);
    }

    #[test]
    fn without_traffic_it_is_blind_and_says_what_to_do() {
        let text = text(&said(Said::Blind("no data: stable traffic (no metrics configured)".to_owned())));
        assert!(text.contains("BLIND: no data: stable traffic (no metrics configured)\n") && text.contains("--rps"));
    }
}
