//! `cockpit config check` and `cockpit config schema`.

use color_eyre::eyre::Result;

use super::{complain, print, print_raw, usage};
use crate::cli::Exit;
use crate::cli::args::{ConfigCommand, Global};
use crate::config::{Config, ConfigError, schema};
use crate::domain::facts::suggest::nearest;
use crate::domain::facts::text::plural;
use crate::platform::kubeconfig::Clusters;
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
                warn_of_contexts(&config, redactor);
                let environments = match config.environments.len() {
                    0 => "no environment is named, so the current context is watched".to_owned(),
                    count => plural(count, "environment"),
                };
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

/// Says which contexts the kubeconfig of this machine does not have. Another machine's may have them, so that is no error.
fn warn_of_contexts(config: &Config, redactor: &Redactor) {
    let Ok(kubeconfig) = Clusters::read(&Variables::of_process(), redactor) else { return };
    let known = kubeconfig.contexts();
    for env in &config.environments {
        let Some(context) = env.context.as_ref().filter(|context| !known.contains(context)) else { continue };
        let near = nearest(context, known.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        complain(redactor, &format!("{}: this machine's kubeconfig has no context `{context}`{near}", env.name()));
    }
}
