//! promote, pause, resume, abort, retry, rollback, restart: the door, headless.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use color_eyre::eyre::{Result, WrapErr};
use jiff::Timestamp;

use super::{FIRST_LOOK, complain, look_until, looked_at, print};
use crate::cli::{Command, Exit, target};
use crate::domain::action::{Circumstances, Intent, Plan, Refusal, Verb, plan};
use crate::domain::feed::Feed;
use crate::domain::ids::Target;
use crate::domain::text::{duration, visible};
use crate::platform::Redactor;
use crate::runtime::session::Session;

/// Runs an action.
pub(super) async fn run(session: &mut Session, command: &Command) -> Result<Exit> {
    let Some((verb, action)) = command.action() else { return Ok(Exit::Usage) };
    // Names are told from what is configured; what is discovered has to be seen first.
    look_until(session, FIRST_LOOK, |world| {
        world.environments.iter().all(|env| !env.workloads.is_empty() || looked_at(env))
    })
    .await;
    let target = match target::resolve(&session.world, action.target.as_deref()) {
        Ok(target) => target,
        Err(error) => return Ok(super::super::headless::usage(&session.redactor, &error)),
    };
    recover(session, &target).await;
    let release = target.workload.name.clone();
    look_until(session, FIRST_LOOK, |world| {
        world.environment(&target.env).is_some_and(|env| looked_at(env) && !env.access.verbs.is_empty())
    })
    .await;
    if matches!(verb, Verb::Promote | Verb::PromoteFull) {
        super::checklist::settle(session, &target.env).await;
    }
    session.door.probe(&release).await;
    let to = match command {
        Command::Rollback(rollback) => rollback.to,
        _ => None,
    };
    let intent = Intent { verb, target, to };
    let around = Circumstances {
        now: Timestamp::now(),
        journal_broken: session.door.journal().state().broken.or_else(|| session.troubles.first().cloned()),
        journal_unread: false,
        in_flight: Vec::new(),
    };
    let plan = match plan(&session.world, &intent, &around) {
        Ok(plan) => plan,
        Err(refusals) => return Ok(refused(&session.redactor, &intent, &refusals)),
    };
    if !confirmed(&session.redactor, &plan, command, action.yes)? {
        return Ok(Exit::NoGo);
    }
    // While the question was open a gate may have turned red.
    super::take_in(session);
    if let (false, Err(refusals)) = (verb.stops(), crate::domain::action::plan(&session.world, &intent, &around)) {
        return Ok(refused(&session.redactor, &intent, &refusals));
    }
    let outcome = perform(session, plan).await;
    let line = format!("{}\n", visible(&format!("{}: {}", intent.target, outcome.words())));
    if outcome.is_done() {
        print(&line)?;
    } else {
        complain(&session.redactor, line.trim_end());
    }
    let state = session.door.journal().state();
    if let Some(why) = state.broken {
        complain(
            &session.redactor,
            &format!(
                "NOT WRITTEN DOWN: {} could not be journalled: {why}",
                crate::domain::text::plural(state.unwritten, "entry")
            ),
        );
    }
    Ok(Exit::of_outcome(&outcome))
}

/// Takes in what the journals say: revisions that were given up, and what people said to checklists.
pub(super) fn read_journals(session: &mut Session) -> crate::actuators::recovery::Found {
    let found = crate::actuators::recovery::find(&session.door);
    for (target, hash) in found.given_up.clone() {
        session.world.take(Feed::GivenUp { target, hash }, Timestamp::now());
    }
    session.world.take(Feed::Ledger(Box::new(found.ledger.clone())), Timestamp::now());
    for why in &found.broken {
        complain(&session.redactor, &format!("a journal does not hold together: {why}"));
    }
    found
}

/// Settles what a crash left open before anything new is asked for.
async fn recover(session: &mut Session, target: &Target) {
    let found = read_journals(session);
    for (action, record) in found.open.iter().filter(|(_, record)| record.target == *target) {
        // The executor is built with the environment's clients; they are there once it was looked at.
        look_until(session, FIRST_LOOK, |world| world.environment(&target.env).is_some_and(looked_at)).await;
        complain(&session.redactor, &format!("settling what was left open: {}", record.headline));
        let door = session.door.clone();
        let settled = crate::actuators::recovery::settle(&door, action, record);
        drain_while(session, settled).await;
    }
}

/// Carries out a plan while what the door reports is read away.
async fn perform(session: &mut Session, plan: Plan) -> crate::domain::action::Outcome {
    let door = session.door.clone();
    drain_while(session, door.perform(plan)).await
}

async fn drain_while<T>(session: &mut Session, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = session.receipts.recv() => {}
        }
    }
}

fn refused(redactor: &Redactor, intent: &Intent, refusals: &[Refusal]) -> Exit {
    complain(redactor, &format!("{} cannot {}:", intent.target, intent.verb.spoken()));
    for refusal in refusals {
        complain(redactor, &format!("  {}", visible(&refusal.line())));
    }
    Exit::of_refusals(refusals)
}

/// Shows what will happen and asks. A name that has to be typed has to be given with `--confirm`, also with `--yes`.
fn confirmed(redactor: &Redactor, plan: &Plan, command: &Command, yes: bool) -> Result<bool> {
    print(&described(plan))?;
    let given = match command {
        Command::Promote(promote) => promote.confirm.as_deref(),
        _ => None,
    };
    if let Some(name) = plan.typed() {
        match given {
            Some(given) if given == name => {}
            Some(given) => {
                complain(redactor, &format!("--confirm says `{given}`, the environment is `{name}`: nothing was sent"));
                return Ok(false);
            }
            None if yes || !std::io::stdin().is_terminal() => {
                complain(redactor, &format!("this needs the environment's name: add `--confirm {name}`"));
                return Ok(false);
            }
            None => return Ok(ask(&format!("type {name} to go on: "))?.trim() == name),
        }
    }
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        complain(redactor, "nobody is there to answer: add --yes");
        return Ok(false);
    }
    Ok(ask(&format!("{}? [y/N] ", plan.record().verb.spoken()))?.trim() == "y")
}

fn ask(question: &str) -> Result<String> {
    print(question)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).wrap_err("cannot read the answer")?;
    std::io::stdout().flush().wrap_err("cannot write to standard output")?;
    Ok(answer)
}

/// What a plan will do, line by line: the dialog's text.
fn described(plan: &Plan) -> String {
    let record = plan.record();
    let mut lines = vec![format!(
        "{} — {} in {} @ {} (context {})",
        record.headline, record.target.workload, record.namespace, record.target.env, record.context
    )];
    let mut add = |label: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("  {label:<12} {text}"));
        }
    };
    add("from", &record.from);
    add("to", &record.to);
    for request in &record.requests {
        add("sends", &request.line());
    }
    let age = record.picture_at.map_or_else(|| "unknown".to_owned(), |at| duration(plan.made_at().duration_since(at)));
    add("at", &format!("resourceVersion {} · picture {age} old", record.resource_version));
    for goes in &record.goes {
        add("goes", goes);
    }
    if !record.skips.is_empty() {
        add("skips", &record.skips.join(", "));
    }
    for not in &record.not_undone {
        add("not undone", not);
    }
    if record.verb == Verb::PromoteFull && record.skips.is_empty() {
        add("skips", "nothing");
    }
    lines.iter().fold(String::new(), |text, line| text + &visible(line) + "\n")
}
