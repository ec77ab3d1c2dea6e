//! A cockpit in a process of its own, to be killed: this test binary, run again with an order in its environment.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use release_cockpit::domain::record::action::Verb;
use serde::{Deserialize, Serialize};
use support::Checked;
use support::cluster::config_for;
use tokio::process::{Child, Command};

use crate::contract::cockpit::{Cockpit, Opening};

const VARIABLE: &str = "COCKPIT_CONTRACT_ORDER";

/// What the child is to do, once it can.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Kubeconfig with the context `alice`.
    pub kubeconfig: PathBuf,
    /// Where its API server is reached.
    pub url: String,
    pub namespace: String,
    /// Workload, e.g. `rollout/api`.
    pub workload: String,
    /// What to do with it.
    pub verb: Verb,
    pub journals: PathBuf,
}

impl Order {
    pub fn start(&self) -> Checked<Child> {
        let child = Command::new(std::env::current_exe()?)
            .env(VARIABLE, serde_json::to_string(self)?)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    /// Carries the order out, if this process is a child.
    pub fn carry_out_if_given() -> Option<ExitCode> {
        let text = std::env::var(VARIABLE).ok()?;
        let done = serde_json::from_str::<Self>(&text).map_err(Into::into).and_then(Self::carry_out);
        if let Err(failure) = &done {
            eprintln!("child: {}", failure.message().unwrap_or_default());
        }
        Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn carry_out(self) -> Checked {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut config = config_for(&self.kubeconfig, "alice").await?;
            config.cluster_url = self.url.parse()?;
            let mut opening = Opening::of(&self.workload)?;
            opening.journals = Some(self.journals);
            let mut cockpit = Cockpit::start(config, None, self.namespace, opening)?;
            let plan = loop {
                match cockpit.plan(self.verb) {
                    Ok(plan) => break plan,
                    Err(_) => cockpit.next().await?,
                }
            };
            let outcome = cockpit.dispatcher.perform(plan).await;
            println!("child: {}", outcome.describe());
            Ok(())
        })
    }
}
