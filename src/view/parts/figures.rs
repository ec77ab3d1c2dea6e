//! Figures of a signal: stable beside canary, right-aligned, with a sparkline, or the reason why there is none.

use ratatui::text::Line;

use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::parts::row::Row;
use crate::view::parts::spark::spark;
use crate::view::theme::Role;

/// Columns of a label, of a figure, and of a limit.
const LABEL_COLUMNS: usize = 8;
const FIGURE_COLUMNS: usize = 9;
const LIMIT_COLUMNS: usize = 12;
/// Most columns of a trend.
const MAX_TREND_COLUMNS: usize = 60;

/// Whether a canary column is shown: something is in progress.
pub(crate) fn with_canary(workload: &WorkloadState) -> bool {
    workload.status.as_ref().is_some_and(|status| status.canary.is_some())
}

/// One signal with its limit instead of its trend.
pub(crate) fn with_limit(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    signal: Signal,
) -> Line<'static> {
    let mut row = scene.row().left(Role::Label, signal.label(), LABEL_COLUMNS);
    row = figure(scene, row, env, workload, Track::Stable, signal);
    if with_canary(workload) {
        row = figure(scene, row, env, workload, Track::Canary, signal);
    }
    let limits = &env.settings.limits;
    let limit = match signal {
        Signal::ErrorRatio => limits.error_ratio.map(|limit| format!("≤ {}", signal.show(limit))),
        Signal::P99 => limits.p99.map(|limit| format!("≤ {}", signal.show(limit.as_secs_f64()))),
        Signal::Rps => Some(format!("≥ {}", signal.show(limits.min_rps))),
        _ => None,
    };
    row.right(Role::Label, &limit.unwrap_or_default(), LIMIT_COLUMNS).line()
}

/// The heads of those columns.
pub(crate) fn heads_with_limit(scene: &DrawContext<'_>, workload: &WorkloadState) -> Line<'static> {
    let row = scene.row().gap(LABEL_COLUMNS).right(Role::Label, Track::Stable.as_str(), FIGURE_COLUMNS);
    let row = row.when(with_canary(workload), |row| row.right(Role::Label, Track::Canary.as_str(), FIGURE_COLUMNS));
    row.right(Role::Label, "limit", LIMIT_COLUMNS).line()
}

/// The heads of the columns; empty where there is one column only.
pub(crate) fn heads(scene: &DrawContext<'_>, workload: &WorkloadState) -> Line<'static> {
    if !with_canary(workload) {
        return Line::default();
    }
    let row = scene.row().gap(LABEL_COLUMNS).right(Role::Label, Track::Stable.as_str(), FIGURE_COLUMNS);
    row.right(Role::Label, Track::Canary.as_str(), FIGURE_COLUMNS).line()
}

/// One signal in a line of `columns`.
pub(crate) fn line(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    signal: Signal,
    columns: usize,
) -> Line<'static> {
    let mut row = scene.row().left(Role::Label, signal.label(), LABEL_COLUMNS);
    row = figure(scene, row, env, workload, Track::Stable, signal);
    let track = if with_canary(workload) { Track::Canary } else { Track::Stable };
    if track == Track::Canary {
        row = figure(scene, row, env, workload, Track::Canary, signal);
    }
    trend(scene, row, env, workload, track, signal, columns)
}

/// A figure in its column, or that there is none.
pub(crate) fn figure(
    scene: &DrawContext<'_>,
    row: Row,
    env: &Environment,
    workload: &WorkloadState,
    track: Track,
    signal: Signal,
) -> Row {
    match scene.reading(workload, track, signal) {
        Ok(value) => row.right(scene.figure_role(env, workload, track, signal), &signal.show(value), FIGURE_COLUMNS),
        Err(_) => row.right(Role::Label, "no data", FIGURE_COLUMNS),
    }
}

/// A sparkline behind the figures; the reason where there is no data.
fn trend(
    scene: &DrawContext<'_>,
    row: Row,
    env: &Environment,
    workload: &WorkloadState,
    track: Track,
    signal: Signal,
    columns: usize,
) -> Line<'static> {
    let room = columns.saturating_sub(row.width() + 2).min(MAX_TREND_COLUMNS);
    let row = row.gap(2);
    match scene.reading(workload, track, signal) {
        // Where a word of the reason would not fit, the reasons of the verdict say it.
        Err(_) if room < 16 => row.line(),
        Err(why) => row.left(Role::Label, &why.describe(), room).line(),
        Ok(_) => {
            // Only what has a limit is worth a colour.
            let telling = matches!(signal, Signal::ErrorRatio | Signal::P99);
            let role = if track == Track::Canary && telling { Role::Canary } else { Role::Faint };
            let top = ceiling(env, workload, track, signal);
            row.add([spark(scene.theme, role, workload.signals.series(track, signal), room, top)]).line()
        }
    }
}

/// The highest level of a sparkline: the limit where there is one, so that its height says how near it is; else twice
/// what was ever seen.
pub(crate) fn ceiling(env: &Environment, workload: &WorkloadState, track: Track, signal: Signal) -> f64 {
    let limits = &env.settings.limits;
    let limit = match signal {
        Signal::ErrorRatio => limits.error_ratio,
        Signal::P99 => limits.p99.map(|limit| limit.as_secs_f64()),
        _ => None,
    };
    let seen = || {
        let series = workload.signals.series(track, signal);
        series.map_or(0.0, |series| series.points().filter_map(|point| point.value).fold(0.0, f64::max))
    };
    limit.unwrap_or_else(|| seen() * 2.0)
}

/// One signal in words: for where there are no columns.
pub(crate) fn in_words(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
    signal: Signal,
    columns: usize,
) -> Line<'static> {
    let mut row = scene.row().left(Role::Label, signal.label(), LABEL_COLUMNS);
    let tracks: &[Track] = if with_canary(workload) { &[Track::Stable, Track::Canary] } else { &[Track::Stable] };
    for track in tracks {
        row = row.say(Role::Label, track.as_str());
        row = figure(scene, row, env, workload, *track, signal).gap(3);
    }
    let track = *tracks.last().unwrap_or(&Track::Stable);
    trend(scene, row, env, workload, track, signal, columns)
}
