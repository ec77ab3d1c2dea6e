//! Compares users with a flag and users without it, while the flag goes to more of them step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Questions;
use super::counts::counting::{CountedLook, Counting, Pace};
use crate::domain::facts::flag::rollout::{FlagRollout, divides, of_users};
use crate::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::signals::Tracks;
use crate::domain::world::feed::Feed;
use crate::sources::inbox::Outlet;
use analysis::{AnalysisStatus, Report};

/// Flags of an environment, by provider and name, that some users get and some do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DividedFlags(BTreeMap<(String, String), Division>);

/// Whether a flag divides users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Division {
    /// Whether it does now.
    is_divided: bool,
    /// How many times it has begun to since it was first seen: what was counted before an earlier end is about another time.
    begun: u64,
    /// When it was turned on or off last, as its provider's log says; `None` where it keeps none.
    turned: Option<Timestamp>,
}

/// How long a pause may be in which nothing was counted: whether the flag was off meanwhile is told by its provider's log.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// The same where its provider keeps no log.
const MAX_PAUSE_WITHOUT_LOG: SignedDuration = SignedDuration::from_mins(10);

impl Division {
    /// Whether what was counted up to then is about this time of the flag.
    fn goes_on_from(self, until: Timestamp, now: Timestamp) -> bool {
        let longest = if self.turned.is_some() { MAX_PAUSE } else { MAX_PAUSE_WITHOUT_LOG };
        now.duration_since(until) <= longest && self.turned.is_none_or(|turned| turned <= until)
    }
}

impl DividedFlags {
    /// Takes in how the flags of a provider are that go step by step. Returns whether that is news.
    pub fn take(&mut self, provider: &str, rollouts: &[FlagRollout], flags: &[Flag]) -> bool {
        let mut is_news = false;
        for rollout in rollouts {
            let flag = flags.iter().find(|flag| flag.name == rollout.flag);
            let state = flag.map_or(FlagState::Off, |flag| flag.state);
            let is_turn = |change: &&FlagChange| matches!(change.what, FlagEdit::On | FlagEdit::Off);
            let turned = flag.and_then(|flag| Some(flag.changes.iter().find(is_turn)?.at));
            let (key, is_divided) = ((provider.to_owned(), rollout.flag.clone()), divides(state));
            let Some(division) = self.0.get_mut(&key) else {
                self.0.insert(key, Division { is_divided, begun: 0, turned });
                is_news = true;
                continue;
            };
            is_news |= division.turned != turned;
            division.turned = turned;
            if is_divided != division.is_divided {
                division.begun += u64::from(is_divided);
                division.is_divided = is_divided;
                is_news = true;
            }
        }
        is_news
    }

    fn of(&self, provider: &str, flag: &str) -> Option<Division> {
        self.0.get(&(provider.to_owned(), flag.to_owned())).copied()
    }
}

/// What comparing the users of a flag needs.
#[derive(Clone, Debug)]
pub struct FlagUsersSource {
    pub env: EnvName,
    /// The name of the flag's provider in the config.
    pub provider: String,
    pub rollout: FlagRollout,
    /// What to ask about users with it and without it, and whom.
    pub questions: Questions,
    /// Which ReplicaSets are stable, per workload.
    pub tracks: watch::Receiver<BTreeMap<WorkloadId, Tracks>>,
    pub divided: watch::Receiver<DividedFlags>,
    pub pace: Pace,
    /// Asks for a look now.
    pub refresh: Arc<Notify>,
    pub outlet: Outlet,
    pub cancel: CancellationToken,
}

impl FlagUsersSource {
    /// Starts it as a task.
    pub fn spawn(self, tasks: &TaskTracker) {
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.run() => {}
            }
        });
    }

    async fn run(mut self) {
        let name = format!("{} flag {}/{}", self.env, self.provider, self.rollout.flag);
        let mut counting = Counting::new(name, self.pace.clone()).await.from_now();
        let mut ticks = tokio::time::interval(self.pace.every.max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = None;
        loop {
            let now = self.divided.borrow_and_update().of(&self.provider, &self.rollout.flag);
            let is_another = match (last, now) {
                (Some(Division { begun, .. }), Some(now)) => begun != now.begun,
                // What an earlier run counted goes on where the flag divides users still.
                (None, Some(now)) => !now.is_divided || now.begun > 0,
                (_, None) => false,
            };
            if is_another {
                counting.forget().await;
            }
            last = now.or(last);
            if let Some(now) = now.filter(|now| now.is_divided) {
                let until = counting.counted_until().and_then(|until| Timestamp::from_millisecond(until).ok());
                if until.is_some_and(|until| !now.goes_on_from(until, Timestamp::now())) {
                    counting.forget().await;
                }
                self.compare(&mut counting).await;
            }
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.refresh.notified() => {}
                Ok(()) = self.divided.changed() => {}
                Ok(()) = self.tracks.changed() => {}
            }
        }
    }

    async fn compare(&mut self, counting: &mut Counting) {
        let tracks = self.tracks.borrow_and_update().clone();
        let known = match served(self.rollout.workload.as_ref(), &tracks) {
            Ok(Some(known)) => known,
            // It is looked again as soon as the workload is seen.
            Ok(None) => return,
            Err(why) => return self.told(Err(why)),
        };
        // What never can be counted is not waited for.
        let mut asked = known.iter().map(|(workload, tracks)| self.questions.queries.counters(workload, tracks));
        if let Some(why) = asked.find_map(Result::err) {
            return self.told(Err(why.to_owned()));
        }
        let mut lacks_data = false;
        for CountedLook { report, .. } in counting.look(&self.questions, &known, &BTreeMap::new()).await {
            lacks_data = report.opinion == AnalysisStatus::NoData;
            self.told(Ok(in_words_of_users(report)));
        }
        if lacks_data {
            // A token may have been renewed; why it cannot be read is said by the source of signals.
            let _ = self.questions.renew().await;
        }
    }

    fn told(&self, result: Result<Report, String>) {
        self.outlet.send(Feed::FlagCompared {
            env: self.env.clone(),
            provider: self.provider.clone(),
            flag: self.rollout.flag.clone(),
            every: SignedDuration::try_from(self.pace.every).unwrap_or(SignedDuration::MAX),
            result: result.map(Arc::new),
        });
    }
}

/// Returns the pods that answer both kinds of users: those of the stable revision; `None` while the workload is not seen yet.
fn served(
    named: Option<&WorkloadId>,
    tracks: &BTreeMap<WorkloadId, Tracks>,
) -> Result<Option<BTreeMap<WorkloadId, Tracks>>, String> {
    if named.is_none() && tracks.len() > 1 {
        return Err("there are several workloads: name one with `workload` in [[flags.rollouts]]".to_owned());
    }
    let Some(workload) = named.or_else(|| tracks.keys().next()) else { return Ok(None) };
    let Some(seen) = tracks.get(workload) else { return Ok(None) };
    let stable = seen.stable.clone().ok_or_else(|| format!("{workload} has no stable revision"))?;
    let both = Tracks { stable: Some(stable.clone()), canary: Some(stable) };
    Ok(Some(BTreeMap::from([(workload.clone(), both)])))
}

fn in_words_of_users(mut report: Report) -> Report {
    for reason in &mut report.reasons {
        *reason = of_users(reason);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_was_off_in_between_divides_users_anew() {
        let rollout = FlagRollout {
            flag: "checkout".to_owned(),
            steps: Vec::new(),
            wait: SignedDuration::ZERO,
            workload: None,
            with: BTreeMap::new(),
            without: BTreeMap::new(),
        };
        let (mut all, rollouts) = (DividedFlags::default(), [rollout]);
        let mut take = |state| all.take("unleash", &rollouts, &[Flag::of_name("checkout", state)]);
        assert!(take(FlagState::Off), "it was not known before");
        assert!(take(FlagState::Percent(1)));
        assert!(!take(FlagState::Percent(5)), "the same users and more");
        assert!(take(FlagState::Off) && take(FlagState::Some) && take(FlagState::On));
        let known = all.of("unleash", "checkout").unwrap();
        assert_eq!((known.is_divided, known.begun), (false, 2));
        assert_eq!(all.of("unleash", "other"), None);
    }

    #[test]
    fn the_pods_of_the_stable_revision_answer_both_kinds_of_users() {
        let id = |name: &str| name.parse::<WorkloadId>().unwrap();
        let (api, web) = (id("rollout/api"), id("rollout/web"));
        let tracks =
            |stable: Option<&str>| Tracks { stable: stable.map(str::to_owned), canary: Some("api-7f".to_owned()) };
        let one = BTreeMap::from([(api.clone(), tracks(Some("api-5d")))]);
        let both = Tracks { stable: Some("api-5d".to_owned()), canary: Some("api-5d".to_owned()) };
        assert_eq!(served(None, &one), Ok(Some(BTreeMap::from([(api.clone(), both.clone())]))));
        // What is not seen yet is waited for: it is no reason.
        assert_eq!(served(None, &BTreeMap::new()), Ok(None));
        assert_eq!(served(Some(&web), &one), Ok(None));
        let two = BTreeMap::from([(api.clone(), tracks(Some("api-5d"))), (web, tracks(None))]);
        assert!(served(None, &two).unwrap_err().contains("several workloads"));
        assert_eq!(served(Some(&api), &two), Ok(Some(BTreeMap::from([(api, both)]))));
        assert!(served(Some(&id("rollout/web")), &two).unwrap_err().contains("no stable revision"));
    }

    #[test]
    fn what_was_counted_before_the_flag_was_off_is_about_another_time() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let division = |turned: Option<i64>| Division { is_divided: true, begun: 0, turned: turned.map(at) };
        assert!(division(Some(10)).goes_on_from(at(20), at(70)));
        assert!(!division(Some(21)).goes_on_from(at(20), at(22)), "it was turned on or off since");
        assert!(!division(Some(10)).goes_on_from(at(20), at(81)), "longer than the log may tell of all of it");
        assert!(division(None).goes_on_from(at(20), at(30)) && !division(None).goes_on_from(at(20), at(31)));
    }
}
