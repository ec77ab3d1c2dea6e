//! Processes: ended with the test that started them, and what they cost as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kernel ticks a second, as `/proc` counts on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        command.spawn().map(Self)
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is there that tells its version.
pub fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Sends a signal, e.g. `TERM`.
pub fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{pid} takes no {signal}");
}

/// The state letter of a process and the fields behind it. The name before it may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(ToOwned::to_owned).collect())
}

/// Whether a child has ended, waited for or not.
pub fn is_dead(pid: u32) -> bool {
    stat(pid).is_none_or(|fields| fields.first().is_none_or(|state| state.starts_with(['Z', 'X'])))
}

/// Whether a process was stopped by a signal.
pub fn is_stopped(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state.starts_with('T')))
}

/// The processor time that a process has used.
pub fn cpu(pid: u32) -> Option<Duration> {
    let fields = stat(pid)?;
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS_PER_SECOND))
}

/// Resident memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now_mib: f64,
    /// The most it ever was.
    pub peak_mib: f64,
}

/// Not a number where it is unknown.
pub fn memory(pid: u32) -> Memory {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    };
    Memory { now_mib: mib("VmRSS:").unwrap_or(f64::NAN), peak_mib: mib("VmHWM:").unwrap_or(f64::NAN) }
}

/// CPU time of a process and what it was at the start of a span.
pub struct Meter {
    pid: u32,
    began: Instant,
    at_start: BTreeMap<u32, Duration>,
    latest: BTreeMap<u32, Duration>,
}

impl Meter {
    pub fn start(pid: u32) -> Self {
        let at_start = threads(pid);
        Self { pid, began: Instant::now(), latest: at_start.clone(), at_start }
    }

    /// Lets time pass. Threads that end meanwhile are counted up to the last look.
    pub fn watch(&mut self, span: Duration) {
        let until = Instant::now() + span;
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(500).min(until.saturating_duration_since(Instant::now())));
            self.latest.extend(threads(self.pid));
        }
    }

    /// The share of one core, in per cent.
    pub fn percent(&self) -> f64 {
        let used: Duration = self
            .latest
            .iter()
            .map(|(thread, now)| now.saturating_sub(self.at_start.get(thread).copied().unwrap_or_default()))
            .sum();
        100.0 * used.as_secs_f64() / self.began.elapsed().as_secs_f64()
    }
}

/// The time on a processor of each thread: utime + stime, in nanoseconds instead of ticks of 10 ms.
fn threads(pid: u32) -> BTreeMap<u32, Duration> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return BTreeMap::new() };
    let of = |task: fs::DirEntry| {
        let thread = task.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        Some((thread, Duration::from_nanos(stat.split(' ').next()?.parse().ok()?)))
    };
    tasks.flatten().filter_map(of).collect()
}
