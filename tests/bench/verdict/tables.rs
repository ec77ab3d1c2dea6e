//! The tables: which rollouts, which methods, and what the goals ask of them.

use analysis::{AnalysisStatus, Bucket, CanaryAnalyzer, Counts, Look, Rules, Scrape};

use crate::Runs;
use crate::goals::Goals;
use crate::kayenta::{self, EACH_FIVE, EACH_MINUTE, Kayenta, SLIDING, Value};
use crate::lindon_malek::{self, LINDON_MALEK, LindonMalek};
use crate::oracle::{ORACLE, Oracle};
use crate::ours::{self, E, E_WARN, GUARDED, PLAIN, REGRESSED, TOLERANT, WARN};
use crate::race::{Method, Outcome, race};
use crate::thresholds::{self, ARGO_95, ARGO_99, FLAGGER};
use crate::world::{Fleet, Latencies, Plain, Pods, Slow, ramp};
use crate::z_test::ZTest;

/// The same method in one column after the other.
pub struct Table {
    title: &'static str,
    columns: Vec<String>,
    cells: Vec<Vec<Outcome>>,
}

impl Table {
    pub fn new(title: &'static str) -> Self {
        Self { title, columns: Vec::new(), cells: Vec::new() }
    }

    pub fn add(&mut self, column: &str, outcomes: Vec<Outcome>) {
        eprintln!("  {column}");
        self.columns.push(column.to_owned());
        self.cells.push(outcomes);
    }

    /// Returns the outcomes of a method, column by column.
    fn row(&self, name: &str) -> Vec<&Outcome> {
        self.cells.iter().filter_map(|cell| cell.iter().find(|outcome| outcome.name == name)).collect()
    }

    /// The greatest share of rollouts in which a method goes off, in percent.
    pub fn worst(&self, name: &str) -> f64 {
        self.row(name).iter().map(|outcome| outcome.percent()).fold(0.0, f64::max)
    }

    pub fn print(&self, show: impl Fn(&Outcome) -> String) {
        println!("\n### {}\n\n| method | {} |", self.title, self.columns.join(" | "));
        println!("|---|{}", "---|".repeat(self.columns.len()));
        for outcome in self.cells.first().into_iter().flatten() {
            let row: Vec<String> = self.row(&outcome.name).into_iter().map(&show).collect();
            println!("| {} | {} |", outcome.name, row.join(" | "));
        }
    }
}

fn percent(outcome: &Outcome) -> String {
    format!("{:.1}", outcome.percent())
}

/// What chance may add to a rate of false alarms of this level: three standard deviations.
pub fn at_most(alpha: f64, runs: u32) -> f64 {
    100.0 * (alpha + 3.0 * (alpha * (1.0 - alpha) / f64::from(runs)).sqrt())
}

fn all_on_errors(known_ratio: Option<f64>) -> Vec<Box<dyn Method>> {
    let mut methods: Vec<Box<dyn Method>> = known_ratio.map(Oracle::boxed).into_iter().collect();
    methods.push(ours::without_restart());
    methods.extend(ours::tiers());
    methods.push(LindonMalek::boxed(0.05));
    methods.push(Box::new(ZTest::default()));
    methods.extend([EACH_MINUTE, EACH_FIVE].map(|name| Kayenta::boxed(name, Value::Errors)));
    methods.extend(thresholds::of_errors());
    methods
}

fn race_plain(runs: u32, world: Plain, methods: impl Fn() -> Vec<Box<dyn Method>> + Sync) -> Vec<Outcome> {
    let seed = (world.rate as u64) * 7 + (world.canary * 1e5) as u64;
    race(runs, seed, world.onset, methods, |_| move |at, draw: &mut _| world.scrape(at, draw))
}

/// Error shares of stable and of the canary, with the name of the difference.
const REGRESSIONS: [(&str, f64, f64); 7] = [
    (".1%x2", 0.001, 0.002),
    (".1%x5", 0.001, 0.005),
    (".1%+1pp", 0.001, 0.011),
    (".1%+5pp", 0.001, 0.051),
    ("1%x2", 0.01, 0.02),
    ("1%x5", 0.01, 0.05),
    ("1%+5pp", 0.01, 0.06),
];

/// False alarms (A) and time to see a regression (B).
pub fn errors(runs: Runs, goals: &mut Goals) {
    kayenta::check();
    lindon_malek::check();
    let mut healthy = Table::new("A. False alarms, % of healthy rollouts within an hour");
    for (rate, shares) in [(50.0, &[0.001, 0.005, 0.01][..]), (200.0, &[0.001, 0.01]), (500.0, &[0.001, 0.005, 0.01])] {
        for errors in shares {
            let outcomes = race_plain(runs.healthy, Plain::healthy(rate, *errors), || all_on_errors(None));
            healthy.add(&format!("{rate} rps {}%", errors * 100.0), outcomes);
        }
    }
    healthy.print(percent);
    let mut regressed =
        Table::new("B. Regressions from the start: % seen within an hour / median s / median canary requests");
    for rate in [50.0, 200.0, 500.0] {
        for (name, stable, canary) in REGRESSIONS {
            let world = Plain { stable, canary, ..Plain::healthy(rate, stable) };
            let outcomes = race_plain(runs.regressed, world, || all_on_errors(Some(canary / stable)));
            regressed.add(&format!("{rate} rps {name}"), outcomes);
        }
    }
    regressed.print(Outcome::show);
    no_more_false_alarms(&healthy, runs, goals);
    close_to_the_oracle(&regressed, goals);
    no_slower_than_the_rest(&healthy, &regressed, goals);
}

fn no_more_false_alarms(healthy: &Table, runs: Runs, goals: &mut Goals) {
    let (one, five) = (at_most(0.01, runs.healthy), at_most(0.05, runs.healthy));
    let worst = |names: &[&str]| names.iter().map(|name| healthy.worst(name)).fold(0.0, f64::max);
    let strict = worst(&[E, PLAIN, GUARDED, TOLERANT, REGRESSED]);
    let warn = worst(&[E_WARN, WARN]);
    goals.add(
        "G1 false alarms at most alpha under continual looks, in every cell of A",
        format!(
            "worst {strict:.1} % at alpha 1 % (chance allows {one:.1}), {warn:.1} % at 5 % (chance allows {five:.1})"
        ),
        strict <= one && warn <= five,
    );
}

/// Returns the greatest factor between the canary requests of a method and the oracle's, where the oracle needs three
/// scrapes or more; infinite where the method misses what the oracle sees.
fn factor(table: &Table, name: &str) -> (f64, String) {
    let mut worst = (0.0, String::new());
    for ((column, oracle), one) in table.columns.iter().zip(table.row(ORACLE)).zip(table.row(name)) {
        if let (Some(45..), Some(needs)) = (oracle.seconds(), oracle.requests()) {
            let factor = one.requests().map_or(f64::INFINITY, |requests| requests as f64 / needs as f64);
            if factor > worst.0 {
                worst = (factor, column.clone());
            }
        }
    }
    worst
}

fn close_to_the_oracle(regressed: &Table, goals: &mut Goals) {
    for (goal, name, most) in [
        ("G3 plain evidence as it pauses (a=.05) within 1.6 times the oracle's canary requests", WARN, 1.6),
        ("G3 plain evidence at a=.01 within 1.6 times, with restarts as shipped", PLAIN, 1.6),
        ("G3 plain evidence at a=.01 within 1.6 times, without restarts", E, 1.6),
        ("G3 guarded evidence (a=.01) within 2.5 times", REGRESSED, 2.5),
    ] {
        let (worst, column) = factor(regressed, name);
        goals.add(goal, format!("at most {worst:.2} times ({column})"), worst <= most);
    }
    let slowest = |name: &str, part: &str| {
        let cells = regressed.columns.iter().zip(regressed.row(name)).filter(|(column, _)| column.ends_with(part));
        cells.map(|(_, outcome)| outcome.seconds().unwrap_or(u32::MAX)).max().unwrap_or(u32::MAX)
    };
    let slow = slowest(REGRESSED, "+5pp");
    goals.add("G3 +5pp from 2.5 canary rps up: guarded within 120 s", format!("{slow} s at most"), slow <= 120);
}

fn no_slower_than_the_rest(healthy: &Table, regressed: &Table, goals: &mut Goals) {
    let (ours, theirs) = (healthy.worst(WARN), healthy.worst(EACH_MINUTE));
    let seconds = |outcome: &Outcome| outcome.seconds().unwrap_or(u32::MAX);
    let pairs: Vec<(u32, u32, &String)> = regressed
        .row(WARN)
        .into_iter()
        .zip(regressed.row(EACH_MINUTE))
        .zip(&regressed.columns)
        .map(|((one, other), column)| (seconds(one), seconds(other), column))
        .collect();
    let slower: Vec<String> = pairs
        .iter()
        .filter(|(one, other, _)| one > other)
        .map(|(one, other, column)| format!("{column} {one} s against {other} s"))
        .collect();
    goals.add(
        "G4 with no more false alarms never slower than Kayenta judged every minute (plain, a=.05)",
        format!(
            "worst false alarms {ours:.1} % against {theirs:.1} %; slower in {} of {} cells {}",
            slower.len(),
            pairs.len(),
            slower.join(", ")
        ),
        slower.is_empty() && ours <= theirs.max(2.0 + 1.0),
    );
    let at_500 = |name: &str, parts: &[&str]| -> Vec<u32> {
        let wanted = |column: &&String| column.starts_with("500") && parts.iter().any(|part| column.ends_with(part));
        let cells = regressed.columns.iter().zip(regressed.row(name));
        cells.filter(|(column, _)| wanted(column)).map(|(_, outcome)| seconds(outcome)).collect()
    };
    let clear = ["x5", "+1pp", "+5pp"];
    let (ours, theirs) = (at_500(REGRESSED, &clear), at_500(EACH_MINUTE, &clear));
    let blind = [ARGO_95, ARGO_99, FLAGGER].iter().all(|name| at_500(name, &[" .1%x5"]) == [u32::MAX]);
    goals.add(
        "G4 guarded within 135 s on clear regressions at 500 rps, where Argo and Flagger never see .1%x5",
        format!("{ours:?} s, Kayenta {theirs:?} s, Argo and Flagger never: {blind}"),
        ours.iter().all(|seconds| *seconds <= 135) && blind,
    );
}

/// Regressions that begin after 20 minutes (C).
pub fn late(runs: Runs, goals: &mut Goals) {
    const ONSET_SCRAPE: u32 = 80;
    let mut table = Table::new(
        "C. Regressions that begin after 20 min: % seen / median s / median requests after the onset; f = alarms before it, %",
    );
    let mut from_start = Table::new("C'. The same from the start");
    for (rate, which) in [(50.0, 1), (500.0, 1), (500.0, 4), (500.0, 6)] {
        let (name, stable, canary) = REGRESSIONS[which];
        let methods = || {
            let mut methods = vec![ours::without_restart()];
            methods.extend(ours::tiers());
            methods.push(LindonMalek::boxed(0.05));
            methods.extend([EACH_FIVE, SLIDING].map(|name| Kayenta::boxed(name, Value::Errors)));
            methods.extend(thresholds::of_errors());
            methods
        };
        let world = Plain { stable, canary, ..Plain::healthy(rate, stable) };
        let column = format!("{rate} rps {name}");
        table.add(&column, race_plain(runs.regressed, Plain { onset: ONSET_SCRAPE, ..world }, methods));
        from_start.add(&column, race_plain(runs.regressed, world, methods));
    }
    table.print(Outcome::show);
    from_start.print(Outcome::show);
    for (goal, name) in [
        ("G5 late onset within twice the delay from the start: plain (a=.01)", PLAIN),
        ("G5 late onset within twice the delay from the start: guarded", REGRESSED),
    ] {
        let seconds = |outcome: &Outcome| outcome.seconds().map_or(f64::INFINITY, f64::from);
        let both = table.row(name).into_iter().zip(from_start.row(name));
        let factors: Vec<String> = both.map(|(late, early)| format!("{:.2}", seconds(late) / seconds(early))).collect();
        let met = factors.iter().all(|factor| factor.parse::<f64>().is_ok_and(|factor| factor <= 2.0));
        goals.add(goal, format!("{} times", factors.join(", ")), met);
    }
}

/// Healthy rollouts where assumptions break, and what guards cost (D).
pub fn broken(runs: Runs, goals: &mut Goals) {
    let methods = || {
        let mut methods = vec![ours::without_restart()];
        methods.extend(ours::tiers());
        methods.push(LindonMalek::boxed(0.05));
        methods.push(Box::new(ZTest::default()));
        methods.push(Kayenta::boxed(EACH_FIVE, Value::Errors));
        methods
    };
    let mut table = Table::new("D. Healthy rollouts whose pods or traffic are not ideal: false alarms, %");
    table.add("weight ramp, rates rise", race(runs.healthy, 11, 0, methods, |_| ramp));
    let off = Plain { share: 0.07, ..Plain::healthy(500.0, 0.01) };
    table.add("share 7 %, set 5 %", race_plain(runs.healthy, off, methods));
    let fleets = [
        ("ideal", Pods::Alike),
        ("bursts, Fano 1.9", Pods::Bursts(0.24)),
        ("bursts, Fano 4.75", Pods::Bursts(1.0)),
        ("pods differ, sd 10 %", Pods::Differ(0.1)),
        ("pods differ, sd 20 %", Pods::Differ(0.2)),
        ("pods differ, sd 30 %", Pods::Differ(0.3)),
    ];
    let fleet = |runs, pods, times, seed| {
        race(runs, seed, 0, methods, move |draw| {
            let fleet = Fleet::new(pods, times, draw);
            move |_, draw: &mut _| fleet.scrape(draw)
        })
    };
    for (seed, (name, pods)) in (20..).zip(fleets) {
        table.add(name, fleet(runs.healthy, pods, 1.0, seed));
    }
    table.print(percent);
    let worst = table.worst(REGRESSED);
    let (kayenta, fixed) = (table.worst(EACH_FIVE), table.worst(LINDON_MALEK));
    goals.add(
        "G2 REGRESSED at most 1 % in every row of D",
        format!(
            "worst {worst:.1} % (chance allows {:.1}); Kayenta {kayenta:.1} %, Lindon-Malek {fixed:.1} %",
            at_most(0.01, runs.healthy)
        ),
        worst <= at_most(0.01, runs.healthy),
    );
    let mut price = Table::new("D'. What guards cost: % seen / median s / median canary requests");
    let regressions = [
        ("x2", fleets[0].1, 2.0),
        ("x2, Fano 1.9", fleets[1].1, 2.0),
        ("x2, Fano 4.75", fleets[2].1, 2.0),
        ("x5", fleets[0].1, 5.0),
        ("x5, Fano 4.75", fleets[2].1, 5.0),
        ("all fail", fleets[0].1, 100.0),
    ];
    for (seed, (name, pods, times)) in (40..).zip(regressions) {
        price.add(name, fleet(runs.regressed.min(runs.healthy), pods, times, seed));
    }
    price.print(Outcome::show);
}

/// Latency from buckets (E).
pub fn latency(runs: Runs, _: &mut Goals) {
    let methods = || {
        let mut methods = vec![ours::latency()];
        methods.push(Kayenta::boxed("Kayenta on p99, 1/5min", Value::Quantile(0.99)));
        methods.push(Kayenta::boxed("Kayenta on p50, 1/5min", Value::Quantile(0.5)));
        methods.extend(thresholds::of_latency());
        methods
    };
    for (title, rate) in [
        ("E. Latency, 50 rps: % that go off / median s / median canary requests", 50.0),
        ("E. Latency, 500 rps: % that go off / median s / median canary requests", 500.0),
    ] {
        let mut table = Table::new(title);
        let same = Slow { rate, factor: 1.0, hangs: 0.0, pod: 0.0 };
        for (seed, (name, slow)) in (60..).zip([
            ("healthy", same),
            ("healthy, canary pod +-5 %", Slow { pod: 0.05, ..same }),
            ("+10 %", Slow { factor: 1.1, ..same }),
            ("+50 %", Slow { factor: 1.5, ..same }),
            ("2 % of requests +1 s", Slow { hangs: 0.02, ..same }),
        ]) {
            let outcomes = race(runs.regressed.min(runs.healthy), seed, 0, methods, move |draw| {
                let world = Latencies::new(slow, draw);
                move |_, draw: &mut _| world.scrape(draw)
            });
            table.add(name, outcomes);
        }
        table.print(Outcome::show);
    }
}

/// Time until a healthy canary is provably good (F), and what is never green.
pub fn healthy(runs: Runs, goals: &mut Goals) {
    let mut table =
        Table::new("F. Time until a healthy canary is provably good: % / median s / median canary requests");
    for (errors, below) in [(0.001, 0.01), (0.001, 0.005), (0.001, 0.002), (0.01, 0.02), (0.01, 0.06), (0.0, 0.01)] {
        for rate in [50.0, 200.0, 500.0] {
            let world = Plain::healthy(rate, errors);
            let column = format!("{}% < {}% {rate} rps", errors * 100.0, below * 100.0);
            table.add(&column, race_plain(runs.regressed, world, || vec![ours::healthy(below)]));
        }
    }
    table.print(Outcome::show);
    let green = never_green();
    goals.add(
        "G6 what tells nothing is never green",
        format!("{} of 7 cases are green {green:?}", green.len()),
        green.is_empty(),
    );
}

/// Returns the cases of missing data in which an analysis that was green stays so.
fn never_green() -> Vec<&'static str> {
    let counts = |requests, errors, le: f64| Counts {
        requests,
        errors,
        buckets: [le, f64::INFINITY].map(|le| Bucket { le, count: requests / 2 }).to_vec(),
        ..Counts::default()
    };
    let good =
        |t: f64| Scrape { t, canary: counts(100, 0, 0.1), stable: counts(1900, 2, 0.1), stable_pods: Vec::new() };
    let mut judge = CanaryAnalyzer::new(Rules::default());
    for at in 1..40 {
        judge.take(&Look::Scrape(good(f64::from(at) * 15.0)));
    }
    assert_eq!(judge.report().opinion, AnalysisStatus::Healthy, "{:?}", judge.report());
    let next = good(600.0);
    let cases = [
        ("missing", Look::Missing { t: 600.0, why: String::new() }),
        ("no canary", Look::Scrape(Scrape { canary: Counts::default(), ..next.clone() })),
        ("no stable", Look::Scrape(Scrape { stable: Counts::default(), ..next.clone() })),
        ("buckets disjoint", Look::Scrape(Scrape { canary: counts(100, 0, 0.2), ..next.clone() })),
        ("more errors than requests", Look::Scrape(Scrape { canary: counts(1, 2, 0.1), ..next.clone() })),
        ("clock backwards", Look::Scrape(Scrape { t: 10.0, ..next })),
    ];
    let mut green = Vec::new();
    for (name, look) in cases {
        let mut judge = judge.clone();
        judge.take(&look);
        if judge.report().opinion == AnalysisStatus::Healthy {
            green.push(name);
        }
    }
    if judge.report_at(9999.0).opinion == AnalysisStatus::Healthy {
        green.push("stale");
    }
    green
}
