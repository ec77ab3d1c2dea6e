//! flagd by git: a commit is pushed if nobody committed since the file was read, and the file is read back.

use futures::future::BoxFuture;

use super::{FlagPayload, FlagProvider, ReadyFlag};
use crate::domain::facts::changes::short;
use crate::domain::facts::flag::{FlagFacts, Turn};
use crate::executors::executor::SendError;
use crate::failpoints::failpoint;
use crate::platform::flags::flagd_file::FlagdFile;

impl FlagProvider for FlagdFile {
    fn look<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<Option<FlagFacts>, SendError>> {
        Box::pin(async move {
            let read = self.read().await.map_err(|error| super::classify(&error))?;
            Ok(read.flag(flag).as_ref().map(FlagFacts::from))
        })
    }

    fn prepare_off<'a>(&'a self, flag: &'a str) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        self.prepare(flag, Turn::Off)
    }

    fn prepare<'a>(&'a self, flag: &'a str, turn: Turn) -> BoxFuture<'a, Result<ReadyFlag, SendError>> {
        Box::pin(async move {
            let read = self.read().await.map_err(|error| super::classify(&error))?;
            let payload = match self.commit(&read, flag, turn).await {
                Ok(commit) => FlagPayload::FlagdFile(commit),
                Err(why) => FlagPayload::Impossible(why),
            };
            Ok(ReadyFlag { payload, seen: read.flag(flag).as_ref().map(FlagFacts::from).into() })
        })
    }

    fn turn<'a>(&'a self, _: &'a str, _: Turn, payload: &'a FlagPayload) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            match payload {
                FlagPayload::FlagdFile(Some(commit)) => {
                    failpoint(format_args!("flags.before-push"));
                    self.push(commit).await?;
                    failpoint(format_args!("flags.pushed"));
                    Ok(format!("in commit {}", short(commit.hash())))
                }
                FlagPayload::FlagdFile(None) => Ok("(nothing to commit)".to_owned()),
                _ => Err(SendError::Refused("not sent: no file was read".to_owned())),
            }
        })
    }
}
