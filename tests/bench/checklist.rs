//! A checklist of 200 lines on the screen, and a report of 50 MB.

use std::io::Write as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::model::Screen;
use release_cockpit::app::{Msg, update};
use release_cockpit::config::{Config, ConfigBase};
use release_cockpit::core;
use release_cockpit::domain::record::checklist::{
    Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Finding, How, SignOffRules,
};
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::sources::checks::{CheckInput, Tools, look};
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};

use crate::draw::SIZE;
use crate::figures::{Samples, Table};
use crate::world;

const CHECKS: usize = 200;
const KEYS: usize = 1000;
const MAX_P99: Duration = Duration::from_millis(16);
/// About 50 MB of test cases.
const CASES: usize = 420_000;

pub fn run(table: &mut Table) {
    table.times("key → frame in process, 200 checks of which one is answered before each key", &keys(), Some(MAX_P99));
    let (took, megabytes, size) = report();
    let what = format!("a JUnit report of {size:.0} MB");
    table.figure(&what, &format!("{:.2} s, {megabytes:.1} MiB more memory at its peak", took.as_secs_f64()), None);
}

fn keys() -> Samples {
    let mut model = world::small();
    let env = &mut model.core.world.environments[1];
    let name = env.name().clone();
    let specs: Vec<CheckSpec> = (0..CHECKS)
        .map(|index| CheckSpec {
            id: CheckId::new(format!("check-{index:03}")),
            title: format!("the {index}th thing that has to hold"),
            phase: CheckPhase::ALL[index % 3],
            gate: index % 2 == 0,
            owner: None,
            how: How::Evidence("http".into()),
            fresh: None,
            runbook: None,
        })
        .collect();
    env.checks = specs.iter().cloned().map(Check::new).collect();
    env.settings.checks = specs;
    env.settings.sign_offs = SignOffRules { roles: vec![("sre".to_owned(), 2)], four_eyes: true };
    model.ui.screen = Screen::Checklist;
    let subject = model
        .core
        .world
        .candidate(&model.core.world.environments[1])
        .map(|candidate| candidate.key)
        .unwrap_or_default();
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut samples = Samples::default();
    for number in 0..KEYS {
        let finding = Finding {
            found: if number % 3 == 0 { CheckOutcome::Failed } else { CheckOutcome::Passed },
            summary: format!("answer {number}"),
            evidence: vec!["a line of evidence".to_owned(); 20],
            green_when: "it answers".to_owned(),
            at: Timestamp::now(),
            subject: subject.clone(),
        };
        let check = CheckId::new(format!("check-{:03}", number * 7 % CHECKS));
        let began = Instant::now();
        update(
            &mut model,
            Msg::Core(core::Msg::Feed(Feed::Checked { env: name.clone(), check, finding })),
            Timestamp::now(),
        );
        update(&mut model, Msg::Key { chord: "j".parse().unwrap(), repeat: false }, Timestamp::now());
        terminal.draw(|frame| view::draw(frame, &model, &theme)).unwrap();
        samples.add(began.elapsed());
    }
    samples
}

/// Reads a large report; returns the time it took, how much memory more than before was in use, and its size in MB.
fn report() -> (Duration, f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.path().join("large.xml")).unwrap());
    writeln!(file, "<testsuites><testsuite name=\"large\" tests=\"{CASES}\">").unwrap();
    for case in 0..CASES {
        let name = format!("case_{case:07} of a suite that gives its cases long names");
        writeln!(file, "<testcase classname=\"shop.payments.Large\" name=\"{name}\" time=\"0.001\"/>").unwrap();
    }
    writeln!(file, "</testsuite></testsuites>").unwrap();
    file.flush().unwrap();
    let size = std::fs::metadata(folder.path().join("large.xml")).unwrap().len() as f64 / 1e6;
    let place = ConfigBase { folder: folder.path().to_owned(), ..ConfigBase::default() };
    let config = Config::parse("[[checks]]\nid = 'x'\njunit = { files = ['large.xml'] }\n", &place).unwrap();
    let kind = config.defaults.checks[0].kind.clone().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (before, began) = (peak(), Instant::now());
    let evidence = runtime.block_on(look(&kind, &CheckInput::default(), &Tools::default()));
    let took = began.elapsed();
    assert_eq!(evidence.found, CheckOutcome::Passed, "{}", evidence.summary);
    (took, peak() - before, size)
}

/// The most memory that was in use so far, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
}
