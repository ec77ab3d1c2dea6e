//! One signal over time: canary over stable on one axis, gaps where there was no data, marks where people acted.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::plot::{Layer, Plot};
use super::row::put;
use crate::domain::facts::ids::Track;
use crate::domain::facts::series::Series;
use crate::domain::facts::signals::{Reading, Signal};
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::text::width;
use crate::view::theme::Role;

/// Columns of the axis labels and of those at the lines' ends.
const AXIS_COLUMNS: u16 = 9;
const END_LABEL_COLUMNS: u16 = 17;
/// Columns of the words at a mark, at most.
const MARK_COLUMNS: usize = 30;

/// What all charts of a screen share: the time they show, and the marks in it.
pub(crate) struct Span {
    from: Timestamp,
    to: Timestamp,
    marks: Vec<(Timestamp, String)>,
}

impl Span {
    /// The round span of time that holds the history of a workload.
    pub(crate) fn of(scene: &DrawContext<'_>, workload: &WorkloadState) -> Self {
        let to = scene.model.core.now;
        let oldest =
            workload.signals.history.values().filter_map(|series| series.points().next()).map(|point| point.at);
        let long = oldest.min().map_or(SignedDuration::ZERO, |oldest| to.duration_since(oldest));
        // A little more than a round span is still that span: what is older falls off its left end.
        let holds = |minutes: &i64| long <= SignedDuration::from_secs(minutes * 63);
        let minutes = [5, 10, 15, 20, 30, 45, 60, 90, 180].into_iter().find(holds);
        let from = to.checked_sub(SignedDuration::from_mins(minutes.unwrap_or(180))).unwrap_or(to);
        Self { from, to, marks: crate::app::timeline::marks(scene.model, from) }
    }

    /// Returns its length in words.
    pub(crate) fn describe(&self) -> String {
        format!("last {} min", self.to.duration_since(self.from).as_mins())
    }

    /// Returns columns at round times, at least ten columns apart.
    fn ticks(&self, columns: usize) -> Vec<(usize, Timestamp)> {
        let minutes = self.to.duration_since(self.from).as_mins();
        let most = (columns / 10).max(1) as i64;
        let step = [1, 2, 5, 10, 15, 20, 30, 60].into_iter().find(|step| minutes / step <= most).unwrap_or(60);
        let first = self.from.as_second().div_euclid(step * 60) + 1;
        (first..)
            .map_while(|n| Timestamp::from_second(n * step * 60).ok().filter(|at| *at <= self.to))
            .filter_map(|at| Some((self.column(at, columns)?, at)))
            .collect()
    }

    fn column(&self, at: Timestamp, columns: usize) -> Option<usize> {
        let (from, to, at) = (self.from.as_millisecond(), self.to.as_millisecond(), at.as_millisecond());
        let span = to - from;
        (span > 0 && at >= from && at <= to)
            .then(|| ((i128::from(at - from) * columns as i128 / i128::from(span)) as usize).min(columns.max(1) - 1))
    }
}

/// Draws the chart of a signal.
pub(crate) fn chart(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    env: &Environment,
    workload: &WorkloadState,
    signal: Signal,
    span: &Span,
) {
    let below = match area.height {
        0..3 => return,
        3..6 => 1,
        _ => 2,
    };
    if area.width <= AXIS_COLUMNS + END_LABEL_COLUMNS + 8 {
        return;
    }
    let plot = Rect {
        x: area.x + AXIS_COLUMNS + 1,
        y: area.y,
        width: area.width - AXIS_COLUMNS - END_LABEL_COLUMNS - 1,
        height: area.height - below,
    };
    let tracks: &[Track] =
        if super::figures::with_canary(workload) { &[Track::Stable, Track::Canary] } else { &[Track::Stable] };
    let series = |track| workload.signals.series(track, signal);
    let seen = tracks
        .iter()
        .filter_map(|track| series(*track))
        .flat_map(Series::points)
        .filter(|point| point.at >= span.from)
        .filter_map(|point| point.value)
        .fold(0.0, f64::max);
    if tracks.iter().all(|track| is_silent(series(*track), span)) {
        silent(scene, buf, area, plot, workload, signal, span);
        return;
    }
    let limit = limit(env, signal).filter(|limit| *limit <= seen * 3.0);
    let top = nice(seen.max(limit.unwrap_or(0.0)));
    axes(scene, buf, area, plot, Some((signal, top)), span);
    let row_of = |value: f64| {
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        plot.y + ((1.0 - share) * f64::from(plot.height.saturating_sub(1))).round() as u16
    };
    let mut ends: Vec<End> = Vec::new();
    if let Some(limit) = limit {
        let y = row_of(limit);
        let text = scene.theme.glyphs().limit.repeat(usize::from(plot.width));
        put(buf, Rect { y, height: 1, ..plot }, scene.theme, scene.row().say(Role::Faint, text));
        ends.push(End { value: limit, y, role: Role::Label, text: format!("limit  {:>9}", signal.show(limit)) });
    }
    for (at, _) in &span.marks {
        if let Some(column) = span.column(*at, usize::from(plot.width)) {
            for y in plot.y..plot.y + plot.height {
                let place = Rect { x: plot.x + column as u16, y, width: 1, height: 1 };
                put(buf, place, scene.theme, scene.row().say(Role::Label, scene.theme.glyphs().mark));
            }
        }
    }
    lines(scene, buf, plot, tracks, workload, signal, span, top);
    mark_words(scene, buf, plot, span);
    for track in tracks {
        let reading = scene.reading(workload, *track, signal);
        let last = || series(*track).and_then(|series| series.points().rev().find_map(|point| point.value));
        let value = reading.as_ref().ok().copied().or_else(last).unwrap_or(top / 2.0);
        let role = match &reading {
            Ok(_) => scene.figure_role(env, workload, *track, signal),
            Err(_) => Role::Label,
        };
        let text = format!("{} {:>9}", track.as_str(), shown(&reading, signal));
        ends.push(End { value, y: row_of(value), role, text });
    }
    write_ends(scene, buf, plot, ends);
}

/// A word at the end of a line.
struct End {
    value: f64,
    y: u16,
    role: Role,
    text: String,
}

/// Writes the words at the lines' ends: in the order of their values, each in a row of its own.
fn write_ends(scene: &DrawContext<'_>, buf: &mut Buffer, plot: Rect, mut ends: Vec<End>) {
    ends.sort_by(|a, b| b.value.total_cmp(&a.value));
    let lowest = plot.y + plot.height.saturating_sub(1);
    for index in 1..ends.len() {
        let above = ends.get(index - 1).map_or(0, |end| end.y + 1);
        if let Some(end) = ends.get_mut(index) {
            end.y = end.y.max(above);
        }
    }
    // Whoever was pushed out below pushes the ones above it up.
    let mut below = lowest + 1;
    for end in ends.iter_mut().rev() {
        end.y = end.y.min(below.saturating_sub(1));
        below = end.y;
    }
    for end in ends.iter().filter(|end| end.y >= plot.y && end.y <= lowest) {
        let place = Rect { x: plot.x + plot.width + 1, y: end.y, width: END_LABEL_COLUMNS - 1, height: 1 };
        put(buf, place, scene.theme, scene.row().say(end.role, &end.text));
    }
}

/// A chart without any data: the reason instead of lines, and no scale that would pretend to be one.
fn silent(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    area: Rect,
    plot: Rect,
    workload: &WorkloadState,
    signal: Signal,
    span: &Span,
) {
    axes(scene, buf, area, plot, None, span);
    let why = scene.reading(workload, Track::Stable, signal).err().map(|why| why.describe());
    let text = format!("no data: {}", why.unwrap_or_else(|| "nothing in this time".to_owned()));
    let text = scene.theme.clip(&text, usize::from(plot.width));
    let wide = (width(&text) as u16).min(plot.width);
    let place = Rect { x: plot.x + (plot.width - wide) / 2, y: plot.y + plot.height / 2, width: wide, height: 1 };
    put(buf, place, scene.theme, scene.row().say(Role::Blind, text));
}

fn shown(reading: &Reading, signal: Signal) -> String {
    reading.as_ref().map_or_else(|_| "no data".to_owned(), |value| signal.show(*value))
}

fn is_silent(series: Option<&Series>, span: &Span) -> bool {
    series.is_none_or(|series| !series.points().any(|point| point.at >= span.from && point.value.is_some()))
}

/// The absolute limit of a signal.
fn limit(env: &Environment, signal: Signal) -> Option<f64> {
    match signal {
        Signal::ErrorRatio => env.settings.limits.error_ratio,
        Signal::P99 => env.settings.limits.p99.map(|limit| limit.as_secs_f64()),
        _ => None,
    }
}

/// The next round figure at or above a value.
fn nice(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let magnitude = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * magnitude >= value * 1.02).unwrap_or(10.0);
    step * magnitude
}

fn axes(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, plot: Rect, scale: Option<(Signal, f64)>, span: &Span) {
    let [upright, corner, along, tick, tick_below] = scene.theme.glyphs().axis;
    let last = plot.height.saturating_sub(1);
    let middle = (f64::from(last) / 2.0).round() as u16;
    for row in 0..plot.height {
        let share = match row {
            0 => Some(1.0),
            row if row == last => Some(0.0),
            row if row == middle && plot.height >= 5 => Some(0.5),
            _ => None,
        };
        let value = share.zip(scale);
        let label = value.map_or_else(String::new, |(share, (signal, top))| signal.show(top * share));
        let glyph = if value.is_some() { tick } else { upright };
        let place = Rect { y: plot.y + row, height: 1, width: AXIS_COLUMNS + 1, ..area };
        let line = scene.row().right(Role::Label, &label, usize::from(AXIS_COLUMNS) - 1).gap(1).say(Role::Faint, glyph);
        put(buf, place, scene.theme, line);
    }
    let base = Rect { x: area.x, y: plot.y + plot.height, width: area.width, height: 1 };
    let ticks = span.ticks(usize::from(plot.width));
    let is_tick = |column| ticks.iter().any(|(tick, _)| *tick == column);
    let line: String =
        (0..usize::from(plot.width)).map(|column| if is_tick(column) { tick_below } else { along }).collect();
    let line = scene.row().gap(usize::from(AXIS_COLUMNS)).say(Role::Faint, corner).say(Role::Faint, line);
    let mut labels = base;
    // With one row only there are the times, without a line.
    if area.height > plot.height + 1 {
        put(buf, base, scene.theme, line);
        labels.y += 1;
    }
    for (column, at) in ticks {
        let clock = scene.clock(at);
        let x = (plot.x + column as u16).saturating_sub(2);
        let place = Rect { x, width: 5, ..labels };
        put(buf, place.intersection(area), scene.theme, scene.row().say(Role::Label, clock.get(..5).unwrap_or("")));
    }
}

/// What people did, beside its mark: in the highest row that has room for the word.
fn mark_words(scene: &DrawContext<'_>, buf: &mut Buffer, plot: Rect, span: &Span) {
    for (at, text) in &span.marks {
        let Some(column) = span.column(*at, usize::from(plot.width)) else { continue };
        let x = plot.x + column as u16;
        let text = scene.theme.clip(text, MARK_COLUMNS);
        let wide = width(&text) as u16;
        let right = Rect { x: x + 2, y: plot.y, width: wide, height: 1 };
        let left = Rect { x: x.saturating_sub(wide + 1), ..right };
        let rows = (plot.y..plot.y + plot.height).flat_map(|y| [Rect { y, ..right }, Rect { y, ..left }]);
        let free = |place: &Rect| {
            let inside = place.x >= plot.x && place.x + place.width <= plot.x + plot.width;
            inside
                && (place.x..place.x + place.width)
                    .all(|x| buf.cell((x, place.y)).is_some_and(|cell| cell.symbol() == " "))
        };
        let place = rows.into_iter().find(free);
        if let Some(place) = place {
            put(buf, place, scene.theme, scene.row().say(Role::Label, text));
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "what is drawn, where, and on which scales")]
fn lines(
    scene: &DrawContext<'_>,
    buf: &mut Buffer,
    plot: Rect,
    tracks: &[Track],
    workload: &WorkloadState,
    signal: Signal,
    span: &Span,
    top: f64,
) {
    let mut canvas = Plot::new(scene.theme, plot.width, plot.height);
    for track in tracks {
        let Some(series) = workload.signals.series(*track, signal) else { continue };
        let layer = if *track == Track::Canary { Layer::Over } else { Layer::Under };
        let columns = canvas.columns();
        // More points than dots: one mean for each column. Else each point, joined to the next unless there is a gap.
        let inside = series.points().filter(|point| point.at >= span.from).count();
        let spots: Vec<(usize, Option<f64>)> = if inside > columns {
            series.resample(span.from, span.to, columns).into_iter().enumerate().collect()
        } else {
            let points = series.points().filter(|point| point.at >= span.from);
            points.filter_map(|point| Some((span.column(point.at, columns)?, point.value))).collect()
        };
        let mut before: Option<(usize, f64)> = None;
        for (column, value) in spots {
            let here = value.map(|value| (column, value / top));
            if let Some(here) = here {
                canvas.line(layer, before.unwrap_or(here), here);
            }
            before = here;
        }
    }
    canvas.draw(buf, plot);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_figures() {
        for (value, top) in [(0.0, 1.0), (0.0026, 0.003), (0.048, 0.05), (512.0, 800.0), (1.0, 1.5), (99.0, 100.0)] {
            assert!((nice(value) - top).abs() < 1e-9, "{value}: {}", nice(value));
        }
        assert!((nice(f64::NAN) - 1.0).abs() < 1e-9);
    }
}
