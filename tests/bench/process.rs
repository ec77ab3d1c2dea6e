//! What a process costs, from /proc.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

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

    /// Returns the share of one core, in per cent.
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

/// Returns the resident memory of a process, and the most it ever was, in MiB.
pub fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    (field("VmRSS").unwrap_or(f64::NAN) / 1024.0, field("VmHWM").unwrap_or(f64::NAN) / 1024.0)
}
