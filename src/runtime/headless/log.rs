//! wip
use color_eyre::eyre::Result;
pub(in crate::runtime) fn run(
    _c: &crate::config::Config,
    _v: &crate::config::paths::Variables,
    _w: &crate::cli::args::Log,
) -> Result<crate::cli::Exit> {
    Ok(crate::cli::Exit::Error)
}
