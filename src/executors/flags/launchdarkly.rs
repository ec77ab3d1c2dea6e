//! LaunchDarkly: off is a semantic patch, everything else a JSON patch that holds only for what was read; all are read back by a
//! GET.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, ReadyFlag};
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::platform::flags::FlagError;
use crate::platform::flags::launchdarkly::LaunchDarkly;

impl FlagProvider for LaunchDarkly {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let read = self.read(flag).await.map_err(|error| classify(&error))?;
            Ok(read.map(|read| FlagFacts::from(&read.flag)))
        })
    }

    fn prepare<'a>(&'a self, flag: &'a str, turn: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move {
            let read = self.read(flag).await.map_err(|error| classify(&error))?;
            let payload = match read.as_ref().map(|read| self.changes(read, turn)) {
                Some(Ok(changes)) => FlagPayload::LaunchDarkly(changes),
                Some(Err(why)) => FlagPayload::Impossible(why),
                None => FlagPayload::AsAsked,
            };
            Ok(ReadyFlag { payload, seen: read.map(|read| FlagFacts::from(&read.flag)).into() })
        })
    }

    fn turn<'a>(
        &'a self,
        flag: &'a str,
        turn: Turn,
        payload: &'a FlagPayload,
    ) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let sent = match (turn, payload) {
                (Turn::Off, _) => self.turn_off(flag).await,
                (_, FlagPayload::LaunchDarkly(changes)) => self.change(flag, changes).await,
                (Turn::On | Turn::Share(_), _) => {
                    return Err(SendError::Refused("not sent: the flag was not read".to_owned()));
                }
            };
            sent.map_err(|error| classify(&error))?;
            Ok("(taken by LaunchDarkly)".to_owned())
        })
    }
}

/// Nothing was written where it conflicts with another request: that is looked at, and sent again. Where an approval is asked
/// for, that is followed.
fn classify(error: &FlagError) -> SendError {
    match (error, super::classify(error)) {
        (FlagError::Status(409, _), _) => SendError::Conflict,
        (FlagError::Status(405, _), SendError::Refused(words)) => {
            SendError::Refused(format!("{words}; ask for approval in LaunchDarkly"))
        }
        (_, other) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_followed_and_a_conflict_is_looked_at() {
        let status = |status, words: &str| classify(&FlagError::Status(status, words.to_owned()));
        let asked = status(405, "this environment requires approval");
        assert!(matches!(asked, SendError::Refused(words) if words.ends_with("ask for approval in LaunchDarkly")));
        assert_eq!(status(409, "optimistic lock"), SendError::Conflict);
        for no in [400, 401, 403, 404, 422, 429] {
            assert!(matches!(status(no, "no"), SendError::Refused(_)), "{no}");
        }
        for unknown in [408, 500, 502, 503, 504] {
            assert!(matches!(status(unknown, "?"), SendError::Unknown(_)), "{unknown}");
        }
        assert!(matches!(classify(&FlagError::NotSent("no route".to_owned())), SendError::Refused(_)));
        assert!(matches!(classify(&FlagError::NoAnswer("no answer".to_owned())), SendError::Unknown(_)));
    }
}
