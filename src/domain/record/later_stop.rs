//! Stops that a later version of the program states. This one cannot tell what they stop, nor what ends them, and promotes
//! nothing past them.

use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::sanitize;
use crate::domain::record::journal::Entry;
use crate::domain::record::statements::Stated;

/// A statement of a kind that is not known here and says of itself that it keeps something out: `"keeps_out": true`, beside
/// `kind` and `env`. Every kind of statement that stops promotions says so, from the version on that reads this.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LaterStop {
    pub kind: String,
    pub env: EnvName,
    #[serde(default)]
    pub cluster: Option<ClusterIdentity>,
    #[serde(default)]
    pub who: Option<String>,
    #[serde(default)]
    pub at: Option<Timestamp>,
    pub(super) keeps_out: bool,
}

impl Stated for LaterStop {
    fn identity(&self) -> impl Hash + Eq {
        self
    }
}

impl LaterStop {
    /// Reads one from a value of the shared record; `None` for everything else.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        matches!(serde_json::from_str(value), Ok(Entry::Later)).then_some(())?;
        serde_json::from_str(value).ok().filter(|stop: &Self| stop.keeps_out)
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let who = sanitize(self.who.as_deref().unwrap_or("somebody"));
        let kind = sanitize(&self.kind);
        format!("{who} stated `{kind}` for {}, which this version of cockpit does not know", self.env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unknown_and_keeps_something_out_is_one() {
        let text =
            r#"{"kind":"halted","env":"prod","keeps_out":true,"who":"bob","at":"2026-11-30T12:00:00Z","by":{"x":1}}"#;
        let stop = LaterStop::read(text).unwrap();
        assert_eq!(stop.sentence(), "bob stated `halted` for prod, which this version of cockpit does not know");
        for other in [
            r#"{"kind":"halted","env":"prod","keeps_out":false}"#,
            r#"{"kind":"halted","env":"prod"}"#,
            r#"{"kind":"note","env":"prod","who":"bob","text":"x","keeps_out":true}"#,
            "",
        ] {
            assert_eq!(LaterStop::read(other), None, "{other}");
        }
    }
}
