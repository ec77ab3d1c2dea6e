//! `drift`: differences to the previous environment.

use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};
use crate::domain::facts::changes::drift::{Allowed, Aspect};

/// The workload is set up as in the environment before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    pub allow: Vec<Allowed>,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`drift`",
    help: "The workload is set up as in the environment before: variables, resources, probes, replicas, ports, names of \
           ConfigMaps and Secrets.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[Field::new(
    "allow",
    Kind::TextList,
    "What may differ, e.g. \"replicas\", \"env:LOG_LEVEL\", \"resources:*\", \"configmap:*\".",
)
.or(|| "[]".to_owned())];

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Drift {
    let list = reader.list(table, "allow", "write for example [\"replicas\", \"env:LOG_LEVEL\"]");
    let mut allow = Vec::new();
    for item in list.into_iter().flatten() {
        let Some(text) = reader.text_of(item, "allow") else { continue };
        match Allowed::parse(&text.value) {
            Ok(allowed) => allow.push(allowed),
            Err(word) => {
                let what = format!("`{word}` is nothing that is compared");
                reader.note_unknown(text.at, what, word, &Aspect::ALL.map(Aspect::as_str));
            }
        }
    }
    Drift { allow }
}
