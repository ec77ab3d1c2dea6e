//! A sentence with figures, written piece by piece: there are up to five after each scrape, and formatting them is most of
//! what a report takes.

use super::decimals::Decimals;

/// What most sentences fit into.
const SENTENCE_BYTES: usize = 96;

/// A sentence, from its beginning on.
pub(super) struct Sentence(String);

impl Sentence {
    pub fn new(words: &str) -> Self {
        Self(String::with_capacity(SENTENCE_BYTES)).words(words)
    }

    pub fn words(mut self, words: &str) -> Self {
        self.0.push_str(words);
        self
    }

    /// A share with two decimals: `0.31 %`.
    pub fn percent(self, share: f64) -> Self {
        self.decimals(share * 100.0, 2).words(" %")
    }

    pub fn decimals(mut self, value: f64, decimals: usize) -> Self {
        Decimals(value, decimals).push_to(&mut self.0);
        self
    }

    /// One decimal below ten, and never more digits than a person reads.
    pub fn figure(self, value: f64) -> Self {
        match value {
            ..9.95 => self.decimals(value, 1),
            ..1e6 => self.decimals(value, 0),
            _ => self.words("> 1,000,000"),
        }
    }

    /// A latency: `250 ms`, `2.5 s`.
    pub fn seconds(self, seconds: f64) -> Self {
        match seconds {
            ..1.0 => self.figure(seconds * 1000.0).words(" ms"),
            _ => self.figure(seconds).words(" s"),
        }
    }

    /// Seconds in words: `40 s`, `4 min`, `2.1 h`, `3 days`.
    pub fn time(self, seconds: f64) -> Self {
        match seconds {
            ..90.0 => self.decimals(seconds, 0).words(" s"),
            ..5400.0 => self.decimals(seconds / 60.0, 0).words(" min"),
            ..172_800.0 => self.decimals(seconds / 3600.0, 1).words(" h"),
            _ => self.decimals(seconds / 86_400.0, 0).words(" days"),
        }
    }

    /// Evidence, and the bar that it has to reach.
    pub fn evidence(self, evidence: f64, alpha: f64) -> Self {
        self.words("evidence ").figure(evidence).words(" (bar ").decimals(1.0 / alpha, 0).words(")")
    }

    pub fn end(self) -> String {
        self.0
    }
}
