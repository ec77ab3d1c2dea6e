//! What a process costs, as the kernel counts it.

use std::time::Duration;

use crate::Checked;

/// Kernel ticks a second, as `/proc` counts on every Linux.
const TICKS: u64 = 100;

/// Returns the processor time that a process has used.
pub fn cpu(pid: u32) -> Checked<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything: fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).ok_or("no such field");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

/// Returns the memory that a process holds, in MiB.
pub fn rss(pid: u32) -> Checked<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}
