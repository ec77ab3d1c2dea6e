//! wip
use color_eyre::eyre::Result;
pub(super) async fn run(_g: &crate::cli::args::Global, _d: &crate::cli::args::Demo) -> Result<crate::cli::Exit> {
    Ok(crate::cli::Exit::Error)
}
