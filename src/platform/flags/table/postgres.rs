//! A table in PostgreSQL. Each write has a connection of its own, so that it waits for nothing else of ours.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Connection, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::condition::Condition;
use super::rows::{MAX_ROW_CHARS, MAX_ROWS, Rows};
use super::{Bound, FlagError, MAX_SECONDS, MAX_STATEMENT_SECONDS, NotTurned};
use crate::domain::facts::flag::statement::ParameterValue;
use crate::failpoints::failpoint;
use crate::platform::flags::Login;
use crate::platform::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one address is waited for before the next one is tried as well, as RFC 8305 has it.
const ADDRESS_STAGGER: Duration = Duration::from_millis(250);
/// How long the connection that is kept may take to list: the server may be gone without a word.
const KEPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a connection is silent before the kernel probes it.
const KEEPALIVE: Duration = Duration::from_secs(30);
const APPLICATION: &str = "release-cockpit";

/// Which server, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub database: String,
    /// Whether the connection is encrypted and its certificate verified.
    pub tls: bool,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres {}:{}/{}", self.host, self.port, self.database)
    }
}

/// A server with what it lets us in with. Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    server: Server,
    login: Option<Login>,
    tls: Option<MakeRustlsConnect>,
    /// A connection that lists are read on, again and again.
    kept: Arc<Mutex<Option<Client>>>,
}

/// How far a transaction got that turns a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Committing,
}

impl Postgres {
    /// Makes it; nothing is asked yet.
    ///
    /// # Errors
    /// Why there is no TLS.
    pub fn new(server: Server, login: Option<Login>) -> Result<Self, String> {
        let tls = server.tls.then(tls::client_config).transpose()?.map(MakeRustlsConnect::new);
        Ok(Self { server, login, tls, kept: Arc::default() })
    }

    /// Reads the rows of a list.
    pub(super) async fn rows(&self, list: &Bound) -> Result<Vec<Value>, FlagError> {
        within(async {
            let client = self.connection().await.map_err(|error| error.unsent())?;
            let rows = read_only(&client, list).await?;
            self.keep(client);
            Ok(rows)
        })
        .await
    }

    /// Reads them on the connection that is kept, where it is still up.
    pub(super) async fn rows_again(&self, list: &Bound) -> Result<Vec<Value>, FlagError> {
        let mut kept = self.kept.lock().await;
        // One that is given up in the middle is not used again.
        let known = kept.take().filter(|client| !client.is_closed());
        within(async {
            if let Some(client) = known {
                match tokio::time::timeout(KEPT_TIMEOUT, read_only(&client, list)).await {
                    Ok(Ok(rows)) => {
                        *kept = Some(client);
                        return Ok(rows);
                    }
                    // What the server says of the list it would say again.
                    Ok(Err(error)) if !client.is_closed() => return Err(error),
                    // The server may have been started again since, or is another one.
                    Ok(Err(_)) | Err(_) => {}
                }
            }
            let client = self.connect().await.map_err(|error| error.unsent())?;
            let rows = read_only(&client, list).await?;
            *kept = Some(client);
            Ok(rows)
        })
        .await
    }

    /// Turns a flag in a transaction; returns how many rows were changed.
    pub(super) async fn turn(&self, update: &Bound, condition: Option<&Condition>) -> Result<u64, NotTurned> {
        let mut stage = Stage::Open;
        let turned = self.turn_in_transaction(update, condition, &mut stage);
        let ended = tokio::time::timeout(Duration::from_secs(MAX_SECONDS), turned).await;
        let late = format!("no answer in {MAX_SECONDS} s");
        match (ended, stage) {
            (Ok(turned), _) => turned,
            (Err(_), Stage::Open) => Err(NotTurned::Refused(late)),
            (Err(_), Stage::Committing) => Err(NotTurned::Unknown(late)),
        }
    }

    /// What ends before its COMMIT is rolled back by the server: the connection goes with it.
    async fn turn_in_transaction(
        &self,
        update: &Bound,
        condition: Option<&Condition>,
        stage: &mut Stage,
    ) -> Result<u64, NotTurned> {
        let client = self.connection().await.map_err(|error| NotTurned::Refused(error.to_string()))?;
        let isolation = condition.map_or("READ COMMITTED", |_| "SERIALIZABLE");
        begin(&client, isolation).await.map_err(|error| not_turned(&error))?;
        let before = match condition {
            Some(condition) => {
                let rows = rows_of(&client, &condition.list).await?;
                condition.before(&rows)?;
                rows
            }
            None => Vec::new(),
        };
        let parameters = parameters(update);
        let changed = client.execute_typed(&update.text, &parameters).await.map_err(|error| not_turned(&error))?;
        if let Some(condition) = condition {
            condition.after(&before, &rows_of(&client, &condition.list).await?)?;
        }
        *stage = Stage::Committing;
        failpoint(format_args!("flags.before-commit"));
        client.batch_execute("COMMIT").await.map_err(|error| match error.code() {
            Some(code) if is_rolled_back(code) => not_turned(&error),
            _ => NotTurned::Unknown(said(&error)),
        })?;
        failpoint(format_args!("flags.committed"));
        self.keep(client);
        Ok(changed)
    }

    /// Connects. Where the server does not let us in any more, or has no connection left, the one that lists are read on has
    /// to do.
    async fn connection(&self) -> Result<Client, NotConnected> {
        let error = match self.connect().await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let kept = self.kept.try_lock().ok().and_then(|mut kept| kept.take());
        kept.filter(|client| !client.is_closed()).ok_or(error)
    }

    /// Keeps a connection for the next list, where there is none.
    fn keep(&self, client: Client) {
        if let Ok(mut kept) = self.kept.try_lock() {
            kept.get_or_insert(client);
        }
    }

    /// Connects; with a password that was replaced meanwhile it tries once more.
    async fn connect(&self) -> Result<Client, NotConnected> {
        let password = self.login.as_ref().map(Login::token);
        let error = match self.connect_with(password.as_deref()).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if let (true, Some(login), Some(password)) = (error.is_login(), &self.login, &password)
            && let Some(other) = login.instead_of(password).await
        {
            return self.connect_with(Some(&other)).await;
        }
        Err(error)
    }

    /// Tries all addresses of the server, each a moment after the one before: one that nobody answers at holds up nobody.
    async fn connect_with(&self, password: Option<&str>) -> Result<Client, NotConnected> {
        let found = tokio::net::lookup_host((self.server.host.as_str(), self.server.port)).await;
        let found = found.map_err(|error| NotConnected::NotFound(error.to_string()))?;
        let addresses: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
        let tries = addresses.into_iter().zip(0..).map(|(address, number)| async move {
            tokio::time::sleep(ADDRESS_STAGGER * number).await;
            self.connect_at(address, password).await
        });
        let mut tries: FuturesUnordered<_> = tries.collect();
        let mut last = NotConnected::NotFound("it has no address".to_owned());
        while let Some(tried) = tries.next().await {
            match tried {
                Ok(client) => return Ok(client),
                // It is there, and says no.
                Err(error) if error.code().is_some() => return Err(NotConnected::Refused(error)),
                Err(error) => last = NotConnected::Refused(error),
            }
        }
        Err(last)
    }

    async fn connect_at(&self, address: IpAddr, password: Option<&str>) -> Result<Client, Error> {
        let mut config = Config::new();
        config
            .host(&self.server.host)
            .hostaddr(address)
            .port(self.server.port)
            .user(&self.server.user)
            .dbname(&self.server.database)
            .application_name(APPLICATION)
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives_idle(KEEPALIVE)
            // What was sent and is lost is not sent again once we have given up.
            .tcp_user_timeout(Duration::from_secs(MAX_SECONDS));
        if let Some(password) = password {
            config.password(password);
        }
        if let Some(tls) = &self.tls {
            let (client, connection) = config.ssl_mode(SslMode::Require).connect(tls.clone()).await?;
            drive(connection);
            return Ok(client);
        }
        let (client, connection) = config.ssl_mode(SslMode::Disable).connect(NoTls).await?;
        drive(connection);
        Ok(client)
    }
}

/// Why there is no connection: nothing was sent.
#[derive(Debug)]
enum NotConnected {
    NotFound(String),
    Refused(Error),
}

impl NotConnected {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::NotFound(_) => None,
            Self::Refused(error) => error.code(),
        }
    }

    fn is_login(&self) -> bool {
        let login = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
        self.code().is_some_and(|code| login.contains(code))
    }

    fn unsent(&self) -> FlagError {
        FlagError::NotSent(self.to_string())
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(why) => f.write_str(why),
            Self::Refused(error) => f.write_str(&said(error)),
        }
    }
}

/// Carries a connection until its client is gone.
fn drive<S, T>(connection: Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        // Whoever waits for an answer is told as well.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
}

async fn within<T>(read: impl Future<Output = Result<T, FlagError>>) -> Result<T, FlagError> {
    let ended = tokio::time::timeout(Duration::from_secs(MAX_SECONDS), read).await;
    ended.unwrap_or_else(|_| Err(FlagError::NoAnswer(format!("no answer in {MAX_SECONDS} s"))))
}

async fn begin(client: &Client, how: &str) -> Result<(), Error> {
    let limit = Duration::from_secs(MAX_STATEMENT_SECONDS).as_millis();
    // One that we have given up, and cannot say so, holds no lock for long.
    let idle = Duration::from_secs(MAX_SECONDS).as_millis();
    let settings =
        format!("SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {idle}");
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL {how}; {settings}")).await
}

async fn read_only(client: &Client, list: &Bound) -> Result<Vec<Value>, FlagError> {
    let failed = |error: Error| FlagError::NoAnswer(said(&error));
    begin(client, "READ COMMITTED READ ONLY").await.map_err(failed)?;
    let rows = rows_of(client, list).await.map_err(|error| match error {
        NotTurned::Refused(why) | NotTurned::Moved(why) | NotTurned::Unknown(why) => FlagError::NoAnswer(why),
    })?;
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(rows)
}

/// Reads the rows of a list: what has no JSON of its own is made text by the server.
async fn rows_of(client: &Client, list: &Bound) -> Result<Vec<Value>, NotTurned> {
    let (longest, most) = (MAX_ROW_CHARS + 1, MAX_ROWS + 1);
    // A comment may be the end of the query.
    let query =
        format!("SELECT left(row_to_json(listed.*)::text, {longest}) FROM (\n{}\n) AS listed LIMIT {most}", list.text);
    let found = client.query_typed_raw(&query, parameters(list)).await.map_err(|error| not_turned(&error))?;
    let mut found = pin!(found);
    let mut rows = Rows::default();
    while let Some(row) = found.try_next().await.map_err(|error| not_turned(&error))? {
        let json: &str = row.try_get(0).map_err(|error| NotTurned::Refused(error.to_string()))?;
        rows.add(json).map_err(NotTurned::Refused)?;
    }
    Ok(rows.all())
}

/// Without a name and with types of their own, statements pass through a pool of connections as well.
fn parameters(bound: &Bound) -> Vec<(&(dyn ToSql + Sync), Type)> {
    bound.values.iter().map(typed).collect()
}

fn typed(value: &ParameterValue) -> (&(dyn ToSql + Sync), Type) {
    match value {
        ParameterValue::Text(text) => (text, Type::TEXT),
        ParameterValue::Number(number) => (number, Type::INT4),
    }
}

/// What failed before the COMMIT was rolled back.
fn not_turned(error: &Error) -> NotTurned {
    match error.code() {
        Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED => {
            NotTurned::Moved(said(error))
        }
        _ => NotTurned::Refused(said(error)),
    }
}

/// Whether an answer to COMMIT says that nothing was: another transaction was first, or a constraint does not hold.
fn is_rolled_back(code: &SqlState) -> bool {
    code.code().starts_with("40") && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
        || code.code().starts_with("23")
}

/// The words of the server, or of what lies below.
fn said(error: &Error) -> String {
    if let Some(server) = error.as_db_error() {
        return match server.hint() {
            Some(hint) => format!("{}; {hint}", server.message()),
            None => server.message().to_owned(),
        };
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}").replacen("error ", "", 1),
        None => error.to_string(),
    }
}
