//! Commands of the user's own: `off` and `on` are run once, and what came of it is what `list` says.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, classify};
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::platform::flags::command::FlagCommands;

impl FlagProvider for FlagCommands {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let flags = self.list().await.map_err(|error| classify(&error))?;
            Ok(flags.iter().find(|listed| listed.name == flag).map(FlagFacts::from))
        })
    }

    fn turn<'a>(&'a self, flag: &'a str, turn: Turn, _: &'a FlagPayload) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            self.turn(flag, turn).await.map_err(|error| classify(&error))?;
            Ok("(exit code 0)".to_owned())
        })
    }
}
