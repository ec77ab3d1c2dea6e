//! flagd: a `ConfigMap` is written if it is still the one that was read, and read back by a GET.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, ReadyFlag};
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::platform::flags::FlagError;
use crate::platform::flags::flagd::Flagd;

impl FlagProvider for Flagd {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let read = self.read().await.map_err(|error| classify(&error))?;
            Ok(read.flag(flag).as_ref().map(FlagFacts::from))
        })
    }

    fn prepare_off<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        self.prepare(flag, Turn::Off)
    }

    fn prepare<'a>(&'a self, flag: &'a str, turn: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move {
            let read = self.read().await.map_err(|error| classify(&error))?;
            let payload = match read.change(flag, turn) {
                Ok(change) => FlagPayload::Flagd(change),
                Err(why) => FlagPayload::Impossible(why),
            };
            Ok(ReadyFlag { payload, seen: read.flag(flag).as_ref().map(FlagFacts::from).into() })
        })
    }

    fn turn<'a>(&'a self, _: &'a str, _: Turn, payload: &'a FlagPayload) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            match payload {
                FlagPayload::Flagd(Some(change)) => {
                    let version = self.write(change).await.map_err(|error| classify(&error))?;
                    Ok(format!("at resourceVersion {version}"))
                }
                FlagPayload::Flagd(None) => Ok("(nothing to write)".to_owned()),
                _ => Err(SendError::Refused("not sent: no document was read".to_owned())),
            }
        })
    }
}

fn classify(error: &FlagError) -> SendError {
    match error {
        FlagError::Status(409, _) => SendError::Conflict,
        error => super::classify(error),
    }
}
