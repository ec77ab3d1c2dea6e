//! Label and field selectors.

use serde_json::Value;

use super::api_error::ApiError;
use super::object;
use super::resources::Kind;

/// One requirement of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Equals(String, String),
    NotEquals(String, String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// What a list or watch asks for; every requirement must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

/// Fields that every kind can be selected by, then those of single kinds.
const FIELDS: &[(&[Kind], &[&str])] = &[
    (
        &[Kind::Pod],
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
    ),
    (
        &[Kind::Event],
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    (&[Kind::Secret], &["type"]),
    (&[Kind::ReplicaSet], &["status.replicas"]),
    (&[Kind::Namespace], &["status.phase"]),
];

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` of a request.
    pub fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let labels = parse_labels(labels)
            .ok_or_else(|| ApiError::bad_request(format!("unable to parse requirement: {labels}")))?;
        let fields = parse_fields(kind, fields)?;
        Ok(Self { labels, fields })
    }

    /// Returns whether an object is asked for.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.holds(|key| object::label(object, key)))
            && self.fields.iter().all(|requirement| requirement.holds(|path| Some(field(object, path))))
    }
}

impl Requirement {
    fn holds<'a>(&'a self, value_of: impl Fn(&'a str) -> Option<&'a str>) -> bool {
        match self {
            Self::Equals(key, wanted) => value_of(key) == Some(wanted.as_str()),
            Self::NotEquals(key, wanted) => value_of(key) != Some(wanted.as_str()),
            Self::In(key, wanted) => value_of(key).is_some_and(|v| wanted.iter().any(|w| w == v)),
            Self::NotIn(key, wanted) => value_of(key).is_none_or(|v| !wanted.iter().any(|w| w == v)),
            Self::Exists(key) => value_of(key).is_some(),
            Self::Absent(key) => value_of(key).is_none(),
        }
    }
}

fn field<'a>(object: &'a Value, path: &str) -> &'a str {
    // `source` of an event is its component, as the API server maps it.
    if path == "source" {
        return object::text(object, "/source/component");
    }
    object::text(object, &format!("/{}", path.replace('.', "/")))
}

fn parse_fields(kind: Kind, text: &str) -> Result<Vec<Requirement>, ApiError> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let requirement = if let Some((key, value)) = part.split_once("!=") {
            Requirement::NotEquals(key.to_owned(), value.to_owned())
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            Requirement::Equals(key.to_owned(), value.to_owned())
        } else {
            return Err(ApiError::bad_request(format!(
                "unable to parse field selector: invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        if let Requirement::Equals(key, _) | Requirement::NotEquals(key, _) = &requirement
            && !is_selectable(kind, key)
        {
            return Err(ApiError::bad_request(format!("field label not supported: {key}")));
        }
        out.push(requirement);
    }
    Ok(out)
}

fn is_selectable(kind: Kind, path: &str) -> bool {
    matches!(path, "metadata.name" | "metadata.namespace")
        || FIELDS.iter().any(|(kinds, paths)| kinds.contains(&kind) && paths.contains(&path))
}

fn parse_labels(text: &str) -> Option<Vec<Requirement>> {
    split_outside_brackets(text).into_iter().map(str::trim).filter(|part| !part.is_empty()).map(parse_label).collect()
}

fn parse_label(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Absent(key.trim().to_owned()));
    }
    if let Some((head, list)) = part.split_once('(') {
        let values = list.strip_suffix(')')?.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        let key = key.trim().to_owned();
        return match operator {
            "in" => Some(Requirement::In(key, values)),
            "notin" => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    let pair = |(key, value): (&str, &str)| (key.trim().to_owned(), value.trim().to_owned());
    if let Some((key, value)) = part.split_once("!=").map(pair) {
        return Some(Requirement::NotEquals(key, value));
    }
    if let Some((key, value)) = part.split_once("==").map(pair) {
        return Some(Requirement::Equals(key, value));
    }
    if let Some((key, value)) = part.split_once('=').map(pair) {
        return Some(Requirement::Equals(key, value));
    }
    (!part.contains(char::is_whitespace)).then(|| Requirement::Exists(part.to_owned()))
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut start = 0;
    let mut parts = Vec::new();
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(selector: &str) -> bool {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        Selector::parse(Kind::Pod, selector, "").unwrap().matches(&object)
    }

    #[test]
    fn labels_are_selected_by_equality_and_by_set() {
        for yes in [
            "",
            "app=web",
            "app==web,tier=front",
            "app in (web, api)",
            "app notin (api)",
            "app",
            "!other",
            "other!=x",
            "app in (web),tier in (front,back)",
        ] {
            assert!(labels(yes), "{yes}");
        }
        for no in ["app=api", "app in (api)", "app notin (web)", "!app", "other"] {
            assert!(!labels(no), "{no}");
        }
    }

    #[test]
    fn fields_are_selected_where_the_kind_allows_it() {
        let event = json!({
            "metadata": {"name": "e"},
            "involvedObject": {"name": "web", "kind": "Rollout"},
            "reason": "RolloutPaused",
        });
        let select = |text| Selector::parse(Kind::Event, "", text).unwrap().matches(&event);
        assert!(select("involvedObject.name=web,reason=RolloutPaused"));
        assert!(!select("involvedObject.name!=web"));
        assert!(select("metadata.name=e"));
        let error = Selector::parse(Kind::Rollout, "", "status.phase=Healthy").unwrap_err();
        assert_eq!(error.message, "field label not supported: status.phase");
    }

    #[test]
    fn invalid_selectors_are_refused() {
        assert!(Selector::parse(Kind::Pod, "a in web)", "").is_err());
        assert!(Selector::parse(Kind::Pod, "", "nonsense").is_err());
    }
}
