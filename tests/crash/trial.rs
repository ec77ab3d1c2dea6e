//! One trial: the workload is prepared, the program dies in the middle of an action, and the next one settles it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use release_cockpit::domain::record::action::{ActionId, Outcome, PlanRecord};
use release_cockpit::domain::record::journal::{Entry, Line, open_intents};
use release_cockpit::executors::journal;
use serde_json::Value;
use support::{Checked, TestNamespace};

use crate::audit::Writes;
use crate::cases::{Case, How, InitialState};
use crate::cockpit::{Cockpit, Run, leave};

/// Where the program is to die: `NAME:N`.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    pub first: String,
    /// Once more, in the start after it.
    pub then: Option<String>,
}

/// Runs a case to its end, and returns the places it passed.
pub async fn dry_run(namespace: &TestNamespace, case: &Case, version: u32) -> Checked<Vec<String>> {
    case.prepare(namespace, version).await?;
    let run = act(namespace, &Cockpit::new(namespace, case)?, case, None).await?;
    if is_done(&run) { Ok(run.passed) } else { Err(format!("it is not done:\n{}", run.said).into()) }
}

/// Kills the program in a case, and returns the places that the next start passes while it settles that.
pub async fn dry_run_of_settling(
    namespace: &TestNamespace,
    case: &Case,
    version: u32,
    at: &str,
) -> Checked<Vec<String>> {
    case.prepare(namespace, version).await?;
    let cockpit = Cockpit::new(namespace, case)?;
    cockpit.act(case, Some(at)).await?;
    Ok(cockpit.command(&["resume"], None).await.passed)
}

/// Runs a trial; returns how it was settled, in few words.
pub async fn run(namespace: &TestNamespace, case: &Case, version: u32, deaths: &Deaths) -> Checked<String> {
    let before = case.prepare(namespace, version).await?;
    let cockpit = Cockpit::new(namespace, case)?;
    let shared = crate::kept::shared(namespace).await;
    let start = Timestamp::now();
    let run = act(namespace, &cockpit, case, Some(&deaths.first)).await?;
    if !run.killed {
        return if is_done(&run) { Ok("place not passed".to_owned()) } else { Err(run.said.into()) };
    }
    died_at(&run, &deaths.first)?;
    let settled = match case.how {
        How::Sign => crate::kept::judge_sign(namespace, &cockpit, &shared).await?,
        How::Count => crate::kept::judge_counts(&cockpit, case).await?,
        How::Command | How::Keys(..) => settle(namespace, case, &cockpit, &before, start, deaths).await?,
    };
    let verified = cockpit.command(&["log", "verify"], None).await;
    if verified.code != Some(0) || verified.said.contains("torn line follows") {
        return Err(format!("the journal does not hold together: {}", verified.said).into());
    }
    Ok(settled)
}

/// Does what the case is about. A controller that does not look is let look once it was nudged in vain, or all is over.
async fn act(namespace: &TestNamespace, cockpit: &Cockpit, case: &Case, at: Option<&str>) -> Checked<Run> {
    if case.initial != InitialState::Unheeded {
        return cockpit.act(case, at).await;
    }
    let acting = cockpit.act(case, at);
    tokio::pin!(acting);
    let run = loop {
        tokio::select! {
            run = &mut acting => break run,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        if cockpit.passed().iter().filter(|place| *place == "dispatcher.nudged").count() == 2 {
            case.heed(namespace, true).await?;
        }
    };
    case.heed(namespace, true).await?;
    run
}

fn is_done(run: &Run) -> bool {
    run.said.contains("done: ") || run.said.contains(" signed GO ")
}

/// The next start settles what the death left of an action.
async fn settle(
    namespace: &TestNamespace,
    case: &Case,
    cockpit: &Cockpit,
    before: &Value,
    start: Timestamp,
    deaths: &Deaths,
) -> Checked<String> {
    let (lines, torn) = read(&cockpit.journals())?;
    let open = open_intents(&lines);
    if let Some(then) = &deaths.then {
        cockpit.command(&["resume"], Some(then)).await;
    }
    let (later, _) = read(&cockpit.journals())?;
    start_again(cockpit, case, &later).await?;
    let settled = judge(namespace, case, cockpit, before, start).await?;
    if torn && open.is_empty() {
        // Nothing was written since: the next one who writes puts the torn line aside.
        ask_again(cockpit, case).await?;
    }
    if let Some(repeated) = Writes::since(start, &namespace.name, case.workload)?.repeated() {
        return Err(format!("sent more than once: {repeated}").into());
    }
    Ok(if torn { format!("{settled}, torn line put aside") } else { settled })
}

pub fn died_at(run: &Run, place: &str) -> Checked {
    let (name, times) = place.rsplit_once(':').ok_or("a place is NAME:N")?;
    let passed = run.passed.iter().filter(|passed| *passed == name).count();
    // Other threads may pass a place of their own while this one dies, but nobody passes this one again.
    if passed.to_string() == times { Ok(()) } else { Err(format!("it died after {:?}", run.passed.last()).into()) }
}

/// Reads all journals; tells whether one ends with a torn line.
pub fn read(folder: &Path) -> Checked<(Vec<Line>, bool)> {
    let (mut lines, mut torn) = (Vec::new(), false);
    if folder.exists() {
        for path in journal::list(folder)? {
            let contents = journal::read(&path)?;
            torn |= !contents.torn.is_empty();
            lines.extend(contents.lines);
        }
    }
    Ok((lines, torn))
}

/// Starts the program again, which settles what is open and shows it.
async fn start_again(cockpit: &Cockpit, case: &Case, lines: &[Line]) -> Checked {
    let open = open_intents(lines);
    let How::Keys(..) = case.how else {
        // Without --yes and with nobody to answer it does nothing but settle; a stop would not wait for that.
        let run = cockpit.command(&["resume"], None).await;
        let says = open.iter().all(|(_, record)| run.said.contains(&record.headline));
        return if run.code == Some(3) && says { Ok(()) } else { Err(format!("the next start: {}", run.said).into()) };
    };
    let mut pty = cockpit.screen(None);
    pty.wait_text(case.workload);
    if !open.is_empty() {
        pty.wait("how it was settled", |screen| screen.contents().contains("found "));
        while !open_intents(&read(&cockpit.journals())?.0).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    leave(&mut pty);
    Ok(())
}

/// Compares what the journal says with what the cluster shows and the API server saw.
async fn judge(
    namespace: &TestNamespace,
    case: &Case,
    cockpit: &Cockpit,
    before: &Value,
    start: Timestamp,
) -> Checked<String> {
    let (lines, _) = read(&cockpit.journals())?;
    let now = namespace.get(case.kind, case.workload).await?;
    let writes = Writes::since(start, &namespace.name, case.workload)?;
    if let Some((_, record)) = open_intents(&lines).first() {
        return Err(format!("still open: {}", record.headline).into());
    }
    // That a torn line was put aside is written first, and whoever does nothing else may end before more is.
    let is_only_noted = lines.iter().all(|line| matches!(line.entry, Entry::Note { .. }));
    if !is_only_noted && !lines.iter().any(|line| matches!(line.entry, Entry::Opened { .. })) {
        return Err("the journal does not say which release it is about".into());
    }
    let intent = lines.iter().find_map(|line| match &line.entry {
        Entry::Intent { action, plan, .. } => Some((action, plan)),
        _ => None,
    });
    let Some((action, record)) = intent else {
        return match writes.taken() {
            0 => Ok("nothing asked, nothing sent".to_owned()),
            taken => Err(format!("{taken} writes without an intent").into()),
        };
    };
    let outcome = only_outcome(&lines, action)?;
    let shows = case.shows(before, &now, record);
    is_true(outcome, record, &writes, shows)?;
    let shown = cockpit.command(&["log", "show", &record.release], None).await;
    if !shown.said.contains(outcome.describe().split(':').next().unwrap_or_default()) {
        return Err(format!("the log does not show `{}`: {}", outcome.describe(), shown.said).into());
    }
    let words = outcome.describe();
    let partly = if (1..record.requests.len()).contains(&writes.taken()) { ", half of it sent" } else { "" };
    Ok(format!("{}{partly}", words.split(':').next().unwrap_or_default()))
}

/// Returns how an action ended: it ends once.
pub fn only_outcome<'a>(lines: &'a [Line], id: &ActionId) -> Checked<&'a Outcome> {
    let mut ends = lines.iter().filter_map(|line| match &line.entry {
        Entry::Outcome { action, outcome } if action == id => Some(outcome),
        _ => None,
    });
    match (ends.next(), ends.next()) {
        (Some(outcome), None) => Ok(outcome),
        (None, _) => Err("no outcome was written".into()),
        (Some(first), Some(second)) => {
            Err(format!("two outcomes: {} and {}", first.describe(), second.describe()).into())
        }
    }
}

/// Done if and only if the cluster shows it; sent whole if done, and not sent whole if not.
fn is_true(outcome: &Outcome, record: &PlanRecord, writes: &Writes, shows: bool) -> Checked {
    let (taken, unheard) = (writes.taken(), writes.unheard());
    let whole = taken + unheard >= record.requests.len();
    let not_whole = taken < record.requests.len();
    let true_ = match outcome {
        Outcome::Confirmed { .. } | Outcome::FoundDone { .. } => shows && whole,
        Outcome::FoundNotDone { .. } | Outcome::Refused { .. } | Outcome::Moved { .. } => !shows && not_whole,
        // Half of it was sent: it says that it is not done, and what is still served.
        Outcome::Unconfirmed { .. } => !shows && taken > 0 && not_whole,
        Outcome::Unknown { .. } | Outcome::AwaitsMerge { .. } => false,
    };
    if true_ {
        return Ok(());
    }
    Err(format!(
        "the journal says `{}`, but {taken} of {} requests were taken, {unheard} unheard, and the cluster {} it",
        outcome.describe(),
        record.requests.len(),
        if shows { "shows" } else { "does not show" }
    )
    .into())
}

/// Asks once more for what never left: now it is done.
async fn ask_again(cockpit: &Cockpit, case: &Case) -> Checked {
    let run = cockpit.act(case, None).await?;
    if is_done(&run) { Ok(()) } else { Err(format!("asked again: {}", run.said).into()) }
}
