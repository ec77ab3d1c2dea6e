//! `table`: a table of the user's own in PostgreSQL or SQLite.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::FlagProviderKind;
use crate::config::reader::{At, Reader, Table};
use crate::config::secret::{self, Secret};
use crate::config::section::{Field, Kind, Section};
use crate::config::trust::Need;
use crate::domain::facts::flag::statement::{Dialect, Parameter, Statement};
use crate::domain::record::journal::hex;
use crate::platform::flags::table::Statements;
use crate::platform::flags::table::postgres::Server;

pub(super) const SECTION: Section = Section {
    header: "`table`",
    help: "A table in PostgreSQL or SQLite, by SQL statements: {flag} and {environment} are passed as values.",
    needed: &["list", "off"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new(
        "postgres",
        Kind::Text,
        "The database, e.g. \"postgres://cockpit@db.example:5432/flags\", without its password.",
    ),
    Field::new("password", Kind::Secret, "Password of that user; without it none is sent."),
    Field::new("sqlite", Kind::Text, "The database file instead; relative to the config file."),
    Field::new(
        "list",
        Kind::Text,
        "Lists the flags: the columns name and state (true/false or on/off), and any of percent, type, owner, tags, created_at, \
         stale, changed_by, changed_at, version.",
    ),
    Field::new("off", Kind::Text, "Turns a flag off, e.g. \"UPDATE flags SET enabled = false WHERE name = {flag}\"."),
    Field::new("on", Kind::Text, "Turns a flag on; without it none can be."),
    Field::new(
        "set",
        Kind::Text,
        "Gives a flag to a share of all users, {percent} from 1 to 100, also where it is off; without it no share can be set.",
    ),
];

const EXAMPLE: &str =
    "write for example postgres = \"postgres://cockpit@db.example:5432/flags\" or sqlite = \"flags.db\"";
const DEFAULT_PORT: u16 = 5432;
/// How much of the digest of the statements tells a place apart.
const DIGEST_CHARS: usize = 8;

/// Which database.
#[derive(Clone, Debug, PartialEq)]
pub enum FlagDatabase {
    Postgres { server: Server, password: Option<Secret> },
    Sqlite(PathBuf),
}

impl FlagDatabase {
    pub(super) fn needs(&self, statements: &Statements) -> Vec<Need> {
        let mut needs = match self {
            Self::Postgres { server, password } => {
                let plainly = if server.tls { "" } else { " without TLS" };
                let origin =
                    format!("postgres://{}@{}:{}/{}{plainly}", server.user, server.host, server.port, server.database);
                [Need::SendTo(origin)].into_iter().chain(password.as_ref().map(Need::from)).collect()
            }
            Self::Sqlite(path) => vec![Need::WriteFile(path.clone())],
        };
        needs.extend(statements.all().map(|statement| Need::RunSql(statement.text().to_owned())));
        needs
    }

    /// Returns what stands for its flags.
    pub(super) fn place(&self, statements: &Statements, environment: &str) -> String {
        // One database may hold several tables: by other statements they are other flags. Where one config can do less with them
        // than another, they are the same.
        let mut digest = Sha256::new();
        for statement in [&statements.list, &statements.off] {
            digest.update(statement.text());
            digest.update([0]);
        }
        let digest = hex(&digest.finalize());
        let start = digest.get(..DIGEST_CHARS).unwrap_or(&digest);
        let database = match self {
            Self::Postgres { server, .. } => format!("{server} statements {start}"),
            Self::Sqlite(path) => format!("sqlite {} statements {start}", path.display()),
        };
        // A statement that is not told which environment turns all of them.
        if statements.turning().all(|statement| statement.has(Parameter::Environment)) {
            format!("{database} environment {environment}")
        } else {
            database
        }
    }
}

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<FlagProviderKind> {
    for key in ["list", "off"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example list = \"SELECT name, enabled AS state FROM flags\" and \
                    off = \"UPDATE flags SET enabled = false WHERE name = {flag}\"";
        reader.note(table.at, format!("`table` has no `{key}`"), help);
    }
    let database = database(reader, table);
    let dialect = match &database {
        Some(FlagDatabase::Sqlite(_)) => Dialect::Sqlite,
        Some(FlagDatabase::Postgres { .. }) | None => Dialect::Postgres,
    };
    let list = statement(reader, table, "list", dialect);
    if list.as_ref().is_some_and(|list| list.has(Parameter::Flag)) {
        reader.note(table.key_at("list"), "`list` has {flag}, and lists all flags", "leave {flag} out");
    }
    let [off, on, set] = ["off", "on", "set"].map(|key| turning(reader, table, key, dialect));
    for key in ["list", "off", "on", "set"] {
        let statement = match key {
            "list" => &list,
            "off" => &off,
            "on" => &on,
            _ => &set,
        };
        let has_percent = statement.as_ref().map(|statement| statement.has(Parameter::Percent));
        match (key, has_percent) {
            ("set", Some(false)) => {
                reader.note(
                    table.key_at(key),
                    "`set` does not say which share",
                    "write for example rollout = {percent}",
                );
            }
            ("list" | "off" | "on", Some(true)) => {
                let why = format!("`{key}` has {{percent}}: only `set` is told a share");
                reader.note(table.key_at(key), why, "leave {percent} out");
            }
            _ => {}
        }
    }
    let statements = Statements { list: list?, off: off?, on, set };
    Some(FlagProviderKind::Table { database: database?, statements })
}

fn database(reader: &mut Reader, table: &Table<'_>) -> Option<FlagDatabase> {
    if let (Some(_), Some(_)) = (table.get("postgres"), table.get("sqlite")) {
        let help = "make two [[flags]] of them, with a name each";
        reader.note(table.key_at("sqlite"), "`table` is in two databases: `postgres` and `sqlite`", help);
        return None;
    }
    if table.get("sqlite").is_some() {
        if table.get("password").is_some() {
            reader.note(table.key_at("password"), "SQLite has no passwords", "leave `password` out");
        }
        return reader.path(table, "sqlite").map(FlagDatabase::Sqlite);
    }
    if table.get("postgres").is_none() {
        reader.note(table.at, "`table` has no database", EXAMPLE);
        return None;
    }
    let At { value, at } = reader.text(table, "postgres")?;
    let password = match table.get("password") {
        Some(password) => Some(secret::read(reader, password, "password")?),
        None => None,
    };
    match server(&value) {
        Ok(server) => Some(FlagDatabase::Postgres { server, password }),
        Err(why) => {
            // It is not quoted: it may hold a password.
            reader.note(at, format!("`postgres` {why}"), EXAMPLE);
            None
        }
    }
}

/// Reads the address of a server. Without `sslmode` it has to speak TLS unless it is on this machine.
fn server(text: &str) -> Result<Server, String> {
    let url: Url = text.trim().parse().map_err(|_| "is no postgres:// address")?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("is no postgres:// address".to_owned());
    }
    if url.password().is_some() {
        return Err("contains a password: write password = { env = \"NAME\" }".to_owned());
    }
    // One host has one name.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    if host.is_empty() || host.contains([',', '%']) {
        return Err("does not name one host".to_owned());
    }
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("is no UTF-8".to_owned()),
    };
    let user = decoded(url.username())?;
    if user.is_empty() {
        return Err("names no user".to_owned());
    }
    let database = decoded(url.path().trim_start_matches('/'))?;
    if url.fragment().is_some() || url.query_pairs().count() > 1 {
        return Err("has more than `sslmode` after the database".to_owned());
    }
    let is_local = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let mut tls = !is_local;
    for (name, value) in url.query_pairs() {
        tls = match (&*name, &*value) {
            ("sslmode", "require" | "verify-ca" | "verify-full") => true,
            ("sslmode", "disable") => false,
            ("sslmode", _) => {
                return Err(
                    "has another `sslmode` than verify-full, which is what it does anyway, or disable".to_owned()
                );
            }
            _ => return Err(format!("has the parameter {}: there is only `sslmode`", name.escape_debug())),
        };
    }
    let database = if database.is_empty() { user.clone() } else { database };
    Ok(Server { host, port: url.port().unwrap_or(DEFAULT_PORT), user, database, tls })
}

fn statement(reader: &mut Reader, table: &Table<'_>, key: &'static str, dialect: Dialect) -> Option<Statement> {
    let At { value, at } = reader.text(table, key)?;
    match Statement::parse(&value, dialect) {
        Ok(statement) => Some(statement),
        Err(why) => {
            reader.note(at, format!("`{key}` {why}"), "write one SQL statement");
            None
        }
    }
}

/// Reads a statement that turns a flag, which it has to be told.
fn turning(reader: &mut Reader, table: &Table<'_>, key: &'static str, dialect: Dialect) -> Option<Statement> {
    let statement = statement(reader, table, key, dialect)?;
    if !statement.has(Parameter::Flag) {
        reader.note(table.key_at(key), format!("`{key}` does not say which flag"), "add WHERE name = {flag}");
    }
    Some(statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_as_whom() {
        let of = |text: &str| server(text).unwrap();
        let plain = of("postgres://cockpit@DB.example./flags");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("db.example", 5432, true));
        assert_eq!(plain.to_string(), "postgres db.example:5432/flags");
        let odd = of("postgresql://a%40b+c@[::1]:6432?sslmode=verify-full");
        assert_eq!((odd.host.as_str(), odd.user.as_str(), odd.database.as_str()), ("::1", "a@b+c", "a@b+c"));
        assert!(odd.tls && !of("postgres://a@127.0.0.1/b").tls && !of("postgres://a@db/b?sslmode=disable").tls);
    }

    #[test]
    fn what_would_be_read_another_way_elsewhere_is_refused() {
        for (text, why) in [
            ("db.example/flags", "is no postgres:// address"),
            ("https://db.example/flags", "is no postgres:// address"),
            ("postgres://a:hush@db/flags", "contains a password"),
            ("postgres://db/flags", "names no user"),
            ("postgres://a@/flags", "is no postgres:// address"),
            ("postgres://a@one,two/flags", "does not name one host"),
            ("postgres://a@db/flags?sslmode=prefer", "has another `sslmode`"),
            ("postgres://a@db/flags?sslmode=verify-full&sslmode=disable", "has more than `sslmode`"),
            ("postgres://a@db/flags#b", "has more than `sslmode`"),
            ("postgres://a@db/%ff", "is no UTF-8"),
            ("postgres://a@db/flags?options=-c%20x", "has the parameter options"),
        ] {
            let said = server(text).unwrap_err();
            assert!(said.contains(why) && !said.contains("hush"), "{text}: {said}");
        }
    }
}
