//! A table of flags in SQLite or in a real PostgreSQL, as whoever owns it sees it.

use std::io::Write as _;
use std::process::{Child, Stdio};

use rusqlite::Connection;
use support::Checked;
use support::check::until;
use support::postgres::Postgres;

/// Of the role that the program logs in as.
pub const PASSWORD: &str = "a-planted-secret";

#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Two flags in two environments, and a record of each row that an update touched.
const SQLITE_TABLES: &str = "
    CREATE TABLE flags (name TEXT, env TEXT, enabled INTEGER NOT NULL, rollout INTEGER, owner TEXT, PRIMARY KEY (name, env));
    CREATE TABLE log (name TEXT, env TEXT, enabled INTEGER);
    CREATE TRIGGER logged AFTER UPDATE ON flags BEGIN INSERT INTO log VALUES (new.name, new.env, new.enabled); END;";
const POSTGRES_TABLES: &str = "
    CREATE TABLE flags (name text, env text, enabled boolean NOT NULL, rollout int, owner text, PRIMARY KEY (name, env));
    CREATE TABLE log (name text, env text, enabled boolean);
    CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO public.log VALUES (new.name, new.env, new.enabled); RETURN NULL; END $$;
    CREATE TRIGGER logged AFTER UPDATE ON flags FOR EACH ROW EXECUTE FUNCTION log();
    CREATE ROLE cockpit LOGIN PASSWORD 'a-planted-secret';
    GRANT SELECT, UPDATE ON flags TO cockpit;";
const ROWS: &str = "
    INSERT INTO flags VALUES ('checkout', 'production', true, 25, 'ada'), ('checkout', 'development', true, NULL, 'ada'),
        ('banner', 'production', true, NULL, NULL);";

pub enum Database {
    Sqlite(tempfile::TempDir),
    Postgres(Box<Postgres>),
}

/// Somebody's transaction that holds the row of a flag.
pub enum Holds {
    Sqlite(Connection),
    Postgres(Child),
}

impl Database {
    pub async fn start(kind: Kind) -> Checked<Option<Self>> {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir()?;
                let file = Connection::open(folder.path().join("flags.db"))?;
                file.execute_batch(&format!("{SQLITE_TABLES}{ROWS}"))?;
                Ok(Some(Self::Sqlite(folder)))
            }
            Kind::Postgres => {
                let Some(server) = Postgres::start().await? else { return Ok(None) };
                server.sql(&format!("{POSTGRES_TABLES}{ROWS}"))?;
                Ok(Some(Self::Postgres(Box::new(server))))
            }
        }
    }

    /// What it answers; the columns of its one row separated by `|`.
    fn ask(&self, sql: &str) -> Checked<String> {
        match self {
            Self::Postgres(server) => server.sql(sql),
            Self::Sqlite(folder) => {
                let file = Connection::open(folder.path().join("flags.db"))?;
                let mut statement = file.prepare(sql)?;
                let mut rows = statement.query(())?;
                let Some(row) = rows.next()? else { return Ok(String::new()) };
                Ok(row.get::<_, String>(0)?)
            }
        }
    }

    /// What is changed by whoever owns the table.
    pub fn change(&self, sql: &str) -> Checked {
        match self {
            Self::Postgres(server) => drop(server.sql(sql)?),
            Self::Sqlite(folder) => Connection::open(folder.path().join("flags.db"))?.execute_batch(sql)?,
        }
        Ok(())
    }

    /// The flags that are on, in the order of their names.
    pub fn on(&self) -> Checked<String> {
        let (all, order) = match self {
            Self::Sqlite(_) => {
                ("group_concat(name || ' ' || env, ', ')", "SELECT * FROM flags WHERE enabled ORDER BY name, env")
            }
            Self::Postgres(_) => {
                ("string_agg(name || ' ' || env, ', ')", "SELECT * FROM flags WHERE enabled ORDER BY name, env")
            }
        };
        self.ask(&format!("SELECT coalesce({all}, '') FROM ({order}) AS f"))
    }

    /// The share of a flag in an environment.
    pub fn rollout(&self, flag: &str, env: &str) -> Checked<String> {
        self.ask(&format!("SELECT CAST(rollout AS text) FROM flags WHERE name = '{flag}' AND env = '{env}'"))
    }

    /// How many rows updates touched.
    pub fn updates(&self) -> Checked<String> {
        self.ask("SELECT CAST(count(*) AS text) FROM log")
    }

    pub fn hold(&self) -> Checked<Holds> {
        match self {
            Self::Sqlite(folder) => {
                let file = Connection::open(folder.path().join("flags.db"))?;
                file.execute_batch("BEGIN IMMEDIATE")?;
                Ok(Holds::Sqlite(file))
            }
            Self::Postgres(server) => {
                let mut psql = server.psql().stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
                let mut input = psql.stdin.take().ok_or("psql has no input")?;
                input.write_all(b"BEGIN; UPDATE flags SET owner = 'bo';\n")?;
                psql.stdin = Some(input);
                Ok(Holds::Postgres(psql))
            }
        }
    }

    /// Waits until the row is held.
    pub async fn is_held(&self) -> Checked {
        let Self::Postgres(server) = self else { return Ok(()) };
        let holds =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%UPDATE flags%'";
        until("the row is held", || async { (server.sql(holds).ok()? == "1").then_some(()) }).await
    }

    /// The keys of the config that say where it is.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite = '{}'", folder.path().join("flags.db").display()),
            Self::Postgres(server) => {
                format!(
                    "postgres = 'postgres://cockpit@127.0.0.1:{}/postgres'\npassword = {{ env = 'FLAGS_PASSWORD' }}",
                    server.port()
                )
            }
        }
    }
}

impl Holds {
    pub fn let_go(self) -> Checked {
        match self {
            Self::Sqlite(file) => file.execute_batch("ROLLBACK")?,
            Self::Postgres(mut psql) => {
                // Its input ends, and its transaction with it.
                drop(psql.stdin.take());
                psql.wait()?;
            }
        }
        Ok(())
    }
}
