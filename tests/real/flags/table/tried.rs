//! A check asks that each flag was turned off in the environment before, where the provider keeps no log of that.

use support::check::{same, says};
use support::manifests::deployment;
use support::program::Run;
use support::{Checked, Program, TestNamespace};

use super::database::{Database, PASSWORD};
use super::{OFF, ON, ended};
use crate::contract::servers::Servers;

/// With an owner and a day of removal, so that nothing else is asked for.
const LIST: &str = "SELECT name, enabled AS state, owner, '[\"remove-by:2099-12-31\"]' AS tags FROM flags \
                    WHERE env = {environment}";

/// Staging is the namespace that is there, and prod one of its own.
fn config(database: &Database, prod: &str) -> String {
    let environment = |name: &str, namespace: &str, workload: &str| {
        format!(
            "[[environments]]\nname = '{name}'\ncontext = 'bed'\nnamespace = '{namespace}'\n\
             workloads = ['deployment/{workload}']\n"
        )
    };
    format!(
        "{}{}[[checks]]\nid = 'flags'\ngate = true\nflags = {{ tried_within = '336h', commits = false }}\n\
         [[flags]]\nname = 'table'\nof_release = ['checkout']\n\
         environments = {{ staging = 'development', prod = 'production' }}\n\
         [flags.table]\n{}\nlist = \"\"\"{LIST}\"\"\"\noff = \"\"\"{OFF}\"\"\"\non = \"\"\"{ON}\"\"\"\n",
        environment("staging", "bystander", "bystander"),
        environment("prod", prod, "web"),
        database.address()
    )
}

const SILENT: &str = "table keeps no log of who turned it off in staging, and nobody did so with cockpit";

/// Each has a journal of its own.
fn two_people(namespace: &TestNamespace, config: &str) -> [Program; 2] {
    [(), ()].map(|()| {
        let program = crate::cockpit()
            .env("KUBECONFIG", namespace.cluster.kubeconfig().display().to_string())
            .env("FLAGS_PASSWORD", PASSWORD);
        let path = program.write("flags.toml", config).display().to_string();
        program.args(["--config".to_owned(), path])
    })
}

async fn check(program: &Program) -> Run {
    program.run_async(&["check", "prod", "flags"]).await
}

pub async fn off_by_cockpit_counts(database: Database) -> Checked {
    database.change("UPDATE flags SET enabled = false WHERE env = 'production'")?;
    let namespace = TestNamespace::create(Servers::Simulator.start().await?, "tried").await?;
    namespace.create_objects([deployment("web", 1)]).await?;
    namespace.until("Deployment", "web", "it is there", |object| object["status"]["readyReplicas"] == 1).await?;
    let config = config(&database, &namespace.name);
    let [program, other] = two_people(&namespace, &config);
    let off = ["flags", "off", "staging", "checkout", "--yes"];
    // Whoever does so by other means leaves nothing that tells.
    database.change("UPDATE flags SET enabled = false WHERE name = 'checkout' AND env = 'development'")?;
    ended(&check(&program).await, 4, SILENT)?;
    // It is off already: that shows nothing.
    ended(&program.run_async(&off).await, 0, "off")?;
    ended(&check(&program).await, 4, SILENT)?;
    database.change("UPDATE flags SET enabled = true WHERE name = 'checkout' AND env = 'development'")?;
    ended(&check(&other).await, 4, "`cockpit flags off staging checkout`")?;
    ended(&program.run_async(&off).await, 0, "done: it is off")?;
    same("what is on", &database.on()?.as_str(), &"")?;
    // Somebody else knows it by the shared record.
    for program in [&program, &other] {
        ended(&check(program).await, 0, "checkout: turned off in staging")?;
        says(&program.run_async(&["gate", "prod"]).await.said(), "1 flag of the release in order")?;
    }
    Ok(())
}

/// What could not be shared when it was done is shared by whatever this person states next.
pub async fn off_is_shared_later(database: Database) -> Checked {
    database.change("UPDATE flags SET enabled = false WHERE env = 'production'")?;
    let namespace = TestNamespace::create(Servers::Simulator.start().await?, "shared").await?;
    namespace.create_objects([deployment("web", 1)]).await?;
    namespace.until("Deployment", "web", "it is there", |object| object["status"]["readyReplicas"] == 1).await?;
    let [program, other] = two_people(&namespace, &config(&database, &namespace.name));
    let kubeconfig = std::fs::read_to_string(namespace.cluster.kubeconfig())?;
    let nowhere = regex::Regex::new(r"server: \S+")?.replace_all(&kubeconfig, "server: http://127.0.0.1:1");
    let nowhere = program.write("nowhere.yaml", &nowhere).display().to_string();
    let off = ["flags", "off", "staging", "checkout", "--yes"];
    let cut_off = program.clone().env("KUBECONFIG", nowhere);
    ended(&cut_off.run_async(&off).await, 0, "done: it is off")?;
    ended(&check(&other).await, 4, SILENT)?;
    program.run_async(&["freeze", "prod", "--note", "stocktaking"]).await;
    for program in [&program, &other] {
        ended(&check(program).await, 0, "checkout: turned off in staging")?;
    }
    Ok(())
}
