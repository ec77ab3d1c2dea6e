//! Unleash: `POST .../environments/ENV/off` and `on`, read back by a GET.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider};
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::platform::flags::FlagError;
use crate::platform::flags::unleash::Unleash;

impl FlagProvider for Unleash {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let found = self.flag(flag).await.map_err(|error| classify(&error))?;
            Ok(found.as_ref().map(FlagFacts::from))
        })
    }

    fn turn<'a>(&'a self, flag: &'a str, turn: Turn, _: &'a FlagPayload) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            self.turn(flag, turn.as_str()).await.map_err(|error| classify(&error))?;
            Ok("(Unleash counts no versions)".to_owned())
        })
    }
}

/// A conflict is a no as well: Unleash answers so where a change request is asked for, and that is followed.
fn classify(error: &FlagError) -> SendError {
    match super::classify(error) {
        SendError::Refused(words) if words.to_lowercase().contains("change request") => {
            SendError::Refused(format!("{words}; make one in Unleash"))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_request_is_followed_and_a_server_error_is_unknown() {
        let status = |status, words: &str| classify(&FlagError::Status(status, words.to_owned()));
        let refused = |error| matches!(error, SendError::Refused(words) if words.contains("make one in Unleash"));
        assert!(refused(status(403, "Change requests are enabled in production")));
        assert!(refused(status(409, "This change needs a change request")));
        assert_eq!(status(429, "too many requests"), SendError::Refused("429: too many requests".to_owned()));
        assert_eq!(status(503, "Unavailable"), SendError::Unknown("503: Unavailable".to_owned()));
        assert!(matches!(classify(&FlagError::NotSent("refused".to_owned())), SendError::Refused(_)));
        assert!(matches!(classify(&FlagError::NoAnswer("no answer".to_owned())), SendError::Unknown(_)));
    }
}
