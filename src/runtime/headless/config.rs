//! `cockpit config check` and `cockpit config schema`.

use color_eyre::eyre::Result;

use super::{print, print_raw, usage};
use crate::cli::Exit;
use crate::cli::args::{ConfigCommand, Global};
use crate::config::{Config, ConfigError, schema};
use crate::domain::facts::text::plural;
use crate::platform::{Redactor, Variables};

/// Runs `check` or `schema`.
pub(in crate::runtime) fn run(global: &Global, what: &ConfigCommand, redactor: &Redactor) -> Result<Exit> {
    match what {
        ConfigCommand::Schema => {
            print_raw(schema::text().as_bytes())?;
            Ok(Exit::Done)
        }
        ConfigCommand::Check => match Config::load(&global.flags(), &Variables::of_process()) {
            Ok(config) => {
                super::warn_of_distrust(&config, redactor);
                let (problems, path) = (config.record.problems(), config.origin.as_ref().map(|origin| &origin.path));
                if let Some(path) = path.filter(|_| !problems.is_empty()) {
                    return Ok(usage(redactor, &ConfigError::Invalid { path: path.clone(), problems }));
                }
                let environments = plural(config.environments.len(), "environment");
                print(&match &config.origin {
                    Some(origin) => format!("{}: {environments}, no errors\n", origin.path.display()),
                    None => "no config file: workloads of the current context are watched; `cockpit init` writes one\n"
                        .to_owned(),
                })?;
                Ok(Exit::Done)
            }
            Err(error) => Ok(usage(redactor, &error)),
        },
    }
}
