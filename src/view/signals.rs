//! The signals: canary against stable over time, and what the verdict rests on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::deck::steps_panel;
use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, indent};
use super::parts::chart::{Span, chart};
use super::parts::panel::{Edge, panel};
use super::parts::row::{put, put_all};
use super::parts::{badge, figures, judged};
use super::theme::Role;
use crate::app::place::{Place, place};
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;
use crate::domain::facts::text::duration;
use crate::domain::world::{Environment, WorkloadState};

/// Draws the signals of the selected workload.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some((env, workload)) = scene.model.selected() else {
        put(buf, area, scene.theme, scene.row().say(Role::Label, " no workload is watched"));
        return;
    };
    let span = Span::of(scene, workload);
    let mut one = |area: Rect, signal: Signal, first: bool| {
        let title = scene.row().say(Role::Title, title(signal));
        let title = title.when(first, |row| row.say(Role::Label, format!("  {}", env.name())));
        let inside =
            panel(buf, area, scene.theme, Edge::Light, title, corner_text(scene, workload, signal, &span, first));
        chart(scene, buf, inside, env, workload, signal, &span);
    };
    match scene.class {
        SizeClass::Wide => {
            let mut side = layout::right(&mut area, 56);
            layout::right(&mut area, 1);
            let third = area.height / 3;
            for pair in
                [[Signal::ErrorRatio, Signal::P99], [Signal::P95, Signal::P50], [Signal::Rps, Signal::Saturation]]
            {
                let rows = if pair[0] == Signal::Rps { area.height } else { third };
                let mut row = layout::top(&mut area, rows);
                let half = row.width / 2;
                one(layout::left(&mut row, half), pair[0], pair[0] == Signal::ErrorRatio);
                one(row, pair[1], false);
            }
            let rows = side.height;
            verdict(scene, buf, layout::top(&mut side, rows), env, workload);
        }
        SizeClass::Regular => {
            let side = layout::right(&mut area, 42);
            layout::right(&mut area, 1);
            let (unit, rest) = (area.height / 10, area.height % 10);
            one(layout::top(&mut area, unit * 3 + rest), Signal::ErrorRatio, true);
            one(layout::top(&mut area, unit * 3), Signal::P99, false);
            one(layout::top(&mut area, unit * 2), Signal::Rps, false);
            one(area, Signal::Saturation, false);
            verdict(scene, buf, side, env, workload);
        }
        SizeClass::Narrow | SizeClass::TooSmall => {
            // The verdict with its reasons keeps its rows; the second chart goes first.
            let wanted =
                verdict_lines(scene, env, workload, usize::from(area.width.saturating_sub(4))).len() as u16 + 2;
            let rows = area.height.saturating_sub(6).min(wanted);
            let below = layout::bottom(&mut area, rows);
            let both = area.height >= 11;
            let first = if both { area.height.div_ceil(2) } else { area.height };
            one(layout::top(&mut area, first), Signal::ErrorRatio, true);
            if both {
                one(area, Signal::P99, false);
            }
            verdict(scene, buf, below, env, workload);
        }
    }
}

fn title(signal: Signal) -> &'static str {
    match signal {
        Signal::ErrorRatio => "errors",
        Signal::Rps => "traffic",
        Signal::Saturation => "cpu per pod",
        other => other.label(),
    }
}

/// At the right of a chart's border: why there is no data, else the time it shows.
fn corner_text(
    scene: &DrawContext<'_>,
    workload: &WorkloadState,
    signal: Signal,
    span: &Span,
    first: bool,
) -> Line<'static> {
    let tracks: &[Track] =
        if figures::with_canary(workload) { &[Track::Canary, Track::Stable] } else { &[Track::Stable] };
    let why = tracks.iter().find_map(|track| scene.reading(workload, *track, signal).err().map(|why| (track, why)));
    match why {
        Some((track, why)) => {
            let text = scene.theme.clip(&format!("{} no data: {}", track.as_str(), why.describe()), 60);
            scene.row().say(if first { Role::Blind } else { Role::Label }, text).line()
        }
        None if first => scene.row().say(Role::Label, span.describe()).line(),
        None => Line::default(),
    }
}

/// The verdict, its reasons, the figures and limits it rests on; below it the steps, where there is room.
fn verdict(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect, env: &Environment, workload: &WorkloadState) {
    let title = scene.row().say(Role::Title, "verdict").say(Role::Label, format!("  {}", env.name()));
    let heard = env.kubernetes();
    let word = badge::verdict(scene.theme, workload.assessment.verdict, Place::Out, &heard, scene.model.core.now);
    let lines = verdict_lines(scene, env, workload, usize::from(area.width.saturating_sub(4)));
    let rows = if scene.class == SizeClass::Narrow { area.height } else { lines.len() as u16 + 2 };
    let inside = panel(buf, layout::top(&mut area, rows), scene.theme, Edge::Light, title, vec![word]);
    put_all(buf, indent(inside, 1), scene.theme, lines);
    if area.height >= 5 {
        steps_panel(scene, buf, area, None);
    }
}

fn verdict_lines(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if workload.assessment.reasons.is_empty() {
        lines.push(scene.row().say(Role::Text, "all signals within limits").line());
    }
    for reason in &workload.assessment.reasons {
        let (sign, role) = badge::verdict_sign(scene.theme, reason.verdict);
        for (index, part) in scene.theme.wrap(&reason.text, columns.saturating_sub(2), 3).into_iter().enumerate() {
            let row = if index == 0 { scene.row().say(role, format!("{sign} ")) } else { scene.row().gap(2) };
            lines.push(row.say(Role::Text, part).line());
        }
    }
    // In a small terminal the figures stand in the charts' labels already.
    if scene.class == SizeClass::Narrow {
        let signals = [Signal::Rps, Signal::Saturation];
        lines.extend(judged::short(scene, env, workload, columns));
        lines.extend(signals.map(|signal| figures::line(scene, env, workload, signal, columns)));
        return lines;
    }
    lines.push(Line::default());
    let said = judged::lines(scene, env, workload, columns);
    if !said.is_empty() {
        lines.extend(said);
        lines.push(Line::default());
    }
    lines.push(figures::heads_with_limit(scene, workload));
    lines.extend(Signal::ALL.map(|signal| figures::with_limit(scene, env, workload, signal)));
    lines.push(Line::default());
    // The analysis result takes the place of factors between the tracks.
    if workload.opinion().is_none() {
        lines.extend(factors(scene, env));
    }
    lines.extend(origin(scene, env, workload, columns));
    if place(&scene.model.core.world, env, Some(workload)) == Place::Waits {
        lines.push(scene.row().say(Role::Label, "the release has not come here yet").line());
    }
    lines
}

/// How much worse than stable the canary may be.
fn factors(scene: &DrawContext<'_>, env: &Environment) -> Vec<Line<'static>> {
    let limits = &env.settings.limits;
    let parts: Vec<String> = [("errors", limits.error_factor), ("p99", limits.p99_factor)]
        .into_iter()
        .filter_map(|(label, factor)| factor.map(|factor| format!("≤ {factor} × {label}")))
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    vec![
        scene.row().say(Role::Label, "canary against stable").line(),
        scene.row().gap(8).say(Role::Text, parts.join(", ")).line(),
    ]
}

/// Where the figures come from, and how old they are.
fn origin(scene: &DrawContext<'_>, env: &Environment, workload: &WorkloadState, columns: usize) -> Vec<Line<'static>> {
    let signals = &workload.signals;
    let mut lines = Vec::new();
    let row = scene.row().left(Role::Label, "source", 8);
    lines.push(match env.links.get(&SourceKind::Prometheus) {
        Some(heard) => {
            row.say(Role::Label, "prometheus ").add([badge::freshness(scene.theme, heard, scene.model.core.now)]).line()
        }
        None => row.say(Role::Label, "no metrics configured").line(),
    });
    if let Some(every) = signals.interval {
        lines.push(scene.row().left(Role::Label, "every", 8).say(Role::Text, duration(every)).line());
    }
    for (word, name) in [("stable", &signals.tracks.stable), ("canary", &signals.tracks.canary)] {
        if let Some(name) = name {
            let row = scene.row().left(Role::Label, word, 8);
            let room = columns.saturating_sub(row.width());
            lines.push(row.name(Role::Text, name, room).line());
        }
    }
    lines
}
