//! `benchmark`: a figure of a benchmark against its baseline.

use jiff::SignedDuration;

use super::files::{self, FilePattern};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Kind, Section, keys, words};

/// A figure is not much worse than its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// The JSON file that holds the figure.
    pub file: FilePattern,
    /// Where in it, as a JSON pointer (RFC 6901); empty where the file is the number.
    pub pointer: String,
    /// What it is compared with.
    pub baseline: Baseline,
    /// How much worse it may be, in percent of the baseline.
    pub at_most_worse: f64,
    pub better: Better,
    /// An older file says nothing.
    pub max_age: Option<SignedDuration>,
}

/// What a figure is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    Number(f64),
    /// The number at the same place of another file, of any age.
    File(FilePattern),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
}

impl Better {
    pub const ALL: [Self; 2] = [Self::Lower, Self::Higher];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`benchmark`",
    help: "A benchmark's figure is not much worse than its baseline.",
    needed: &["file", "pointer"],
    groups: &[FIELDS, &[files::MAX_AGE]],
};

keys! {
    Benchmark = unset();
    file: by_hand(Kind::Text), "JSON file with the figure; relative to the config file.";
    pointer: by_hand(Kind::Text), "Where in it, as a JSON pointer such as `/median`.";
    baseline: by_hand(Kind::Number(0.0, None)), "What it is compared with.";
    baseline_file: by_hand(Kind::Text), "Or the JSON file with the baseline, at the same pointer.";
    at_most_worse: number(0.0..), "How much worse it may be, in percent of the baseline.";
    better: word(Better), "Which way is better: lower for times, higher for rates.";
}

words!(Better);

fn unset() -> Benchmark {
    Benchmark {
        file: FilePattern::default(),
        pointer: String::new(),
        baseline: Baseline::Number(0.0),
        at_most_worse: 5.0,
        better: Better::Lower,
        max_age: None,
    }
}

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Benchmark> {
    let mut asked = unset();
    read_keys(reader, table, &mut asked);
    share_or_never(reader, table, &asked);
    asked.max_age = reader.time(table, "max_age");
    let baseline = baseline(reader, table);
    let pointer = pointer(reader, table);
    if table.get("file").is_none() {
        reader.note(table.at, "`benchmark` has no `file`", "write file = \"bench.json\"");
    }
    let file = files::one(reader, table, "file")?;
    Some(Benchmark { file, pointer: pointer?, baseline: baseline?, ..asked })
}

/// Notes a share of one where percent are meant, and a limit that no figure can exceed.
fn share_or_never(reader: &mut Reader, table: &Table<'_>, asked: &Benchmark) {
    let Some(value) = table.get("at_most_worse") else { return };
    let (at, worse) = (value.span().start, asked.at_most_worse);
    if worse > 0.0 && worse < 1.0 {
        let meant = (worse * 10_000.0).round() / 100.0;
        reader.note(at, format!("`at_most_worse` is {worse}, and it is in percent"), format!("did you mean {meant}?"));
    } else if asked.better == Better::Higher && worse >= 100.0 {
        let what =
            format!("`at_most_worse` is {worse}: no rate falls by more than 100 %, so the check would never fail");
        reader.note(at, what, "write for example at_most_worse = 5");
    }
}

fn pointer(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    if table.get("pointer").is_none() {
        let what = "`benchmark` has no pointer to the figure in the file";
        reader.note(table.at, what, "write for example pointer = \"/median\"");
        return None;
    }
    let pointer = reader.text(table, "pointer")?;
    if !pointer.value.starts_with('/') {
        reader.note(pointer.at, "a JSON pointer begins with `/`", "write for example \"/results/0/median\"");
        return None;
    }
    Some(pointer.value)
}

fn baseline(reader: &mut Reader, table: &Table<'_>) -> Option<Baseline> {
    match (table.get("baseline"), table.get("baseline_file")) {
        (Some(_), Some(_)) => {
            let at = table.key_at("baseline_file");
            reader.note(at, "`baseline` and `baseline_file` exclude each other", "keep one of them");
            None
        }
        (Some(_), None) => {
            let number = reader.number(table, "baseline")?;
            if number == 0.0 {
                reader.note(table.key_at("baseline"), "`baseline` is 0: nothing is a share of that", "");
                return None;
            }
            Some(Baseline::Number(number))
        }
        (None, Some(_)) => files::one(reader, table, "baseline_file").map(Baseline::File),
        (None, None) => {
            let what = "`benchmark` has nothing to compare with";
            reader.note(table.at, what, "write baseline = 12.5, or baseline_file = \"bench-main.json\"");
            None
        }
    }
}
