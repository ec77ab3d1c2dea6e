//! promote, pause, resume, abort, retry, rollback, restart: keys of the screen, as commands.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, chosen, complain, print};
use crate::cli::args::{Action, Release, Rollback};
use crate::cli::{Command, Exit};
use crate::core::{Core, InFlight, Recheck, Revert};
use crate::domain::record::action::{DescriptionPart, Outcome, Verb, describe};

use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::owner::Owned;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::sanitize;
use crate::domain::rules::action::Plan;
use crate::domain::rules::checklist::BuiltFrom;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState, World};
use crate::platform::Redactor;

/// How long a stop waits for what tells who acts and what was rejected before.
const STOP_CONTEXT_TIMEOUT: Duration = Duration::from_millis(300);

pub(super) async fn run(driver: &mut Driver, command: &Command) -> Result<Exit> {
    let Some((verb, action)) = command.action() else { return Ok(Exit::Usage) };
    let target = match chosen(driver, action.target.as_deref()).await? {
        Ok(target) => target,
        Err(exit) => return Ok(exit),
    };
    if let Command::Release(Release { image: Some(image), .. }) = command {
        if let Err(exit) = name_image(driver, &target, image).await? {
            return Ok(exit);
        }
    }
    prepare(driver, verb, &target).await?;
    let to = match command {
        Command::Rollback(Rollback { to: Some(to), .. }) => match revision_named(driver.world(), &target, to) {
            Ok(number) => Some(number),
            Err(why) => {
                complain(driver.redactor(), &why);
                return Ok(Exit::Usage);
            }
        },
        _ => None,
    };
    let mut planned = driver.core.plan(&target, verb, to);
    // What comes to a promotion, such as a rollback to what is newer, rests on more than was looked at yet.
    let is_open = |refusals: &Vec<Refusal>| refusals.iter().any(|refusal| refusal.kind.is_unknown());
    if !is_promotion(verb) && planned.as_ref().is_err_and(is_open) {
        prepare_promotion(driver, Verb::Promote, &target).await?;
        planned = driver.core.plan(&target, verb, to);
    }
    let plan = match planned {
        Ok(plan) => plan,
        Err(refusals) => {
            let exit = refused(driver.redactor(), &target, verb, &refusals);
            return Ok(if is_out_of_reach(driver.world(), &target) { Exit::Error } else { exit });
        }
    };
    if action.no_wait && plan.record().pipeline().is_some() {
        let text =
            "`--no-wait` does not go with a pipeline: the cluster tells what came of it, and it ends with this command";
        complain(driver.redactor(), text);
        return Ok(Exit::Usage);
    }
    let Some(plan) = agreed(driver, plan, action).await? else {
        return Ok(Exit::NoGo);
    };
    let timeout = if action.no_wait { Duration::ZERO } else { action.timeout };
    driver.session().dispatcher.wait_for(timeout);
    let (outcome, accepted) = driver.perform(plan, timeout).await?;
    let line = format!("{}\n", sanitize(&format!("{target}: {}", outcome.describe())));
    let is_undone = matches!(outcome, Outcome::FoundNotDone { .. });
    let is_enough = outcome.is_done() || (action.no_wait && accepted && !is_undone);
    if is_enough {
        print(&line)?;
    } else {
        complain(driver.redactor(), line.trim_end());
    }
    driver.what_was_superseded(&target).await?;
    driver.what_was_begun_along(&target).await?;
    if !action.no_wait {
        driver.what_the_tag_waits_for(&target).await?;
    }
    if matches!(outcome, Outcome::AwaitsMerge { .. }) {
        let text = "nothing is lost: people merge it at the provider, `cockpit` shows it, and it is settled by looking";
        complain(driver.redactor(), text);
    }
    if let Some(Revert::Failed(what)) = driver.core.reverts.get(&target) {
        complain(driver.redactor(), what);
    }
    let state = driver.journal_at_rest().await?;
    if let Some(why) = state.broken {
        complain(driver.redactor(), &unwritten(state.unwritten, &why));
    }
    Ok(if is_enough { Exit::Done } else { Exit::of_outcome(&outcome) })
}

/// Says that entries are not on disk.
pub(super) fn unwritten(entries: usize, why: &str) -> String {
    let entries = crate::domain::facts::text::plural(entries, "entry");
    format!("NOT RECORDED: {entries} could not be written to the journal: {why}")
}

/// Takes in which image is to come in, once it is seen what runs there; how the command ends where that cannot be.
async fn name_image(driver: &mut Driver, target: &WorkloadKey, image: &str) -> Result<std::result::Result<(), Exit>> {
    let is_seen = |core: &Core| {
        let seen = |(_, workload): (_, &WorkloadState)| workload.status.is_some() || workload.missing;
        core.world.find(target).is_some_and(seen)
    };
    driver.first_look(|env| *env == target.env, is_seen).await?;
    let named = driver.core.name_image(target, image);
    driver.refresh();
    Ok(named.map_err(|refusal| refused(driver.redactor(), target, Verb::Release, &[refusal])))
}

/// Returns the number of the revision that is called so: by its number, its version or an image of it. Images may be tagged by
/// the numbers of builds, which are none of revisions.
fn revision_named(world: &World, target: &WorkloadKey, to: &str) -> Result<u64, String> {
    let snapshot = world.find(target).and_then(|(_, workload)| workload.snapshot.as_ref());
    let Some(snapshot) = snapshot else { return Err(format!("{target} is not seen: no revision of it is known")) };
    let all = &snapshot.replicasets;
    let is_called = |rs: &&ReplicaSet| {
        to.parse() == Ok(rs.revision())
            || rs.version() == to
            || rs.containers.iter().any(|container| container.image == to)
    };
    let found: Vec<_> = all.iter().filter(is_called).collect();
    let list = |sets: &[&ReplicaSet]| {
        let each: Vec<String> = sets.iter().map(|rs| format!("{} ({})", rs.revision(), rs.version())).collect();
        each.join(", ")
    };
    match found.as_slice() {
        [one] => Ok(one.revision()),
        [] => Err(format!(
            "--to {to}: no revision, version or image of {target} is called so; there are {}",
            list(&all.iter().collect::<Vec<_>>())
        )),
        several => Err(format!("--to {to} is ambiguous; say which revision: {}", list(several))),
    }
}

/// Whether a verb always brings more of a version to users.
fn is_promotion(verb: Verb) -> bool {
    matches!(verb, Verb::Promote | Verb::PromoteFull | Verb::Release)
}

/// Looks at everything that a plan rests on, and settles what a crash left open.
async fn prepare(driver: &mut Driver, verb: Verb, target: &WorkloadKey) -> Result<()> {
    if matches!(verb, Verb::Pause | Verb::Abort | Verb::Rollback) {
        return prepare_stop(driver, verb, target).await;
    }
    prepare_promotion(driver, verb, target).await
}

/// Looks at everything that what goes forward rests on.
async fn prepare_promotion(driver: &mut Driver, verb: Verb, target: &WorkloadKey) -> Result<()> {
    driver.until(FIRST_DATA_TIMEOUT, |core| !core.journal.unread).await?;
    settle_open(driver, target, |_| true).await?;
    driver
        .first_look(
            |env| *env == target.env,
            |core| {
                let env = core.world.environment(&target.env);
                let is_known = |env: &Environment| env.looked_at() && env.access.is_known() && env.cluster.is_some();
                env.is_some_and(is_known) && is_owner_read(core, target)
            },
        )
        .await?;
    say_left_open(driver, target);
    if verb == Verb::Release {
        // A job of GitLab is played, and a run of GitHub approved, for the commit: which that is, git tells.
        let is_located = |core: &Core| {
            let Some(env) = core.world.environment(&target.env) else { return true };
            let by_commit = env.settings.promote.pipeline.as_ref().is_some_and(|one| one.call.goes_by_commit());
            !by_commit || core.world.built_from(env, &target.workload) != BuiltFrom::NotYet
        };
        driver.until(FIRST_DATA_TIMEOUT, is_located).await?;
        // Whether it is well where it comes from.
        let is_judged = |core: &Core| {
            let env = core.world.environment(&target.env);
            let before = env.and_then(|env| core.world.way(env, &target.workload).before);
            before.is_none_or(|before| {
                let is_known = |workload: &WorkloadState| workload.assessment.verdict != Verdict::Blind;
                !before.settings.has_metrics || before.workloads.iter().all(is_known)
            })
        };
        driver.until(FIRST_DATA_TIMEOUT, is_judged).await?;
    }
    if is_promotion(verb) {
        super::checklist::settle(driver, &target.env).await?;
    }
    // A promotion needs a journal that can be written; whether it can is known after trying.
    let (dispatcher, release) = (driver.session().dispatcher.clone(), target.workload.name.clone());
    driver.meanwhile(async move { dispatcher.probe(&release).await }).await?;
    driver.refresh();
    Ok(())
}

/// A stop needs its own object and nothing else. What tells who acts, and what was rejected before, is waited for as long as
/// nobody notices (law 3).
async fn prepare_stop(driver: &mut Driver, verb: Verb, target: &WorkloadKey) -> Result<()> {
    driver
        .first_look(
            |env| *env == target.env,
            |core| {
                let is_down =
                    core.world.environment(&target.env).is_some_and(|env| env.is_down(SourceKind::Kubernetes));
                let seen =
                    core.world.find(target).is_some_and(|(_, workload)| workload.status.is_some() || workload.missing);
                is_down || seen
            },
        )
        .await?;
    let known = |core: &Core| {
        let env = core.world.environment(&target.env);
        // What others rejected is in the shared record.
        env.is_some_and(|env| env.access.is_known() && env.record.is_some())
            && !core.journal.unread
            && is_owner_read(core, target)
    };
    driver.until(STOP_CONTEXT_TIMEOUT, known).await?;
    // What is in doubt of an earlier one is looked for meanwhile: this one does not wait for it.
    if let Some(open) = open_on(&driver.core, target, &|open| open == verb) {
        complain(driver.redactor(), &format!("settling what was left open: {}", open.record.headline));
    }
    driver.until(STOP_CONTEXT_TIMEOUT, |core| open_on(core, target, &|open| open == verb).is_none()).await?;
    say_left_open(driver, target);
    Ok(())
}

/// Whether what owns the manifest is known, or not to be known.
pub(super) fn is_owner_read(core: &Core, target: &WorkloadKey) -> bool {
    let snapshot = core.world.find(target).and_then(|(_, workload)| workload.snapshot.as_ref());
    snapshot.and_then(|snapshot| snapshot.owned.as_ref()).is_none_or(Owned::is_read)
}

/// Waits until an action of this kind that was left open on a workload is settled.
pub(super) async fn settle_open(
    driver: &mut Driver,
    target: &WorkloadKey,
    matters: impl Fn(Verb) -> bool,
) -> Result<()> {
    if let Some(open) = open_on(&driver.core, target, &matters) {
        complain(driver.redactor(), &format!("settling what was left open: {}", open.record.headline));
    }
    while open_on(&driver.core, target, &matters).is_some() {
        driver.next().await?;
    }
    Ok(())
}

/// Returns the action of this kind that was left open on a workload and waits for nobody.
fn open_on<'a>(core: &'a Core, target: &WorkloadKey, matters: &impl Fn(Verb) -> bool) -> Option<&'a InFlight> {
    let is_on = |open: &&InFlight| open.record.target.changes().as_ref() == Some(target);
    core.unsettled().filter(is_on).find(|open| matters(open.record.verb) && !open.awaits_merge())
}

/// Says what stays open, for it was sent to another cluster of that name.
fn say_left_open(driver: &Driver, target: &WorkloadKey) {
    for (open, why) in driver.core.left_open.iter().filter(|(open, _)| open.target.changes().as_ref() == Some(target)) {
        complain(driver.redactor(), &format!("{}: {} — {why}: left open", target.env, open.headline));
    }
}

/// Whether nothing was seen because the API server cannot be reached, or lets nobody in: an error, and no judgement.
fn is_out_of_reach(world: &World, target: &WorkloadKey) -> bool {
    let seen = world.find(target).is_some_and(|(_, workload)| workload.status.is_some());
    !seen && world.environment(&target.env).is_some_and(|env| env.is_down(SourceKind::Kubernetes))
}

pub(super) fn refused(redactor: &Redactor, target: &dyn std::fmt::Display, verb: Verb, refusals: &[Refusal]) -> Exit {
    // As wanted already: that is an answer, not an error.
    if let [only] = refusals {
        if only.kind == RefusalKind::NothingToDo {
            complain(redactor, &format!("{target}: nothing to do: {}", sanitize(&only.line())));
            return Exit::Done;
        }
    }
    let headline = match verb {
        Verb::FlagOff | Verb::FlagOn | Verb::FlagSet | Verb::FlagLower => format!("cannot {} {target}:", verb.label()),
        Verb::MoveTag => format!("the tag of {target} is not moved:"),
        _ => format!("{target} cannot {}:", verb.label()),
    };
    complain(redactor, &headline);
    for refusal in refusals {
        complain(redactor, &format!("  {}", sanitize(&refusal.line())));
    }
    Exit::of_refusals(refusals)
}

/// Asks, and looks whether the plan still holds: the question may have been open for a while. `None` where nothing is to be
/// sent, which was said.
pub(super) async fn agreed(driver: &mut Driver, plan: Plan, asked: &Action) -> Result<Option<Plan>> {
    if !confirmed(driver, &plan, asked).await? {
        return Ok(None);
    }
    driver.refresh();
    Ok(match driver.core.recheck(&plan) {
        Recheck::Holds => Some(plan),
        Recheck::Renewed(plan) => Some(*plan),
        Recheck::Stale(why) => {
            complain(driver.redactor(), &format!("not sent: {why}"));
            None
        }
    })
}

/// Shows what will happen and asks. A name that has to be typed has to be given with `--confirm`, also with `--yes`.
pub(super) async fn confirmed(driver: &mut Driver, plan: &Plan, action: &Action) -> Result<bool> {
    print(&described(plan))?;
    let (given, yes) = (action.confirm.as_deref(), action.yes);
    let lane = plan.record().lane.as_ref().map(|used| used.lane.as_str());
    if let Some(lane) = lane {
        if !lane_named(driver, lane, action.lane.as_deref(), yes).await? {
            return Ok(false);
        }
    }
    if let Some(name) = plan.typed() {
        let is_typed = name_typed(driver, name, given, yes).await?;
        // Whoever types it is not asked again.
        if !is_typed || given.is_none() {
            return Ok(is_typed);
        }
    }
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        complain(driver.redactor(), "no terminal to confirm at: add --yes");
        return Ok(false);
    }
    Ok(ask(driver, &format!("{}? [y/N] ", plan.record().verb.label())).await?.trim() == "y")
}

/// Whether the environment's name was given, or is typed now; says what is missing.
pub(super) async fn name_typed(driver: &mut Driver, name: &str, given: Option<&str>, yes: bool) -> Result<bool> {
    let text = match given {
        Some(given) if given == name => return Ok(true),
        Some(given) => format!("--confirm is `{given}`, the environment is `{name}`: nothing was sent"),
        None if yes || !std::io::stdin().is_terminal() => {
            format!("this needs the environment's name: add `--confirm {name}`")
        }
        None => return Ok(ask(driver, &format!("type {name} to continue: ")).await?.trim() == name),
    };
    complain(driver.redactor(), &text);
    Ok(false)
}

/// Whether the lane was named that it goes by, or is typed now; says what is missing. A pipeline takes none for the normal way.
async fn lane_named(driver: &mut Driver, lane: &str, given: Option<&str>, yes: bool) -> Result<bool> {
    let text = match given {
        Some(given) if given == lane => return Ok(true),
        Some(given) => format!("--lane is `{given}`, and it goes by the lane `{lane}`: nothing was sent"),
        None if yes || !std::io::stdin().is_terminal() => format!("it goes by the lane {lane}: add `--lane {lane}`"),
        None => {
            let question = format!("it goes by the lane {lane}: type {lane} to continue: ");
            return Ok(ask(driver, &question).await?.trim() == lane);
        }
    };
    complain(driver.redactor(), &text);
    Ok(false)
}

/// Asks, and continues taking in what happens until there is an answer.
async fn ask(driver: &mut Driver, question: &str) -> Result<String> {
    print(question)?;
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer =
        driver.meanwhile(read).await?.wrap_err("cannot read the answer")?.wrap_err("cannot read the answer")?;
    std::io::stdout().flush().wrap_err("cannot write to standard output")?;
    Ok(answer)
}

/// What a plan will do, line by line.
fn described(plan: &Plan) -> String {
    let record = plan.record();
    let mut lines = vec![format!("{}: {}", record.target.env(), record.headline)];
    for (part, texts) in describe(record, plan.made_at()) {
        let mut label = part.label();
        for text in texts {
            lines.push(if label.is_empty() && part == DescriptionPart::Object {
                format!("  {text}")
            } else {
                format!("  {label:<12} {text}")
            });
            label = "";
        }
    }
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}
