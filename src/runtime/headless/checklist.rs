//! gate, check, ack, sign, require: the checklist, headless.

use std::time::Duration;

use color_eyre::eyre::Result;

use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, complain, print};
use crate::cli::args::{Ack, CheckArgs, GateArgs, GateOutput, Require, Sign, Word};
use crate::cli::gate::Gate;
use crate::cli::output::json_pretty;
use crate::cli::{Exit, lane, target};
use crate::core::{Core, Effect, UNSIGNED};
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::suggest::nearest;
use crate::domain::facts::text::sanitize;
use crate::domain::record::checklist::{Check, CheckId, CheckPhase, CheckState, Decision, How};
use crate::domain::record::journal::Entry;
use crate::domain::record::requirement::list;
use crate::domain::rules::checklist::registry::is_asked;
use crate::domain::rules::checklist::required::{dropped_by_others, newly_allowed, news_of_lanes};
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, World};
use crate::executors::recovery;

/// A check has its own time limit; this is what is given on top for the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement waits for what others stated.
const RECORD_TIMEOUT: Duration = Duration::from_secs(3);

/// GO or NO-GO as an exit code.
pub(super) async fn gate(driver: &mut Driver, what: &GateArgs) -> Result<Exit> {
    let env = match named(driver, what.env.as_deref()) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    settle(driver, &env).await?;
    let Some(known) = driver.core.world.environment(&env) else { return Ok(Exit::Usage) };
    let gate = Gate::of(&driver.core.world, known, driver.core.now);
    print(&match what.output {
        GateOutput::Text => gate.text(),
        GateOutput::Json => json_pretty(&gate.json()) + "\n",
        GateOutput::Junit => gate.junit(),
    })?;
    if let Some(why) = never_seen(known) {
        complain(driver.redactor(), &why);
        return Ok(Exit::Error);
    }
    if let Some(why) = gate.lane_unnamed(what.lane.as_deref()) {
        complain(driver.redactor(), &why);
        return Ok(Exit::NoGo);
    }
    Ok(match gate.list.answer.verdict {
        Verdict::Go => Exit::Done,
        Verdict::NoGo => Exit::NoGo,
        Verdict::Wait | Verdict::Blind => Exit::Blind,
    })
}

/// Why nothing is known of an environment, where its API server cannot be reached or lets nobody in.
fn never_seen(env: &Environment) -> Option<String> {
    let is_seen = env.workloads.iter().any(|workload| workload.status.is_some());
    match &env.kubernetes().link {
        Link::Down(why) if !is_seen => Some(format!("{}: {why}", env.name())),
        _ => None,
    }
}

/// One check with its evidence, or all of them.
pub(super) async fn check(driver: &mut Driver, what: &CheckArgs) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let id = match what.id.as_deref().map(|id| known_check(&driver.core.world, &env, id)).transpose() {
        Ok(id) => id,
        Err(why) => {
            complain(driver.redactor(), &why);
            return Ok(Exit::Usage);
        }
    };
    settle(driver, &env).await?;
    let Some(known) = driver.core.world.environment(&env) else { return Ok(Exit::Usage) };
    let gate = Gate::of(&driver.core.world, known, driver.core.now);
    let mut states = Vec::new();
    for (check, state) in gate.list.checks().filter(|(check, _)| id.as_ref().is_none_or(|id| check.spec.id == *id)) {
        print(&gate.check_text(check, state))?;
        // Of the whole list only gates decide; what is advice is shown.
        if id.is_some() || check.spec.gate {
            states.push(state);
        }
    }
    if let Some(why) = never_seen(known) {
        complain(driver.redactor(), &why);
        return Ok(Exit::Error);
    }
    Ok(if states.contains(&CheckState::Failed) {
        Exit::NoGo
    } else if states.iter().all(|state| *state == CheckState::Passed) {
        Exit::Done
    } else {
        Exit::Blind
    })
}

/// A person's word for a manual check.
pub(super) async fn ack(driver: &mut Driver, what: &Ack) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let id = match known_check(&driver.core.world, &env, &what.id) {
        Ok(id) => id,
        Err(why) => {
            complain(driver.redactor(), &why);
            return Ok(Exit::Usage);
        }
    };
    if driver.core.world.check(&env, &id).is_some_and(|check| check.spec.how != How::Manual) {
        complain(
            driver.redactor(),
            &format!("{id} runs automatically and cannot be acknowledged: `cockpit check {env} {id}` runs it again"),
        );
        return Ok(Exit::NoGo);
    }
    if !about(driver, &env).await? {
        return Ok(Exit::Blind);
    }
    let stated = driver.core.acknowledge(&env, &id, &what.note);
    state(driver, &env, stated, "acknowledged", Reach::ThisMachine).await
}

/// A reviewer's GO or NO-GO.
pub(super) async fn sign(driver: &mut Driver, what: &Sign) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let decision = match what.decision {
        Word::Go => Decision::Go,
        Word::NoGo => Decision::NoGo,
    };
    let note = what.note.clone().unwrap_or_default();
    if decision == Decision::NoGo && note.trim().is_empty() {
        complain(driver.redactor(), "a NO-GO needs a reason: add --note 'why not'");
        return Ok(Exit::Usage);
    }
    if !about(driver, &env).await? {
        return Ok(Exit::Blind);
    }
    let of = what.takes_back.as_deref();
    if of.is_some() && decision == Decision::NoGo {
        complain(driver.redactor(), "only a GO takes a NO-GO back");
        return Ok(Exit::Usage);
    }
    if decision == Decision::Go {
        print(&lane::signed_in(driver.world(), &env, driver.core.now))?;
    }
    let stated = driver.core.sign_for(&env, &what.role, (decision, of), &note);
    let reach = if decision == Decision::NoGo { Reach::Everybody } else { Reach::ThisMachine };
    state(driver, &env, stated, "signed", reach).await
}

/// A person's decision about what promotions ask for.
pub(super) async fn require(driver: &mut Driver, what: &Require) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    if !about(driver, &env).await? {
        return Ok(Exit::Blind);
    }
    if let Some(exit) = unread_record(driver, &env) {
        return Ok(exit);
    }
    let (decided, effects) = match driver.core.require(&env) {
        Ok(decided) => decided,
        Err(why) => {
            complain(driver.redactor(), &format!("not decided: {why}"));
            return Ok(Exit::NoGo);
        }
    };
    let drops = (!decided.dropped.is_empty()).then(|| format!("drops {} in {env}", list(&decided.dropped)));
    let loosens: Vec<String> = drops.into_iter().chain(newly_allowed(driver.world(), &decided)).collect();
    if !loosens.is_empty() && what.confirm.as_deref() != Some(env.as_str()) {
        let why = format!("this {}: add `--confirm {env}`", loosens.join("; it "));
        complain(driver.redactor(), &sanitize(&why));
        return Ok(Exit::NoGo);
    }
    state(driver, &env, Ok(effects), "decided", Reach::Everybody).await
}

/// Says that what others stated is not known, if it is not: how the command ends then.
pub(super) fn unread_record(driver: &Driver, env: &EnvName) -> Option<Exit> {
    let why = match driver.world().environment(env).and_then(|known| known.record.as_ref()) {
        Some(Ok(())) => return None,
        Some(Err(why)) => why.as_str(),
        None => "no answer yet",
    };
    complain(driver.redactor(), &format!("{env}: the shared record cannot be read: {why}"));
    Some(Exit::Blind)
}

/// Finds the environment that is meant, and reads what the journals say of checklists.
pub(super) fn named(driver: &mut Driver, text: Option<&str>) -> Result<EnvName, Exit> {
    let names: Vec<String> = driver.core.world.chosen().map(|env| env.name().to_string()).collect();
    match (text, names.as_slice()) {
        (Some(name), names) if names.iter().any(|known| known == name) => Ok(EnvName::new(name)),
        (None, [only]) => Ok(EnvName::new(only.clone())),
        (None, _) => Err(super::usage(driver.redactor(), &target::TargetError::WhichEnvironment(names))),
        (Some(name), _) => Err(super::usage(
            driver.redactor(),
            &target::TargetError::NoEnvironment { name: name.to_owned(), known: names },
        )),
    }
}

fn known_check(world: &World, env: &EnvName, id: &str) -> Result<CheckId, String> {
    let ids: Vec<&str> = world
        .environment(env)
        .map(|env| env.checks.iter().map(|check| check.spec.id.as_str()).collect())
        .unwrap_or_default();
    if ids.contains(&id) {
        return Ok(CheckId::new(id));
    }
    let near = nearest(id, ids.iter().copied()).map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
    Err(format!("{env} has no check `{id}`{near}: it has {}", ids.join(", ")))
}

/// Waits until the checks of an environment that have to hold after a release have looked at what serves there.
pub(super) async fn settle_after(driver: &mut Driver, env: &EnvName) -> Result<()> {
    let limit = driver.session().longest_check() + QUEUE_TIMEOUT;
    let is_answered = |core: &Core| {
        let Some(env) = core.world.environment(env) else { return true };
        let subject = core.world.served(env).map(|served| served.key).unwrap_or_default();
        let is_open = |check: &Check| {
            let state = check.state(&subject, core.now);
            matches!(state, CheckState::Pending | CheckState::Running | CheckState::Stale)
        };
        let mut after = env.checks.iter().filter(|check| check.spec.gate && check.spec.phase == CheckPhase::Post);
        env.is_down(SourceKind::Kubernetes)
            || after.all(|check| !matches!(check.spec.how, How::Evidence(_)) || !is_open(check))
    };
    driver.until(limit, is_answered).await.map(|_| ())
}

/// Looks until every environment that the answer rests on was seen, and every check has an answer or its time is over.
pub(super) async fn settle(driver: &mut Driver, env: &EnvName) -> Result<()> {
    let rests_on = |world: &World| -> Vec<EnvName> {
        world.environment(env).map_or_else(|| vec![env.clone()], |own| world.rests_on(own))
    };
    driver
        .until(FIRST_DATA_TIMEOUT, |core| {
            let looked_at = |name| core.world.environment(name).is_none_or(Environment::looked_at);
            !core.journal.unread && rests_on(&core.world).iter().all(looked_at)
        })
        .await?;
    driver
        .until(FIRST_DATA_TIMEOUT, |core| core.world.environment(env).is_none_or(|env| is_asked(&core.world, env)))
        .await?;
    super::flags::settle_check(driver, env).await?;
    // What others stated counts as well.
    driver
        .until(FIRST_DATA_TIMEOUT, |core| {
            let heard = |env: &Environment| {
                env.is_down(SourceKind::Kubernetes) || env.record.is_some() && env.cluster.is_some()
            };
            rests_on(&core.world).iter().filter_map(|name| core.world.environment(name)).all(heard)
        })
        .await?;
    driver.refresh();
    let limit = driver.session().longest_check() + QUEUE_TIMEOUT;
    driver
        .until(limit, |core| {
            let rests_on = rests_on(&core.world);
            // What has to hold after the release there does not hold it up.
            let is_after = |other: &Environment| other.name() == env && rests_on.len() > 1;
            let own = core.world.environment(env);
            // No check is asked there.
            let is_left_out = |other: &Environment| own.is_some_and(|own| core.world.leaves_out(own, other.name()));
            let asked = rests_on.iter().filter_map(|name| core.world.environment(name));
            let answering = asked.filter(|other| !is_left_out(other));
            answering.filter(|env| !env.is_down(SourceKind::Kubernetes)).all(|env| {
                let subject = core.world.candidate(env).map(|candidate| candidate.key).unwrap_or_default();
                let later = |phase| phase == CheckPhase::Post && is_after(env);
                let mut looked_for = env.checks.iter().filter(|check| matches!(check.spec.how, How::Evidence(_)));
                looked_for.all(|check| {
                    later(check.spec.phase)
                        || !matches!(
                            check.state(&subject, core.now),
                            CheckState::Pending | CheckState::Running | CheckState::Stale
                        )
                })
            })
        })
        .await?;
    driver.refresh();
    let dropped = driver.world().environment(env).and_then(|known| dropped_by_others(driver.world(), known));
    let lanes = driver.world().environment(env).map(|known| news_of_lanes(driver.world(), known));
    for news in dropped.into_iter().chain(lanes.into_iter().flatten()) {
        complain(driver.redactor(), &sanitize(&news));
    }
    Ok(())
}

/// Looks until it is known what a statement would be about, and who acts; complains where there is nothing.
pub(super) async fn about(driver: &mut Driver, env: &EnvName) -> Result<bool> {
    driver
        .until(FIRST_DATA_TIMEOUT, |core| {
            !core.journal.unread && core.world.environments.iter().all(Environment::looked_at)
        })
        .await?;
    // A statement names the cluster that it is about.
    let asked = |env: &Environment| env.access.is_known() && env.cluster.is_some();
    driver.until(FIRST_DATA_TIMEOUT, |core| core.world.environment(env).is_some_and(asked)).await?;
    // What others ask for is not recorded twice.
    let is_read = |env: &Environment| env.record.is_some();
    driver.until(RECORD_TIMEOUT, |core| core.world.environment(env).is_some_and(is_read)).await?;
    // What was stated before, and may not have been shared: others know it before what is stated now.
    let dispatcher = driver.session().dispatcher.clone();
    driver.meanwhile(recovery::share_lately(dispatcher)).await?;
    driver.refresh();
    let known = driver.world().environment(env).and_then(|known| driver.world().candidate(known));
    if known.is_none() {
        complain(
            driver.redactor(),
            &format!("no release candidate is visible in {env}, so there is nothing to sign or acknowledge"),
        );
    }
    Ok(known.is_some())
}

/// Whom a statement is for.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// It counts on this machine as well.
    ThisMachine,
    /// It is of no use on this machine alone.
    Everybody,
    /// It counts nowhere unless others read it.
    SharedOnly,
}

/// Records what a person states: only what is on disk counts.
pub(super) async fn state(
    driver: &mut Driver,
    env: &EnvName,
    stated: Result<Vec<Effect>, String>,
    what: &str,
    reach: Reach,
) -> Result<Exit> {
    let effects = match stated {
        Ok(effects) => effects,
        Err(why) => {
            complain(driver.redactor(), &format!("not {what}: {why}"));
            return Ok(Exit::NoGo);
        }
    };
    let line = effects.iter().rev().find_map(|effect| match effect {
        Effect::Record { entry: entry @ (Entry::Requires(_) | Entry::Frozen(_) | Entry::Lane(_)), .. } => {
            Some(entry.sentence())
        }
        Effect::Record { release, entry } => Some(format!("{env}: {} for {release}", entry.sentence())),
        _ => None,
    });
    let (written, shared, signed) = driver.state(effects).await?;
    if let Err(why) = written {
        complain(driver.redactor(), &format!("not recorded: the journal cannot be written: {why}"));
        return Ok(Exit::Error);
    }
    let is_shared = shared.is_ok();
    if let Err(why) = shared {
        let so = if matches!(reach, Reach::SharedOnly) { "so it counts nowhere" } else { "others do not see it" };
        complain(driver.redactor(), &format!("kept on this machine only, {so}: {why}"));
    }
    if let Err(why) = signed {
        complain(driver.redactor(), &format!("{UNSIGNED}: {why}"));
    }
    print(&format!("{}\n", sanitize(&line.unwrap_or_default())))?;
    // What is for everybody failed where nobody else sees it.
    Ok(if is_shared || matches!(reach, Reach::ThisMachine) { Exit::Done } else { Exit::Error })
}
