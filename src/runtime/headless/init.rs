//! `cockpit init`: a commented config from what the cluster runs.

use std::io::Write as _;
use std::path::Path;

use color_eyre::eyre::{Result, WrapErr};
use sha2::{Digest as _, Sha256};

use super::{complain, log_in, print, usage};
use crate::cli::Exit;
use crate::cli::args::Init;
use crate::config::Config;
use crate::config::init::{DiscoveredContext, text};
use crate::domain::record::journal::hex;
use crate::platform::kubeconfig::Clusters;
use crate::platform::trust::TrustStore;
use crate::platform::{Redactor, Variables};
use crate::sources::kubernetes::{ReadClient, discover};

/// Looks at every environment and writes what it found.
pub(super) async fn run(mut config: Config, variables: &Variables, redactor: &Redactor, what: &Init) -> Result<Exit> {
    let to_stdout = what.file == Path::new("-");
    if !to_stdout && what.file.exists() {
        complain(
            redactor,
            &format!("{} is there already and is not overwritten: name another file, or `-`", what.file.display()),
        );
        return Ok(Exit::Usage);
    }
    let clusters = match Clusters::read(variables, redactor) {
        Ok(clusters) => clusters,
        Err(error) => return Ok(usage(redactor, &error)),
    };
    if config.environments.is_empty() {
        match clusters.current() {
            Ok(context) => config.assume(&context),
            Err(error) => return Ok(usage(redactor, &error)),
        }
    }
    let mut found = Vec::new();
    for env in &config.environments {
        let cluster = match clusters.load(env.context.as_deref()).await {
            Ok(cluster) => cluster,
            Err(error) => return Ok(usage(redactor, &error)),
        };
        let namespace = env.namespace.clone().unwrap_or_else(|| cluster.namespace.clone());
        let client =
            ReadClient::of(&cluster, redactor).wrap_err_with(|| format!("no client for {}", cluster.server))?;
        log_in(&cluster, redactor).await;
        match discover::workloads(&client, &namespace).await {
            Ok(workloads) => found.push(DiscoveredContext { context: cluster.context, namespace, workloads }),
            Err(why) => {
                complain(redactor, &format!("{} ({}): {why}", cluster.context, cluster.server));
                return Ok(Exit::Error);
            }
        }
    }
    for empty in found.iter().filter(|found| found.workloads.is_empty()) {
        complain(
            redactor,
            &format!("no Rollout and no Deployment in namespace {} of {}", empty.namespace, empty.context),
        );
    }
    let prometheus =
        config.environments.iter().find_map(|env| env.prometheus.as_ref()).map(|prometheus| &prometheus.url);
    let written = text(&found, prometheus);
    if to_stdout {
        print(&written)?;
        return Ok(Exit::Done);
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&what.file)
        .and_then(|mut file| file.write_all(written.as_bytes()))
        .wrap_err_with(|| format!("cannot write {}", what.file.display()))?;
    trust(&what.file, &written, variables, redactor);
    complain(redactor, &format!("{} written: review it, then run `cockpit`", what.file.display()));
    Ok(Exit::Done)
}

/// What was made here is trusted until somebody changes it.
fn trust(file: &Path, text: &str, variables: &Variables, redactor: &Redactor) {
    let Ok(path) = std::path::absolute(file) else { return };
    let trusted = TrustStore::of(variables).map_err(|error| error.to_string()).and_then(|store| {
        store.trust(&path, &hex(&Sha256::digest(text.as_bytes()))).map_err(|error| error.to_string())
    });
    if let Err(why) = trusted {
        complain(redactor, &format!("that it is trusted could not be kept, so run `cockpit trust`: {why}"));
    }
}
