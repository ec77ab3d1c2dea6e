//! Samples, their quantiles, and the table that they end up in.

use std::fmt::Write as _;
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the smallest sample that this share of all is not above.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
    }
}

/// Returns a duration with three digits.
pub fn show(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..100.0 => format!("{micros:.1} µs"),
        ..1000.0 => format!("{micros:.0} µs"),
        ..10_000.0 => format!("{:.2} ms", micros / 1e3),
        ..100_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

/// What was measured, one row each.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
    /// Whether something did not hold that must hold on any machine.
    pub broken: bool,
}

impl Table {
    /// Adds durations and the bound for their 99th percentile.
    pub fn times(&mut self, what: &str, samples: &Samples, must: Option<Duration>) {
        let (median, p99) = (samples.quantile(0.5), samples.quantile(0.99));
        let must = must.map(|must| (format!("p99 < {}", show(must)), p99 < must));
        self.add(&format!("{what} (n = {})", samples.len()), &show(median), &show(p99), must);
    }

    /// Adds one figure and its bound.
    pub fn figure(&mut self, what: &str, figure: &str, must: Option<(String, bool)>) {
        self.add(what, figure, "", must);
    }

    /// Adds a figure that does not depend on how fast the machine is, and its bound.
    pub fn holds(&mut self, what: &str, figure: &str, must: &str, met: bool) {
        self.broken |= !met;
        self.figure(what, figure, Some((must.to_owned(), met)));
    }

    fn add(&mut self, what: &str, figure: &str, p99: &str, must: Option<(String, bool)>) {
        let must = must.map_or_else(String::new, |(must, met)| {
            let word = if met { "✔" } else { "✘" };
            format!("{word} {must}")
        });
        eprintln!("  {what}: {figure} {p99} {must}");
        self.rows.push([what, figure, p99, &must].map(ToOwned::to_owned));
    }

    /// Prints the table, in Markdown, and the machine.
    pub fn print(&self) {
        let mut out = String::from("\n| what | median | p99 | must |\n|---|---|---|---|\n");
        for row in &self.rows {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        println!("{out}\n{}", machine());
    }
}

/// Returns the load of the machine over the last minute.
pub fn load() -> String {
    let all = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    all.split(' ').next().unwrap_or("?").to_owned()
}

/// Says where and when these numbers were taken.
fn machine() -> String {
    let file = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = file("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = file("/proc/sys/kernel/osrelease");
    format!(
        "{} {}, {cores} cores, Linux {}, load {}, {}",
        concat!("cockpit ", env!("CARGO_PKG_VERSION"), " on"),
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        load(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
    )
}
