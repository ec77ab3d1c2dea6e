//! `drift`: the workload is set up as in the environment before.

use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Drift;
use crate::domain::facts::changes::Difference;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::plural;
use crate::sources::changes::drift;

pub(super) async fn look(asked: &Drift, scene: &CheckInput, tools: &Tools) -> Evidence {
    if let (Some(env), None) = (&scene.env, &scene.previous) {
        return Evidence::passed(format!("{env} is the first environment: there is no previous one to compare with"));
    }
    match drift(scene, tools).await {
        Ok(found) => evidence(asked, scene, &found),
        Err(why) => Evidence::blind(why),
    }
}

fn evidence(asked: &Drift, scene: &CheckInput, found: &[Difference]) -> Evidence {
    let before = scene.previous.as_ref().map_or("the environment before", EnvName::as_str);
    let (allowed, wrong): (Vec<&Difference>, Vec<&Difference>) =
        found.iter().partition(|difference| difference.is_allowed(&asked.allow));
    let note =
        |count: usize| if count > 0 { format!(", {} allowed", plural(count, "difference")) } else { String::new() };
    let evidence = match wrong.first() {
        None => Evidence::passed(format!("set up as in {before}{}", note(allowed.len()))),
        Some(first) => Evidence::failed(
            format!("{} to {before}: {}", plural(wrong.len(), "difference"), first.line()),
            "both are set up alike, or `allow` names what may differ",
        ),
    };
    let line = |difference: &&Difference| difference.line();
    evidence
        .with(wrong.iter().map(line))
        .with(allowed.iter().map(|difference| format!("{} (allowed)", difference.line())))
}
