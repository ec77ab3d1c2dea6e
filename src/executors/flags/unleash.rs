//! Unleash: `POST .../environments/ENV/off` and `on`, and the share of a gradual rollout; read back by a GET.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, ReadyFlag};
use crate::domain::facts::flag::unleash::GradualRollout;
use crate::domain::facts::flag::{FlagFacts, Share, Turn};
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

    fn prepare<'a>(&'a self, flag: &'a str, turn: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move {
            let read = self.read(flag).await.map_err(|error| classify(&error))?;
            let payload = match read.as_ref().map(|read| &read.rollout) {
                Some(Ok(rollout)) if turn != Turn::On => FlagPayload::Unleash(rollout.clone()),
                Some(Err(why)) if turn != Turn::On => FlagPayload::Impossible(why.clone()),
                _ => FlagPayload::AsAsked,
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
            match (turn, payload) {
                (Turn::Off, _) => self.turn(flag, "off").await.map_err(|error| classify(&error))?,
                (Turn::On, _) => self.turn(flag, "on").await.map_err(|error| classify(&error))?,
                (Turn::Share(share), FlagPayload::Unleash(rollout)) => give(self, flag, rollout, share).await?,
                (Turn::Share(_), _) => return Err(SendError::Refused("not sent: the flag was not read".to_owned())),
            }
            Ok("(Unleash counts no versions)".to_owned())
        })
    }
}

/// Sets the share first, and only then turns the flag on: in between nobody gets it whom the share does not let in. It is read
/// again before, for whoever else changes its strategies meanwhile may let everybody in.
async fn give(client: &Unleash, flag: &str, rollout: &GradualRollout, share: Share) -> Result<(), SendError> {
    let set = match &rollout.strategy {
        Some(strategy) => client.set_share(flag, strategy, share).await,
        None => client.add_share(flag, share).await,
    };
    set.map_err(|error| classify(&error))?;
    if rollout.is_on {
        return Ok(());
    }
    let not_on = |why: String| format!("its strategy says {share} now, and it was not turned on: {why}");
    let read = client.read(flag).await.map_err(|error| SendError::Refused(not_on(error.to_string())))?;
    if !read.is_some_and(|read| read.rollout.is_ok_and(|rollout| rollout.waits_with(share))) {
        return Err(SendError::Refused(not_on("somebody else changed it meanwhile".to_owned())));
    }
    client.turn(flag, "on").await.map_err(|error| match classify(&error) {
        SendError::Refused(why) => SendError::Refused(not_on(why)),
        SendError::Unknown(why) => {
            SendError::Unknown(format!("its strategy says {share} now; whether it was turned on is not known: {why}"))
        }
        SendError::Conflict => SendError::Refused(not_on("somebody else changed it meanwhile".to_owned())),
    })
}

/// How Unleash answers where the share is another by now: with 500, and nothing written.
const SHARE_MOVED: &str = "Test operation failed";

/// A conflict is a no as well: Unleash answers so where a change request is asked for, and that is followed.
fn classify(error: &FlagError) -> SendError {
    if matches!(error, FlagError::Status(500, words) if words.starts_with(SHARE_MOVED)) {
        return SendError::Conflict;
    }
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
        let moved = "Test operation failed\nname: TEST_OPERATION_FAILED\nindex: 0\noperation: {";
        assert_eq!(status(500, moved), SendError::Conflict);
        assert!(matches!(status(500, "something else"), SendError::Unknown(_)));
        assert!(matches!(classify(&FlagError::NotSent("refused".to_owned())), SendError::Refused(_)));
        assert!(matches!(classify(&FlagError::NoAnswer("no answer".to_owned())), SendError::Unknown(_)));
    }
}
