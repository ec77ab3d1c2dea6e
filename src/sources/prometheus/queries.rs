//! The queries of an environment: those of a preset, with own ones in their place.

use std::collections::BTreeMap;

use super::presets::Preset;
use super::template::{Template, TemplateError};
use crate::domain::ids::Track;
use crate::domain::signals::Signal;

/// What an empty answer to the question for errors means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// No data.
    NoData,
    /// No errors, if the same pods were seen to get requests at the same time; no data otherwise.
    ZeroWithTraffic,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to ask.
    pub template: Template,
    /// What silence means.
    pub empty: Empty,
}

/// The questions by track and signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    signals: BTreeMap<(Track, Signal), Question>,
    ages: BTreeMap<Track, Template>,
}

/// Both tracks.
pub const TRACKS: [Track; 2] = [Track::Stable, Track::Canary];

impl Queries {
    /// The queries of a preset. They fill in zero errors themselves, where they have proof of traffic.
    ///
    /// # Errors
    /// None for the presets that there are: a test parses them all.
    pub fn preset(preset: Preset) -> Result<Self, TemplateError> {
        let mut queries = Self::default();
        for track in TRACKS {
            for signal in Signal::ALL {
                let template = Template::parse(&preset.promql(track, signal))?;
                queries.signals.insert((track, signal), Question { template, empty: Empty::NoData });
            }
            queries.ages.insert(track, Template::parse(&preset.age(track))?);
        }
        Ok(queries)
    }

    /// Puts an own query in place, for one track or (with `None`) for both.
    ///
    /// A query must give one number: requests per second, a ratio from 0 to 1, seconds, cores. An own error ratio that
    /// is empty counts as zero while the same track's request rate is above zero: people write
    /// `sum(rate(errors)) / sum(rate(all))`, which is empty until the first error.
    pub fn replace(&mut self, signal: Signal, track: Option<Track>, promql: &str) -> Result<(), TemplateError> {
        let template = Template::parse(promql)?;
        let empty = if signal == Signal::ErrorRatio { Empty::ZeroWithTraffic } else { Empty::NoData };
        for track in TRACKS.into_iter().filter(|t| track.is_none_or(|only| only == *t)) {
            self.signals.insert((track, signal), Question { template: template.clone(), empty });
        }
        Ok(())
    }

    /// Puts an own query for the age of the newest sample (seconds) in place.
    pub fn replace_age(&mut self, promql: &str) -> Result<(), TemplateError> {
        let template = Template::parse(promql)?;
        self.ages = TRACKS.into_iter().map(|track| (track, template.clone())).collect();
        Ok(())
    }

    /// The question for a signal.
    #[must_use]
    pub fn signal(&self, track: Track, signal: Signal) -> Option<&Question> {
        self.signals.get(&(track, signal))
    }

    /// The question for the age of the newest sample.
    #[must_use]
    pub fn age(&self, track: Track) -> Option<&Template> {
        self.ages.get(&track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_every_signal_of_every_track() {
        for preset in Preset::ALL {
            let queries = Queries::preset(preset).unwrap();
            for track in TRACKS {
                for signal in Signal::ALL {
                    let question = queries.signal(track, signal).unwrap();
                    // A fill with zero that needs no traffic would make silence look well.
                    assert!(!question.template.to_string().contains("vector(0)"), "{}", preset.name());
                    assert_eq!(question.empty, Empty::NoData);
                }
                assert!(queries.age(track).is_some());
            }
        }
    }

    #[test]
    fn an_own_query_takes_the_place_of_the_presets() {
        let mut queries = Queries::preset(Preset::Plain).unwrap();
        queries.replace(Signal::ErrorRatio, Some(Track::Canary), "a / b").unwrap();
        let text = |track| queries.signal(track, Signal::ErrorRatio).unwrap().template.to_string();
        assert_eq!(text(Track::Canary), "a / b");
        assert!(text(Track::Stable).contains("http_requests_total"));
        let error = queries.replace(Signal::Rps, None, "a{b='{{c}}'}").unwrap_err();
        assert_eq!(error, TemplateError::Unknown("c".to_owned()));
    }
}
