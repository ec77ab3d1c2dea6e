//! What a card says of a lane: that one is open, is not followed here, is over, or what is still owed.

use crate::domain::record::lane::Lane;
use crate::domain::rules::lane::owes;
use crate::domain::world::lane::LaneState;
use crate::domain::world::{Environment, WorkloadState};
use crate::view::draw_context::DrawContext;
use crate::view::theme::Role;

/// Returns the lines, most important first.
pub(super) fn lines(
    scene: &DrawContext<'_>,
    env: &Environment,
    workload: &WorkloadState,
) -> Vec<(Role, &'static str, String)> {
    let glyphs = scene.theme.glyphs();
    let open = workload.lane.as_ref().map(|state| match state {
        LaneState::Open(opened) => {
            let lane = &opened.lane;
            format!("{}: {}", opening(scene, lane, opened.until), lane.note)
        }
        LaneState::NotUsed { lane, why } => format!("{}: not used here: {why}", opening(scene, lane, lane.until)),
        LaneState::Several(lanes) => {
            let all: Vec<String> = lanes.iter().map(|lane| opening(scene, lane, lane.until)).collect();
            format!("{}: none is used: close them, and open one again", all.join(", "))
        }
    });
    let open = open.or_else(|| over(scene, env, workload)).map(|text| (Role::Warn, glyphs.warn, text));
    let owed = owes(&scene.model.core.world, env, &workload.id);
    let owed = owed.map(|owed| (Role::Warn, glyphs.warn, owed.describe()));
    open.into_iter().chain(owed).collect()
}

fn opening(scene: &DrawContext<'_>, lane: &Lane, until: jiff::Timestamp) -> String {
    format!("lane {} for {} until {} by {}", lane.rule.name(), lane.version, scene.day_and_time(until), lane.who)
}

/// That what goes out came by a lane that is over.
fn over(scene: &DrawContext<'_>, env: &Environment, workload: &WorkloadState) -> Option<String> {
    let canary = workload.status.as_ref()?.canary.as_ref()?;
    let stated = || scene.model.core.world.ledger.lanes_of(env.name(), env.cluster.as_ref());
    let last =
        stated().filter(|lane| lane.workload == workload.id && lane.is_about(canary)).max_by_key(|lane| lane.at)?;
    let name = last.rule.name();
    let over = if last.is_end {
        format!("the lane {name} was closed by {} at {}", last.who, scene.day_and_time(last.at))
    } else {
        format!("the lane {name} ended at {}", scene.day_and_time(last.until))
    };
    Some(format!("{over}: {} goes on by all gates, or open it again", canary.version()))
}
