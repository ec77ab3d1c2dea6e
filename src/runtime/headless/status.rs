//! wip
use crate::cli::Exit;
use crate::cli::args::Status;
use crate::runtime::session::Session;
use color_eyre::eyre::Result;
pub(super) async fn run(_session: &mut Session, _what: &Status) -> Result<Exit> {
    Ok(Exit::Error)
}
