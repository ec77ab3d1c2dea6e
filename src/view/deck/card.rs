//! One environment as a card.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::lane;
use crate::app::Hit;
use crate::app::place::{Place, place, shown};
use crate::core::checklist::tally;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::object::short_digest;
use crate::domain::facts::signals::Signal;
use crate::domain::world::verdict::Reason;

use crate::domain::facts::workload::{Phase, Status};
use crate::domain::rules::action::{RollbackEstimate, rollback_estimate};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::rules::verdict::of_phase;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::checklist;
use crate::view::draw_context::DrawContext;
use crate::view::layout::{self, SizeClass, indent};
use crate::view::parts::panel::{Edge, on_border, panel};
use crate::view::parts::row::{Row, put, put_all, put_both};
use crate::view::parts::{badge, bar, figures, judged};
use crate::view::text::{line_width, width};
use crate::view::theme::Role;

/// The fewest rows of a card: borders, three of state, four of figures, a blank and two of reasons.
pub(crate) const MIN_ROWS: u16 = 12;

/// With fewer rows the reasons have them all, and the way back is drawn elsewhere.
pub(crate) const MIN_ROWS_WITH_WAY_BACK: usize = 3;
/// The most rows of reasons, the way back among them.
const MAX_REASON_ROWS: usize = 5;
/// How many rows one reason may take where nothing else is shown: addresses to log in at are long.
const MAX_UNSEEN_ROWS: usize = 6;

/// The signals of a card, most important first.
fn signals(scene: &DrawContext<'_>) -> &'static [Signal] {
    match scene.class {
        SizeClass::Wide => {
            &[Signal::ErrorRatio, Signal::P99, Signal::P95, Signal::P50, Signal::Rps, Signal::Saturation]
        }
        _ => &[Signal::ErrorRatio, Signal::P99, Signal::Rps, Signal::Saturation],
    }
}

/// The most rows that the cards have use for: borders, three of state, heads, figures, a blank, and the reasons.
pub(crate) fn tallest(scene: &DrawContext<'_>, columns: u16) -> u16 {
    let columns = usize::from(columns.saturating_sub(4));
    let environments = &scene.model.core.world.environments;
    let rows = environments.iter().filter_map(|env| {
        shown(scene.model, env).map(|workload| reasons(scene, env, workload, columns, MAX_REASON_ROWS).len() as u16)
    });
    7 + signals(scene).len() as u16 + rows.max().unwrap_or(0).max(2)
}

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, env: &Environment) {
    scene.clickable(area, Hit::Env(env.name().clone()));
    let workload = shown(scene.model, env);
    let place = place(&scene.model.core.world, env, workload);
    let edge = if scene.is_selected(env) { Edge::Heavy } else { Edge::Light };
    let verdict = badge::verdict(scene.theme, scene.verdict(env), place, &env.kubernetes(), scene.model.core.now);
    let room = usize::from(area.width).saturating_sub(9 + width(&verdict.content));
    let inside = panel(buf, area, scene.theme, edge, title(scene, env, workload, room), vec![verdict]);
    age(scene, buf, area, env);
    checks(scene, buf, area, env);
    let mut inside = indent(inside, 1);
    let columns = usize::from(inside.width);
    let Some((workload, status)) = workload.and_then(|workload| Some((workload, workload.status.as_ref()?))) else {
        let lines = unseen(scene, env, workload, columns);
        put_all(buf, inside, scene.theme, lines);
        return;
    };
    let since = DrawContext::phase_since(workload);
    let phase = badge::phase(scene.theme, status.phase, since, scene.model.core.now);
    put_both(buf, layout::top(&mut inside, 1), scene.theme, versions(scene, status), phase);
    put(buf, layout::top(&mut inside, 1), scene.theme, progress(scene, status, place, columns));
    put(buf, layout::top(&mut inside, 1), scene.theme, replicas(scene, workload, status));
    // Reasons come before secondary signals: the figures give way.
    let reasons = reasons(scene, env, workload, columns, if inside.height > 9 { MAX_REASON_ROWS } else { 3 });
    let kept = signals(scene).len().min(usize::from(inside.height).saturating_sub(2 + reasons.len().min(2)));
    let kept = if env.settings.has_metrics { kept } else { 0 };
    let heads = if kept > 0 { figures::heads(scene, workload) } else { Line::default() };
    put(buf, layout::top(&mut inside, 1), scene.theme, heads);
    for signal in signals(scene).iter().take(kept) {
        let line = figures::line(scene, env, workload, *signal, columns);
        put(buf, layout::top(&mut inside, 1), scene.theme, line);
    }
    if usize::from(inside.height) > reasons.len() {
        if let Some(line) = judged::meter(scene, env, workload, columns) {
            put(buf, layout::top(&mut inside, 1), scene.theme, line);
        }
    }
    if kept > 0 && usize::from(inside.height) > reasons.len() {
        layout::top(&mut inside, 1);
    }
    put_all(buf, inside, scene.theme, reasons);
}

/// Name, protection, and which workload of several it is.
fn title(scene: &DrawContext<'_>, env: &Environment, workload: Option<&WorkloadState>, room: usize) -> Line<'static> {
    let name = scene.theme.clip_middle(env.name().as_str(), room.max(8));
    let mut row = scene.row().say(Role::Title, name);
    if env.settings.protected {
        row = row.say(Role::Label, "  protected");
    }
    if let (Some(workload), true) = (workload, env.workloads.len() > 1) {
        let at = env.workloads.iter().position(|other| other.id == workload.id).unwrap_or(0);
        row = row.say(Role::Label, format!("  {} {}/{}", workload.id.name, at + 1, env.workloads.len()));
    }
    row.line()
}

/// The age of the state on the lower border, where it is not live.
fn age(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, env: &Environment) {
    let heard = env.kubernetes();
    if heard.is_fresh(scene.model.core.now) || area.height < 2 {
        return;
    }
    let badge = badge::freshness(scene.theme, &heard, scene.model.core.now);
    let wide = width(&badge.content) as u16;
    if let Some(x) = (area.x + area.width).checked_sub(wide + 3).filter(|x| *x > area.x) {
        on_border(buf, Rect { x, y: area.y + area.height - 1, width: wide, height: 1 }, scene.theme, badge.into());
    }
}

/// How its checklist stands, on the lower border.
fn checks(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, env: &Environment) {
    let line = checklist::tally(scene, tally(&scene.model.core.world, env, scene.model.core.now));
    let wide = line_width(&line) as u16;
    if wide > 0 && wide + 8 < area.width && area.height > 2 {
        on_border(buf, Rect { x: area.x + 3, y: area.y + area.height - 1, width: wide, height: 1 }, scene.theme, line);
    }
}

/// `1.4.2 → 1.5.0`, or version and digest.
fn versions(scene: &DrawContext<'_>, status: &Status) -> Row {
    let row = scene.row();
    match (&status.stable, &status.canary) {
        (stable, Some(canary)) => {
            let from =
                stable.as_ref().map_or_else(|| "nothing".to_owned(), crate::domain::facts::workload::Revision::version);
            row.say(Role::Text, scene.theme.clip_middle(&from, 14))
                .say(Role::Label, format!(" {} ", scene.theme.glyphs().arrow))
                .say(Role::Strong, scene.theme.clip_middle(&canary.version(), 14))
        }
        (Some(stable), None) => {
            let row = row.say(Role::Strong, scene.theme.clip_middle(&stable.version(), 16));
            match &stable.digest {
                Some(digest) => row.say(Role::Label, format!(" {}", short_digest(digest))),
                None => row,
            }
        }
        (None, None) => row.say(Role::Label, "no revision"),
    }
}

/// The bar and its percentage, which stands still.
fn progress(scene: &DrawContext<'_>, status: &Status, place: Place, columns: usize) -> Line<'static> {
    let wide = columns.saturating_sub(6);
    if place == Place::Waits {
        return scene.row().add([bar::empty(scene.theme, wide)]).right(Role::Label, "0 %", 6).line();
    }
    let share = format!("{} %", status.progress);
    scene.row().add(bar::progress(scene.theme, status, wide)).right(Role::Text, &share, 6).line()
}

/// Step and pods per role.
fn replicas(scene: &DrawContext<'_>, workload: &WorkloadState, status: &Status) -> Row {
    let mut row = scene.row();
    if let Some(step) = status.step.filter(|_| status.canary.is_some()) {
        row = row
            .say(Role::Label, "step ")
            .say(Role::Text, format!("{}/{}", (step.index + 1).min(step.total), step.total));
    }
    if status.canary.is_none() {
        let replicas = status.replicas;
        let role = if replicas.ready < replicas.desired { Role::Warn } else { Role::Text };
        return row.say(role, format!("{}/{}", replicas.ready, replicas.desired)).say(Role::Label, " ready");
    }
    let Some(snapshot) = &workload.snapshot else { return row };
    for rs in &snapshot.replicasets {
        let Some(word) = snapshot.roles(&rs.hash).last().map(|role| role.as_str()) else { continue };
        let role = if rs.ready < rs.desired { Role::Warn } else { Role::Text };
        let gap = if row.width() > 0 { 2 } else { 0 };
        row = row.gap(gap);
        row = row.say(Role::Label, format!("{word} ")).say(role, format!("{}/{}", rs.ready, rs.desired));
    }
    row
}

/// That nothing is promoted here, and why.
fn frozen(scene: &DrawContext<'_>, env: &Environment) -> Option<(Role, &'static str, String)> {
    let core = &scene.model.core;
    let freeze = core.world.ledger.frozen(env.name(), env.cluster.as_ref(), core.now)?;
    let until = freeze.until.map_or_else(String::new, |until| format!(" until {}", scene.day_and_time(until)));
    Some((Role::Warn, scene.theme.glyphs().warn, format!("frozen{until} by {}: {}", freeze.who, freeze.reason)))
}

/// What became of the release here, where it is not simply there or on its way.
fn course(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
) -> Option<(Role, &'static str, String)> {
    let glyphs = scene.theme.glyphs();
    let state = release_state(&scene.model.core.world, env, &workload.id)?;
    let at = match &state {
        ReleaseState::RolledBack(back) => back.by.as_ref().map(|(_, at)| scene.clock(*at)),
        _ => None,
    };
    let text = at.map_or_else(|| state.label(), |at| format!("{} {at}", state.label()));
    match state {
        ReleaseState::RolledBack(_) => Some((Role::Warn, glyphs.back, text)),
        ReleaseState::RollingBack { .. } => Some((Role::Busy, glyphs.back, text)),
        ReleaseState::Next { .. } => Some((Role::Label, glyphs.waits, text)),
        _ => None,
    }
}

/// Why it stands as it does: what is on its way, what holds it, and the reasons of the verdict.
pub(crate) fn reasons(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
    most: usize,
) -> Vec<Line<'static>> {
    let glyphs = scene.theme.glyphs();
    let mut reasons: Vec<(Role, &'static str, String)> = Vec::new();
    for (target, action) in &scene.model.core.in_flight {
        if target.changes().is_some_and(|key| key.env == *env.name() && key.workload == workload.id) {
            let age = scene.age(action.since);
            let text = match (&action.outcome, &action.accepted) {
                (None, Some(lacks)) => {
                    format!("{}, {} {age} ago: {lacks}", action.record.headline, action.record.begun_or_accepted())
                }
                (Some(outcome), _) => format!("{}, {age} ago: {}", action.record.headline, outcome.describe()),
                (None, None) => format!("{}, sent {age} ago", action.record.headline),
            };
            reasons.push((Role::Busy, glyphs.running, text));
        }
    }
    reasons.extend(course(scene, env, workload));
    reasons.extend(frozen(scene, env));
    reasons.extend(lane::lines(scene, env, workload));
    for kind in [SourceKind::Kubernetes, SourceKind::Prometheus] {
        match env.links.get(&kind).map(|heard| &heard.link) {
            Some(Link::Down(why)) => reasons.push((Role::Bad, glyphs.bad, format!("{}: {why}", kind.as_str()))),
            Some(Link::NotAsked(why)) => reasons.push((Role::Warn, glyphs.warn, format!("{}: {why}", kind.as_str()))),
            Some(Link::LoggingIn(why)) => reasons.push((Role::Warn, glyphs.waits, why.clone())),
            _ => {}
        }
    }
    let why = workload.status.as_ref().and_then(|status| Some((status.phase, status.why.as_ref()?)));
    // Of something broken the cause comes first; of something that waits the verdict's reasons do.
    if let Some((Phase::Degraded, why)) = why {
        reasons.push((Role::Bad, glyphs.bad, why.clone()));
    }
    // Beside the cause the phase says nothing new.
    let phase = workload.status.as_ref().filter(|status| status.why.is_some()).and_then(of_phase);
    let said = |reason: &Reason| phase.as_ref().is_some_and(|(_, text)| *text == reason.text);
    for reason in workload.assessment.reasons.iter().filter(|reason| !said(reason)) {
        let (sign, role) = badge::verdict_sign(scene.theme, reason.verdict);
        reasons.push((role, sign, reason.text.clone()));
    }
    match why {
        Some((Phase::Paused, why)) => reasons.push((Role::Label, glyphs.paused, why.clone())),
        Some((Phase::Progressing | Phase::Healthy, why)) => reasons.push((Role::Busy, glyphs.running, why.clone())),
        _ => {}
    }
    // The way back has a row of its own, however many reasons there are.
    let back = way_back(scene, env, workload, columns).filter(|_| most >= MIN_ROWS_WITH_WAY_BACK);
    let most = most.saturating_sub(usize::from(back.is_some()));
    let mut lines = Vec::new();
    for (index, (role, sign, text)) in reasons.iter().enumerate() {
        if lines.len() == most {
            break;
        }
        let left = most - lines.len();
        let others = (reasons.len() - index - 1).min(left - 1);
        let wrap = |rows| scene.theme.wrap(text, columns.saturating_sub(2), rows);
        // The last reason that has room may wrap; the first one comes before another where a second line says it whole.
        let whole = index == 0 && wrap(3).len() == 2;
        let room = if index == 0 { left - others } else { (left - others).min(2) };
        let wrapped = wrap(if whole { 2.min(left) } else { room });
        for (index, part) in wrapped.into_iter().enumerate() {
            let row = if index == 0 { scene.row().say(*role, format!("{sign} ")) } else { scene.row().gap(2) };
            lines.push(row.say(Role::Text, part).line());
        }
    }
    lines.extend(back);
    lines
}

/// Where a rollback would go, and how fast.
pub(crate) fn way_back(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    columns: usize,
) -> Option<Line<'static>> {
    let now = scene.model.core.now;
    let estimate = rollback_estimate(&scene.model.core.world, env, workload, now);
    let estimate = estimate.filter(|estimate| matches!(estimate, RollbackEstimate::To(_)))?;
    let text = scene.theme.clip(&estimate.describe(now), columns.saturating_sub(2));
    Some(scene.row().say(Role::Label, format!("{} ", scene.theme.glyphs().back)).say(Role::Text, text).line())
}

/// What to say where no workload was seen, or not this one.
fn unseen(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: Option<&WorkloadState>,
    columns: usize,
) -> Vec<Line<'static>> {
    let glyphs = scene.theme.glyphs();
    let say = |role, sign: &str, text: &str| {
        let parts = scene.theme.wrap(text, columns.saturating_sub(2), MAX_UNSEEN_ROWS);
        parts
            .into_iter()
            .enumerate()
            .map(move |(index, part)| {
                let row = if index == 0 { scene.row().say(role, format!("{sign} ")) } else { scene.row().gap(2) };
                row.say(Role::Text, part).line()
            })
            .collect::<Vec<_>>()
    };
    if let Some(workload) = workload.filter(|workload| workload.missing) {
        return say(Role::Warn, glyphs.warn, &format!("{} does not exist in {}", workload.id, env.settings.namespace));
    }
    let mut lines = workload
        .map_or_else(Vec::new, |workload| say(Role::Label, glyphs.waits, &format!("{}: not seen yet", workload.id)));
    match &env.kubernetes().link {
        Link::Down(why) => lines.extend(say(Role::Bad, glyphs.bad, &format!("kubernetes: {why}"))),
        Link::LoggingIn(why) | Link::NotAsked(why) => lines.extend(say(Role::Warn, glyphs.waits, why)),
        Link::Never | Link::Up => {}
    }
    lines
}

/// The revisions of a workload without steps.
pub(crate) fn revisions(scene: &DrawContext<'_>, workload: &WorkloadState, columns: usize) -> Vec<Line<'static>> {
    let Some(snapshot) = &workload.snapshot else {
        return vec![scene.row().say(Role::Label, "not seen yet").line()];
    };
    snapshot
        .replicasets
        .iter()
        .filter(|rs| rs.current > 0 || !snapshot.roles(&rs.hash).is_empty())
        .map(|rs| {
            let words: Vec<_> = snapshot.roles(&rs.hash).iter().map(|role| role.as_str()).collect();
            let row = scene
                .row()
                .say(Role::Label, format!("revision {} ", rs.revision()))
                .say(Role::Strong, scene.theme.clip_middle(&snapshot.revision(rs).version(), 14))
                .gap(1)
                .say(Role::Label, words.join(", "));
            let figures = format!("{}/{} ready", rs.ready, rs.desired);
            let room = columns.saturating_sub(row.width());
            row.right(Role::Text, &figures, room).line()
        })
        .collect()
}
