//! Feature flags in tables of SQLite and of a real PostgreSQL. What was changed is told by the database, and how often by a
//! trigger of its own; of PostgreSQL by `psql`.

mod database;
mod tried;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Completion;
use support::check::{holds, same, says, until};
use support::program::Run;
use support::{Checked, Program, TestCluster};

use self::database::{Database, Kind, PASSWORD};
use super::ended;
use super::front::{Fate, front};
use crate::contract::servers::Servers;
use crate::journeys::by_hand::{confirmed, on_screen};
use crate::suite::{Suite, case};

type Case = fn(Database) -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, Case); 11] = [
    ("off_is_committed_once_and_touches_one_row", |database| Box::pin(off_is_committed_once(database))),
    ("off_is_committed_where_nothing_can_be_listed", |database| Box::pin(off_without_a_list(database))),
    ("a_statement_that_fails_changes_nothing", |database| Box::pin(failing_statements(database))),
    ("a_row_that_somebody_holds_is_said_and_off_goes_later", |database| Box::pin(held_row(database))),
    ("names_are_values_and_never_sql", |database| Box::pin(names(database))),
    ("on_is_gated_and_turns_this_flag_alone", |database| Box::pin(on(database))),
    ("a_share_is_set_in_one_row_or_not_at_all", |database| Box::pin(share(database))),
    ("read_only_and_a_config_that_nobody_trusted_change_nothing", |database| Box::pin(without_the_right(database))),
    ("an_off_in_the_environment_before_counts_where_cockpit_did_it", |database| {
        Box::pin(tried::off_by_cockpit_counts(database))
    }),
    ("an_off_while_the_cluster_does_not_answer_is_shared_later", |database| {
        Box::pin(tried::off_is_shared_later(database))
    }),
    ("a_row_that_is_not_understood_is_no_list", |database| Box::pin(odd_rows(database))),
];

const POSTGRES_CASES: [(&str, Case); 3] = [
    ("a_screen_turns_off_with_a_new_password_and_without_a_connection_to_spare", |database| Box::pin(by_key(database))),
    ("a_password_and_a_certificate_have_to_be_right", |database| Box::pin(logins(database))),
    ("a_lost_answer_to_the_commit_is_settled_by_looking", |database| Box::pin(lost_commit(database))),
];

pub fn suite() -> Suite {
    let trial = |kind: Kind, (name, run): (&'static str, Case)| {
        case(format!("flags::table::{}::{name}", kind.as_str()), CASE_TIMEOUT, async move || {
            let Some(database) = Database::start(kind).await? else {
                return Ok(Completion::ignored_with("no PostgreSQL or no openssl: apt-get install postgresql openssl"));
            };
            run(database).await?;
            Ok(Completion::Completed)
        })
    };
    let on = |kind| CASES.into_iter().map(move |case| trial(kind, case));
    let cases =
        on(Kind::Sqlite).chain(on(Kind::Postgres)).chain(POSTGRES_CASES.map(|case| trial(Kind::Postgres, case)));
    Suite { max_concurrent: 4, cases: cases.collect() }
}

const LIST: &str = "SELECT name, enabled AS state, rollout AS percent, owner FROM flags WHERE env = {environment}";
const OFF: &str = "UPDATE flags SET enabled = false WHERE env = {environment} AND name = {flag} AND enabled";
const ON: &str = "UPDATE flags SET enabled = true WHERE env = {environment} AND name = {flag}";

/// The program, with one environment in a simulated cluster.
struct Bed {
    database: Database,
    program: Program,
    _cluster: TestCluster,
}

impl Bed {
    async fn new(database: Database) -> Checked<Self> {
        let cluster = Servers::Simulator.start().await?;
        let program = crate::cockpit()
            .env("KUBECONFIG", cluster.kubeconfig().display().to_string())
            .env("FLAGS_PASSWORD", PASSWORD);
        Ok(Self { database, program, _cluster: cluster })
    }

    fn config(&self, more: &str, list: &str, off: &str, on: &str) -> String {
        let address = self.database.address();
        format!(
            "[[environments]]\nname = 'prod'\ncontext = 'bed'\nnamespace = 'bystander'\n{more}\n\
             [[flags]]\nname = 'table'\nenvironments = {{ prod = 'production' }}\n\
             [flags.table]\n{address}\nlist = \"\"\"{list}\"\"\"\noff = \"\"\"{off}\"\"\"\non = \"\"\"{on}\"\"\"\n"
        )
    }

    /// The program with a config, named by the user.
    fn with(&self, config: &str) -> Program {
        let path = self.program.write("flags.toml", config).display().to_string();
        self.program.clone().args(["--config".to_owned(), path])
    }

    fn usual(&self) -> Program {
        self.with(&self.config("", LIST, OFF, ON))
    }
}

async fn off(program: &Program, flag: &str) -> Run {
    program.run_async(&["flags", "off", "prod", "--yes", "--", flag]).await
}

const ALL_ON: &str = "banner production, checkout development, checkout production";

async fn off_is_committed_once(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let program = bed.usual();
    let listed = program.run_async(&["flags", "list", "prod", "--all"]).await;
    ended(&listed, 0, "25 %")?;
    says(&listed.out(), "ada")?;
    ended(&off(&program, "checkout").await, 0, "done: it is off")?;
    same("what is on", &bed.database.on()?.as_str(), &"banner production, checkout development")?;
    let journal = program.run_async(&["log", "show"]).await;
    says(&journal.said(), "turn off flag checkout")?;
    says(&journal.said(), "1 row changed")?;
    holds("the password is nowhere", !journal.said().contains(PASSWORD))?;
    ended(&off(&program, "checkout").await, 0, "off")?;
    same("rows that were touched", &bed.database.updates()?.as_str(), &"1")
}

async fn off_without_a_list(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let program = bed.with(&bed.config("", "SELECT name, state FROM nowhere", OFF, ON));
    ended(&program.run_async(&["flags", "list", "prod"]).await, 4, "nowhere")?;
    // What came of it cannot be read; the database knows.
    let run = off(&program, "checkout").await;
    same(&run.said(), &run.code(), &1)?;
    same("what is on", &bed.database.on()?.as_str(), &"banner production, checkout development")
}

async fn failing_statements(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let wrong = "UPDATE flags SET enabled = false, who = 1 WHERE name = {flag}";
    let run = off(&bed.with(&bed.config("", LIST, wrong, ON)), "checkout").await;
    ended(&run, 3, "nothing was committed: ")?;
    says(&run.said(), "who")?;
    // A list that writes is none, and writes nothing.
    let writes = "UPDATE flags SET enabled = false RETURNING name, enabled AS state";
    let listed = bed.with(&bed.config("", writes, OFF, ON)).run_async(&["flags", "list", "prod"]).await;
    same(&listed.said(), &listed.code(), &4)?;
    same("what is on", &bed.database.on()?.as_str(), &ALL_ON)?;
    for (off, why) in [
        ("UPDATE flags SET enabled = false", "`off` does not say which flag"),
        ("UPDATE flags SET enabled = false WHERE name = '{flag}'", "leave the quotes out"),
        ("DELETE FROM log; UPDATE flags SET enabled = false WHERE name = {flag}", "`off` is more than one statement"),
    ] {
        let program = bed.with(&bed.config("", LIST, off, ON));
        ended(&program.run_async(&["flags", "list", "prod"]).await, 2, why)?;
    }
    Ok(())
}

async fn held_row(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let program = bed.usual();
    let held = bed.database.hold()?;
    bed.database.is_held().await?;
    let run = off(&program, "checkout").await;
    ended(&run, 3, "nothing was committed: ")?;
    let words = match &bed.database {
        Database::Sqlite(_) => "database is locked",
        Database::Postgres(_) => "statement timeout",
    };
    says(&run.said(), words)?;
    held.let_go()?;
    same("what is on", &bed.database.on()?.as_str(), &ALL_ON)?;
    ended(&off(&program, "checkout").await, 0, "done: it is off")
}

async fn names(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let program = bed.usual();
    for name in ["' OR 'a' = 'a", "checkout'; DROP TABLE flags; --", "{environment}", "$1", "--", "%"] {
        let run = off(&program, name).await;
        ended(&run, 1, "archived or deleted")?;
        same("what is on", &bed.database.on()?.as_str(), &ALL_ON)?;
    }
    same("rows that were touched", &bed.database.updates()?.as_str(), &"0")?;
    bed.database.change("UPDATE flags SET name = 'it''s \"odd\"; --' WHERE name = 'banner'")?;
    ended(&off(&program, "it's \"odd\"; --").await, 0, "done: it is off")?;
    same("what is on", &bed.database.on()?.as_str(), &"checkout development, checkout production")
}

async fn on(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    bed.database.change("UPDATE flags SET enabled = false WHERE name = 'checkout'; DELETE FROM log")?;
    let gated = "protected = true\n\n[[checks]]\nid = \"notes\"";
    let command = ["flags", "on", "prod", "checkout", "--yes", "--confirm", "prod"];
    let usual = bed.config(gated, LIST, OFF, ON);
    let program = bed.with(&usual);
    let unnamed = program.run_async(&["flags", "on", "prod", "checkout", "--yes"]).await;
    holds(&format!("it wants the name: {}", unnamed.said()), unnamed.code() != 0)?;
    for (statement, why) in [
        ("UPDATE flags SET enabled = (name = {flag})", "it would change another flag, banner"),
        ("UPDATE flags SET owner = {flag} WHERE name = 'checkout'", "after it the list says that the flag is off"),
        ("UPDATE flags SET name = 'other', enabled = true WHERE name = {flag}", "after it the list has no such flag"),
    ] {
        let program = bed.with(&bed.config(gated, LIST, OFF, statement));
        ended(&program.run_async(&command).await, 3, &format!("nothing was committed: {why}"))?;
        same("what is on", &bed.database.on()?.as_str(), &"banner production")?;
    }
    same("rows that were touched", &bed.database.updates()?.as_str(), &"0")?;
    ended(&bed.with(&usual).run_async(&command).await, 0, "done")?;
    same("what is on", &bed.database.on()?.as_str(), &"banner production, checkout production")?;
    same("rows that were touched", &bed.database.updates()?.as_str(), &"1")
}

async fn without_the_right(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let config = bed.config("", LIST, OFF, ON);
    let read_only = bed.with(&config).arg("--read-only");
    let run = off(&read_only, "checkout").await;
    ended(&run, 3, "read-only")?;
    bed.program.write("cockpit.toml", &config);
    let found = bed.program.clone().current_dir(bed.program.path(""));
    ended(&off(&found, "checkout").await, 3, "not trusted")?;
    let listed = found.run_async(&["flags", "list", "prod"]).await;
    same(&listed.said(), &listed.code(), &4)?;
    same("what is on", &bed.database.on()?.as_str(), &ALL_ON)?;
    let trust = found.run_async(&["trust", "--yes"]).await;
    ended(
        &trust,
        0,
        match &bed.database {
            Database::Sqlite(_) => "read and write the file ",
            Database::Postgres(_) => "run the SQL `UPDATE flags SET enabled = false",
        },
    )?;
    ended(&off(&found, "checkout").await, 0, "done: it is off")
}

async fn share(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let with = |set: &str| {
        let config = bed.config("protected = true\n[[checks]]\nid = 'notes'", LIST, OFF, ON);
        bed.with(&format!("{config}set = \"\"\"{set}\"\"\"\n"))
    };
    let set = async |program: &Program, flag: &str, percent: &str| {
        program.run_async(&["flags", "set", "prod", flag, percent, "--yes", "--confirm", "prod"]).await
    };
    let right = "UPDATE flags SET enabled = true, rollout = {percent} WHERE env = {environment} AND name = {flag}";
    let program = with(right);
    ended(&set(&program, "checkout", "60").await, 0, "done: it is 60 %")?;
    ended(&set(&program, "checkout", "7").await, 0, "done: it is 7 %")?;
    ended(&off(&program, "checkout").await, 0, "done: it is off")?;
    ended(&set(&program, "checkout", "40").await, 0, "done: it is 40 %")?;
    same("its share", &bed.database.rollout("checkout", "production")?.as_str(), &"40")?;
    let touched = bed.database.updates()?;
    for (wrong, why) in [
        (right.replace(" AND name = {flag}", " AND {flag} <> ''"), "it would change another flag, banner"),
        (right.replace("{percent}", "{percent} - 1"), "after it the list says that the flag is 49 %"),
    ] {
        ended(&set(&with(&wrong), "checkout", "50").await, 3, why)?;
    }
    same("rows that were touched", &bed.database.updates()?, &touched)?;
    ended(&set(&with(&right.replace("{percent}", "5")), "checkout", "5").await, 2, "`set` does not say which share")?;
    let without = bed.with(&bed.config("protected = true\n[[checks]]\nid = 'notes'", LIST, OFF, ON));
    ended(&set(&without, "checkout", "5").await, 3, "add `set`")
}

async fn odd_rows(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    for (list, why) in [
        ("SELECT name FROM flags WHERE env = {environment}", "there is no column `state`"),
        (
            "SELECT name, enabled AS state, 1 AS state FROM flags WHERE env = {environment}",
            "there are two columns `state`",
        ),
        (
            "SELECT name, 'perhaps' AS state FROM flags WHERE env = {environment}",
            "must be true, false, on, off, some or percent",
        ),
        ("SELECT name, enabled AS state FROM flags", "there are two rows of the flag checkout"),
        ("SELECT name, enabled AS state, 250 AS percent FROM flags WHERE env = {environment}", "must be from 0 to 100"),
    ] {
        let listed = bed.with(&bed.config("", list, OFF, ON)).run_async(&["flags", "list", "prod"]).await;
        ended(&listed, 4, why)?;
    }
    // A comment at the end of a statement ends nothing else.
    let commented = bed.with(&bed.config("", &format!("{LIST} -- all of them"), &format!("{OFF} -- one; of them"), ON));
    ended(&off(&commented, "checkout").await, 0, "done: it is off")?;
    same("rows that were touched", &bed.database.updates()?.as_str(), &"1")
}

async fn logins(database: Database) -> Checked {
    let Database::Postgres(server) = &database else { return Ok(()) };
    let (port, certificate) = (server.port(), server.certificate().display().to_string());
    let bed = Bed::new(database).await?;
    let config = bed.config("", LIST, OFF, ON);
    let wrong = bed.with(&config).env("FLAGS_PASSWORD", "another");
    ended(&wrong.run_async(&["flags", "list", "prod"]).await, 4, "password authentication failed")?;
    ended(&off(&wrong, "checkout").await, 3, "password authentication failed")?;
    // The server's certificate is for `localhost`, and nobody vouches for it.
    let at = |address: &str| {
        let plain = format!("cockpit@127.0.0.1:{port}/postgres");
        bed.with(&config.replace(&plain, address))
    };
    let encrypted = format!("cockpit@localhost:{port}/postgres?sslmode=verify-full");
    ended(&off(&at(&encrypted), "checkout").await, 3, "certificate")?;
    let elsewhere =
        at(&format!("cockpit@127.0.0.1:{port}/postgres?sslmode=require")).env("SSL_CERT_FILE", &certificate);
    ended(&off(&elsewhere, "checkout").await, 3, "certificate")?;
    let Database::Postgres(server) = &bed.database else { return Ok(()) };
    same("what is on", &bed.database.on()?.as_str(), &ALL_ON)?;
    let vouched = at(&encrypted).env("SSL_CERT_FILE", &certificate);
    ended(&off(&vouched, "checkout").await, 0, "done: it is off")?;
    same("rows that were touched", &bed.database.updates()?.as_str(), &"1")?;
    server.sql("ALTER SYSTEM SET ssl = off; ")?;
    server.sql("SELECT pg_reload_conf()")?;
    until("TLS is off", || async { (server.sql("SHOW ssl").ok()? == "off").then_some(()) }).await?;
    // What was asked for encrypted is never sent plainly.
    let run = off(&vouched, "banner").await;
    holds(&format!("it is refused: {}", run.said()), run.code() == 3)
}

async fn lost_commit(database: Database) -> Checked {
    let Database::Postgres(server) = &database else { return Ok(()) };
    let port = server.port();
    let bed = Bed::new(database).await?;
    let config = bed.config("", LIST, OFF, ON);
    for (fate, code, words, on) in [
        (Fate::IsLost, 1, "found not done: it is 25 %", ALL_ON),
        (Fate::LosesAnswer, 0, "found done: it is off", "banner production, checkout development"),
    ] {
        let mut writes = false;
        let own = front(format!("127.0.0.1:{port}"), move |asked| {
            writes |= asked.contains("UPDATE flags");
            if writes && asked.contains("COMMIT") { fate } else { Fate::Arrives }
        });
        let program = bed.with(&config.replace(&format!("127.0.0.1:{port}"), &own.await?.to_string()));
        ended(&off(&program, "checkout").await, code, words)?;
        same("what is on", &bed.database.on()?.as_str(), &on)?;
    }
    same("rows that were touched", &bed.database.updates()?.as_str(), &"1")
}

/// The screen has been open since before: who presses `K` need not start it again.
async fn by_key(database: Database) -> Checked {
    let bed = Bed::new(database).await?;
    let config = bed.config("", LIST, OFF, ON).replace("{ env = 'FLAGS_PASSWORD' }", "{ file = 'password' }");
    let program = bed.with(&config);
    program.write("password", PASSWORD);
    let database = Arc::new(bed.database);
    let (server, screen) = (Arc::clone(&database), program.clone());
    on_screen(&program, move |pty| {
        let sql = |sql: &str| assert!(server.change(sql).is_ok(), "{sql}");
        pty.send("7");
        pty.wait_text("banner");
        sql("ALTER ROLE cockpit PASSWORD 'another-planted-secret'");
        screen.write("password", "another-planted-secret");
        confirmed(pty, "K", "Turn off");
        pty.wait_text("flag banner of table — done:");
        // The connection that lists are read on is the only one.
        sql("ALTER ROLE cockpit CONNECTION LIMIT 1");
        pty.send("j");
        confirmed(pty, "K", "Turn off");
        pty.wait_text("flag checkout of table — done:");
        // Nor does the server let it in again.
        sql("ALTER ROLE cockpit PASSWORD 'one-that-nobody-told'");
        sql("UPDATE flags SET enabled = true WHERE name = 'banner'");
        pty.send("k");
        confirmed(pty, "K", "Turn off");
        pty.wait_text("flag banner of table — done:");
    })
    .await?;
    same("what is on", &database.on()?.as_str(), &"checkout development")
}
