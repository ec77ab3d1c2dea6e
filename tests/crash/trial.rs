//! One trial: the stage is set, the program dies in the middle of an action, and the next one settles it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use release_cockpit::domain::action::{ActionId, Outcome, PlanRecord};
use release_cockpit::domain::journal::{Entry, Line, open_intents};
use release_cockpit::executors::journal;
use serde_json::Value;

use crate::Checked;
use crate::audit::Writes;
use crate::program::{Program, Run};
use crate::scene::{How, Scene, Stand};
use crate::stage::Stage;

/// Where the program is to die: `NAME:N`.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    /// In the action.
    pub first: String,
    /// Once more, in the start after it.
    pub then: Option<String>,
}

/// Runs a scene to its end, and returns the places it passed.
pub async fn rehearse(stage: &Stage, scene: &Scene, version: u32) -> Checked<Vec<String>> {
    scene.set(stage, version).await?;
    let run = act(stage, &Program::new(stage.bed.kubeconfig(), &stage.namespace, scene)?, scene, None).await?;
    if is_done(&run) { Ok(run.passed) } else { Err(format!("it is not done:\n{}", run.said).into()) }
}

/// Kills the program in a scene, and returns the places that the next start passes while it settles that.
pub async fn rehearse_settling(stage: &Stage, scene: &Scene, version: u32, at: &str) -> Checked<Vec<String>> {
    scene.set(stage, version).await?;
    let program = Program::new(stage.bed.kubeconfig(), &stage.namespace, scene)?;
    program.act(scene, Some(at)).await?;
    Ok(program.command(&["pause"], None).await?.passed)
}

/// Plays a trial; returns how it was settled, in few words.
pub async fn play(stage: &Stage, scene: &Scene, version: u32, deaths: &Deaths) -> Checked<String> {
    let before = scene.set(stage, version).await?;
    let program = Program::new(stage.bed.kubeconfig(), &stage.namespace, scene)?;
    let shared = crate::kept::shared(stage).await;
    let start = Timestamp::now();
    let run = act(stage, &program, scene, Some(&deaths.first)).await?;
    if !run.killed {
        return if is_done(&run) { Ok("place not passed".to_owned()) } else { Err(run.said.into()) };
    }
    died_at(&run, &deaths.first)?;
    let settled = match scene.how {
        How::Sign => crate::kept::judge_sign(stage, &program, &shared).await?,
        How::Count => crate::kept::judge_counts(&program, scene).await?,
        How::Command | How::Keys(..) => settle(stage, scene, &program, &before, start, deaths).await?,
    };
    let verified = program.command(&["log", "verify"], None).await?;
    if verified.code != Some(0) || verified.said.contains("torn line follows") {
        return Err(format!("the journal does not hold together: {}", verified.said).into());
    }
    Ok(settled)
}

/// Does what the scene is about. A controller that does not look is let look once it was nudged in vain, or all is over.
async fn act(stage: &Stage, program: &Program, scene: &Scene, at: Option<&str>) -> Checked<Run> {
    if scene.stand != Stand::Unheeded {
        return program.act(scene, at).await;
    }
    let acting = program.act(scene, at);
    tokio::pin!(acting);
    let run = loop {
        tokio::select! {
            run = &mut acting => break run,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        if program.passed().iter().filter(|place| *place == "door.nudged").count() == 2 {
            scene.heed(stage, true).await?;
        }
    };
    scene.heed(stage, true).await?;
    run
}

fn is_done(run: &Run) -> bool {
    run.said.contains("done: ") || run.said.contains(" signed GO ")
}

/// The next start settles what the death left of an action.
async fn settle(
    stage: &Stage,
    scene: &Scene,
    program: &Program,
    before: &Value,
    start: Timestamp,
    deaths: &Deaths,
) -> Checked<String> {
    let (lines, torn) = read(&program.journals())?;
    let open = open_intents(&lines);
    if let Some(then) = &deaths.then {
        program.command(&["pause"], Some(then)).await?;
    }
    let (later, _) = read(&program.journals())?;
    start_again(program, scene, &later).await?;
    let settled = judge(stage, scene, program, before, start).await?;
    if torn && open.is_empty() {
        // Nothing was written since: the next one who writes puts the torn line aside.
        ask_again(program, scene).await?;
    }
    if let Some(repeated) = Writes::since(start, &stage.namespace, scene)?.repeated() {
        return Err(format!("sent more than once: {repeated}").into());
    }
    Ok(if torn { format!("{settled}, torn line put aside") } else { settled })
}

fn died_at(run: &Run, place: &str) -> Checked {
    let (name, times) = place.rsplit_once(':').ok_or("a place is NAME:N")?;
    let passed = run.passed.iter().filter(|passed| *passed == name).count();
    // Other threads may pass a place of their own while this one dies, but nobody passes this one again.
    if passed.to_string() == times { Ok(()) } else { Err(format!("it died after {:?}", run.passed.last()).into()) }
}

/// Reads all journals; tells whether one ends with a torn line.
fn read(folder: &Path) -> Checked<(Vec<Line>, bool)> {
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
async fn start_again(program: &Program, scene: &Scene, lines: &[Line]) -> Checked {
    let open = open_intents(lines);
    let How::Keys(..) = scene.how else {
        // Without --yes and with nobody to answer it does nothing but settle.
        let run = program.command(&["pause"], None).await?;
        let says = open.iter().all(|(_, record)| run.said.contains(&record.headline));
        return if run.code == Some(3) && says { Ok(()) } else { Err(format!("the next start: {}", run.said).into()) };
    };
    let mut tui = program.screen(None);
    tui.wait_text(scene.workload);
    if !open.is_empty() {
        tui.wait("how it was settled", |screen| screen.contents().contains("found "));
        while !open_intents(&read(&program.journals())?.0).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    crate::program::leave(&mut tui);
    Ok(())
}

/// Compares what the journal says with what the cluster shows and the API server saw.
async fn judge(stage: &Stage, scene: &Scene, program: &Program, before: &Value, start: Timestamp) -> Checked<String> {
    let (lines, _) = read(&program.journals())?;
    let now = stage.get(scene.kind, scene.workload).await?;
    let writes = Writes::since(start, &stage.namespace, scene)?;
    if let Some((_, record)) = open_intents(&lines).first() {
        return Err(format!("still open: {}", record.headline).into());
    }
    if !lines.is_empty() && !lines.iter().any(|line| matches!(line.entry, Entry::Opened { .. })) {
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
    let shows = scene.shows(before, &now, record);
    is_true(outcome, record, &writes, shows)?;
    let shown = program.command(&["log", "show", &record.release], None).await?;
    if !shown.said.contains(outcome.words().split(':').next().unwrap_or_default()) {
        return Err(format!("the log does not show `{}`: {}", outcome.words(), shown.said).into());
    }
    let words = outcome.words();
    let partly = if (1..record.requests.len()).contains(&writes.taken()) { ", half of it sent" } else { "" };
    Ok(format!("{}{partly}", words.split(':').next().unwrap_or_default()))
}

/// Returns how an action ended: it ends once.
fn only_outcome<'a>(lines: &'a [Line], id: &ActionId) -> Checked<&'a Outcome> {
    let mut ends = lines.iter().filter_map(|line| match &line.entry {
        Entry::Outcome { action, outcome } if action == id => Some(outcome),
        _ => None,
    });
    match (ends.next(), ends.next()) {
        (Some(outcome), None) => Ok(outcome),
        (None, _) => Err("no outcome was written".into()),
        (Some(first), Some(second)) => Err(format!("two outcomes: {} and {}", first.words(), second.words()).into()),
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
        Outcome::Unconfirmed { .. } | Outcome::Unknown { .. } => false,
    };
    if true_ {
        return Ok(());
    }
    Err(format!(
        "the journal says `{}`, but {taken} of {} requests were taken, {unheard} unheard, and the cluster {} it",
        outcome.words(),
        record.requests.len(),
        if shows { "shows" } else { "does not show" }
    )
    .into())
}

/// Asks once more for what never left: now it is done.
async fn ask_again(program: &Program, scene: &Scene) -> Checked {
    let run = program.act(scene, None).await?;
    if is_done(&run) { Ok(()) } else { Err(format!("asked again: {}", run.said).into()) }
}
