//! Experiments with their pods, and analysis runs: phase, measurements, and how much of their budgets is used.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::facts::analysis_run::{AnalysisMetric, AnalysisRun};
use crate::domain::facts::experiment::{Experiment, ExperimentTemplate};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::{duration, plural};
use crate::domain::world::WorkloadState;
use crate::view::draw_context::DrawContext;
use crate::view::layout::indent;
use crate::view::parts::panel::{Edge, panel};
use crate::view::parts::row::{put, put_all};
use crate::view::theme::Role;

/// Draws experiments and runs, newest first, as many as there is room for.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, workload: &WorkloadState) {
    let title = scene.row().say(Role::Title, "analysis");
    let runs: &[AnalysisRun] = workload.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.runs);
    let experiments: &[Experiment] = workload.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.experiments);
    let counted = [(experiments.len(), "experiment"), (runs.len(), "run")];
    let words = counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| plural(*count, word));
    let word = scene.row().say(Role::Label, words.collect::<Vec<_>>().join(", "));
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    if runs.is_empty() && experiments.is_empty() {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, "no analysis runs"));
        return;
    }
    let columns = usize::from(inside.width);
    let lines = experiments.iter().flat_map(|experiment| experiment_lines(scene, experiment, columns));
    let lines = lines.chain(runs.iter().flat_map(|run| run_lines(scene, run, columns)));
    put_all(buf, inside, scene.theme, lines.take(usize::from(inside.height)).collect::<Vec<_>>());
}

fn experiment_lines(scene: &DrawContext<'_>, experiment: &Experiment, columns: usize) -> Vec<Line<'static>> {
    let (shape, role) = sign(scene, &experiment.phase);
    let row =
        scene.row().say(role, format!("{shape} {}", experiment.phase)).gap(2).say(Role::Strong, "experiment").gap(2);
    let room = columns.saturating_sub(row.width());
    let mut lines = vec![row.name(Role::Faint, &experiment.name, room).line()];
    let lacks = experiment.waits_for();
    if !lacks.is_empty() {
        let parts = scene.theme.wrap(&lacks, columns.saturating_sub(2), 2);
        lines.extend(parts.into_iter().map(|part| scene.row().gap(2).say(Role::Text, part).line()));
    }
    lines.extend(experiment.templates.iter().map(|template| template_line(scene, experiment, template, columns)));
    lines
}

/// `✔ candidate 1.5.0   2/2 ready`.
fn template_line(
    scene: &DrawContext<'_>,
    experiment: &Experiment,
    template: &ExperimentTemplate,
    columns: usize,
) -> Line<'static> {
    let (shape, role) = sign(scene, &template.phase);
    let version = experiment.replicaset(template).map_or_else(String::new, ReplicaSet::version);
    let row = scene
        .row()
        .gap(2)
        .say(role, format!("{shape} "))
        .say(Role::Text, scene.theme.clip_middle(&template.name, 24))
        .gap(1)
        .say(Role::Strong, scene.theme.clip_middle(&version, 16));
    let room = columns.saturating_sub(row.width() + 1);
    row.gap(1).right(Role::Label, &format!("{}/{} ready", template.ready, template.desired), room).line()
}

/// Shape and role of a phase.
fn sign(scene: &DrawContext<'_>, phase: &str) -> (&'static str, Role) {
    let glyphs = scene.theme.glyphs();
    match phase {
        "Successful" => (glyphs.good, Role::Good),
        "Failed" | "Error" => (glyphs.bad, Role::Bad),
        "Inconclusive" => (glyphs.blind, Role::Blind),
        "Running" => (glyphs.running, Role::Busy),
        _ => (glyphs.waits, Role::Label),
    }
}

fn run_lines(scene: &DrawContext<'_>, run: &AnalysisRun, columns: usize) -> Vec<Line<'static>> {
    let (shape, role) = sign(scene, &run.phase);
    let kind = match run.step {
        Some(step) => format!("step {}", step + 1),
        None => run.kind.to_lowercase(),
    };
    let took =
        run.started.map(|started| duration(run.completed.unwrap_or(scene.model.core.now).duration_since(started)));
    let row = scene
        .row()
        .say(role, format!("{shape} {}", run.phase))
        .gap(2)
        .say(Role::Strong, kind)
        .say(Role::Label, took.map_or_else(String::new, |took| format!("  {took}")))
        .gap(2);
    let room = columns.saturating_sub(row.width());
    let mut lines = vec![row.name(Role::Faint, &run.name, room).line()];
    if !run.message.is_empty() {
        let parts = scene.theme.wrap(&run.message, columns.saturating_sub(2), 2);
        lines.extend(parts.into_iter().map(|part| scene.row().gap(2).say(Role::Text, part).line()));
    }
    for metric in &run.metrics {
        lines.extend(metric_lines(scene, metric, columns));
    }
    lines
}

fn metric_lines(scene: &DrawContext<'_>, metric: &AnalysisMetric, columns: usize) -> Vec<Line<'static>> {
    let (shape, role) = sign(scene, &metric.phase);
    let of = metric.count.map_or_else(String::new, |count| format!(" of {count}"));
    let row = scene
        .row()
        .gap(2)
        .say(role, format!("{shape} "))
        .say(Role::Text, scene.theme.clip_middle(&metric.name, 24))
        .say(Role::Label, if metric.dry_run { " (dry run)" } else { "" });
    let value = metric.last_value.as_ref().map_or_else(String::new, |value| format!("last {value}"));
    let room = columns.saturating_sub(row.width() + 1);
    let mut lines = vec![row.gap(1).right(Role::Label, &value, room).line()];
    let limit = metric.failure_limit;
    let allowed = if limit < 0 { String::new() } else { format!(" of {limit} allowed") };
    let mut budget = vec![format!("{}{of} passed", metric.successful), format!("{} failed{allowed}", metric.failed)];
    for (count, word) in [(metric.inconclusive, "inconclusive"), (metric.error, "without answer")] {
        if count > 0 {
            budget.push(format!("{count} {word}"));
        }
    }
    // Red once the budget is used up.
    let over = limit >= 0 && i64::from(metric.failed) > limit;
    let role = if over { Role::Bad } else { Role::Label };
    for part in scene.theme.wrap(&budget.join(", "), columns.saturating_sub(4), 2) {
        lines.push(scene.row().gap(4).say(role, part).line());
    }
    for (word, condition) in [("passes when", &metric.success_condition), ("fails when", &metric.failure_condition)] {
        if !condition.is_empty() {
            let row = scene.row().gap(4).say(Role::Faint, format!("{word} "));
            let room = columns.saturating_sub(row.width());
            lines.push(row.left(Role::Faint, condition, room).line());
        }
    }
    lines
}
