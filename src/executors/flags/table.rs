//! A table of the user's own: a flag is turned in one transaction, on and to a share only while its row is the one that was seen.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, ReadyFlag, classify};
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::platform::flags::table::{FlagTable, NotTurned};

impl FlagProvider for FlagTable {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let read = self.read(flag).await.map_err(|error| classify(&error))?;
            Ok(read.map(|read| FlagFacts::from(&read.flag)))
        })
    }

    fn prepare<'a>(&'a self, flag: &'a str, _: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move {
            let read = self.read(flag).await.map_err(|error| classify(&error))?;
            let seen = read.as_ref().map(|read| FlagFacts::from(&read.flag)).into();
            let payload = read.map_or(FlagPayload::AsAsked, |read| FlagPayload::Row(read.row));
            Ok(ReadyFlag { payload, seen })
        })
    }

    fn turn<'a>(
        &'a self,
        flag: &'a str,
        turn: Turn,
        payload: &'a FlagPayload,
    ) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let seen = match (turn, payload) {
                (Turn::Off, _) => None,
                (Turn::On | Turn::Share(_), FlagPayload::Row(row)) => Some(row.clone()),
                (Turn::On | Turn::Share(_), _) => {
                    return Err(SendError::Refused("not sent: the flag was not read".to_owned()));
                }
            };
            let rows = self.turn(flag, turn, seen).await.map_err(|error| match &error {
                // Off is not looked at again: its list need not be readable.
                NotTurned::Moved(_) if turn != Turn::Off => SendError::Conflict,
                NotTurned::Refused(_) | NotTurned::Moved(_) => SendError::Refused(error.to_string()),
                NotTurned::Unknown(_) => SendError::Unknown(error.to_string()),
            })?;
            Ok(match rows {
                1 => "(1 row changed)".to_owned(),
                rows => format!("({rows} rows changed)"),
            })
        })
    }
}
