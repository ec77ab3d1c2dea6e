//! 10,000 statements: in the journal of this machine, and as many as a ConfigMap can hold.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use release_cockpit::app::model::Screen;
use release_cockpit::app::{Msg, update};
use release_cockpit::core;
use release_cockpit::domain::facts::cluster::ClusterIdentity;
use release_cockpit::domain::facts::ids::EnvName;
use release_cockpit::domain::record::checklist::{Decision, SignOff, SignOffRules};
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::record::ledger::Ledger;
use release_cockpit::domain::record::shared;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::view;
use release_cockpit::view::theme::{Palette, Theme};
use serde_json::json;
use support::Program;

use crate::draw::SIZE;
use crate::figures::{Samples, Table};
use crate::place::Place;
use crate::world;

const STATEMENTS: i64 = 10_000;
/// What the API server takes of a ConfigMap.
const MAX_CONFIG_MAP_BYTES: usize = 1024 * 1024;
const ROUNDS: usize = 200;
const GATES: usize = 20;
const MAX_FRAME: Duration = Duration::from_millis(16);
const MAX_GATE: Duration = Duration::from_millis(200);

pub fn run(table: &mut Table) {
    let env = EnvName::new(world::name(1));
    let entries: Vec<Entry> = (0..STATEMENTS).map(|number| statement(&env, number)).collect();
    frames(table, &env, &entries);
    reading(table, &env, &entries);
    gates(table);
}

/// A statement about one of many releases; every fifth is a NO-GO that nobody took back.
fn statement(env: &EnvName, number: i64) -> Entry {
    Entry::SignedOff(SignOff {
        env: env.clone(),
        cluster: None,
        role: ["sre", "product"][usize::try_from(number % 2).unwrap_or_default()].to_owned(),
        who: format!("operator-{}", number % 20),
        verified: false,
        decision: if number % 5 == 0 { Decision::NoGo } else { Decision::Go },
        note: "the figures of the day were looked at".to_owned(),
        at: Timestamp::now() - SignedDuration::from_secs(STATEMENTS - number),
        subject: format!("payments-api=registry.test/payments-api:1.{}.0", number / 10),
        digest: None,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: release_cockpit::domain::record::proof::Proof::default(),
    })
}

/// Keys and frames beside a look at the record, while the model holds all of them.
fn frames(table: &mut Table, env: &EnvName, entries: &[Entry]) {
    let mut model = world::small();
    let index = model.core.world.environments.iter().position(|known| known.name() == env).unwrap_or_default();
    let roles = vec![("sre".to_owned(), 2), ("product".to_owned(), 1)];
    model.core.world.environments[index].settings.sign_offs = SignOffRules { roles, four_eyes: true };
    let mut ledger = Ledger::default();
    let began = Instant::now();
    for line in lines(entries) {
        ledger.take(&line);
    }
    table.times(&format!("{STATEMENTS} statements taken in at a start"), &one(began.elapsed()), Some(MAX_GATE));
    model.core.world.ledger = ledger;
    let here = ClusterIdentity::unknown("payments");
    let found = shared::read((env, &here), &largest(entries), Timestamp::now(), None);
    let theme = Theme::new(Palette::Dark, false);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let (mut looks, mut keys) = (Samples::default(), [Samples::default(), Samples::default()]);
    for _ in 0..ROUNDS {
        let feed = Feed::Ledger(Box::new(found.clone()));
        let began = Instant::now();
        update(&mut model, Msg::Core(core::Msg::Feed(feed)), Timestamp::now());
        looks.add(began.elapsed());
        for (screen, samples) in [Screen::Deck, Screen::Checklist].into_iter().zip(&mut keys) {
            model.ui.screen = screen;
            let began = Instant::now();
            update(&mut model, Msg::Key { chord: "j".parse().unwrap(), repeat: false }, Timestamp::now());
            terminal.draw(|frame| view::draw(frame, &model, &theme)).unwrap();
            samples.add(began.elapsed());
        }
    }
    table.times(&format!("the shared record taken in beside {STATEMENTS} statements"), &looks, Some(MAX_FRAME));
    for (screen, samples) in ["deck", "checklist"].into_iter().zip(&keys) {
        table.times(&format!("key → frame of the {screen} with {STATEMENTS} statements"), samples, Some(MAX_FRAME));
    }
}

/// Reading the largest record that there can be; this happens beside the frames.
fn reading(table: &mut Table, env: &EnvName, entries: &[Entry]) {
    let data = largest(entries);
    let here = ClusterIdentity::unknown("payments");
    let mut samples = Samples::default();
    for _ in 0..ROUNDS / 10 {
        let began = Instant::now();
        let ledger = shared::read((env, &here), &data, Timestamp::now(), None);
        samples.add(began.elapsed());
        assert!(!ledger.sign_offs.is_empty());
    }
    table.times(&format!("a ConfigMap of 1 MiB read ({} statements)", data.len()), &samples, Some(MAX_GATE));
}

/// `cockpit gate`, with all of them in the journal and the largest record, beside the same without either.
fn gates(table: &mut Table) {
    let place = Place::simulator("1");
    let (kubeconfig, config) = place.files(&[place.environment("prod-eu", place.rollout)], true);
    let gate = |state: &Path| {
        let program = Program::new(crate::COCKPIT).env("KUBECONFIG", &kubeconfig);
        let program = program.env("XDG_STATE_HOME", state.display().to_string());
        let mut samples = Samples::default();
        for _ in 0..GATES {
            let began = Instant::now();
            program.run(&["--config", &config, "gate", "prod-eu"]);
            samples.add(began.elapsed());
        }
        samples
    };
    let empty = gate(&place.state().join("empty"));
    table.times("`cockpit gate`, nothing stated yet", &empty, None);
    let entries: Vec<Entry> = (0..STATEMENTS).map(|number| statement(&EnvName::new("prod-eu"), number)).collect();
    place.create(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": shared::NAME}, "data": largest(&entries),
    }));
    let full = place.state().join("full");
    let journals = full.join("release-cockpit/journals");
    std::fs::create_dir_all(&journals).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(journals.join("payments-api 1.4.0.jsonl")).unwrap());
    for line in lines(&entries) {
        serde_json::to_writer(&mut file, &line).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
    let stated = gate(&full);
    table.times(&format!("`cockpit gate` with {STATEMENTS} statements and a record of 1 MiB"), &stated, None);
    let more = stated.quantile(0.5).saturating_sub(empty.quantile(0.5));
    table.times("what they add to a gate", &one(more), Some(MAX_GATE));
}

/// As many of the statements as a ConfigMap can hold, the newest ones.
fn largest(entries: &[Entry]) -> BTreeMap<String, String> {
    let (mut data, mut bytes) = (BTreeMap::new(), 0);
    for (key, value) in entries.iter().rev().filter_map(shared::statement) {
        bytes += key.len() + value.len();
        if bytes > MAX_CONFIG_MAP_BYTES {
            break;
        }
        data.insert(key, value);
    }
    data
}

/// The statements as lines of a whole journal.
fn lines(entries: &[Entry]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(entries.len());
    for entry in entries {
        lines.push(Line::after(lines.last(), Timestamp::now(), entry.clone()));
    }
    lines
}

fn one(took: Duration) -> Samples {
    let mut samples = Samples::default();
    samples.add(took);
    samples
}
