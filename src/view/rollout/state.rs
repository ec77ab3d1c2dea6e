//! Where the workload stands, in the words and figures of `kubectl`.

use ratatui::text::Line;

use crate::app::place::Place;
use crate::domain::rules::action::rollback_estimate;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::parts::badge;
use crate::view::parts::row::Row;
use crate::view::theme::Role;

/// Returns object and phase, figures, and why it is not moving.
pub(crate) fn lines(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Vec<Line<'static>> {
    let glyphs = scene.theme.glyphs();
    let heard = env.kubernetes();
    let verdict = badge::verdict(scene.theme, workload.assessment.verdict, Place::Out, &heard, scene.model.core.now);
    let mut right = scene.row();
    if let Some(status) = &workload.status {
        let since = DrawContext::phase_since(workload);
        right = right.add(badge::phase(scene.theme, status.phase, since, scene.model.core.now)).gap(2);
    }
    let right = right.add([verdict]);
    let object = format!("{} in {}", workload.id, env.settings.namespace);
    let strategy = workload.status.as_ref().map_or("", |status| status.strategy.as_str());
    let object = scene.row().say(Role::Strong, object).gap(2).say(Role::Label, strategy);
    let mut lines = vec![sides(scene, object, right, columns)];
    let Some(status) = &workload.status else {
        let text = if workload.missing { "it does not exist" } else { "not seen yet" };
        lines.push(scene.row().say(Role::Label, text).line());
        if let Some(why) = heard.link.why() {
            lines.push(scene.row().say(Role::Bad, format!("{} kubernetes: ", glyphs.bad)).say(Role::Text, why).line());
        }
        return lines;
    };
    let mut figures = Vec::new();
    if let Some(weight) = status.weight {
        let share = |part: u32| format!("{} %", u64::from(part) * 100 / u64::from(weight.max.max(1)));
        figures.extend([("set", share(weight.set)), ("actual", share(weight.actual))]);
    }
    let replicas = status.replicas;
    figures.extend([
        ("desired", replicas.desired.to_string()),
        ("current", replicas.current.to_string()),
        ("updated", replicas.updated.to_string()),
        ("ready", replicas.ready.to_string()),
        ("available", replicas.available.to_string()),
    ]);
    // No figure is lost: what does not fit goes to another line.
    let gap = if columns < 100 { 1 } else { 3 };
    let mut row = scene.row();
    for (label, value) in figures {
        let next = scene.row().say(Role::Label, format!("{label} ")).say(Role::Text, value);
        if row.width() > 0 && row.width() + gap + next.width() > columns {
            lines.push(std::mem::replace(&mut row, scene.row()).line());
        }
        let space = if row.width() > 0 { gap } else { 0 };
        row = row.gap(space).add(next.line().spans);
    }
    lines.push(row.line());
    // The cause in our words; the controller's own message only where it says something else.
    let text = match (&status.why, status.message.as_str()) {
        (Some(why), "") => why.clone(),
        (Some(why), message) => format!("{why}  ({message})"),
        (None, message) => message.to_owned(),
    };
    lines.extend(signed(scene, glyphs.dot, &text, columns));
    if let Some(owned) = workload.snapshot.as_ref().and_then(|snapshot| snapshot.owned.as_ref()) {
        let role = if owned.needs_attention() { Role::Warn } else { Role::Text };
        lines.extend(signed_as(scene, glyphs.dot, (role, &owned.line(scene.model.core.now)), columns));
    }
    if let Some(estimate) = rollback_estimate(&scene.model.core.world, env, workload, scene.model.core.now) {
        lines.extend(signed(scene, glyphs.back, &estimate.describe(scene.model.core.now), columns));
    }
    lines
}

/// A text behind a sign, in two lines at most; nothing where there is no text.
fn signed(scene: &DrawContext<'_>, sign: &str, text: &str, columns: usize) -> Vec<Line<'static>> {
    signed_as(scene, sign, (Role::Text, text), columns)
}

fn signed_as(scene: &DrawContext<'_>, sign: &str, (role, text): (Role, &str), columns: usize) -> Vec<Line<'static>> {
    if text.is_empty() {
        return Vec::new();
    }
    let parts = scene.theme.wrap(text, columns.saturating_sub(2), 2);
    let line = |(index, part): (usize, String)| {
        let row = if index == 0 { scene.row().say(Role::Label, format!("{sign} ")) } else { scene.row().gap(2) };
        row.say(role, part).line()
    };
    parts.into_iter().enumerate().map(line).collect()
}

/// Puts two rows at the ends of one line; the right one has precedence.
fn sides(scene: &DrawContext<'_>, left: Row, right: Row, columns: usize) -> Line<'static> {
    let room = columns.saturating_sub(right.width() + 1);
    let left = scene.theme.fit(left.line(), room);
    scene.row().add(left.spans).to(room + 1).add(right.line().spans).line()
}
