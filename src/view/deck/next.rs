//! What comes next and what is in the way: the line that is always there.

use ratatui::text::Line;

use crate::app::next::next;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::keys::Command;
use crate::view::draw_context::DrawContext;
use crate::view::layout::SizeClass;
use crate::view::text::width;
use crate::view::theme::Role;

/// What follows the key that tells more.
const HINT: &str = " shows why";

/// Returns the lines, in `columns`.
pub(crate) fn lines(scene: &DrawContext<'_>, columns: usize) -> Vec<Line<'static>> {
    let next = next(scene.model);
    let action = scene.model.target().is_some_and(|target| scene.model.core.in_flight_on(&target).is_some());
    let (sign, role) = if action { (scene.theme.glyphs().running, Role::Busy) } else { ("", Role::Strong) };
    let (sign, role) = if next.is_alarm { (scene.theme.glyphs().bad, Role::Bad) } else { (sign, role) };
    let head = if sign.is_empty() { "NEXT  ".to_owned() } else { format!("NEXT {sign} ") };
    let indent = width(&head);
    let mut lines = Vec::new();
    for (index, part) in scene.theme.wrap(&next.sentence, columns.saturating_sub(indent), 2).into_iter().enumerate() {
        let row = if index == 0 { scene.row().say(role, &head) } else { scene.row().gap(indent) };
        lines.push(row.say(if next.is_alarm { Role::Bad } else { Role::Text }, part).line());
    }
    let gates = next.in_the_way;
    let most = if scene.class == SizeClass::Narrow { 1 } else { 2 };
    let (sign, role) = sign_of(scene, &gates);
    let count = if gates.len() > 1 { format!(" {}", gates.len()) } else { String::new() };
    let head = format!("{sign} promotion blocked by{count}: ");
    for (index, gate) in gates.iter().take(most).enumerate() {
        let row = if index == 0 { scene.row().say(role, &head) } else { scene.row().gap(width(&head)) };
        let is_last = index + 1 == gates.len().min(most);
        let key = scene.key(Command::Why);
        let hint = if is_last { 3 + width(&key) + width(HINT) } else { 0 };
        let room = columns.saturating_sub(row.width() + hint);
        let row = row.say(Role::Text, scene.theme.clip(&gate.text, room));
        let row = row.when(is_last, |row| row.gap(3).say(Role::Key, key).say(Role::Label, HINT));
        lines.push(row.line());
    }
    lines
}

/// The sign of the worst of what is in the way: what is merely not known yet is not red.
fn sign_of(scene: &DrawContext<'_>, gates: &[Refusal]) -> (&'static str, Role) {
    let glyphs = scene.theme.glyphs();
    let is_blind = |gate: &Refusal| matches!(gate.kind, RefusalKind::Blind | RefusalKind::Stale);
    if !gates.iter().all(|gate| gate.kind.is_unknown() || is_blind(gate)) {
        (glyphs.bad, Role::Bad)
    } else if gates.iter().any(is_blind) {
        (glyphs.blind, Role::Blind)
    } else {
        (glyphs.warn, Role::Warn)
    }
}
