//! What comes next and what is in the way: the line that is always there.

use ratatui::text::Line;

use crate::app::next::next;
use crate::domain::text::plural;
use crate::domain::verdict::Verdict;
use crate::keys::Command;
use crate::view::layout::SizeClass;
use crate::view::scene::Scene;
use crate::view::text::width;
use crate::view::theme::Role;

/// Returns the lines, in `columns`.
pub(crate) fn lines(scene: &Scene<'_>, columns: usize) -> Vec<Line<'static>> {
    let next = next(scene.model);
    let flying = scene.model.target().is_some_and(|target| scene.model.in_flight.contains_key(&target));
    let (sign, role) = if flying { (scene.theme.glyphs().running, Role::Busy) } else { ("", Role::Strong) };
    let head = if sign.is_empty() { "NEXT  ".to_owned() } else { format!("NEXT {sign} ") };
    let indent = width(&head);
    let mut lines = Vec::new();
    for (index, part) in scene.theme.wrap(&next.sentence, columns.saturating_sub(indent), 2).into_iter().enumerate() {
        let row = if index == 0 { scene.row().say(role, &head) } else { scene.row().gap(indent) };
        lines.push(row.say(Role::Text, part).line());
    }
    let gates = next.in_the_way;
    let most = if scene.class == SizeClass::Narrow { 1 } else { 3 };
    let verdict = scene.model.selected().map(|(_, workload)| workload.judgement.verdict);
    let glyphs = scene.theme.glyphs();
    let (sign, role) =
        if verdict == Some(Verdict::Blind) { (glyphs.blind, Role::Blind) } else { (glyphs.bad, Role::Bad) };
    for (index, gate) in gates.iter().take(most).enumerate() {
        let row = if index == 0 {
            scene.row().say(role, format!("{sign} {} in the way: ", plural(gates.len(), "gate")))
        } else {
            scene.row().gap(2)
        };
        let hint = format!("   {} says why", scene.key(Command::Why));
        let is_last = index + 1 == gates.len().min(most);
        let room = columns.saturating_sub(row.width() + if is_last { width(&hint) } else { 0 });
        let row = row.say(Role::Text, scene.theme.clip(gate, room));
        lines.push(if is_last { row.say(Role::Label, hint).line() } else { row.line() });
    }
    lines
}
