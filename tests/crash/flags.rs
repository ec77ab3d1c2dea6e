//! The providers of flags in the trials: how each is set up, and what its own side tells of what was done to a flag.

use std::path::Path;

use jiff::Timestamp;
use kube::core::DynamicObject;
use rusqlite::Connection;
use serde_json::{Value, json};
use support::git::FlagsRepository;
use support::launchdarkly_api::{LaunchDarklyApi, PRODUCTION, PROJECT, TOKEN};
use support::unleash::{DEVELOPMENT, Unleash};
use support::{Checked, TestNamespace};

use crate::audit::Writes;

/// What kind of provider it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unleash,
    Flagd,
    FlagdFile,
    Table,
    LaunchDarkly,
    Command,
}

/// What is asked of it; users get the flag before, at least a quarter of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Off,
    /// To one in ten.
    Fewer,
}

impl Turn {
    /// What the program is told, for this flag.
    pub fn command(self, flag: &str) -> Vec<&str> {
        match self {
            Self::Off => vec!["flags", "off", "prod", flag, "--yes"],
            Self::Fewer => vec!["flags", "set", "prod", flag, "10", "--yes"],
        }
    }
}

/// A provider with one flag.
pub enum Provider {
    Unleash { server: Unleash, flag: String },
    Flagd { api: Box<kube::Api<DynamicObject>>, namespace: String, config_map: String, since: Timestamp },
    FlagdFile(FlagsRepository),
    Table(tempfile::TempDir),
    LaunchDarkly(LaunchDarklyApi),
    Command(tempfile::TempDir),
}

const FLAG: &str = "checkout";

/// The file of a repository with flags.
const FILE: &str = "flags/prod.json";

/// A document of flagd.
fn document() -> String {
    let definition = json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"});
    json!({"flags": {FLAG: definition}}).to_string()
}

/// Whether the flag is turned so by a document of flagd.
fn says(document: &str, turn: Turn) -> Checked<bool> {
    let flag = serde_json::from_str::<Value>(document)?["flags"][FLAG].take();
    let is_off = flag["defaultVariant"] == "off";
    Ok(match turn {
        Turn::Off => is_off && flag["targeting"].is_null(),
        Turn::Fewer => is_off && flag["targeting"] == json!({"fractional": [["on", 10], ["off", 90]]}),
    })
}

/// A row for each that an update touches: also where it writes what was there already.
const TABLES: &str = "
    CREATE TABLE flags (name TEXT PRIMARY KEY, enabled INTEGER NOT NULL, share INTEGER NOT NULL);
    INSERT INTO flags VALUES ('checkout', 1, 25);
    CREATE TABLE log (name TEXT);
    CREATE TRIGGER logged AFTER UPDATE ON flags BEGIN INSERT INTO log VALUES (new.name); END;";

/// Notes what it is told, says something, and only then does it.
const SCRIPT: &str = r#"
cd "$(dirname "$0")" || exit 9
if [ "$1" = list ]; then
    share=$(cat share)
    [ "$share" = 0 ] && state='"off"' || state='"percent", "percent": '"$share"
    echo '{"flags": [{"name": "checkout", "state": '"$state"'}]}'
else
    echo "$@" >>told
    echo "it is being done"
    echo "${3:-0}" >share.new
    mv share.new share
fi
"#;

impl Provider {
    pub async fn start(kind: Kind, namespace: &TestNamespace, version: u32) -> Checked<Self> {
        Ok(match kind {
            Kind::Unleash => {
                let server = Unleash::find()?;
                let flag = server.create("crash").await?;
                Self::Unleash { server, flag }
            }
            Kind::Flagd => {
                let config_map = format!("features-{version}");
                let document = document();
                let object = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config_map},
                    "data": {"flags.json": document},
                });
                namespace.create_objects([object]).await?;
                let (api, namespace) = (Box::new(namespace.api("ConfigMap")), namespace.name.clone());
                Self::Flagd { api, namespace, config_map, since: Timestamp::now() }
            }
            Kind::FlagdFile => Self::FlagdFile(FlagsRepository::create(FILE, &document())?),
            Kind::Table => {
                let folder = tempfile::tempdir()?;
                Connection::open(folder.path().join("flags.db"))?.execute_batch(TABLES)?;
                Self::Table(folder)
            }
            Kind::LaunchDarkly => {
                let server = LaunchDarklyApi::start().await?;
                server.create(FLAG);
                Self::LaunchDarkly(server)
            }
            Kind::Command => {
                let folder = tempfile::tempdir()?;
                std::fs::write(folder.path().join("flags.sh"), SCRIPT)?;
                std::fs::write(folder.path().join("share"), "25\n")?;
                Self::Command(folder)
            }
        })
    }

    pub fn flag(&self) -> &str {
        match self {
            Self::Unleash { flag, .. } => flag,
            _ => FLAG,
        }
    }

    /// Its section in the config.
    pub fn config(&self) -> String {
        let section = |keys: String| format!("[[flags]]\nname = 'provider'\n{keys}\n");
        let token = |token: &str| format!("token = {{ command = ['echo', '{token}'] }}");
        match self {
            Self::Unleash { server, .. } => section(format!(
                "environments = {{ prod = '{DEVELOPMENT}' }}\nunleash = {{ url = '{}', {} }}",
                server.url,
                token(&server.token)
            )),
            Self::Flagd { config_map, .. } => section(format!("flagd = {{ config_map = '{config_map}' }}")),
            Self::FlagdFile(repository) => section(format!(
                "flagd = {{ repository = '{}', path = '{FILE}', author_name = 'Alice', author_mail = 'alice@shop.example' }}",
                repository.address()
            )),
            Self::Table(folder) => section(format!(
                "[flags.table]\nsqlite = '{}'\n\
                 list = 'SELECT name, enabled AS state, share AS percent FROM flags'\n\
                 off = 'UPDATE flags SET enabled = 0 WHERE name = {{flag}}'\n\
                 on = 'UPDATE flags SET enabled = 1 WHERE name = {{flag}}'\n\
                 set = 'UPDATE flags SET enabled = 1, share = {{percent}} WHERE name = {{flag}}'",
                folder.path().join("flags.db").display()
            )),
            Self::LaunchDarkly(server) => section(format!(
                "environments = {{ prod = '{PRODUCTION}' }}\nlaunchdarkly = {{ url = '{}', project = '{PROJECT}', {} }}",
                server.url(),
                token(TOKEN)
            )),
            Self::Command(folder) => {
                let script = folder.path().join("flags.sh");
                let words = |words: &str| format!("['sh', '{}', {words}]", script.display());
                section(format!(
                    "command = {{ list = {}, off = {}, on = {}, set = {} }}",
                    words("'list'"),
                    words("'off', '{flag}'"),
                    words("'on', '{flag}', '100'"),
                    words("'set', '{flag}', '{percent}'")
                ))
            }
        }
    }

    /// How often the flag was turned so, as the provider's own side tells: nothing else is done to it.
    pub async fn times(&self, turn: Turn) -> Checked<usize> {
        match self {
            Self::Unleash { server, flag } => match turn {
                Turn::Off => server.times_off(flag, DEVELOPMENT).await,
                Turn::Fewer => {
                    let log = server.log(flag, DEVELOPMENT).await?;
                    Ok(log.iter().filter(|kind| *kind == "feature-strategy-update").count())
                }
            },
            Self::Flagd { namespace, config_map, since, .. } => {
                let writes = Writes::since(*since, namespace, config_map)?;
                // What nobody waited for the answer of counts where it was done.
                let is_unheard = writes.unheard() > 0 && self.shows(turn).await?;
                Ok(writes.taken().max(usize::from(is_unheard)))
            }
            // The first one made the file.
            Self::FlagdFile(repository) => Ok(repository.subjects()?.len() - 1),
            Self::Table(folder) => {
                let file = Connection::open(folder.path().join("flags.db"))?;
                let touched: u32 = file.query_row("SELECT count(*) FROM log", (), |row| row.get(0))?;
                Ok(usize::try_from(touched)?)
            }
            Self::LaunchDarkly(server) => Ok(server.patches().await?.len()),
            Self::Command(folder) => Ok(lines(&folder.path().join("told"))),
        }
    }

    /// Whether it is turned so by what the provider says.
    pub async fn shows(&self, turn: Turn) -> Checked<bool> {
        Ok(match (self, turn) {
            (Self::Unleash { server, flag }, Turn::Off) => !server.is_on(flag, DEVELOPMENT).await?,
            (Self::Unleash { server, flag }, Turn::Fewer) => server.rollout(flag, DEVELOPMENT).await? == "10",
            (Self::Flagd { api, config_map, .. }, turn) => {
                let object = api.get(config_map).await?;
                says(object.data["data"]["flags.json"].as_str().unwrap_or_default(), turn)?
            }
            (Self::FlagdFile(repository), turn) => says(&repository.file(FILE)?, turn)?,
            (Self::Table(folder), turn) => {
                let file = Connection::open(folder.path().join("flags.db"))?;
                let found: (bool, u8) =
                    file.query_row("SELECT enabled, share FROM flags", (), |row| Ok((row.get(0)?, row.get(1)?)))?;
                found == if turn == Turn::Off { (false, 25) } else { (true, 10) }
            }
            (Self::LaunchDarkly(server), Turn::Off) => !server.is_on(FLAG, PRODUCTION).await?,
            (Self::LaunchDarkly(server), Turn::Fewer) => server.weight(FLAG, PRODUCTION).await? == 10_000,
            (Self::Command(folder), turn) => {
                let share = std::fs::read_to_string(folder.path().join("share"))?;
                share.trim() == if turn == Turn::Off { "0" } else { "10" }
            }
        })
    }
}

/// How many lines a file has; none where nobody has written it.
pub fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}
