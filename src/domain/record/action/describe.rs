//! The description of a plan, part by part: for the dialog and for the command line.

use jiff::Timestamp;

use crate::domain::facts::text::{duration, rfc3339_seconds};
use crate::domain::record::action::{LaneUsed, PlanRecord, Request, Target};

/// A part of the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DescriptionPart {
    /// The object, with namespace, environment and context.
    Object,
    /// The lane by which it goes.
    Lane,
    From,
    To,
    /// What the lane leaves out.
    LeavesOut,
    Effect,
    Skips,
    /// What will not be undone.
    NotReverted,
    /// The requests, and how old the state is that they rest on.
    Sends,
}

impl DescriptionPart {
    /// Returns what stands beside it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Object => "",
            Self::Lane => "lane",
            Self::From => "from",
            Self::To => "to",
            Self::LeavesOut => "leaves out",
            Self::Effect => "effect",
            Self::Skips => "skips",
            Self::NotReverted => "not reverted",
            Self::Sends => "sends",
        }
    }
}

/// Describes a plan: its parts in order, none of them empty.
#[must_use]
pub fn describe(record: &PlanRecord, now: Timestamp) -> Vec<(DescriptionPart, Vec<String>)> {
    let one = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    let (name, env) = (record.target.name(), record.target.env());
    let object = match &record.target {
        // It lies in no cluster.
        Target::Flag(_) => format!("{name} @ {env}"),
        Target::Workload(_) | Target::Owner(_) | Target::Git(_) | Target::Pipeline(_) | Target::Tag(_) => {
            format!("{name} in {} @ {env} (context {})", record.namespace, record.context)
        }
    };
    // Steps that are skipped are short: they stand in one text.
    let skips = if record.skips.is_empty() { Vec::new() } else { vec![record.skips.join(", ")] };
    let age = record
        .picture_at
        .map_or_else(|| "never confirmed".to_owned(), |at| format!("{} old", duration(now.duration_since(at))));
    let mut sends: Vec<String> = record.requests.iter().map(Request::line).collect();
    let version = &record.resource_version;
    // A commit is made on what is read then.
    let at = if version.is_empty() { String::new() } else { format!("at resourceVersion {version}, ") };
    sends.push(format!("{at}state {age}"));
    let parts = [
        (DescriptionPart::Object, vec![object]),
        (DescriptionPart::Lane, record.lane.iter().map(|used| by_lane(used)).collect()),
        (DescriptionPart::From, one(&record.from)),
        (DescriptionPart::To, one(&record.to)),
        (DescriptionPart::LeavesOut, record.lane.iter().flat_map(|used| used.leaves_out.clone()).collect()),
        (DescriptionPart::Effect, record.goes.clone()),
        (DescriptionPart::Skips, skips),
        (DescriptionPart::NotReverted, record.not_undone.clone()),
        (DescriptionPart::Sends, sends),
    ];
    parts.into_iter().filter(|(_, texts)| !texts.is_empty()).collect()
}

fn by_lane(used: &LaneUsed) -> String {
    let LaneUsed { lane, by, note, .. } = used;
    let (opened, until) = (rfc3339_seconds(used.opened), rfc3339_seconds(used.until));
    format!("{lane}, opened by {by} at {opened}, until {until}: “{note}”")
}
