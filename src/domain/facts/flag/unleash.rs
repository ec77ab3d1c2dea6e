//! What the admin API of Unleash says of flags. Read from version 7.5.1; what is missing is not known.

mod share;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

pub use share::{GradualRollout, RolloutStrategy, strategy};

use super::{Flag, FlagChange, FlagEdit, FlagState, WhenOff, ticket};

/// The strategies of flags in one environment, by the name of the flag.
pub type Strategies = BTreeMap<String, Vec<Value>>;

/// Reads the list of a project; flags that are not set up in the environment are off there. `None` where it is no such list.
#[must_use]
pub fn list(answer: &Value, environment: &str, strategies: Option<&Strategies>) -> Option<Vec<Flag>> {
    let features = answer.get("features")?.as_array()?;
    let flags = features.iter().filter_map(|feature| {
        let of_it = strategies.map(|all| all.get(feature["name"].as_str()?).map_or(Some(&[][..]), |own| Some(own)));
        flag(feature, environment, of_it.flatten())
    });
    Some(flags.collect())
}

/// Whether a list has flags, and none of them has the environment: then it is not there, and nothing is off in it.
#[must_use]
pub fn lacks_environment(answer: &Value, environment: &str) -> bool {
    let features = answer["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    !features.is_empty() && !features.iter().any(|feature| has_environment(feature, environment))
}

/// Reads a single feature, which holds its strategies. `None` where it is none, or is archived.
#[must_use]
pub fn feature(answer: &Value, environment: &str) -> Option<Flag> {
    if answer["archived"] == true {
        return None;
    }
    let strategies = of_environment(answer, environment).and_then(|env| env["strategies"].as_array());
    flag(answer, environment, strategies.map(Vec::as_slice))
}

/// Whether an environment of this name is among those of a feature.
#[must_use]
pub fn has_environment(answer: &Value, environment: &str) -> bool {
    of_environment(answer, environment).is_some()
}

/// Reads the strategies in an export of one environment.
#[must_use]
pub fn strategies(export: &Value) -> Option<Strategies> {
    let mut all = Strategies::new();
    for strategy in export.get("featureStrategies")?.as_array()? {
        if let Some(name) = strategy["featureName"].as_str() {
            all.entry(name.to_owned()).or_default().push(strategy.clone());
        }
    }
    Some(all)
}

/// Reads which ticket the links of each flag lead to, in an export: lists have no links.
#[must_use]
pub fn tickets(export: &Value) -> BTreeMap<String, String> {
    let all = export["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |links: &Value| Some((links["feature"].as_str()?.to_owned(), linked(&links["links"])?));
    all.iter().filter_map(of).collect()
}

/// Returns the ticket that the first of some links leads to that leads to one.
fn linked(links: &Value) -> Option<String> {
    let texts = |link: &'_ Value| ["title", "url"].map(|key| link[key].as_str().map(ToOwned::to_owned));
    links.as_array()?.iter().flat_map(texts).flatten().find_map(|text| ticket::of_text(&text))
}

/// Returns what a tag of the type `ticket` says or another one, else the description, else a link.
fn ticket_of(feature: &Value) -> Option<String> {
    let tags = feature["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let typed = tags.iter().filter(|tag| tag["type"] == "ticket").find_map(|tag| tag["value"].as_str());
    let simple: Vec<String> = tags.iter().filter_map(|tag| tag["value"].as_str().map(ToOwned::to_owned)).collect();
    let described = || feature["description"].as_str().and_then(ticket::of_text);
    typed
        .and_then(ticket::of_field)
        .or_else(|| ticket::of_tags(&simple))
        .or_else(described)
        .or_else(|| linked(&feature["links"]))
}

/// Reads who made each flag from a page of the search.
#[must_use]
pub fn owners(page: &Value) -> Vec<(String, Option<String>)> {
    let features = page["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |feature: &Value| Some((feature["name"].as_str()?.to_owned(), owner(feature)));
    features.iter().filter_map(of).collect()
}

/// Reads who changed each flag in an environment, the latest first, from events that begin with the latest.
#[must_use]
pub fn changes(events: &Value, environment: &str) -> BTreeMap<String, Vec<FlagChange>> {
    let mut all: BTreeMap<String, Vec<FlagChange>> = BTreeMap::new();
    for event in events["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let is_here = event["environment"] == environment;
        let change = event["createdBy"].as_str().zip(time(&event["createdAt"]));
        if let (true, Some(name), Some((by, at))) = (is_here, event["featureName"].as_str(), change) {
            let of_it = all.entry(name.to_owned()).or_default();
            let what = edit(&event["type"]);
            // A flag that is turned on without a strategy gets one at the same instant: that is one change.
            let is_part = what == FlagEdit::Changed && of_it.last().is_some_and(|last| last.at == at);
            if of_it.len() < Flag::MAX_CHANGES && !is_part {
                of_it.push(FlagChange { by: by.to_owned(), at, what });
            }
        }
    }
    all
}

fn edit(kind: &Value) -> FlagEdit {
    match kind.as_str() {
        Some("feature-environment-enabled") => FlagEdit::On,
        Some("feature-environment-disabled") => FlagEdit::Off,
        _ => FlagEdit::Changed,
    }
}

fn of_environment<'a>(feature: &'a Value, environment: &str) -> Option<&'a Value> {
    feature["environments"].as_array()?.iter().find(|env| env["name"] == environment)
}

fn flag(feature: &Value, environment: &str, strategies: Option<&[Value]>) -> Option<Flag> {
    let is_enabled = of_environment(feature, environment).is_some_and(|env| env["enabled"] == true);
    let state = match strategies {
        _ if !is_enabled => FlagState::Off,
        Some(strategies) => reach(strategies),
        None => FlagState::Some,
    };
    let tags = feature["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(Flag {
        name: feature["name"].as_str()?.to_owned(),
        state,
        kind: feature["type"].as_str().map(ToOwned::to_owned),
        owner: owner(feature),
        tags: tags.iter().filter_map(|tag| tag["value"].as_str().map(ToOwned::to_owned)).collect(),
        ticket: ticket_of(feature),
        created: time(&feature["createdAt"]),
        is_stale: feature["stale"] == true,
        changes: Vec::new(),
        version: version(is_enabled, strategies),
        holder: None,
        when_off: WhenOff::default(),
    })
}

fn owner(feature: &Value) -> Option<String> {
    feature["createdBy"]["name"].as_str().map(ToOwned::to_owned)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns who gets a flag that is enabled: whoever any of its strategies lets in. Without one it is everybody. How many several of
/// them let in is not known: one may let in whom another does not.
fn reach(strategies: &[Value]) -> FlagState {
    let reached: Vec<FlagState> = in_force(strategies).map(reach_of).collect();
    match reached.as_slice() {
        [] => FlagState::On,
        [only] => *only,
        several if several.contains(&FlagState::On) => FlagState::On,
        several if several.iter().all(|state| !state.is_on()) => FlagState::Percent(0),
        _ => FlagState::Some,
    }
}

fn in_force(strategies: &[Value]) -> impl Iterator<Item = &Value> {
    strategies.iter().filter(|strategy| strategy["disabled"] != true)
}

fn is_for_chosen_users(strategy: &Value) -> bool {
    let is_filled = |key: &str| strategy[key].as_array().is_some_and(|list| !list.is_empty());
    is_filled("constraints") || is_filled("segments")
}

/// Returns the parameter that holds the share of users, of a strategy that has one.
fn share_key(strategy: &Value) -> Option<&'static str> {
    match strategy["name"].as_str() {
        Some("flexibleRollout") => Some("rollout"),
        Some("gradualRolloutUserId" | "gradualRolloutSessionId" | "gradualRolloutRandom") => Some("percentage"),
        _ => None,
    }
}

fn reach_of(strategy: &Value) -> FlagState {
    if is_for_chosen_users(strategy) {
        return FlagState::Some;
    }
    if strategy["name"] == "default" {
        return FlagState::On;
    }
    let Some(key) = share_key(strategy) else { return FlagState::Some };
    let share = &strategy["parameters"][key];
    // Unleash writes numbers as text.
    let percent = share.as_str().and_then(|text| text.parse::<u8>().ok());
    match percent.or_else(|| share.as_u64().and_then(|number| u8::try_from(number).ok())) {
        Some(100..) => FlagState::On,
        Some(percent) => FlagState::Percent(percent),
        None => FlagState::Some,
    }
}

/// Unleash counts no versions: what decides who gets a flag stands for one.
fn version(is_enabled: bool, strategies: Option<&[Value]>) -> Option<String> {
    let keys = ["id", "name", "parameters", "constraints", "segments", "disabled"];
    let in_words = |strategy: &Value| keys.map(|key| strategy.get(key).map(Value::to_string).unwrap_or_default());
    let mut parts: Vec<String> = strategies?.iter().map(|strategy| in_words(strategy).join(" ")).collect();
    // The list and the single feature need not have them in the same order.
    parts.sort();
    Some(format!("{} {}", if is_enabled { "enabled" } else { "disabled" }, parts.join("\n")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rollout(percent: &str) -> Value {
        json!({"name": "flexibleRollout", "parameters": {"rollout": percent}, "constraints": [], "segments": []})
    }

    fn checkout(enabled: bool, strategies: &[Value]) -> Value {
        json!({
            "name": "checkout.v2", "type": "release", "stale": false, "createdAt": "2026-11-28T21:00:14.985Z",
            "createdBy": {"id": 1, "name": "alice"}, "archived": false,
            "environments": [{"name": "production", "enabled": enabled, "strategies": strategies}],
        })
    }

    #[test]
    fn the_share_of_users_is_known_where_one_strategy_lets_them_in() {
        let state = |strategies: &[Value]| feature(&checkout(true, strategies), "production").unwrap().state;
        assert_eq!(state(&[rollout("25")]), FlagState::Percent(25));
        assert_eq!(state(&[rollout("25"), rollout("100")]), FlagState::On);
        assert_eq!(state(&[rollout("25"), rollout("20")]), FlagState::Some, "they may be others");
        assert_eq!(state(&[rollout("0"), rollout("0")]), FlagState::Percent(0));
        assert_eq!(state(&[]), FlagState::On);
        let mut disabled = rollout("100");
        disabled["disabled"] = json!(true);
        assert_eq!(state(&[rollout("5"), disabled]), FlagState::Percent(5));
        let mut chosen = rollout("100");
        chosen["constraints"] = json!([{"contextName": "country"}]);
        assert_eq!(state(&[chosen]), FlagState::Some);
        assert_eq!(state(&[rollout("a lot")]), FlagState::Some);
        let off = feature(&checkout(false, &[rollout("100")]), "production").unwrap();
        assert_eq!(off.state, FlagState::Off);
        assert_eq!((off.owner.as_deref(), off.kind.as_deref()), (Some("alice"), Some("release")));
    }

    #[test]
    fn the_list_and_the_single_feature_have_the_same_version() {
        let single = checkout(true, &[rollout("25"), rollout("50")]);
        let mut listed = single.clone();
        listed["environments"][0].as_object_mut().unwrap().remove("strategies");
        let mut exported = [rollout("50"), rollout("25")];
        for strategy in &mut exported {
            strategy["featureName"] = json!("checkout.v2");
        }
        let all = strategies(&json!({"featureStrategies": exported})).unwrap();
        let flags = list(&json!({"features": [listed]}), "production", Some(&all)).unwrap();
        assert_eq!(flags[0].version, feature(&single, "production").unwrap().version);
        let unknown = list(&json!({"features": [single]}), "production", None).unwrap();
        assert_eq!(unknown[0].state, FlagState::Some, "who gets it is not known");
    }

    #[test]
    fn the_log_tells_who_turned_a_flag_which_way() {
        let event = |kind: &str, environment: &str, second: u8, by: &str| {
            json!({
                "type": kind, "environment": environment, "featureName": "checkout.v2", "createdBy": by,
                "createdAt": format!("2026-11-28T21:00:{second:02}.000Z"),
            })
        };
        let mut log = vec![
            event("feature-environment-disabled", "production", 40, "bo"),
            event("feature-environment-disabled", "staging", 35, "bo"),
            event("feature-environment-enabled", "production", 30, "ada"),
            event("feature-strategy-add", "production", 30, "ada"),
            event("feature-strategy-update", "production", 20, "ada"),
        ];
        log.extend((0..20).map(|_| event("feature-strategy-update", "production", 10, "eve")));
        let all = changes(&json!({"events": log}), "production");
        let told: Vec<_> = all["checkout.v2"].iter().map(|change| (change.what.as_str(), change.by.as_str())).collect();
        assert_eq!(told, [("off", "bo"), ("on", "ada"), ("changed", "ada"), ("changed", "eve")]);
        let many: Vec<_> =
            (0..20).map(|second| event("feature-strategy-update", "production", 59 - second, "eve")).collect();
        assert_eq!(changes(&json!({"events": many}), "production")["checkout.v2"].len(), Flag::MAX_CHANGES);
    }

    /// Lists and single features have tags and a description, single features and exports have links.
    #[test]
    fn the_ticket_is_that_of_a_tag_else_of_the_description_else_of_a_link() {
        let ticket = |more: Value| {
            let mut whole = checkout(true, &[]);
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            feature(&whole, "production").unwrap().ticket
        };
        let links = json!([{"id": "01", "url": "https://wiki.example/x", "title": null}, {"url": "https://jira.example/browse/PAY-3"}]);
        let typed = json!([{"type": "simple", "value": "web"}, {"type": "ticket", "value": "PAY-1"}]);
        let simple = json!([{"type": "simple", "value": "ticket:4711"}]);
        assert_eq!(ticket(json!({"tags": typed, "description": "PAY-2", "links": links})).as_deref(), Some("PAY-1"));
        assert_eq!(ticket(json!({"tags": simple, "description": "PAY-2"})).as_deref(), Some("4711"));
        assert_eq!(ticket(json!({"description": "of PAY-2", "links": links})).as_deref(), Some("PAY-2"));
        assert_eq!(ticket(json!({"description": null, "links": links})).as_deref(), Some("PAY-3"));
        assert_eq!(ticket(json!({"description": null, "tags": null, "links": []})), None);
        let export = json!({"links": [{"feature": "a", "links": links}, {"feature": "b", "links": []}]});
        assert_eq!(tickets(&export), BTreeMap::from([("a".to_owned(), "PAY-3".to_owned())]));
    }

    #[test]
    fn an_archived_feature_is_no_flag() {
        let mut archived = checkout(true, &[]);
        archived["archived"] = json!(true);
        assert_eq!(feature(&archived, "production"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        let keys =
            prop::sample::select(vec!["features", "name", "environments", "enabled", "strategies", "parameters"]);
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_server_answers_is_read_without_panic(answer in any_json()) {
            let all = strategies(&answer);
            let _ = (list(&answer, "production", all.as_ref()), feature(&answer, "production"));
            let _ = (owners(&answer), tickets(&answer), changes(&answer, "production"));
        }
    }
}
