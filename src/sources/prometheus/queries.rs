//! The questions of an environment: those of its preset, with own queries in their place.

use std::collections::BTreeMap;

use super::counts::selectors::{Counted, CounterQueries, What};
use super::presets;
use crate::config::Prometheus;
use crate::config::query::{Placeholder, Query, QueryError};
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::ids::{Track, WorkloadId};
use crate::domain::facts::signals::{Signal, Tracks};

/// Longest name that Kubernetes appends five characters to, in bytes; it cuts what is longer (`MaxGeneratedNameLength` of its
/// `pkg/storage/names/generate.go`).
const MAX_GENERATED_BASE: usize = 58;
/// How much of a ReplicaSet's hash tells it apart from the others of its workload.
const MIN_HASH_CHARS: usize = 5;

pub const TRACKS: [Track; 2] = [Track::Stable, Track::Canary];

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A signal of a track.
    Signal(Track, Signal),
    /// The age of a track's newest sample, in seconds.
    Age(Track),
}

/// The queries of an environment.
#[derive(Clone, Debug)]
pub struct Queries {
    namespace: String,
    /// In seconds.
    window: i64,
    labels: String,
    asked: BTreeMap<About, Query>,
    own: Vec<Signal>,
    counters: CounterQueries,
    /// How counters of users with a flag and of users without it are told apart, where those are compared.
    users: Option<UserLabels>,
}

/// Matchers of the counters of users with a flag, and of users without it.
#[derive(Clone, Debug)]
struct UserLabels {
    with: String,
    without: String,
}

impl Queries {
    /// Puts the queries of an environment together.
    ///
    /// # Errors
    /// None for the presets that there are: a test parses them all.
    pub fn new(settings: &Prometheus, namespace: &str) -> Result<Self, QueryError> {
        let mut asked = BTreeMap::new();
        for track in TRACKS {
            for signal in Signal::ALL {
                let query = match settings.queries.get(&signal) {
                    Some(own) => own.clone(),
                    None => Query::parse(&presets::signal(settings.preset, track, signal))?,
                };
                asked.insert(About::Signal(track, signal), query);
            }
            asked.insert(About::Age(track), Query::parse(&presets::age(settings.preset, track))?);
        }
        Ok(Self {
            namespace: name(namespace),
            window: settings.window.as_secs().max(1),
            labels: matchers(&settings.labels),
            asked,
            own: settings.queries.keys().copied().collect(),
            counters: CounterQueries::new(settings)?,
            users: None,
        })
    }

    /// Returns the questions that compare users with a flag and users without it, who are both answered by the same pods: the
    /// former stand for the canary, the latter for stable.
    #[must_use]
    pub fn of_users(&self, rollout: &FlagRollout) -> Self {
        let users = UserLabels { with: matchers(&rollout.with), without: matchers(&rollout.without) };
        Self { counters: self.counters.of_users(), users: Some(users), ..self.clone() }
    }

    /// Returns how old the newest sample may be, in seconds: three quarters of the window, for with less than a quarter
    /// left a rate says little of now; and one and a half of the usual longest scrape interval of 30 s.
    #[must_use]
    pub fn stale_after(&self) -> f64 {
        (self.window as f64 * 0.75).max(45.0)
    }

    /// Returns whether the query for a signal is an own one.
    #[must_use]
    pub fn is_own(&self, signal: Signal) -> bool {
        self.own.contains(&signal)
    }

    /// Returns whether an empty answer is zero while there is traffic. So it is for an own error ratio: people write
    /// `sum(rate(errors)) / sum(rate(all))`, which is empty until the first error. The presets fill in zeros
    /// themselves; what they leave empty is unknown.
    #[must_use]
    pub fn is_zero_if_empty(&self, signal: Signal) -> bool {
        signal == Signal::ErrorRatio && self.is_own(signal)
    }

    /// Returns the questions about a workload's tracks, filled in.
    #[must_use]
    pub fn about(&self, workload: &WorkloadId, tracks: &Tracks) -> Vec<(About, String)> {
        let asked = self.asked.iter().filter_map(|(about, query)| {
            let (About::Signal(track, _) | About::Age(track)) = about;
            let pods = pods_of(replicaset(tracks, *track)?);
            Some((*about, self.fill(query, &name(&workload.name), &pods, &self.labels)))
        });
        asked.collect()
    }

    /// Returns the questions about the raw counters of a workload's tracks, filled in.
    ///
    /// # Errors
    /// Why there are none.
    pub fn counters(&self, workload: &WorkloadId, tracks: &Tracks) -> Result<Vec<Counted>, &'static str> {
        let asked = self.counters.asked()?.iter().filter_map(|(track, what, query)| {
            let pods = pods_of(replicaset(tracks, *track)?);
            let labels = self.labels_of(*track, *what);
            let selector = self.fill(query, &name(&workload.name), &pods, &labels);
            Some(Counted { track: *track, what: *what, selector })
        });
        Ok(asked.collect())
    }

    /// Returns the label that tells servers apart, besides the usual ones.
    #[must_use]
    pub fn replica_label(&self) -> Option<&str> {
        self.counters.replica_label.as_deref()
    }

    /// The matchers of a track's counters. Whether a pod is scraped has nothing to do with who is answered.
    fn labels_of(&self, track: Track, what: What) -> String {
        let of_users = self.users.as_ref().filter(|_| what != What::Up).map(|users| match track {
            Track::Canary => users.with.as_str(),
            Track::Stable => users.without.as_str(),
        });
        let all = [Some(self.labels.as_str()), of_users].into_iter().flatten().filter(|labels| !labels.is_empty());
        all.collect::<Vec<_>>().join(",")
    }

    fn fill(&self, query: &Query, workload: &str, pods: &str, labels: &str) -> String {
        /// Stands for no labels until the comma beside it is gone: PromQL takes no comma at the front, nor two in a row.
        const NOTHING: char = '\0';
        let filled = query.fill(|placeholder| match placeholder {
            Placeholder::Namespace => self.namespace.clone(),
            Placeholder::Workload => workload.to_owned(),
            Placeholder::Pods => pods.to_owned(),
            Placeholder::Window => format!("{}s", self.window),
            Placeholder::Labels if labels.is_empty() => NOTHING.to_string(),
            Placeholder::Labels => labels.to_owned(),
        });
        let mut parts = filled.split(NOTHING);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |out, part| out + part.trim_start().strip_prefix(',').unwrap_or(part))
    }
}

/// Returns the name of the ReplicaSet of a track.
#[must_use]
pub fn replicaset(tracks: &Tracks, track: Track) -> Option<&str> {
    match track {
        Track::Stable => tracks.stable.as_deref(),
        Track::Canary => tracks.canary.as_deref(),
    }
}

/// Keeps of a name what Kubernetes allows in names, so that it stays within its quotes.
fn name(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')).collect()
}

/// The regular expression for the pods of a ReplicaSet: its name, a dash and a few characters without a dash. With `.*`
/// it would match the pods of `web-5d-x` as well as those of `web-5d`. A dot is written as `[.]`: a backslash means
/// something else in each kind of quotes.
fn pods_of(replicaset: &str) -> String {
    let name = name(replicaset);
    let hash_at = name.rfind('-').map_or(0, |dash| dash + 1);
    let regex = |base: &str, rest: &str| format!("{}{rest}", base.replace('.', "[.]"));
    match name.get(..MAX_GENERATED_BASE) {
        // Where less of the hash is left, nothing tells the pods of two revisions apart: none are found.
        Some(cut) if hash_at + MIN_HASH_CHARS <= cut.len() => regex(cut, "[^-]{5}"),
        _ => regex(&name, "-[^-]+"),
    }
}

/// Writes labels as matchers of PromQL.
fn matchers(labels: &BTreeMap<String, String>) -> String {
    let matcher = |(name, value): (&String, &String)| format!("{name}=\"{}\"", in_quotes(value));
    labels.iter().map(matcher).collect::<Vec<_>>().join(",")
}

/// A text for within the double quotes of PromQL.
fn in_quotes(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::config::{OwnCounters, Preset, Selector};
    use crate::domain::facts::ids::WorkloadKind;

    fn settings() -> Prometheus {
        Prometheus::at("http://p".parse().unwrap())
    }

    fn tracks() -> Tracks {
        Tracks { stable: Some("web.v1-5d".to_owned()), canary: None }
    }

    /// What is asked for the stable track's request rate, with this own query.
    fn asked(query: &str, labels: &[(&str, &str)]) -> String {
        let mut settings = settings();
        settings.window = SignedDuration::from_secs(90);
        settings.queries.insert(Signal::Rps, Query::parse(query).unwrap());
        settings.labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let queries = Queries::new(&settings, "shop").unwrap();
        let workload = WorkloadId::new(WorkloadKind::Rollout, "web.v1");
        let about = About::Signal(Track::Stable, Signal::Rps);
        queries.about(&workload, &tracks()).into_iter().find(|(a, _)| *a == about).unwrap().1
    }

    #[test]
    fn placeholders_keep_promql_valid() {
        let cases = [
            (r#"a{n="{{namespace}}",w="{{workload}}"}"#, r#"a{n="shop",w="web.v1"}"#),
            (r#"a{p=~"{{pods}}"}[{{window}}]"#, r#"a{p=~"web[.]v1-5d-[^-]+"}[90s]"#),
            ("a{{{labels}}}", "a{}"),
            ("a{{{labels}},b='c'}", "a{b='c'}"),
            ("a{b='c',{{labels}}}", "a{b='c',}"),
            ("a{b='c',{{labels}} , d='e'} + a{{{labels}}}", "a{b='c', d='e'} + a{}"),
        ];
        for (query, expected) in cases {
            assert_eq!(asked(query, &[]), expected, "{query}");
        }
        let labels = [("x", "y\"\\"), ("z", "1\n")];
        assert_eq!(asked("a{b='c',{{labels}}}", &labels), r#"a{b='c',x="y\"\\",z="1\n"}"#);
        assert_eq!(name("a\"} or vector(0)"), "aorvector0");
    }

    #[test]
    fn pods_of_a_replicaset_with_a_long_name_are_found_by_what_kubernetes_leaves_of_it() {
        let long = |chars: usize| format!("{}-7d9c8b6f5d", "a".repeat(chars));
        assert_eq!(pods_of(&long(46)), format!("{}-[^-]+", long(46)), "57 characters, and the dash is the 58th");
        assert_eq!(pods_of(&long(47)), format!("{}[^-]{{5}}", long(47)));
        assert_eq!(pods_of(&long(52)), format!("{}-7d9c8[^-]{{5}}", "a".repeat(52)));
        assert_eq!(pods_of(&long(53)), format!("{}-[^-]+", long(53)), "nothing tells two revisions apart");
    }

    /// The counters that are asked for about users with a flag and without it.
    fn of_users(settings: &Prometheus) -> Result<Vec<Counted>, &'static str> {
        let labels = |value: &str| BTreeMap::from([("variant".to_owned(), value.to_owned())]);
        let rollout = FlagRollout {
            flag: "checkout".to_owned(),
            steps: Vec::new(),
            wait: SignedDuration::ZERO,
            workload: None,
            with: labels("on"),
            without: labels(""),
        };
        let both = Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-5d".to_owned()) };
        let workload = WorkloadId::new(WorkloadKind::Rollout, "web");
        Queries::new(settings, "shop").unwrap().of_users(&rollout).counters(&workload, &both)
    }

    #[test]
    fn users_with_a_flag_and_without_it_are_counted_on_the_same_pods() {
        for preset in Preset::ALL {
            let mut settings = Prometheus { preset, ..settings() };
            settings.labels.insert("cluster".to_owned(), "eu".to_owned());
            let asked = of_users(&settings).unwrap();
            let of = |track| asked.iter().filter(move |counted| counted.track == track);
            assert!(asked.iter().any(|counted| matches!(counted.what, What::Requests(_))), "{preset:?}");
            for (stable, canary) in of(Track::Stable).zip(of(Track::Canary)) {
                if stable.what == What::Up {
                    assert_eq!(stable.selector, canary.selector);
                    continue;
                }
                assert!(canary.selector.contains(r#"cluster="eu",variant="on"}"#), "{}", canary.selector);
                let other = canary.selector.replace(r#"variant="on""#, "variant=\"\"");
                assert_eq!(stable.selector, other, "the same pods, and the same requests");
            }
        }
    }

    #[test]
    fn own_counters_without_labels_cannot_tell_users_apart() {
        let counters = |requests: &str| {
            let requests = Selector::parse(requests).unwrap();
            let errors = Selector::parse_errors("code='500'", &requests).unwrap();
            let mut settings = settings();
            settings.counters.own = Some(OwnCounters { requests, errors, latency: None });
            of_users(&settings)
        };
        assert!(counters("hits{pod=~\"{{pods}}\",{{labels}}}").is_ok());
        assert!(counters("hits{pod=~\"{{pods}}\"}").unwrap_err().contains("{{labels}}"));
    }

    #[test]
    fn every_preset_asks_for_every_signal_of_the_tracks_there_are() {
        for preset in Preset::ALL {
            let queries = Queries::new(&Prometheus { preset, ..settings() }, "shop").unwrap();
            let workload = WorkloadId::new(WorkloadKind::Rollout, "web");
            let both = Tracks { canary: Some("web-7f".to_owned()), ..tracks() };
            let asked = queries.about(&workload, &both);
            assert_eq!(asked.len(), 14);
            // A fill with zero that needs no traffic would make silence look well.
            assert!(asked.iter().all(|(_, promql)| !promql.contains("vector(") && !promql.contains("{{")));
            assert_eq!(queries.about(&workload, &tracks()).len(), 7);
            assert!(!queries.is_zero_if_empty(Signal::ErrorRatio));
        }
    }
}
