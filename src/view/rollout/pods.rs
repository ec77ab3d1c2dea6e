//! Revisions and their pods as a tree: only the visible lines are made, however many pods there are.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::{ReplicaSet, ReplicaSetHealth};
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::Snapshot;
use crate::domain::world::WorkloadState;
use crate::view::draw_context::DrawContext;
use crate::view::layout::{clamp_scroll, indent};
use crate::view::parts::list;
use crate::view::parts::panel::{Edge, panel};
use crate::view::parts::row::{put, put_all};
use crate::view::theme::Role;

/// One line of the tree.
enum Entry<'a> {
    Revision(&'a ReplicaSet),
    Pod {
        pod: &'a Pod,
        last: bool,
    },
    /// The text behind the reason of the pod above.
    Message {
        text: &'a str,
        last: bool,
    },
}

pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, workload: &WorkloadState) {
    let entries = workload.snapshot.as_ref().map(|snapshot| entries(snapshot, &scene.model.ui.filter));
    let entries = entries.unwrap_or_default();
    let visible = usize::from(area.height.saturating_sub(2));
    let first = clamp_scroll(scene.model.ui.scroll, visible, entries.len());
    let title = scene.row().say(Role::Title, "revisions and pods");
    let word = list::range_line(scene, first, visible, entries.len());
    let inside = indent(panel(buf, area, scene.theme, Edge::Light, title, word), 1);
    let Some(snapshot) = &workload.snapshot else {
        put(buf, inside, scene.theme, scene.row().say(Role::Label, "not seen yet"));
        return;
    };
    if entries.is_empty() {
        let text =
            if scene.model.ui.filter.is_empty() { "there is no revision yet" } else { "nothing matches the filter" };
        put(buf, inside, scene.theme, scene.row().say(Role::Label, text));
        return;
    }
    let columns = usize::from(inside.width);
    let longest = snapshot.pods.iter().map(|pod| pod.reason.len() + 3).max().unwrap_or(0);
    let state = longest.clamp(*STATE_COLUMNS.start(), *STATE_COLUMNS.end());
    let lines = entries.iter().skip(first).take(visible).map(|entry| match entry {
        Entry::Revision(rs) => revision(scene, snapshot, rs, state, columns),
        Entry::Pod { pod, last } => pod_line(scene, pod, *last, state, columns),
        Entry::Message { text, last } => {
            let stem = if *last { "  " } else { scene.theme.glyphs().tree[2] };
            let row = scene.row().say(Role::Faint, stem).gap(3);
            let room = columns.saturating_sub(row.width());
            row.left(Role::Label, text, room).line()
        }
    });
    put_all(buf, inside, scene.theme, lines);
}

/// The tree, filtered: revisions newest first, of their pods those that fail first, then those that are not ready.
fn entries<'a>(snapshot: &'a Snapshot, filter: &str) -> Vec<Entry<'a>> {
    let filter = filter.to_lowercase();
    let fits = |text: &str| filter.is_empty() || text.to_lowercase().contains(&filter);
    let mut pods: HashMap<&str, [Vec<&Pod>; 3]> = HashMap::new();
    for pod in &snapshot.pods {
        let rank = if pod.is_failing() { 0 } else { 1 + usize::from(pod.is_ready()) };
        pods.entry(pod.hash.as_str()).or_default()[rank].push(pod);
    }
    let mut entries = Vec::new();
    for rs in &snapshot.replicasets {
        let roles = snapshot.roles(&rs.hash);
        let itself =
            fits(&rs.meta.name) || fits(rs.image().unwrap_or("")) || roles.iter().any(|role| fits(role.as_str()));
        let own: Vec<&Pod> = pods
            .remove(rs.hash.as_str())
            .into_iter()
            .flatten()
            .flatten()
            .filter(|pod| itself || fits(&pod.name) || fits(&pod.reason))
            .collect();
        if !itself && own.is_empty() {
            continue;
        }
        entries.push(Entry::Revision(rs));
        let mut said = "";
        for (index, pod) in own.iter().enumerate() {
            let last = index + 1 == own.len();
            entries.push(Entry::Pod { pod, last });
            // The same text is not repeated for each of many pods.
            if pod.is_failing() && !pod.message.is_empty() && pod.message != said {
                said = &pod.message;
                entries.push(Entry::Message { text: &pod.message, last });
            }
        }
    }
    entries
}

fn revision(
    scene: &DrawContext<'_>,
    snapshot: &Snapshot,
    rs: &ReplicaSet,
    state: usize,
    columns: usize,
) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let roles: Vec<_> = snapshot.roles(&rs.hash).iter().map(|role| role.as_str()).collect();
    let (sign, word, role) = match rs.health() {
        ReplicaSetHealth::Healthy => (glyphs.good, "Healthy", Role::Good),
        ReplicaSetHealth::Progressing => (glyphs.running, "Progressing", Role::Busy),
        ReplicaSetHealth::ScaledDown => (glyphs.waits, "ScaledDown", Role::Label),
        ReplicaSetHealth::Failure => (glyphs.bad, "Failure", Role::Bad),
    };
    let age = rs.meta.created.map_or_else(String::new, |at| scene.age(at));
    let version =
        rs.image().map_or_else(String::new, |image| crate::domain::facts::object::ImageRef::parse(image).version());
    let row = scene
        .row()
        .say(Role::Label, "revision ")
        .say(Role::Strong, format!("{} ", rs.revision()))
        .gap(1)
        .say(Role::Strong, scene.theme.clip_middle(&version, 18))
        .gap(2)
        .say(Role::Text, roles.join(", "));
    // In a small terminal the sign must do: version and role are worth more.
    let (health, state) = if columns < 64 { (sign.to_owned(), 1) } else { (format!("{sign} {word}"), state) };
    let tail = scene
        .row()
        .left(role, &health, state)
        .right(Role::Text, &format!("{}/{}", rs.ready, rs.desired), READY_COLUMNS)
        .gap(RESTARTS_COLUMNS)
        .right(Role::Label, &age, AGE_COLUMNS);
    let row = match &rs.failure {
        Some(failure) => row.say(Role::Bad, format!("  {failure}")),
        // The pods' names say it too.
        None => row.when(columns >= 80, |row| row.say(Role::Faint, format!("  {}", rs.hash))),
    };
    join(scene, row.line(), tail.line(), columns)
}

/// Columns of a pod's state (a reason is never cut short), ready containers, restarts and age.
const STATE_COLUMNS: std::ops::RangeInclusive<usize> = 14..=29;
const READY_COLUMNS: usize = 6;
const RESTARTS_COLUMNS: usize = 4;
const AGE_COLUMNS: usize = 8;

fn pod_line(scene: &DrawContext<'_>, pod: &Pod, last: bool, state: usize, columns: usize) -> Line<'static> {
    let glyphs = scene.theme.glyphs();
    let (sign, role) = match (pod.is_failing(), pod.is_ready()) {
        (true, _) => (glyphs.bad, Role::Bad),
        (_, true) => (glyphs.good, Role::Text),
        _ => (glyphs.running, Role::Busy),
    };
    let branch = glyphs.tree[usize::from(last)];
    let age = pod.created.map_or_else(String::new, |at| scene.age(at));
    let restarts = if pod.restarts == 0 { String::new() } else { format!("x{}", pod.restarts) };
    let tail = scene
        .row()
        .left(role, &format!("{sign} {}", pod.reason), state)
        .right(Role::Text, &format!("{}/{}", pod.ready, pod.total), READY_COLUMNS)
        .right(Role::Warn, &restarts, RESTARTS_COLUMNS)
        .right(Role::Label, &age, AGE_COLUMNS);
    let room = columns.saturating_sub(tail.width() + 4);
    let row = scene.row().say(Role::Faint, format!("{branch} ")).name(Role::Text, &pod.name, room);
    join(scene, row.line(), tail.line(), columns)
}

/// Head at the left, columns at the right; the head is clipped.
fn join(scene: &DrawContext<'_>, head: Line<'static>, tail: Line<'static>, columns: usize) -> Line<'static> {
    let used = crate::view::text::line_width(&tail);
    let room = columns.saturating_sub(used + 1);
    let row = scene.row().add(scene.theme.fit(head, room).spans).to(room + 1);
    row.add(tail.spans).line()
}

/// How many pods fail, in words; nothing where none does.
pub(crate) fn failing(snapshot: &Snapshot) -> Option<String> {
    let failing = snapshot.pods.iter().filter(|pod| pod.is_failing()).count();
    (failing > 0).then(|| plural(failing, "failing pod"))
}
