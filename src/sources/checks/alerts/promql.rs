//! Which labels the result of a query can have, by the rules of PromQL
//! (<https://prometheus.io/docs/prometheus/latest/querying/operators/>). What cannot be read has none.

/// Deeper nesting than this is read by nobody, in parentheses and operators.
const MAX_DEPTH: usize = 100;

const AGGREGATIONS: [&str; 14] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// What can be known of a label of a result without the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// No series of it can have the value.
    No,
    /// It has the value wherever there is a result.
    Yes,
    /// It has it where a series has that one of these selectors selects.
    By(Vec<Selector>),
}

impl Carried {
    /// Either side may bring it.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::By(mut one), Self::By(other)) => {
                one.extend(other);
                Self::By(one)
            }
            (Self::No, other) | (other, Self::No) => other,
        }
    }

    /// Both sides have to have it.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) | (other, Self::Yes) => other,
            (one, Self::By(_)) => one,
        }
    }
}

/// A selector of series, as it stands in the query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selector {
    metric: String,
    matchers: Vec<String>,
}

impl Selector {
    /// Writes it with more matchers, each of a label and its value.
    pub fn with(&self, more: &[(&str, String)]) -> String {
        let own = self.matchers.iter().cloned();
        let all: Vec<String> = own.chain(more.iter().map(|(name, value)| format!("{name}=\"{value}\""))).collect();
        format!("{}{{{}}}", self.metric, all.join(","))
    }
}

/// A query, as far as labels are concerned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Query {
    /// A number or a text, and what functions make of numbers alone: it has no labels.
    Scalar,
    /// A vector without labels.
    Bare,
    Select {
        selector: Selector,
        /// The labels that have to have one value, with it.
        equal: Vec<(String, String)>,
    },
    Call {
        function: String,
        arguments: Vec<Query>,
        /// Those of the arguments that are texts.
        texts: Vec<String>,
    },
    Aggregate {
        of: Box<Query>,
        function: String,
        /// `by` or `without` these labels.
        grouping: Option<(Grouping, Vec<String>)>,
        text: Option<String>,
    },
    Operate {
        operator: String,
        left: Box<Query>,
        right: Box<Query>,
        matching: Matching,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    By,
    Without,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matching {
    /// `on` or `ignoring` these labels.
    on: Option<(bool, Vec<String>)>,
    /// `group_left` (true) or `group_right`, with the labels taken from the other side.
    group: Option<(bool, Vec<String>)>,
}

impl Query {
    /// Reads a query; `None` where it is none that is understood.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = super::promql_reader::Reader::new(text)?;
        let query = reader.expression(0, MAX_DEPTH)?;
        reader.is_at_end().then_some(query)
    }

    /// Returns whether a series of its result can have a label with this value.
    pub fn carries(&self, name: &str, value: &str) -> Carried {
        match self {
            Self::Scalar | Self::Bare => Carried::No,
            Self::Select { selector, equal } => match equal.iter().find(|(label, _)| label == name) {
                Some((_, wanted)) if wanted == value => Carried::Yes,
                Some(_) => Carried::No,
                None => Carried::By(vec![selector.clone()]),
            },
            Self::Call { function, arguments, texts } => called(function, arguments, texts, (name, value)),
            Self::Aggregate { of, function, grouping, text } => {
                let listed = |labels: &Vec<String>| labels.iter().any(|label| label == name);
                let is_kept = match (function.as_str(), grouping) {
                    ("topk" | "bottomk" | "limitk" | "limit_ratio", _) => true,
                    ("count_values", _) if text.as_deref() == Some(name) => return Carried::Yes,
                    (_, Some((Grouping::By, labels))) => listed(labels),
                    (_, Some((Grouping::Without, labels))) => !listed(labels),
                    (_, None) => false,
                };
                if is_kept { of.carries(name, value) } else { Carried::No }
            }
            Self::Operate { operator, left, right, matching } => {
                let [left_has, right_has] = [left, right].map(|side| side.carries(name, value));
                match operator.as_str() {
                    "and" | "unless" => left_has,
                    "or" => left_has.or(right_has),
                    _ if left.is_scalar() => right_has,
                    _ if right.is_scalar() => left_has,
                    _ => matching.carried(name, left_has, right_has),
                }
            }
        }
    }

    fn is_scalar(&self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Operate { left, right, .. } => left.is_scalar() && right.is_scalar(),
            _ => false,
        }
    }
}

impl Matching {
    /// What the result of arithmetic or a comparison has, of what its two sides have.
    fn carried(&self, name: &str, left: Carried, right: Carried) -> Carried {
        let listed = |labels: &Vec<String>| labels.iter().any(|label| label == name);
        match (&self.group, &self.on) {
            (Some((true, extra)), _) => {
                if listed(extra) {
                    right
                } else {
                    left
                }
            }
            (Some((false, extra)), _) => {
                if listed(extra) {
                    left
                } else {
                    right
                }
            }
            (None, Some((true, labels))) if !listed(labels) => Carried::No,
            (None, Some((false, labels))) if listed(labels) => Carried::No,
            (None, _) => left.and(right),
        }
    }
}

fn called(function: &str, arguments: &[Query], texts: &[String], (name, value): (&str, &str)) -> Carried {
    let any = || arguments.iter().fold(Carried::No, |all, one| all.or(one.carries(name, value)));
    match function {
        // They have no series, and so only what is selected by.
        "absent" | "absent_over_time" => match any() {
            Carried::Yes => Carried::Yes,
            Carried::No | Carried::By(_) => Carried::No,
        },
        "histogram_quantile" | "histogram_fraction" if name == "le" => Carried::No,
        "label_replace" if texts.first().is_some_and(|label| label == name) => {
            replaced(arguments, texts, (name, value))
        }
        // Of what it is joined is in the data.
        "label_join" if texts.first().is_some_and(|label| label == name) => Carried::Yes,
        _ => any(),
    }
}

/// What `label_replace(v, "name", replacement, source, regex)` puts into a label; where the expression does not match, it
/// stays as it is.
fn replaced(arguments: &[Query], texts: &[String], (name, value): (&str, &str)) -> Carried {
    let vector = arguments.first();
    let as_it_is = vector.map_or(Carried::No, |vector| vector.carries(name, value));
    let [_, replacement, source, regex] = texts else { return Carried::No };
    let made = match (replacement.as_str(), regex.as_str()) {
        ("$1" | "${1}", "(.*)" | "(.+)") => vector.map_or(Carried::No, |vector| vector.carries(source, value)),
        (text, _) if !text.contains('$') => {
            if text == value {
                Carried::Yes
            } else {
                Carried::No
            }
        }
        // What the groups of an expression match is in the data.
        _ => Carried::Yes,
    };
    as_it_is.or(made)
}

/// Whether a word is the name of an aggregation.
pub(super) fn is_aggregation(word: &str) -> bool {
    AGGREGATIONS.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Makes a selector of a metric's name and its matchers: label, operator and value.
pub(super) fn select(metric: String, matchers: Vec<(String, String, String)>) -> Query {
    let is_exact =
        |(label, operator, value): &(String, String, String)| (operator == "=").then(|| (label.clone(), value.clone()));
    let equal = matchers.iter().filter_map(is_exact).collect();
    let written = |(label, operator, value): (String, String, String)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{label}{operator}\"{value}\"")
    };
    let matchers = matchers.into_iter().map(written).collect();
    Query::Select { selector: Selector { metric, matchers }, equal }
}

pub(super) fn matching(on: Option<(bool, Vec<String>)>, group: Option<(bool, Vec<String>)>) -> Matching {
    Matching { on, group }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is carried of `ns` = `shop`: `-` nothing, `!` always, else the selectors.
    fn carried(query: &str) -> String {
        let Some(query) = Query::parse(query) else { return "?".to_owned() };
        match query.carries("ns", "shop") {
            Carried::No => "-".to_owned(),
            Carried::Yes => "!".to_owned(),
            Carried::By(selectors) => selectors.iter().map(|selector| selector.with(&[])).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn aggregations_drop_labels_wherever_they_stand() {
        for (query, wanted) in [
            ("up == 0", "up{}"),
            ("sum(up) > 0", "-"),
            ("(sum by (ns, job) (up)) > 0", "up{}"),
            ("sum(rate(x{a=\")\"}[5m])) by (ns) / 2 > 0", "x{a=\")\"}"),
            ("sum(up) by (job) > 0", "-"),
            ("sum without (ns) (up) > 0", "-"),
            ("sum without (pod) (up) > 0", "up{}"),
            ("topk(3, up) > 0", "up{}"),
            ("count_values(\"ns\", up)", "!"),
            ("quantile by (ns) (0.9, up)", "up{}"),
            ("histogram_quantile(0.99, sum by (le) (rate(lat_bucket{ns=\"shop\"}[5m]))) > 1", "-"),
            ("100 * sum(x{ns=\"shop\"}) / sum(y{ns=\"shop\"})", "-"),
            ("1 - sum(up)", "-"),
            ("abs(sum(up))", "-"),
            ("max_over_time(sum(up)[10m:]) > 1", "-"),
            ("max_over_time(sum by (ns) (up)[10m:30s] offset 1h) > 1", "up{}"),
            ("vector(1) * scalar(sum(up))", "-"),
            ("rate(sum_total[5m]) > 0", "sum_total{}"),
            ("increase(x[1h30m] offset -5m) > 1e-3", "x{}"),
            ("avg(x @ start()) by (ns)", "x{}"),
            ("SUM BY (ns) (up)", "up{}"),
            ("hour() > 8", "-"),
            ("time() - x > 0x1f", "x{}"),
            ("{\"my.metric\", job=\"x\"} > 1", "{__name__=\"my.metric\",job=\"x\"}"),
            ("up # a comment\n== 0", "up{}"),
        ] {
            assert_eq!(carried(query), wanted, "{query}");
        }
    }

    #[test]
    fn operators_carry_what_their_sides_and_their_matching_leave() {
        for (query, wanted) in [
            ("a and sum(b)", "a{}"),
            ("sum(a) unless b", "-"),
            ("sum(a) or b", "b{}"),
            ("a / b", "a{}"),
            ("a / sum(b)", "-"),
            ("a / on(ns) b", "a{}"),
            ("a / on(job) b", "-"),
            ("a / ignoring(ns) b", "-"),
            ("a / ignoring(job) b", "a{}"),
            ("a * on(job) group_left sum by (job) (b)", "a{}"),
            ("sum by (job) (a) * on(job) group_left(ns) b", "b{}"),
            ("sum(a) * on() group_right b", "b{}"),
            ("a > bool 1", "a{}"),
            ("-a ^ 2", "a{}"),
            ("a > 1 and on() hour() > 8", "a{}"),
            ("(a{ns=\"shop\"} or vector(0)) > 1", "!"),
        ] {
            assert_eq!(carried(query), wanted, "{query}");
        }
    }

    #[test]
    fn labels_that_functions_make_are_seen() {
        for (query, wanted) in [
            ("absent(up{ns=\"shop\"})", "!"),
            ("absent(up{job=\"x\"})", "-"),
            ("absent_over_time(up{ns='shop'}[5m])", "!"),
            ("label_replace(up, \"ns\", \"$1\", \"exported\", \"(.*)\")", "up{} up{}"),
            ("label_replace(sum(up), \"ns\", \"shop\", \"\", \"\")", "!"),
            ("label_replace(sum(up), \"ns\", \"web\", \"\", \"\")", "-"),
            ("label_replace(sum(up), \"job\", \"shop\", \"\", \"\")", "-"),
            ("label_replace(sum(up), \"ns\", \"$2\", \"x\", \"(a)(.*)\")", "!"),
            ("sum(up{x=\"ns\"})", "-"),
            ("my_absent_total{ns=\"web\"}", "-"),
        ] {
            assert_eq!(carried(query), wanted, "{query}");
        }
    }

    #[test]
    fn what_is_no_query_carries_nothing() {
        for query in ["", "sum(", "up{", "up{ns}", "a b", "a +", "up{ns=shop}", "\"", "rate(x[5m", "a ! b", "sum by up"]
        {
            assert_eq!(carried(query), "?", "{query}");
        }
        assert_eq!(carried(&"(".repeat(100_000)), "?");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[a-z(){}\\[\\]\"'=!~<>+*/^,.: 0-9-]{0,60}") {
            let _ = carried(&text);
        }
    }
}
