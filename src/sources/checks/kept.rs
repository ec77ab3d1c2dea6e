//! Looks again at files: while path, size and times of each stay, so does what was found in them.
//!
//! A report may be written anew, or grow too old, while a screen is open: files are looked at about once a minute.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::reading::{ReadContext, in_background};
use super::reports::{Report, find, find_one};
use super::runner::in_time;
use super::{CheckInput, Evidence, Tools, junit};
use crate::config::checks::benchmark::Baseline;
use crate::config::checks::files::Files;
use crate::config::checks::{Benchmark, CheckKind};
use crate::domain::record::checklist::CheckOutcome;

/// When to look at files again.
const INTERVAL: Duration = Duration::from_secs(60);
/// The same where finding them takes long: an answer must not grow stale meanwhile, see `CheckKind::fresh`.
const MAX_INTERVAL: Duration = Duration::from_secs(200);
/// Of so many times as long as finding the files takes, it takes one.
const REST: u32 = 200;
/// When to read files that are not kept apart by what they are: migrations without a repository.
const REREAD_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// A file that was written less than this ago may be written again within the same tick of its clock.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// What files were found, and what was found in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// What they were compared with: its commit may become known later.
    scene: CheckInput,
    stamps: Vec<Stamp>,
    evidence: Evidence,
}

/// What a look came to.
pub(super) struct Looked {
    pub evidence: Evidence,
    /// What the next look compares with.
    pub kept: Option<Arc<Kept>>,
    /// When to look again, even where it passed.
    pub again_in: Option<Duration>,
}

/// A file as it is; one that is written anew has another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub path: PathBuf,
    pub written: Timestamp,
    pub bytes: u64,
    pub inode: u64,
    /// When anything of it changed last: a copy may bring along when it was written.
    pub changed: (i64, i64),
}

/// The files of a check as they are, and how long until one of them is too old.
struct Found {
    stamps: Vec<Stamp>,
    holds_for: Option<SignedDuration>,
}

impl From<Evidence> for Looked {
    fn from(evidence: Evidence) -> Self {
        Self { evidence, kept: None, again_in: None }
    }
}

/// Looks, unless the files are those of the last look.
pub(super) async fn look_again(
    kind: &CheckKind,
    scene: &CheckInput,
    tools: &Tools,
    limit: Duration,
    kept: Option<Arc<Kept>>,
) -> Looked {
    if !kind.reads_files() {
        let reads_folder = matches!(kind, CheckKind::Migrations(_)) && tools.repository.is_none();
        let again_in = reads_folder.then_some(REREAD_INTERVAL);
        return Looked { again_in, ..in_time(kind, scene, tools, limit).await.into() };
    }
    let began = std::time::Instant::now();
    // Taken before they are read: what is written meanwhile differs from it.
    let found = tokio::time::timeout(limit, stamps(kind, scene, tools)).await.ok().flatten();
    let again_in = again_in(began.elapsed(), found.as_ref().and_then(|found| found.holds_for));
    let known = kept.filter(|kept| kept.scene == *scene);
    let known = known.filter(|kept| found.as_ref().is_some_and(|found| found.stamps == kept.stamps));
    if let Some(known) = known {
        return Looked { evidence: known.evidence.clone(), kept: Some(known), again_in: Some(again_in) };
    }
    let evidence = in_time(kind, scene, tools, limit).await;
    let is_answer = matches!(evidence.found, CheckOutcome::Passed | CheckOutcome::Failed);
    let stamps = found.map(|found| found.stamps).filter(|stamps| is_answer && are_settled(stamps));
    let kept = stamps.map(|stamps| Arc::new(Kept { scene: scene.clone(), stamps, evidence: evidence.clone() }));
    Looked { evidence, kept, again_in: Some(again_in) }
}

/// Returns when to look again: in about a minute, or when the first file is too old. Where finding them takes long, later.
fn again_in(took: Duration, holds_for: Option<SignedDuration>) -> Duration {
    let pause = took.saturating_mul(REST).clamp(INTERVAL, MAX_INTERVAL);
    let holds_for = holds_for.map(|holds_for| holds_for.max(SignedDuration::ZERO).unsigned_abs());
    // A little later, or it would not be too old yet.
    holds_for.map_or(pause, |holds_for| pause.min(holds_for.saturating_add(Duration::from_millis(100))))
}

fn are_settled(stamps: &[Stamp]) -> bool {
    let now = Timestamp::now();
    stamps.iter().all(|stamp| now.duration_since(stamp.written) >= SETTLED_AFTER)
}

/// Finds the files of a check; `None` where they cannot be found, or one is too old.
async fn stamps(kind: &CheckKind, scene: &CheckInput, tools: &Tools) -> Option<Found> {
    let kind = kind.clone();
    let reading = ReadContext::without_comparison(scene, tools);
    in_background(reading, move |reading| found(&kind, reading)).await?
}

fn found(kind: &CheckKind, reading: &ReadContext) -> Option<Found> {
    match kind {
        CheckKind::Junit(asked) => of_files(&asked.files, Some(junit::IN_FOLDER), reading),
        CheckKind::Coverage(asked) => of_files(&asked.files, None, reading),
        CheckKind::Sarif(asked) => of_files(&asked.files, None, reading),
        CheckKind::Trivy(asked) => of_files(&asked.files, None, reading),
        CheckKind::Scan(asked) => of_files(&asked.files, None, reading),
        CheckKind::Benchmark(asked) => of_benchmark(asked, reading),
        _ => None,
    }
}

fn of_files(files: &Files, in_folder: Option<&str>, reading: &ReadContext) -> Option<Found> {
    Some(Found::of(find(files, in_folder, reading).ok()?, files.max_age))
}

fn of_benchmark(asked: &Benchmark, reading: &ReadContext) -> Option<Found> {
    let mut found = Found::of(vec![find_one(&asked.file, asked.max_age, reading).ok()?], asked.max_age);
    if let Baseline::File(file) = &asked.baseline {
        found.stamps.push(find_one(file, None, reading).ok()?.stamp);
    }
    Some(found)
}

impl Found {
    fn of(reports: Vec<Report>, max_age: Option<SignedDuration>) -> Self {
        let oldest = reports.iter().map(|report| report.age).max();
        let holds_for = max_age.zip(oldest).map(|(max, age)| max.saturating_sub(age));
        Self { stamps: reports.into_iter().map(|report| report.stamp).collect(), holds_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_looked_at_each_minute_and_when_one_is_too_old() {
        let seconds = |pause: Duration| pause.as_secs();
        for (took_ms, holds_for, wanted) in [
            (0, None, 60),
            (300, None, 60),
            // A tree that takes long to walk is walked less often.
            (500, None, 100),
            (60_000, None, 200),
            (0, Some(3600), 60),
            (0, Some(20), 20),
            (0, Some(-5), 0),
            (5_000, Some(20), 20),
        ] {
            let holds_for = holds_for.map(SignedDuration::from_secs);
            let pause = again_in(Duration::from_millis(took_ms), holds_for);
            assert_eq!(seconds(pause), wanted, "{took_ms} ms, {holds_for:?}");
        }
    }
}
