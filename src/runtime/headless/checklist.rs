//! gate, check, ack, sign: the checklist, headless.

use std::time::Duration;

use color_eyre::eyre::Result;
use jiff::Timestamp;

use super::{FIRST_LOOK, complain, look_until, looked_at, print, take_in};
use crate::actuators::recovery;
use crate::cli::args::{Ack, CheckArgs, GateArgs, GateOutput, Sign, Word};
use crate::cli::gate::Gate;
use crate::cli::output::json_pretty;
use crate::cli::{Exit, target};
use crate::domain::checklist::sign_off::refusal;
use crate::domain::checklist::{
    Acknowledgement, Candidate, CheckId, CheckPhase, CheckState, Decision, How, SignOff, Standing,
};
use crate::domain::ids::EnvName;
use crate::domain::journal::Entry;
use crate::domain::suggest::nearest;
use crate::domain::verdict::Verdict;
use crate::domain::world::World;
use crate::runtime::session::Session;

/// A check has its own time limit; this is what is given on top for the queue.
const QUEUE: Duration = Duration::from_secs(5);

/// GO or NO-GO as an exit code.
pub(super) async fn gate(session: &mut Session, what: &GateArgs) -> Result<Exit> {
    let env = match named(session, what.env.as_deref()) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    settle(session, &env).await;
    record_news(session).await;
    let Some(known) = session.world.environment(&env) else { return Ok(Exit::Usage) };
    let gate = Gate::of(&session.world, known, Timestamp::now());
    print(&match what.output {
        GateOutput::Text => gate.text(),
        GateOutput::Json => json_pretty(&gate.json()) + "\n",
        GateOutput::Junit => gate.junit(),
    })?;
    Ok(match gate.answer.verdict {
        Verdict::Go | Verdict::Hold => Exit::Done,
        Verdict::NoGo => Exit::NoGo,
        Verdict::Blind => Exit::Blind,
    })
}

/// One check with its evidence, or all of them.
pub(super) async fn check(session: &mut Session, what: &CheckArgs) -> Result<Exit> {
    let env = match named(session, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let id = match what.id.as_deref().map(|id| known_check(&session.world, &env, id)).transpose() {
        Ok(id) => id,
        Err(why) => {
            complain(&session.redactor, &why);
            return Ok(Exit::Usage);
        }
    };
    settle(session, &env).await;
    record_news(session).await;
    let Some(known) = session.world.environment(&env) else { return Ok(Exit::Usage) };
    let gate = Gate::of(&session.world, known, Timestamp::now());
    let subject = gate.candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
    let wanted = || known.checks.iter().filter(|check| id.as_ref().is_none_or(|id| check.spec.id == *id));
    for check in wanted() {
        print(&gate.check_text(check))?;
    }
    let states: Vec<CheckState> = wanted().map(|check| check.state(subject, gate.now)).collect();
    Ok(if states.contains(&CheckState::Failed) {
        Exit::NoGo
    } else if states.iter().all(|state| *state == CheckState::Passed) {
        Exit::Done
    } else {
        Exit::Blind
    })
}

/// A person's word for a manual check.
pub(super) async fn ack(session: &mut Session, what: &Ack) -> Result<Exit> {
    let env = match named(session, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let id = match known_check(&session.world, &env, &what.id) {
        Ok(id) => id,
        Err(why) => {
            complain(&session.redactor, &why);
            return Ok(Exit::Usage);
        }
    };
    if session.world.check(&env, &id).is_some_and(|check| check.spec.how != How::Manual) {
        complain(
            &session.redactor,
            &format!("{id} answers itself, nobody can acknowledge it: `cockpit check {env} {id}` looks again"),
        );
        return Ok(Exit::NoGo);
    }
    let Some((candidate, (who, verified))) = about(session, &env).await else { return Ok(Exit::Blind) };
    let entry = Entry::Acknowledged(Acknowledgement {
        env: env.clone(),
        check: id.clone(),
        who: who.clone(),
        verified,
        note: what.note.trim().to_owned(),
        at: Timestamp::now(),
        subject: candidate.key.clone(),
    });
    write(session, &candidate, entry, &format!("{env}: {id} acknowledged by {who} for {}", candidate.release)).await
}

/// A reviewer's GO or NO-GO.
pub(super) async fn sign(session: &mut Session, what: &Sign) -> Result<Exit> {
    let env = match named(session, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let decision = match what.decision {
        Word::Go => Decision::Go,
        Word::NoGo => Decision::NoGo,
    };
    let note = what.note.clone().unwrap_or_default().trim().to_owned();
    if decision == Decision::NoGo && note.is_empty() {
        complain(&session.redactor, "a NO-GO needs a reason: add --note 'why not'");
        return Ok(Exit::Usage);
    }
    let Some((candidate, (who, verified))) = about(session, &env).await else { return Ok(Exit::Blind) };
    let known = session.world.environment(&env);
    let refused = known.and_then(|known| refusal(known, &session.world.ledger, &candidate, &who, &what.role));
    if let Some(why) = refused {
        complain(&session.redactor, &format!("not signed: {why}"));
        return Ok(Exit::NoGo);
    }
    let said = format!("{env}: {who} signed {} as {} for {}", decision.shout(), what.role, candidate.release);
    let entry = Entry::SignedOff(SignOff {
        env,
        role: what.role.clone(),
        who,
        verified,
        decision,
        note,
        at: Timestamp::now(),
        subject: candidate.key.clone(),
        digest: candidate.digest.clone(),
    });
    write(session, &candidate, entry, &said).await
}

/// Finds the environment that is meant, and reads what the journals say of checklists.
fn named(session: &mut Session, text: Option<&str>) -> Result<EnvName, Exit> {
    super::act::read_journals(session);
    let names: Vec<String> = session.world.environments.iter().map(|env| env.name().to_string()).collect();
    match (text, names.as_slice()) {
        (Some(name), names) if names.iter().any(|known| known == name) => Ok(EnvName::new(name)),
        (None, [only]) => Ok(EnvName::new(only.clone())),
        (None, _) => Err(super::usage(&session.redactor, &target::TargetError::WhichEnvironment(names))),
        (Some(name), _) => Err(super::usage(
            &session.redactor,
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

/// Looks until every environment that the answer rests on was seen, and every check has an answer or its time is over.
pub(super) async fn settle(session: &mut Session, env: &EnvName) {
    let rests_on = |world: &World| -> Vec<EnvName> {
        let own = world.environment(env);
        let before = own.and_then(|own| world.previous(own)).map(|before| before.name().clone());
        before.into_iter().chain([env.clone()]).collect()
    };
    look_until(session, FIRST_LOOK, |world| {
        rests_on(world).iter().all(|name| world.environment(name).is_none_or(looked_at))
    })
    .await;
    // What others said counts as well, where anybody has to say something.
    let shared = session.shared.clone();
    look_until(session, FIRST_LOOK, |world| {
        let heard = |env: &crate::domain::world::Environment| !shared.contains(env.name()) || env.record.is_some();
        rests_on(world).iter().filter_map(|name| world.environment(name)).all(heard)
    })
    .await;
    session.ask(&session.world);
    let limit = session.longest_check() + QUEUE;
    look_until(session, limit, |world| {
        rests_on(world).iter().filter_map(|name| world.environment(name)).all(|env| {
            let subject = world.candidate(env).map(|candidate| candidate.key).unwrap_or_default();
            let later = |phase| phase == CheckPhase::Post && env.name() != &rests_on(world)[0];
            let mut looked_for = env.checks.iter().filter(|check| matches!(check.spec.how, How::Evidence(_)));
            looked_for.all(|check| {
                later(check.spec.phase)
                    || !matches!(
                        check.state(&subject, Timestamp::now()),
                        CheckState::Pending | CheckState::Running | CheckState::Stale
                    )
            })
        })
    })
    .await;
    session.world.rejudge(Timestamp::now());
}

/// Returns what is on its way into an environment and who sits here, once both are known; complains otherwise.
async fn about(session: &mut Session, env: &EnvName) -> Option<(Candidate, (String, bool))> {
    look_until(session, FIRST_LOOK, |world| world.environments.iter().all(looked_at)).await;
    look_until(session, FIRST_LOOK, |world| world.environment(env).is_some_and(|env| !env.access.verbs.is_empty()))
        .await;
    // What was said before, and may not have been shared: others know it before what is said now.
    recovery::share_again(&session.door, recovery::find(&session.door).said).await;
    let known = session.world.environment(env)?;
    let who = match &known.access.user {
        Some(user) => (user.clone(), true),
        None => (crate::runtime::session::operator(), false),
    };
    let candidate = session.world.candidate(known);
    if candidate.is_none() {
        complain(
            &session.redactor,
            &format!("nothing is seen of what comes into {env}: there is nothing to say it for"),
        );
    }
    Some((candidate?, who))
}

/// Writes down what a person said: only what is on disk counts.
async fn write(session: &mut Session, candidate: &Candidate, entry: Entry, said: &str) -> Result<Exit> {
    let written = session.door.journal().append(&candidate.release, entry.clone()).await;
    match written {
        Ok(_) => {
            if let Err(why) = session.door.share(&entry).await {
                complain(&session.redactor, &format!("kept on this machine only, others do not see it: {why}"));
            }
            print(&format!("{}\n", crate::domain::text::visible(said)))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            complain(&session.redactor, &format!("not written down, and so not said: {error}"));
            Ok(Exit::Error)
        }
    }
}

/// Writes answers that changed into the journal of what is on its way.
async fn record_news(session: &mut Session) {
    take_in(session);
    for (env, check, finding) in std::mem::take(&mut session.world.news) {
        let candidate = session.world.environment(&env).and_then(|env| session.world.candidate(env));
        let Some(candidate) = candidate.filter(|candidate| candidate.standing != Standing::Settled) else { continue };
        // A pipeline's answer does not wait for a disk: the exit code is what counts.
        session.door.journal().append_or_keep(&candidate.release, Entry::Checked { env, check, finding }).await;
    }
}
