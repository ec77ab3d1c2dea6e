//! Counts for the analysis at its own pace, workload by workload, and remembers how far.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::asking::{self, NoCounters};
use crate::domain::facts::counters::{Counters, KnownCanary, Question, Seen, Shares, question, tally};
use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::text::duration;
use crate::sources::prometheus::Questions;
use crate::sources::prometheus::answer::Data;
use crate::sources::prometheus::cursors::{self, Checkpoint, Saved};
use analysis::{CanaryAnalyzer, Look, Report, Rules};

/// How the counts of the analysis are gathered.
#[derive(Clone, Debug)]
pub struct Pace {
    pub every: Duration,
    /// The thresholds of the analysis.
    pub rules: Rules,
    /// Whose counters they are: what was remembered of another server does not count here.
    pub source: String,
    /// Where to remember how far counters have been counted; `None` to forget it at the end.
    pub folder: Option<PathBuf>,
}

impl Pace {
    /// Returns how often to look: at every look of the source, or at every scrape, whichever is rarer.
    #[must_use]
    pub fn step(interval: Duration, rules: &Rules) -> Duration {
        interval.max(Duration::from_secs_f64(rules.interval_seconds))
    }
}

/// The counts of one environment, or of the users of one flag there.
#[derive(Debug)]
pub struct Counting {
    /// What is counted: the name of the environment, or of a flag there.
    name: String,
    pace: Pace,
    states: BTreeMap<WorkloadId, State>,
    /// Whether what happened before the first look is about something else.
    from_now: bool,
    /// How the flags of the release are.
    flags: Arc<ReleaseFlags>,
    /// By how many milliseconds our clock was ahead of the server's at the last look.
    ahead: i64,
    /// What was remembered from the run before.
    saved: Saved,
}

#[derive(Debug)]
struct State {
    counters: Counters,
    judge: CanaryAnalyzer,
    /// How the flags of the release were when the analysis was told last.
    flags: Arc<ReleaseFlags>,
    /// Which share of requests the canary was given when.
    shares: Shares,
    /// A long range was too much for the server.
    narrow: bool,
}

/// One look at a workload.
#[derive(Clone, Debug)]
pub struct CountedLook {
    pub workload: WorkloadId,
    pub tracks: Tracks,
    /// What came of it; `None` where nothing is counted yet and the analysis repeats its last result.
    pub look: Option<Look>,
    /// The analysis result then.
    pub report: Report,
    /// How the flags of the release are, as far as the analysis was told.
    pub flags: Arc<ReleaseFlags>,
}

impl Counting {
    /// Begins where the run before ended, where that is remembered.
    pub async fn new(name: String, pace: Pace) -> Self {
        let saved = match pace.folder.clone() {
            Some(folder) => {
                let of = name.clone();
                let loaded = tokio::task::spawn_blocking(move || cursors::load(&folder, &of)).await;
                loaded.map_err(std::io::Error::other).flatten().unwrap_or_else(|error| {
                    tracing::warn!(name, %error, "cannot read the counter checkpoint: counting restarts");
                    Saved::new()
                })
            }
            None => Saved::new(),
        };
        Self { name, pace, states: BTreeMap::new(), from_now: false, flags: Arc::default(), ahead: 0, saved }
    }

    /// Leaves out what happened before the first look at each workload.
    #[must_use]
    pub fn from_now(self) -> Self {
        Self { from_now: true, ..self }
    }

    /// Returns up to when was counted, in milliseconds since 1970 by the server's clock; `None` where nothing was.
    #[must_use]
    pub fn counted_until(&self) -> Option<i64> {
        let of_states = self.states.values().map(|state| &state.counters);
        of_states.chain(self.saved.values().map(|saved| &saved.counters)).filter_map(Counters::since).max()
    }

    /// Forgets all that was counted, for what comes is something else.
    pub async fn forget(&mut self) {
        if !self.states.is_empty() || !self.saved.is_empty() {
            self.states.clear();
            self.saved.clear();
            self.save().await;
        }
    }

    /// Counts for the workloads that have a canary beside stable.
    pub async fn look(
        &mut self,
        questions: &Questions,
        known: &BTreeMap<WorkloadId, Tracks>,
        canaries: &BTreeMap<WorkloadId, KnownCanary>,
    ) -> Vec<CountedLook> {
        if self.states.is_empty() && !known.values().any(is_compared) {
            return self.retrack(known);
        }
        // First of all: when a flag changed is told by the server's clock.
        let clock = clock(questions).await;
        if let Ok(clock) = &clock {
            self.ahead = clock.ahead;
        }
        let mut told = self.retrack(known);
        let workloads: Vec<WorkloadId> = self.states.keys().cloned().collect();
        for workload in workloads {
            let Some(state) = self.states.get_mut(&workload) else { continue };
            let known = canaries.get(&workload);
            let now = clock.as_ref().map_or_else(|_| Timestamp::now(), |clock| clock.theirs);
            state.shares.note(now.as_duration().as_secs_f64(), known.and_then(|known| known.share));
            if let (true, Ok(clock)) = (self.from_now, &clock) {
                state.counters.leave_out_before(clock.theirs.as_millisecond());
            }
            let looks = match &clock {
                Ok(clock) => state.look(questions, &workload, *clock, known, self.pace.every).await,
                Err(why) => Err(why.clone()),
            };
            let looks = looks.unwrap_or_else(|why| vec![tally::missing(now.as_millisecond(), &why)]);
            told.extend(looks.into_iter().map(|look| state.judged(&workload, look)));
        }
        self.save().await;
        told
    }

    /// Says why there are no counts while the server is not asked.
    pub fn missed(&mut self, known: &BTreeMap<WorkloadId, Tracks>, why: &str) -> Vec<CountedLook> {
        let mut told = self.retrack(known);
        let at = Timestamp::now().as_millisecond();
        for (workload, state) in &mut self.states {
            told.push(state.judged(workload, tally::missing(at, &why)));
        }
        told
    }

    /// Takes in how the flags of the release are now. Where one changed, so did each canary.
    pub async fn take_flags(&mut self, flags: Arc<ReleaseFlags>) -> Vec<CountedLook> {
        self.flags = flags;
        let (now, mut told) = (self.now(), Vec::new());
        for (workload, state) in &mut self.states {
            told.extend(state.changed(workload, &self.flags, now));
            // That nothing changed is said as well.
            told.push(state.remembered(workload));
        }
        if told.iter().any(|told| told.look.is_some()) {
            self.save().await;
        }
        told
    }

    /// The time by the server's clock, as far as it is known.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond().saturating_sub(self.ahead)).unwrap_or(now)
    }

    /// Restarts where tracks changed: another canary is another rollout. What was remembered of the same one continues.
    fn retrack(&mut self, known: &BTreeMap<WorkloadId, Tracks>) -> Vec<CountedLook> {
        self.states.retain(|workload, state| known.get(workload) == Some(state.counters.tracks()));
        let (now, mut told) = (self.now(), Vec::new());
        for (workload, tracks) in known.iter().filter(|(_, tracks)| is_compared(tracks)) {
            if self.states.contains_key(workload) {
                continue;
            }
            let saved = self
                .saved
                .remove(workload)
                .filter(|saved| saved.counters.tracks() == tracks && saved.source == self.pace.source);
            let anew = saved.is_none();
            let mut state = State::begin(saved, tracks, &self.pace.rules);
            if anew {
                told.push(state.judged(workload, Look::Reset));
            }
            // The same revisions may be another rollout by now, as when it was taken back and put out again.
            if let Some(gap) = state.not_counted_for(now) {
                let what = format!("{} without counts", duration(gap));
                told.push(state.judged(workload, Look::Changed { t: now.as_duration().as_secs_f64(), what }));
            }
            // They may have changed while nothing ran.
            told.extend(state.changed(workload, &self.flags, now));
            told.push(state.remembered(workload));
            self.states.insert(workload.clone(), state);
        }
        told
    }

    async fn save(&self) {
        let Some(folder) = self.pace.folder.clone() else { return };
        let source = &self.pace.source;
        let kept = |state: &State| Checkpoint {
            source: source.clone(),
            counters: state.counters.clone(),
            judge: state.judge.clone(),
            flags: (*state.flags).clone(),
        };
        let saved: Saved = self.states.iter().map(|(workload, state)| (workload.clone(), kept(state))).collect();
        let name = self.name.clone();
        let done = tokio::task::spawn_blocking(move || cursors::save(&folder, &name, &saved)).await;
        if let Err(error) = done.map_err(std::io::Error::other).flatten() {
            tracing::warn!(name = self.name, %error, "cannot remember how far counters were counted");
        }
    }
}

fn is_compared(tracks: &Tracks) -> bool {
    tracks.stable.is_some() && tracks.canary.is_some()
}

#[derive(Clone, Copy, Debug)]
struct Clock {
    theirs: Timestamp,
    /// By how many milliseconds ours is ahead.
    ahead: i64,
}

async fn clock(questions: &Questions) -> Result<Clock, NoCounters> {
    let before = Timestamp::now();
    let answer = questions.client.query("time()").await?;
    let after = Timestamp::now();
    let Data::Scalar(point) = answer.data else { return Err(NoCounters::NoSamples) };
    let theirs = point.at;
    // It was read at some time in between.
    let ahead = if theirs < before {
        before.as_millisecond() - theirs.as_millisecond()
    } else if theirs > after {
        after.as_millisecond() - theirs.as_millisecond()
    } else {
        0
    };
    Ok(Clock { theirs, ahead })
}

impl State {
    /// Continues from what was kept, or restarts. Evidence that was gathered by other rules is none.
    fn begin(kept: Option<Checkpoint>, tracks: &Tracks, rules: &Rules) -> Self {
        let new = || CanaryAnalyzer::new(rules.clone());
        let (counters, judge, flags) = match kept {
            Some(kept) if kept.judge.rules() == rules => (kept.counters, kept.judge, Arc::new(kept.flags)),
            Some(kept) => (kept.counters, new(), Arc::new(kept.flags)),
            None => (Counters::new(tracks.clone()), new(), Arc::default()),
        };
        Self { counters, judge, flags, shares: Shares::default(), narrow: false }
    }

    /// Returns for how long nothing was counted, where that is too long to go on as if nothing had been.
    fn not_counted_for(&self, now: Timestamp) -> Option<SignedDuration> {
        let gap = now.as_millisecond().saturating_sub(self.counters.since()?);
        (gap > tally::SERIES_RETENTION_MS).then(|| SignedDuration::from_millis(gap))
    }

    /// Tells the analysis which flags of the release changed.
    fn changed(&mut self, workload: &WorkloadId, flags: &ReleaseFlags, now: Timestamp) -> Vec<CountedLook> {
        let mut told = Vec::new();
        for change in Arc::make_mut(&mut self.flags).take(flags, now) {
            let look = Look::Changed { t: change.at.as_duration().as_secs_f64(), what: change.what };
            told.push(self.judged(workload, look));
        }
        told
    }

    fn judged(&mut self, workload: &WorkloadId, look: Look) -> CountedLook {
        if let Look::Scrape(scrape) = &look {
            self.judge.set_weight(self.shares.at(scrape.t));
        }
        self.judge.take(&look);
        CountedLook { look: Some(look), ..self.remembered(workload) }
    }

    /// The analysis result without another look.
    fn remembered(&self, workload: &WorkloadId) -> CountedLook {
        CountedLook {
            workload: workload.clone(),
            tracks: self.counters.tracks().clone(),
            look: None,
            report: self.judge.report(),
            flags: Arc::clone(&self.flags),
        }
    }

    async fn look(
        &mut self,
        questions: &Questions,
        workload: &WorkloadId,
        clock: Clock,
        known: Option<&KnownCanary>,
        step: Duration,
    ) -> Result<Vec<Look>, NoCounters> {
        let now = clock.theirs.as_millisecond();
        let due = Question::due(&self.counters, now);
        let question = if self.narrow { due.narrow() } else { due };
        let asked = Timestamp::from_millisecond(question.at).unwrap_or(clock.theirs);
        let length = Duration::from_millis(question.range.unsigned_abs());
        let series = asking::series(questions, workload, self.counters.tracks(), asked, length).await;
        let is_long = question.range > question.shortest;
        self.narrow = series.as_ref().is_err_and(|why| is_long && why.may_be_too_much());
        let series = series?;
        self.counters.learn_interval(&series);
        let lag = question::lag(&self.counters);
        if clock.ahead.abs() > lag {
            return Err(NoCounters::Skew { ahead: clock.ahead });
        }
        let pods = known.map(|known| known.pods.clone());
        let seen = Seen { at: question.at.min(now.saturating_sub(lag)), series, pods };
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        Ok(self.counters.take(&seen, step, questions.queries.replica_label()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn proof_of_yesterday_is_none_of_a_rollout_of_the_same_revisions() {
        let tracks = Tracks { stable: Some("api-old".to_owned()), canary: Some("api-new".to_owned()) };
        let workload: WorkloadId = "rollout/api".parse().unwrap();
        let pace =
            Pace { every: Duration::from_secs(15), rules: Rules::default(), source: "s".to_owned(), folder: None };
        for (minutes, is_anew) in [(10, false), (600, true)] {
            let mut counting = Counting::new("prod".to_owned(), pace.clone()).await;
            let mut counters = Counters::new(tracks.clone());
            let at = Timestamp::now().as_millisecond() - minutes * 60_000;
            counters.take(&Seen { at, ..Seen::default() }, 15_000, None);
            let judge = CanaryAnalyzer::new(Rules::default());
            let flags = ReleaseFlags::default();
            counting.saved.insert(workload.clone(), Checkpoint { source: "s".to_owned(), counters, judge, flags });
            let told = counting.retrack(&BTreeMap::from([(workload.clone(), tracks.clone())]));
            let restarts = |told: &CountedLook| matches!(&told.look, Some(Look::Changed { what, .. }) if what == "10h00m without counts");
            assert_eq!(told.iter().any(restarts), is_anew, "{minutes} min: {told:?}");
            assert!(!told.iter().any(|told| told.look == Some(Look::Reset)));
        }
    }
}
