//! Which raw counters are asked for: those of the preset, or own ones.

use crate::config::query::{Placeholder, Query, QueryError};
use crate::config::{Preset, Prometheus};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;
use crate::sources::prometheus::presets;
use crate::sources::prometheus::queries::TRACKS;

/// One question about raw counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub track: Track,
    pub what: What,
    /// The selector, without a range.
    pub selector: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Requests, of which the labels tell the outcome as they do in a preset.
    Requests(Preset),
    /// Requests, whatever became of them.
    AllRequests,
    /// Failed requests, which are among all requests as well.
    Errors,
    /// Latencies; how many units make a second.
    Latency(u32),
    Up,
}

/// The questions of an environment, with their placeholders.
#[derive(Clone, Debug)]
pub struct CounterQueries {
    asked: Result<Vec<(Track, What, Query)>, &'static str>,
    /// The label that tells servers apart, besides the usual ones.
    pub replica_label: Option<String>,
}

/// Why nothing is counted where only own rates are configured: the preset's counters may be those of something else.
const OWN_RATES: &str =
    "no counts: own queries give rates only; set `requests` and `errors` under [prometheus.counters]";

/// Why users with a flag cannot be told from users without it.
const NO_LABELS: &str = "users cannot be told apart: a selector under [prometheus.counters] has no `{{labels}}`, where their labels \
                         would stand";

impl CounterQueries {
    /// Puts them together.
    ///
    /// # Errors
    /// None for the presets that there are: a test parses them all.
    pub fn new(settings: &Prometheus) -> Result<Self, QueryError> {
        let replica_label = settings.counters.replica_label.clone();
        let own_rates = [Signal::Rps, Signal::ErrorRatio].iter().any(|signal| settings.queries.contains_key(signal));
        let asked = match &settings.counters.own {
            Some(own) => {
                let each = |track| {
                    let latency = own.latency.iter().map(move |latency| (track, What::Latency(1), latency));
                    let counters = [(track, What::AllRequests, &own.requests), (track, What::Errors, &own.errors)];
                    counters.into_iter().chain(latency)
                };
                let own = TRACKS.into_iter().flat_map(each);
                Ok(own.map(|(track, what, selector)| (track, what, selector.query().clone())).collect())
            }
            None if own_rates => Err(OWN_RATES),
            None => Ok(of_preset(settings.preset)?),
        };
        Ok(Self { asked, replica_label })
    }

    /// Returns those that are about pods of which some users are answered with a flag and some without: both tracks are the
    /// same pods, and only labels tell them apart.
    #[must_use]
    pub fn of_users(&self) -> Self {
        let asked = self.asked.as_ref().map_err(|why| *why).and_then(|asked| {
            let of_stable: Vec<_> = asked.iter().filter(|(track, ..)| *track == Track::Stable).collect();
            let is_told =
                |(_, what, query): &&(Track, What, Query)| *what == What::Up || query.has(Placeholder::Labels);
            if !of_stable.iter().all(is_told) {
                return Err(NO_LABELS);
            }
            let both = |(_, what, query): &(Track, What, Query)| TRACKS.map(|track| (track, *what, query.clone()));
            Ok(of_stable.into_iter().flat_map(both).collect())
        });
        Self { asked, replica_label: self.replica_label.clone() }
    }

    /// Returns them, or why there are none.
    pub fn asked(&self) -> Result<&[(Track, What, Query)], &'static str> {
        self.asked.as_deref().map_err(|why| *why)
    }
}

fn of_preset(preset: Preset) -> Result<Vec<(Track, What, Query)>, QueryError> {
    let mut asked = Vec::new();
    for track in TRACKS {
        let raw = presets::raw(preset, track);
        let groups =
            [(What::Requests(preset), raw.requests), (What::Latency(raw.unit), raw.latency), (What::Up, raw.up)];
        for (what, selectors) in groups {
            for selector in selectors {
                asked.push((track, what, Query::parse(&selector)?));
            }
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OwnCounters, Selector};

    #[test]
    fn own_rates_without_own_counters_are_not_counted() {
        let mut settings = Prometheus::at("http://p".parse().unwrap());
        settings.queries.insert(Signal::P99, Query::parse("a").unwrap());
        assert!(CounterQueries::new(&settings).unwrap().asked().is_ok());
        settings.queries.insert(Signal::Rps, Query::parse("a").unwrap());
        let none = CounterQueries::new(&settings).unwrap();
        assert!(none.asked().unwrap_err().contains("[prometheus.counters]"));
        let requests = Selector::parse("hits{pod=~\"{{pods}}\"}").unwrap();
        let errors = Selector::parse_errors("code='500'", &requests).unwrap();
        settings.counters.own = Some(OwnCounters { requests, errors, latency: None });
        assert_eq!(CounterQueries::new(&settings).unwrap().asked().unwrap().len(), 4);
    }

    #[test]
    fn each_preset_asks_for_requests_and_latency_of_each_track() {
        for preset in Preset::ALL {
            let asked = of_preset(preset).unwrap();
            let count = |track, what| asked.iter().filter(|(of, is, _)| *of == track && *is == what).count();
            for track in TRACKS {
                assert!(count(track, What::Requests(preset)) > 0, "{preset:?}");
                assert!(asked.iter().any(|(of, what, _)| *of == track && matches!(what, What::Latency(_))));
            }
            assert!(asked.iter().all(|(_, _, query)| !query.to_string().contains(['(', '['])), "{preset:?}");
        }
    }
}
