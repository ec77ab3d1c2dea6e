//! The checklist: the answer in the first line, gates first in each phase, evidence beside, who signed below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_context::DrawContext;
use super::layout::{self, SizeClass, indent, window};
use super::parts::badge::verdict_sign;
use super::parts::list;
use super::parts::panel::{Edge, panel};
use super::parts::row::{highlight, put, put_all, put_both};
use super::theme::{Role, Theme};
use crate::app::Hit;
use crate::app::checklist::{checklist, selected};
use crate::app::hints::is_typing;
use crate::core::checklist::{Checklist, Item, Tally, evidence, signed};
use crate::domain::record::checklist::{Check, CheckPhase, CheckState, Decision};
use crate::domain::rules::checklist::role::RoleStatus;

use crate::domain::rules::checklist::CandidateState;
use crate::domain::world::verdict::Verdict;

/// Columns of an id at most.
const ID_COLUMNS: usize = 14;

/// Returns shape and role of a check's state.
pub(crate) fn state_sign(theme: &Theme, state: CheckState) -> (&'static str, Role) {
    let glyphs = theme.glyphs();
    match state {
        CheckState::Passed => (glyphs.good, Role::Good),
        CheckState::Failed => (glyphs.bad, Role::Bad),
        CheckState::Blind => (glyphs.blind, Role::Blind),
        CheckState::Stale => (glyphs.warn, Role::Warn),
        CheckState::Running => (glyphs.running, Role::Busy),
        CheckState::Pending => (glyphs.waits, Role::Label),
    }
}

/// `checks 5/6 ✖  sign-offs 0/2`, for cards and summaries.
pub(crate) fn tally(scene: &DrawContext<'_>, tally: Tally) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let mut row = scene.row();
    if tally.checks.1 > 0 {
        let (sign, role) = if tally.red {
            (glyphs.bad, Role::Bad)
        } else if tally.gates_green {
            (glyphs.good, Role::Good)
        } else {
            (glyphs.waits, Role::Label)
        };
        let figures = format!("{}/{} ", tally.checks.0, tally.checks.1);
        row = row.say(Role::Label, "checks ").say(Role::Text, figures).say(role, sign);
    }
    if tally.sign_offs.1 > 0 {
        let (done, all) = tally.sign_offs;
        let (sign, role) = if done == all { (glyphs.good, Role::Good) } else { (glyphs.waits, Role::Label) };
        let gap = if row.width() > 0 { 2 } else { 0 };
        row = row.gap(gap).say(Role::Label, "sign-offs ").say(Role::Text, format!("{done}/{all} ")).say(role, sign);
    }
    row.line()
}

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, mut area: Rect) {
    let Some(list) = checklist(scene.model) else { return };
    answer(scene, buf, indent(layout::top(&mut area, 1), 1), &list);
    let seats: Vec<&RoleStatus> = list
        .items
        .iter()
        .filter_map(|item| if let Item::RoleStatus(seat) = item { Some(seat) } else { None })
        .collect();
    if !seats.is_empty() {
        let rows = (seats.len() as u16 + 2).min(area.height / 3);
        let place = layout::bottom(&mut area, rows);
        role_statuses(scene, buf, place, &list);
    }
    let wide = scene.class != SizeClass::Narrow;
    if wide {
        let columns = area.width * 2 / 5;
        let beside = layout::right(&mut area, columns);
        pane(scene, buf, beside, &list);
        layout::right(&mut area, 1);
    }
    checks(scene, buf, area, &list);
}

/// GO or NO-GO, what it is about, and the first thing in the way.
fn answer(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, list: &Checklist<'_>) {
    let (sign, role) = verdict_sign(scene.theme, list.answer.verdict);
    let about = list.candidate.as_ref().map_or_else(String::new, |candidate| {
        let how = match candidate.standing {
            CandidateState::UnderWay => "in progress",
            CandidateState::Incoming => "next",
            CandidateState::Settled => "released",
        };
        format!("{} {how}", candidate.release)
    });
    let left = scene
        .row()
        .say(Role::Strong, scene.theme.clip_middle(list.env.name().as_str(), 24))
        .gap(2)
        .say(Role::Label, scene.theme.clip_middle(&about, 34));
    let mut right = scene.row().say(role, format!("{sign} {}", list.answer.verdict.label()));
    if let Some(first) = list.answer.reasons.first() {
        let others = list.answer.reasons.len() - 1;
        let room = usize::from(area.width).saturating_sub(left.width() + right.width() + 16);
        right = right.say(Role::Label, ": ").say(Role::Text, scene.theme.clip(&first.text, room.max(18)));
        if others > 0 {
            right = right.say(Role::Label, format!("  and {others} more"));
        }
    } else if list.answer.verdict == Verdict::Go {
        right = right.say(Role::Label, ": nothing blocks it");
    }
    put_both(buf, area, scene.theme, left, right);
}

/// A line of the list: a heading, or an item by its number.
enum Shown {
    Heading(CheckPhase),
    Item(usize),
}

fn checks(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, list: &Checklist<'_>) {
    let mut shown = Vec::new();
    let mut phase = None;
    for (index, item) in list.items.iter().enumerate() {
        let Item::Check(check, _) = item else { continue };
        if phase != Some(check.spec.phase) {
            phase = Some(check.spec.phase);
            shown.push(Shown::Heading(check.spec.phase));
        }
        shown.push(Shown::Item(index));
    }
    let (passed, all) = list.progress();
    let selected_line = selected(scene.model, list);
    let visible = usize::from(area.height.saturating_sub(2));
    let at = shown.iter().position(|line| matches!(line, Shown::Item(index) if *index == selected_line));
    let first = window(at.unwrap_or(shown.len()), visible, shown.len());
    let place = list::position(scene.theme, first, visible, shown.len());
    let word = scene.row().say(Role::Text, format!("{passed} of {all}"));
    let word = word.gap(if place.spans.is_empty() { 0 } else { 2 }).add(place.spans);
    let title = scene.row().say(Role::Title, "checklist");
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    if shown.is_empty() {
        let text = "no checks are configured: `cockpit init` shows a list to start from";
        put_all(buf, inside, scene.theme, wrapped(scene, text, inside.width));
        return;
    }
    for (row, line) in shown.iter().skip(first).take(visible).enumerate() {
        let place = Rect { y: inside.y + row as u16, height: 1, ..inside };
        match line {
            Shown::Heading(phase) => put(buf, place, scene.theme, scene.row().say(Role::Label, phase.title())),
            Shown::Item(index) => {
                let Some(Item::Check(check, state)) = list.items.get(*index) else { continue };
                let selected = *index == selected_line;
                scene.clickable(place, Hit::Line(*index));
                let line = check_line(
                    scene,
                    (check, *state),
                    list.candidate.as_ref().is_some_and(|candidate| candidate.leaves_out(&check.spec)),
                    selected,
                    usize::from(place.width),
                );
                put(buf, place, scene.theme, line);
                if selected && !is_typing(scene.model) {
                    highlight(buf, place, scene.theme.style(Role::Selected));
                }
            }
        }
    }
}

fn check_line(
    scene: &DrawContext<'_>,
    (check, state): (&Check, CheckState),
    is_left_out: bool,
    selected: bool,
    columns: usize,
) -> Line<'static> {
    let (sign, role) = state_sign(scene.theme, state);
    let pointer = if selected { scene.theme.glyphs().pointer } else { " " };
    let age = check.finding.as_ref().filter(|_| state != CheckState::Running).map(|finding| scene.age(finding.at));
    let said = match (&check.finding, state) {
        (Some(finding), CheckState::Passed | CheckState::Failed | CheckState::Blind) => finding.summary.clone(),
        (Some(finding), CheckState::Stale) => format!("stale: {}", finding.summary),
        (_, CheckState::Running) => "running".to_owned(),
        _ => check.spec.title.clone(),
    };
    let is_gate = check.spec.gate && !is_left_out;
    let row = scene
        .row()
        .say(Role::Label, format!("{pointer} "))
        .say(role, sign)
        .gap(1)
        .left(if is_gate { Role::Strong } else { Role::Label }, if is_gate { "gate" } else { "" }, 5)
        .name(Role::Text, check.spec.id.as_str(), ID_COLUMNS)
        .gap(1);
    // The word stands beside the shape, where colours are few: only what is not passed needs one.
    let word = match state {
        _ if is_left_out => "left out",
        CheckState::Passed => "",
        _ => state.as_str(),
    };
    let room = columns.saturating_sub(row.width() + 17);
    let role = if state == CheckState::Failed { Role::Bad } else { Role::Text };
    row.left(role, &said, room).gap(1).left(Role::Label, word, 8).right(Role::Label, &age.unwrap_or_default(), 8).line()
}

fn wrapped(scene: &DrawContext<'_>, text: &str, columns: u16) -> Vec<Line<'static>> {
    let parts = scene.theme.wrap(text, usize::from(columns), 6);
    parts.into_iter().map(|part| scene.row().say(Role::Text, part).line()).collect()
}

/// The evidence of what is selected.
fn pane(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, list: &Checklist<'_>) {
    let (title, lines) = match list.items.get(selected(scene.model, list)) {
        Some(Item::Check(check, state)) => (check.spec.id.to_string(), evidence(check, *state, scene.model.core.now)),
        Some(Item::RoleStatus(seat)) => (format!("sign-off {}", seat.role), signed(seat)),
        None => (String::new(), Vec::new()),
    };
    let word = match list.items.get(selected(scene.model, list)) {
        Some(Item::Check(_, state)) => {
            let (sign, role) = state_sign(scene.theme, *state);
            scene.row().say(role, format!("{sign} {}", state.as_str()))
        }
        _ => scene.row(),
    };
    let title = scene.row().say(Role::Title, scene.theme.clip_middle(&title, 30));
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    let lines = lines
        .iter()
        .flat_map(|line| if line.is_empty() { vec![Line::default()] } else { wrapped(scene, line, inside.width) });
    put_all(buf, inside, scene.theme, lines);
}

/// Who has to sign, and who did.
fn role_statuses(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, list: &Checklist<'_>) {
    let rules = &list.env.settings.sign_offs;
    let four = if rules.four_eyes { "four eyes, " } else { "" };
    let word = scene.row().say(Role::Label, format!("{four}void when the digest or a gate changes"));
    let title = scene.row().say(Role::Title, "sign-offs");
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    let selected_line = selected(scene.model, list);
    let seats = list.items.iter().enumerate().filter(|(_, item)| matches!(item, Item::RoleStatus(_)));
    let first = seats.clone().position(|(index, _)| index == selected_line).unwrap_or(0);
    let visible = usize::from(inside.height);
    let first = window(first, visible, seats.clone().count());
    for (row, (index, item)) in seats.skip(first).take(visible).enumerate() {
        let Item::RoleStatus(seat) = item else { continue };
        let place = Rect { y: inside.y + row as u16, height: 1, ..inside };
        scene.clickable(place, Hit::Line(index));
        put(buf, place, scene.theme, seat_line(scene, seat, index == selected_line));
        if index == selected_line && !is_typing(scene.model) {
            highlight(buf, place, scene.theme.style(Role::Selected));
        }
    }
}

fn seat_line(scene: &DrawContext<'_>, seat: &RoleStatus, selected: bool) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let go = seat.holding(Decision::Go).count();
    let (sign, role) = if seat.holding(Decision::NoGo).next().is_some() {
        (glyphs.bad, Role::Bad)
    } else if seat.is_go() {
        (glyphs.good, Role::Good)
    } else {
        (glyphs.waits, Role::Label)
    };
    let pointer = if selected { glyphs.pointer } else { " " };
    let mut row = scene
        .row()
        .say(Role::Label, format!("{pointer} "))
        .say(role, sign)
        .gap(1)
        .name(Role::Text, &seat.role, 12)
        .say(Role::Label, format!("{go}/{}  ", seat.needed));
    if seat.signatures.is_empty() {
        let key = scene.key(crate::keys::Command::Sign);
        return row.say(Role::Label, "no sign-off yet: ").say(Role::Key, key).say(Role::Label, " signs").line();
    }
    for signature in seat.signatures.iter().rev().take(3) {
        let sign = &signature.sign_off;
        let (mark, role) = match (&signature.void, sign.decision) {
            (Some(_), _) => (glyphs.warn, Role::Warn),
            (None, Decision::Go) => (glyphs.good, Role::Good),
            (None, Decision::NoGo) => (glyphs.bad, Role::Bad),
        };
        let void = signature.void.as_ref().map_or_else(String::new, |why| format!(" void: {why}"));
        row = row
            .name(Role::Text, &sign.who, super::text::width_within(&sign.who, 20))
            .say(role, format!(" {mark} {}", sign.decision.label()))
            .say(Role::Warn, void)
            .say(Role::Label, format!(" {}", scene.clock(sign.at)))
            .when(!sign.note.is_empty(), |row| row.say(Role::Text, format!(" “{}”", sign.note)))
            .when(signature.void.is_none() || sign.proof.flaw().is_none(), |row| {
                row.say(Role::Label, format!(" {}", sign.proof.label(sign.verified)))
            })
            .gap(3);
    }
    row.line()
}
