//! A PostgreSQL of its own: it speaks TLS, and wants a password of whoever is not its administrator.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::check::{Checked, holds, until};
use crate::process::{Process, signal};
use crate::server::free_port;

/// Whom it lets in without a password.
const ADMINISTRATOR: &str = "postgres";
/// Whoever comes over the network has to say who they are, and without TLS as well.
const HOST_BASED_ACCESS: &str =
    "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A server with its data. Ended when dropped.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    process: Process,
}

impl Postgres {
    /// Starts one; `None` where it or `openssl` is not installed, or nobody is there that it could run as.
    pub async fn start() -> Checked<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        // Its own user has to reach its data.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        certificate(folder.path())?;
        if is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{ADMINISTRATOR}:")).arg(folder.path()))?;
        }
        run(as_administrator(&programs.join("initdb"))
            .args(["-A", "trust", "-U", ADMINISTRATOR, "--no-sync", "-D"])
            .arg(&data))?;
        fs::write(data.join("pg_hba.conf"), HOST_BASED_ACCESS)?;
        let port = free_port()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = [
            format!("port = {port}"),
            "listen_addresses = '127.0.0.1'".to_owned(),
            "fsync = off".to_owned(),
            "ssl = on".to_owned(),
            format!("unix_socket_directories = '{}'", path("data")),
            format!("ssl_cert_file = '{}'", path("server.crt")),
            format!("ssl_key_file = '{}'", path("server.key")),
        ];
        fs::write(data.join("postgresql.conf"), settings.join("\n") + "\n")?;
        let mut command = as_administrator(&programs.join("postgres"));
        let log = fs::File::create(folder.path().join("log"))?;
        command.arg("-D").arg(&data).stdout(Stdio::null()).stderr(log);
        let process = Process::start(&mut command)?;
        let server = Self { programs, folder, port, process };
        until("PostgreSQL answers", || async { server.sql("SELECT 1").ok() }).await?;
        Ok(Some(server))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate authority of its certificate, which is for `localhost`.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// What its administrator is answered by `psql`: rows as lines, columns separated by `|`.
    pub fn sql(&self, sql: &str) -> Checked<String> {
        let mut psql = self.psql();
        let ran = psql.args(["-c", sql]).output()?;
        holds(&format!("{sql}: {}", String::from_utf8_lossy(&ran.stderr)), ran.status.success())?;
        Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    }

    /// A session of its administrator's that reads statements from its standard input.
    pub fn psql(&self) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            ADMINISTRATOR,
            "-d",
            ADMINISTRATOR,
        ])
        .args(["-p", &self.port.to_string()]);
        psql
    }
}

impl Drop for Postgres {
    /// Its own processes end with it, which killed it would leave behind.
    fn drop(&mut self) {
        if matches!(self.process.child().try_wait(), Ok(None)) {
            signal(self.process.child().id(), "QUIT");
            let _ = self.process.child().wait();
        }
    }
}

fn programs() -> Option<PathBuf> {
    let openssl = Command::new("openssl").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !openssl.is_ok_and(|status| status.success()) || (is_root() && !has_administrator()) {
        return None;
    }
    let named = std::env::var_os("POSTGRES_BIN").map(PathBuf::from);
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|found| found.path().join("bin"));
    named.into_iter().chain(debian).find(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn has_administrator() -> bool {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    known.lines().any(|line| line.starts_with(&format!("{ADMINISTRATOR}:")))
}

/// It does not run as root.
fn as_administrator(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ADMINISTRATOR, "--regid", ADMINISTRATOR, "--clear-groups"]).arg(program);
    command
}

fn certificate(folder: &Path) -> Checked {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join("server.key"))
        .arg("-out")
        .arg(folder.join("server.crt"));
    run(&mut openssl)?;
    Ok(fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600))?)
}

fn run(command: &mut Command) -> Checked {
    let ran = command.output()?;
    holds(&format!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr)), ran.status.success())
}
