//! Stops that a later version of the program states. This one cannot tell what they stop, nor what ends them, and promotes
//! nothing past them.

use std::hash::Hash;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::sanitize;
use crate::domain::record::journal::Entry;
use crate::domain::record::statements::Stated;

/// A statement that this version cannot read, and that says of itself that it keeps something out: `"keeps_out": true`, beside
/// `kind` and `env`. Every kind of statement that stops promotions says so, from the version on that reads this.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LaterStop {
    pub kind: String,
    pub env: EnvName,
    pub cluster: Option<ClusterIdentity>,
    pub who: Option<String>,
}

impl Stated for LaterStop {
    fn identity(&self) -> impl Hash + Eq {
        self
    }
}

impl LaterStop {
    /// Reads one from a value of the shared record; `None` for everything else. Of what it says only the environment has to be
    /// as it is here.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        if !matches!(serde_json::from_str(value), Ok(Entry::Later) | Err(_)) {
            return None;
        }
        let said: Value = serde_json::from_str(value).ok()?;
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        Some(Self {
            kind: text("kind").unwrap_or_else(|| "something".to_owned()),
            env: serde_json::from_value(said["env"].clone()).ok().filter(|_| said["keeps_out"] == true)?,
            cluster: serde_json::from_value(said["cluster"].clone()).ok(),
            who: text("who"),
        })
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
        // A kind that is known, in a form that is not.
        let text =
            r#"{"kind":"frozen","env":"prod","keeps_out":true,"who":{"name":"bob"},"cluster":7,"until":"14:00"}"#;
        assert_eq!(LaterStop::read(text).unwrap().kind, "frozen");
        for other in [
            r#"{"kind":"halted","env":"prod","keeps_out":false}"#,
            r#"{"kind":"halted","env":"prod"}"#,
            r#"{"kind":"note","env":"prod","who":"bob","text":"x","keeps_out":true}"#,
            r#"{"kind":"halted","keeps_out":true}"#,
            "",
        ] {
            assert_eq!(LaterStop::read(other), None, "{other}");
        }
    }
}
