//! The analysis result: opinion, ratio with its interval, evidence against the bar, what it waits for, the budget, and
//! where the canary's latencies lie.

use ratatui::text::Line;

use crate::domain::facts::text::percent;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::theme::Role;
use analysis::{AnalysisStatus, Heat, Report, figure, time};

const LABEL_COLUMNS: usize = 9;
/// Columns of the evidence meter at most.
const MAX_METER_COLUMNS: usize = 20;

/// The block for a panel of so many columns; empty where there is no result for the current revision.
pub(crate) fn lines(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Vec<Line<'static>> {
    let Some(judged) = workload.opinion() else { return Vec::new() };
    let report = &*judged.report;
    let row = |label: &str| scene.row().left(Role::Label, label, LABEL_COLUMNS);
    let mut lines = vec![row("analysis").say(role(report.opinion), report.opinion.label()).line()];
    lines.extend(ratio(scene, env, report));
    lines.push(evidence(scene, env, report, columns));
    lines.push(row("detects").say(Role::Text, needs(report)).line());
    for (label, seen) in [("canary", report.seen.canary), ("stable", report.seen.stable)] {
        let text = format!("{} requests, {} failed", grouped(seen.requests), grouped(seen.errors));
        lines.push(row(label).say(Role::Text, text).line());
    }
    lines.extend(budget(scene, report));
    lines.extend(heat(scene, report, columns));
    lines.extend(disagreement(scene, workload, report));
    lines
}

/// The one line that a small terminal has room for.
pub(crate) fn short(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Option<Line<'static>> {
    let report = &workload.opinion()?.report;
    let mut line = evidence(scene, env, report, columns / 2);
    line.spans.extend(scene.row().gap(2).say(Role::Label, "detects ").say(Role::Text, needs(report)).line().spans);
    Some(line)
}

/// The evidence alone, for a card.
pub(crate) fn meter(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Option<Line<'static>> {
    Some(evidence(scene, env, &workload.opinion()?.report, columns))
}

fn role(opinion: AnalysisStatus) -> Role {
    match opinion {
        AnalysisStatus::Regressed => Role::Bad,
        AnalysisStatus::Suspect => Role::Warn,
        AnalysisStatus::Healthy => Role::Good,
        AnalysisStatus::NoData => Role::Blind,
        AnalysisStatus::Undecided => Role::Strong,
    }
}

fn ratio(scene: &DrawContext<'_>, env: &Environment, report: &Report) -> Option<Line<'static>> {
    let level = 100.0 * (1.0 - env.settings.rules.alpha_warn);
    let ratio = report.ratio?;
    let estimate = ratio.estimate.map_or_else(|| "?".to_owned(), |estimate| format!("{}×", figure(estimate)));
    let bounds = match ratio.high {
        Some(high) => format!("  {level:.0} % CI {}–{}×", figure(ratio.low), figure(high)),
        None => format!("  {level:.0} % CI from {}×", figure(ratio.low)),
    };
    let row = scene.row().left(Role::Label, "errors", LABEL_COLUMNS).say(Role::Strong, estimate);
    Some(row.say(Role::Text, bounds).line())
}

/// The evidence on a log scale: an empty meter is none, a full one rolls back.
fn evidence(scene: &DrawContext<'_>, env: &Environment, report: &Report, columns: usize) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let bar = 1.0 / env.settings.rules.alpha;
    let words = format!(" {} of {bar:.0}", figure(report.e.guarded));
    let room = columns.saturating_sub(LABEL_COLUMNS + words.len()).clamp(4, MAX_METER_COLUMNS);
    let share = (report.e.guarded.max(1.0).ln() / bar.ln()).clamp(0.0, 1.0);
    let filled = (share * room as f64).floor() as usize;
    scene
        .row()
        .left(Role::Label, "evidence", LABEL_COLUMNS)
        .say(role(report.opinion), glyphs.bar[0].repeat(filled))
        .say(Role::Faint, glyphs.bar[2].repeat(room - filled))
        .say(Role::Text, words)
        .line()
}

fn needs(report: &Report) -> String {
    let need = |times: &str, need: Option<analysis::Need>| match need {
        Some(need) if need.seconds > 0.0 => format!("{times} in {}", time(need.seconds)),
        Some(_) => format!("{times} would have shown"),
        None => format!("{times} unknown"),
    };
    format!("{}, {}", need("2×", report.needs.x2), need("5×", report.needs.x5))
}

fn budget(scene: &DrawContext<'_>, report: &Report) -> Vec<Line<'static>> {
    let Some(burn) = report.burn else { return Vec::new() };
    let row = scene.row().left(Role::Label, "budget", LABEL_COLUMNS);
    let role = if burn.spent > 0.0025 { Role::Warn } else { Role::Text };
    let row = row.say(role, format!("burns {}×, spent {}", figure(burn.short), percent(burn.spent)));
    let at_all = format!("projected at 100 %: {} of budget per hour", percent(burn.projected));
    let mut lines = vec![row.line(), scene.row().gap(LABEL_COLUMNS).say(Role::Label, at_all).line()];
    if report.stable_burns {
        lines.push(scene.row().gap(LABEL_COLUMNS).say(Role::Warn, "stable burns too: not caused by the canary").line());
    }
    lines
}

/// Where latencies lie, bucket by bucket: the darker, the more requests.
fn heat(scene: &DrawContext<'_>, report: &Report, columns: usize) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(LABEL_COLUMNS + 1);
    if report.heat.is_empty() || room < 4 {
        return Vec::new();
    }
    let levels = scene.theme.glyphs().levels;
    let shown = &report.heat[..report.heat.len().min(room)];
    let strip = |share: fn(&Heat) -> f64| -> String {
        // Small shares count most: a slow tail is one request in a hundred.
        let level = |heat: &Heat| (share(heat).sqrt() * levels.len() as f64).ceil() as usize;
        shown.iter().map(|heat| level(heat).checked_sub(1).map_or(" ", |at| levels[at.min(levels.len() - 1)])).collect()
    };
    let row = |label: &str, role: Role, text: String| {
        scene.row().left(Role::Label, label, LABEL_COLUMNS).say(role, text).line()
    };
    let first = shown.first().and_then(|heat| heat.le).unwrap_or_default();
    let last = shown.iter().rev().find_map(|heat| heat.le).unwrap_or_default();
    let latency = crate::domain::facts::text::latency;
    vec![
        row("canary", Role::Canary, strip(|heat| heat.canary)),
        row("stable", Role::Stable, strip(|heat| heat.stable)),
        row("latency", Role::Label, format!("{} … {} and above", latency(first), latency(last))),
    ]
}

/// Says so where Argo's own analysis thinks otherwise.
fn disagreement(scene: &DrawContext<'_>, workload: &WorkloadState, report: &Report) -> Option<Line<'static>> {
    let canary = &workload.status.as_ref()?.canary.as_ref()?.hash;
    let runs = &workload.snapshot.as_ref()?.runs;
    let theirs = runs.iter().rev().find(|run| run.hash == *canary)?;
    let differs = matches!(
        (theirs.phase.as_str(), report.opinion),
        ("Successful" | "Running", AnalysisStatus::Regressed | AnalysisStatus::Suspect)
            | ("Failed", AnalysisStatus::Healthy)
    );
    let text = format!("Argo's analysis {} is {}: they disagree", theirs.name, theirs.phase);
    differs.then(|| {
        scene.row().left(Role::Label, "but", LABEL_COLUMNS).say(Role::Warn, scene.theme.clip(&text, 60)).line()
    })
}

/// Returns a count with its thousands apart.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
