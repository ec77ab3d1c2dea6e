//! Who is served: which share of the traffic goes to which revision now.
//!
//! With a router it is the weight that Argo Rollouts reports, checked against the router's own object where that can be
//! read; without one it is the share of ready pods.

use serde::{Deserialize, Serialize};

use crate::domain::facts::replicaset::ReplicaSet;

/// What a share is derived from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// The weights of a traffic router, by the controller's report.
    Weights,
    /// The weights in the router's own object, e.g. `Ingress web-web-canary`.
    Router(String),
    /// The selector of the active Service.
    ActiveService,
    ReadyPods,
}

impl Measure {
    /// Returns it in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Weights => "weights reported by the controller".to_owned(),
            Self::Router(object) => object.clone(),
            Self::ActiveService => "active Service".to_owned(),
            Self::ReadyPods => "ready pods".to_owned(),
        }
    }
}

/// Hash of what serves and is no revision of the workload.
pub const NO_REVISION: &str = "";

/// Which share goes to one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Template hash of the revision; [`NO_REVISION`] for pods that are none of its ReplicaSets'.
    pub hash: String,
    /// Its short version, e.g. `1.5.0`.
    pub version: String,
    /// The share of traffic, 0 to 1.
    pub share: f64,
    pub ready: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// What it is derived from.
    pub measure: Measure,
    /// The revisions that get traffic, the largest share first. Empty: no one is served.
    pub shares: Vec<Share>,
    /// What contradicts it, e.g. a router that has not followed yet; in words.
    pub doubt: Option<String>,
}

impl Serving {
    /// Makes it from parts of a whole.
    #[must_use]
    pub fn of(measure: Measure, parts: impl IntoIterator<Item = (Share, u64)>) -> Self {
        let parts: Vec<(Share, u64)> = parts.into_iter().filter(|(_, part)| *part > 0).collect();
        let whole: u64 = parts.iter().map(|(_, part)| part).sum();
        let share = |(share, part): (Share, u64)| Share { share: part as f64 / whole as f64, ..share };
        let mut shares: Vec<Share> = parts.into_iter().map(share).collect();
        shares.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| b.hash.cmp(&a.hash)));
        Self { measure, shares, doubt: None }
    }

    /// Returns the share of a revision, 0 to 1.
    #[must_use]
    pub fn share_of(&self, hash: &str) -> f64 {
        self.shares.iter().find(|share| share.hash == hash).map_or(0.0, |share| share.share)
    }

    /// Returns whether a revision serves everybody: nothing else gets traffic, it has a ready pod, and nothing
    /// contradicts it.
    #[must_use]
    pub fn is_all(&self, hash: &str) -> bool {
        match self.shares.as_slice() {
            [only] => only.hash == hash && only.ready > 0 && self.doubt.is_none(),
            _ => false,
        }
    }

    /// Returns whether a revision is the only one that gets traffic, as far as that is known.
    #[must_use]
    pub fn is_only(&self, hash: &str) -> bool {
        matches!(self.shares.as_slice(), [only] if only.hash == hash)
    }

    /// Returns the revisions that get traffic besides one, the largest share first.
    pub fn besides<'a>(&'a self, hash: &'a str) -> impl Iterator<Item = &'a Share> {
        self.shares.iter().filter(move |share| share.hash != hash)
    }

    /// Returns it in words: `75 % of 1.1.0, 25 % of 1.0.0`.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.shares.is_empty() {
            return "none: no pod is ready".to_owned();
        }
        let words: Vec<String> =
            self.shares.iter().map(|share| format!("{} of {}", percent(share.share), share.version)).collect();
        words.join(", ")
    }
}

/// Returns a share as a percentage that never rounds to all or nothing: `<1 %`, `75 %`, `>99 %`, `100 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    match (share * 100.0).round() {
        _ if share <= 0.0 => "0 %".to_owned(),
        _ if share >= 1.0 => "100 %".to_owned(),
        rounded if rounded < 1.0 => "<1 %".to_owned(),
        rounded if rounded > 99.0 => ">99 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

/// Returns who is served by the ready pods of ReplicaSets.
#[must_use]
pub fn by_ready_pods<'a>(replicasets: impl IntoIterator<Item = &'a ReplicaSet>) -> Vec<(Share, u64)> {
    replicasets.into_iter().map(|rs| (share(rs), u64::from(rs.ready))).collect()
}

/// Returns the share of a ReplicaSet, its size still open.
#[must_use]
pub fn share(rs: &ReplicaSet) -> Share {
    Share { hash: rs.hash.clone(), version: rs.version(), share: 0.0, ready: rs.ready }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(hash: &str, part: u64) -> (Share, u64) {
        (Share { hash: hash.to_owned(), version: hash.to_owned(), share: 0.0, ready: part.min(1) as u32 }, part)
    }

    #[test]
    fn shares_are_sorted_and_worded() {
        let serving = Serving::of(Measure::ReadyPods, [part("old", 1), part("new", 3), part("none", 0)]);
        assert_eq!(serving.describe(), "75 % of new, 25 % of old");
        assert_eq!(Serving::of(Measure::ReadyPods, [part("old", 0)]).describe(), "none: no pod is ready");
    }

    #[test]
    fn percentages_never_round_to_all_or_nothing() {
        assert_eq!([0.0, 0.001, 0.5, 0.999, 1.0].map(percent), ["0 %", "<1 %", "50 %", ">99 %", "100 %"]);
    }

    proptest! {
        #[test]
        fn everybody_is_served_by_one_revision_only(parts in proptest::collection::vec(0_u64..5, 0..4)) {
            let named = |(at, count): (usize, &u64)| part(&at.to_string(), *count);
            let serving = Serving::of(Measure::ReadyPods, parts.iter().enumerate().map(named));
            let total: f64 = serving.shares.iter().map(|share| share.share).sum();
            prop_assert!(serving.shares.is_empty() || (total - 1.0).abs() < 1e-9);
            for at in 0..parts.len() {
                let alone = parts[at] > 0 && parts.iter().enumerate().all(|(other, count)| other == at || *count == 0);
                prop_assert_eq!(serving.is_all(&at.to_string()), alone);
            }
        }
    }
}
