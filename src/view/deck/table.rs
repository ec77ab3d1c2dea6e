//! The environments as a table: for small terminals and for many environments.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::Hit;
use crate::app::place::{Place, place, shown};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;
use crate::domain::facts::workload::{Revision, Status};
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::layout::window;
use crate::view::parts::row::{Row, put};
use crate::view::parts::spark::spark;
use crate::view::parts::{badge, bar, figures, list};
use crate::view::text::width_within;
use crate::view::theme::Role;

/// Which columns there are, and how wide.
struct Columns {
    name: usize,
    version: usize,
    bar: usize,
    ready: usize,
    phase: usize,
    p99: bool,
    traffic: bool,
    trend: usize,
}

impl Columns {
    fn of(scene: &DrawContext<'_>, whole: usize) -> Self {
        let names = scene.model.core.world.environments.iter().map(|env| width_within(env.name().as_str(), 24));
        let name = names.max().unwrap_or(0).clamp(7, if whole >= 100 { 24 } else { 14 });
        let mut columns = Self { name, version: 9, bar: 5, ready: 7, phase: 0, p99: false, traffic: false, trend: 0 };
        // What is there at all costs: pointer, name, version, percentage, ready, errors, verdict.
        let mut left = whole.saturating_sub(columns.used());
        let mut take = |wanted: usize| {
            let fits = left >= wanted;
            left -= if fits { wanted } else { 0 };
            fits
        };
        columns.p99 = take(9);
        columns.trend = usize::from(take(4)) * 2;
        columns.phase = usize::from(take(20)) * 20;
        columns.traffic = take(9);
        columns.trend += usize::from(take(24)) * 12;
        columns.bar += usize::from(take(7)) * 7;
        columns.version += usize::from(take(7)) * 7;
        columns.bar += left.min(if whole >= 100 { 18 } else { 0 });
        columns
    }

    fn used(&self) -> usize {
        3 + self.name + 1 + self.version + 1 + self.bar + 6 + 1 + self.ready + 9 + 2 + 8
    }
}

/// The lines of an environment: itself, stable beside a canary, what is wrong with its picture.
fn lines_of(scene: &DrawContext<'_>, env: &Environment) -> u16 {
    let beside = scene.is_selected(env) && shown(scene.model, env).is_some_and(figures::with_canary);
    1 + u16::from(beside) + u16::from(!env.kubernetes().is_fresh(scene.model.core.now))
}

/// How many rows all environments would take.
pub(crate) fn wanted_rows(scene: &DrawContext<'_>) -> u16 {
    let rows = scene.model.core.world.environments.iter().map(|env| lines_of(scene, env)).fold(0, u16::saturating_add);
    rows.max(1)
}

/// Draws the table; the selected environment is always in view.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect) {
    let columns = Columns::of(scene, usize::from(area.width));
    let environments = &scene.model.core.world.environments;
    if environments.is_empty() {
        put(buf, area, scene.theme, scene.row().say(Role::Label, " no environment is watched"));
        return;
    }
    let rows = usize::from(area.height.saturating_sub(1));
    // The selected one may take three rows; the rest of the window is counted in environments.
    let selected = environments.iter().position(|env| scene.is_selected(env)).unwrap_or(0);
    let all_fit = usize::from(wanted_rows(scene)) <= rows;
    let visible = if all_fit { environments.len() } else { rows.saturating_sub(2).max(1) };
    let first = window(selected, visible, environments.len());
    let position = list::position(scene.theme, first, visible, environments.len());
    let head = Rect { height: 1, ..area };
    put(buf, head, scene.theme, heads(scene, &columns));
    put(
        buf,
        Rect { width: (3 + columns.name + 1 + columns.version) as u16, ..head },
        scene.theme,
        scene.row().gap(1).add(position.spans),
    );
    let mut y = area.y + 1;
    for env in environments.iter().skip(first) {
        for line in environment(scene, env, &columns, usize::from(area.width)) {
            if y >= area.y + area.height {
                return;
            }
            let place = Rect { y, height: 1, ..area };
            scene.clickable(place, Hit::Env(env.name().clone()));
            put(buf, place, scene.theme, line);
            y += 1;
        }
    }
}

fn heads(scene: &DrawContext<'_>, columns: &Columns) -> Row {
    let label = |row: Row, text: &str, wide: usize| row.right(Role::Label, text, wide);
    let row = scene.row().gap(3 + columns.name + 1 + columns.version + 1);
    let row = row.left(Role::Label, "progress", columns.bar + 6).gap(1).left(Role::Label, "ready", columns.ready);
    let row = label(row, "errors", 9).gap(columns.trend);
    let row = if columns.p99 { label(row, "p99", 9).gap(columns.trend) } else { row };
    let row = if columns.traffic { label(row, "traffic", 9) } else { row };
    let row = row.gap(2).left(Role::Label, "verdict", 8);
    if columns.phase > 0 { row.left(Role::Label, "phase", columns.phase) } else { row }
}

fn environment(scene: &DrawContext<'_>, env: &Environment, columns: &Columns, whole: usize) -> Vec<Line<'static>> {
    let workload = shown(scene.model, env);
    let place = place(&scene.model.core.world, env, workload);
    let selected = scene.is_selected(env);
    let pointer = if selected { scene.theme.glyphs().pointer } else { " " };
    let row = scene
        .row()
        .say(Role::Strong, format!(" {pointer} "))
        .name(if selected { Role::Strong } else { Role::Text }, env.name().as_str(), columns.name)
        .gap(1);
    let verdict = badge::verdict(scene.theme, scene.verdict(env), place, &env.kubernetes(), scene.model.core.now);
    let mut lines = Vec::new();
    if let Some((workload, status)) = workload.and_then(|workload| Some((workload, workload.status.as_ref()?))) {
        lines.push(seen(scene, row, env, (workload, status), place, verdict, (columns, whole)));
        if selected && status.canary.is_some() {
            lines.push(stable(scene, env, workload, columns));
        }
    } else {
        let text = if workload.is_some_and(|workload| workload.missing) { "does not exist" } else { "not seen yet" };
        let room = columns.version + columns.bar + columns.ready + 17 + usize::from(columns.p99) * 9;
        let gap = columns.trend * (1 + usize::from(columns.p99)) + usize::from(columns.traffic) * 9;
        let id = workload.map_or_else(String::new, |workload| format!("{} ", workload.id));
        lines.push(row.left(Role::Label, &format!("{id}{text}"), room).gap(gap + 2).add([verdict]).line());
    }
    let heard = env.kubernetes();
    if !heard.is_fresh(scene.model.core.now) {
        let row =
            scene.row().gap(3 + columns.name + 1).add([badge::freshness(scene.theme, &heard, scene.model.core.now)]);
        let why = match &heard.link {
            Link::Down(why) => format!("  kubernetes: {why}"),
            Link::LoggingIn(why) | Link::NotAsked(why) => format!("  {why}"),
            Link::Never | Link::Up => String::new(),
        };
        let room = whole.saturating_sub(row.width());
        lines.push(row.left(Role::Text, &why, room).line());
    }
    lines
}

/// The line of a workload that was seen.
fn seen(
    scene: &DrawContext<'_>,
    row: Row,
    env: &Environment,
    (workload, status): (&WorkloadState, &Status),
    place: Place,
    verdict: Span<'static>,
    (columns, whole): (&Columns, usize),
) -> Line<'static> {
    let canary = status.canary.as_ref();
    let arrow = if canary.is_some() { format!("{} ", scene.theme.glyphs().arrow) } else { String::new() };
    let version = canary.or(status.stable.as_ref()).map_or_else(String::new, Revision::version);
    let row = row.name(Role::Text, &format!("{arrow}{version}"), columns.version).gap(1);
    let row = if place == Place::Waits {
        row.add([bar::empty(scene.theme, columns.bar)]).right(Role::Label, "0 %", 6)
    } else {
        let share = format!("{} %", status.progress);
        row.add(bar::progress(scene.theme, status, columns.bar)).right(Role::Text, &share, 6)
    };
    let replicas = status.replicas;
    let role = if replicas.ready < replicas.desired { Role::Warn } else { Role::Text };
    let row = row.gap(1).left(role, &format!("{}/{}", replicas.ready, replicas.desired), columns.ready);
    let track = if canary.is_some() { Track::Canary } else { Track::Stable };
    let row = signals(scene, row, env, workload, track, columns).gap(2).add([verdict]);
    if columns.phase == 0 {
        return row.line();
    }
    let phase = badge::phase(scene.theme, status.phase, DrawContext::phase_since(workload), scene.model.core.now);
    row.to(whole.saturating_sub(columns.phase)).add(phase).line()
}

/// The stable revision beside the canary of the selected environment.
fn stable(scene: &DrawContext<'_>, env: &Environment, workload: &WorkloadState, columns: &Columns) -> Line<'static> {
    let Some((snapshot, status)) = workload.snapshot.as_ref().zip(workload.status.as_ref()) else {
        return Line::default();
    };
    let Some(stable) = &status.stable else {
        return scene.row().gap(3).say(Role::Label, "no stable revision yet").line();
    };
    let pods = snapshot.replicaset(&stable.hash).map_or_else(String::new, |rs| format!("{}/{}", rs.ready, rs.desired));
    let row = scene.row().gap(3).left(Role::Label, Track::Stable.as_str(), columns.name).gap(1);
    let row = row.name(Role::Label, &stable.version(), columns.version).gap(1 + columns.bar + 6 + 1);
    signals(scene, row.left(Role::Label, &pods, columns.ready), env, workload, Track::Stable, columns).line()
}

fn signals(
    scene: &DrawContext<'_>,
    mut row: Row,
    env: &Environment,
    workload: &WorkloadState,
    track: Track,
    columns: &Columns,
) -> Row {
    let mut signals = vec![Signal::ErrorRatio];
    signals.extend(columns.p99.then_some(Signal::P99));
    for signal in signals {
        row = figures::figure(scene, row, env, workload, track, signal);
        if columns.trend > 0 {
            let role = if track == Track::Canary { Role::Canary } else { Role::Faint };
            let top = figures::ceiling(env, workload, track, signal);
            let series = workload.signals.series(track, signal);
            row = row.gap(1).add([spark(scene.theme, role, series, columns.trend - 1, top)]);
        }
    }
    if columns.traffic { figures::figure(scene, row, env, workload, track, Signal::Rps) } else { row }
}
