use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::facts::flag::{Share, Turn};

const TRUE: u8 = 0;
const FALSE: u8 = 1;

/// A boolean flag, whose first variation is `true`, with these settings in production.
fn checkout(settings: &Value) -> Value {
    let mut here = json!({
        "_environmentName": "Production", "archived": false, "lastModified": 1_764_361_214_985_i64, "on": true,
        "salt": "s", "sel": "s", "trackEvents": false, "trackEventsFallthrough": false, "version": 7,
        "targets": [], "contextTargets": [], "rules": [], "prerequisites": [],
        "fallthrough": {"variation": TRUE}, "offVariation": FALSE,
        "_summary": {"prerequisites": 0, "variations": {}},
    });
    for (key, value) in settings.as_object().unwrap() {
        here[key] = value.clone();
    }
    json!({
        "key": "checkout.v2", "name": "Checkout", "kind": "boolean", "_version": 3, "creationDate": 1_764_000_000_000_i64,
        "archived": false, "deprecated": false, "temporary": true, "tags": ["web", "remove-by-2026-12-31"],
        "variations": [{"_id": "a", "value": true}, {"_id": "b", "value": false}],
        "_maintainer": {"_id": "m", "email": "ada@shop.example", "firstName": "Ada", "lastName": "L", "role": "writer"},
        "maintainerId": "m", "experiments": {"baselineIdx": 0, "items": []}, "customProperties": {}, "_links": {},
        "environments": {"production": here},
    })
}

fn state(settings: &Value) -> FlagState {
    flag(&checkout(settings), "production").unwrap().state
}

fn rollout(weights: &[(u8, u64)]) -> Value {
    let of = |(variation, weight): &(u8, u64)| json!({"variation": variation, "weight": weight});
    json!({"rollout": {"variations": weights.iter().map(of).collect::<Vec<_>>(), "bucketBy": "key"}})
}

#[test]
fn the_ticket_is_that_of_a_property_else_of_a_tag_else_of_the_description() {
    let ticket = |more: Value| {
        let mut whole = checkout(&json!({}));
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flag(&whole, "production").unwrap().ticket
    };
    let jira = json!({"jira.issues": {"name": "Jira issues", "value": ["PAY-1", "PAY-9"]}});
    let other = json!({"service": {"name": "Service", "value": ["PAY-9"]}});
    let tagged = json!(["web", "ticket-PAY-2"]);
    assert_eq!(ticket(json!({"customProperties": jira, "tags": tagged})).as_deref(), Some("PAY-1"));
    assert_eq!(ticket(json!({"customProperties": other, "tags": tagged})).as_deref(), Some("PAY-2"));
    assert_eq!(ticket(json!({"description": "PAY-3: express"})).as_deref(), Some("PAY-3"));
    assert_eq!(ticket(json!({})), None);
}

#[test]
fn a_flag_is_read_with_owner_type_tags_and_version() {
    let read = flag(&checkout(&json!({})), "production").unwrap();
    assert_eq!((read.name.as_str(), read.state, read.is_stale), ("checkout.v2", FlagState::On, false));
    assert_eq!((read.owner.as_deref(), read.kind.as_deref()), (Some("ada@shop.example"), Some("temporary")));
    assert_eq!(read.version.as_deref(), Some("3.7"));
    assert_eq!(read.created.unwrap().to_string(), "2025-11-24T16:00:00Z");
    assert_eq!(read.remove_by().unwrap().to_string(), "2026-12-31");
    assert_eq!(read.changed().unwrap().at.to_string(), "2025-11-28T20:20:14.985Z");
    let mut other = checkout(&json!({}));
    (other["temporary"], other["deprecated"], other["_maintainer"]) = (json!(false), json!(true), Value::Null);
    other["_maintainerTeam"] = json!({"key": "payments", "name": "Payments"});
    let read = flag(&other, "production").unwrap();
    assert_eq!((read.owner.as_deref(), read.kind.as_deref()), (Some("Payments"), Some("permanent")));
    assert!(read.is_stale);
}

#[test]
fn who_gets_true_is_told_by_targets_rules_and_the_default_rule() {
    assert_eq!(state(&json!({})), FlagState::On);
    assert_eq!(state(&json!({"fallthrough": {"variation": FALSE}})), FlagState::Off);
    let shares = |weights: &[(u8, u64)]| state(&json!({"fallthrough": rollout(weights)}));
    assert_eq!(shares(&[(TRUE, 25_000), (FALSE, 75_000)]), FlagState::Percent(25));
    assert_eq!(shares(&[(TRUE, 100_000), (FALSE, 0)]), FlagState::On);
    assert_eq!(shares(&[(TRUE, 0), (FALSE, 100_000)]), FlagState::Off);
    // Few are not nobody, and many not all.
    assert_eq!(shares(&[(TRUE, 1), (FALSE, 99_999)]), FlagState::Percent(1));
    assert_eq!(shares(&[(TRUE, 99_999), (FALSE, 1)]), FlagState::Percent(99));
    assert_eq!(shares(&[(TRUE, u64::MAX), (FALSE, u64::MAX)]), FlagState::Percent(50));
    let target = |variation: u8| json!([{"values": ["ada"], "variation": variation, "contextKind": "user"}]);
    assert_eq!(state(&json!({"targets": target(FALSE)})), FlagState::Some);
    assert_eq!(state(&json!({"contextTargets": target(FALSE)})), FlagState::Some);
    assert_eq!(state(&json!({"targets": target(TRUE)})), FlagState::On);
    assert_eq!(state(&json!({"targets": target(TRUE), "fallthrough": {"variation": FALSE}})), FlagState::Some);
    assert_eq!(state(&json!({"targets": target(FALSE), "fallthrough": {"variation": FALSE}})), FlagState::Off);
    let nobody = json!([{"values": [], "variation": FALSE, "contextKind": "user"}]);
    assert_eq!(state(&json!({"targets": nobody})), FlagState::On);
    let rule = |more: &Value| {
        let mut rule = json!({"_id": "r", "trackEvents": false, "clauses": [{"attribute": "country", "op": "in", "values": ["de"], "negate": false}]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([rule])
    };
    assert_eq!(state(&json!({"rules": rule(&json!({"variation": FALSE}))})), FlagState::Some);
    assert_eq!(state(&json!({"rules": rule(&json!({"variation": TRUE}))})), FlagState::On);
    assert_eq!(state(&json!({"rules": rule(&json!({"variation": FALSE, "disabled": true}))})), FlagState::On);
    assert_eq!(state(&json!({"rules": rule(&rollout(&[(TRUE, 1), (FALSE, 1)]))})), FlagState::Some);
    // With a rule beside it, a share is not that of all users.
    let both = json!({"rules": rule(&json!({"variation": TRUE})), "fallthrough": rollout(&[(TRUE, 1), (FALSE, 1)])});
    assert_eq!(state(&both), FlagState::Some);
    assert_eq!(state(&json!({"prerequisites": [{"key": "base", "variation": 0}]})), FlagState::Some);
}

#[test]
fn off_is_only_what_serves_false_to_everybody() {
    let off = |off: Value| {
        let read = flag(&checkout(&json!({"on": false, "offVariation": off})), "production").unwrap();
        (read.state, read.when_off)
    };
    assert_eq!(off(json!(FALSE)), (FlagState::Off, WhenOff::Without));
    assert_eq!(off(json!(TRUE)), (FlagState::On, WhenOff::Everybody));
    // The default in the code is not known here.
    for none in [Value::Null, json!(2), json!(-1), json!("1")] {
        assert_eq!(off(none.clone()), (FlagState::Some, WhenOff::CodeDefault), "{none}");
    }
}

#[test]
fn what_is_left_out_or_nonsense_is_not_known() {
    for key in ["targets", "rules", "prerequisites", "fallthrough", "on"] {
        assert_eq!(state(&json!({key: null})), FlagState::Some, "{key}");
    }
    for nonsense in [json!({}), json!({"variation": 9}), json!({"rollout": {"variations": []}}), rollout(&[(TRUE, 0)])]
    {
        assert_eq!(state(&json!({"fallthrough": nonsense})), FlagState::Some, "{nonsense}");
    }
    let elsewhere = flag(&checkout(&json!({})), "staging").unwrap();
    assert_eq!((elsewhere.state, elsewhere.version), (FlagState::Some, None));
}

#[test]
fn another_type_is_on_for_whoever_gets_another_variation_than_off_serves() {
    let state = |settings: &Value| {
        let mut item = checkout(settings);
        item["variations"] = json!([{"value": "old"}, {"value": "new"}, {"value": "newest"}]);
        flag(&item, "production").unwrap().state
    };
    let with_off = |mut settings: Value| {
        settings["offVariation"] = json!(0);
        settings
    };
    assert_eq!(state(&with_off(json!({"fallthrough": {"variation": 2}}))), FlagState::On);
    assert_eq!(state(&with_off(json!({"fallthrough": {"variation": 0}}))), FlagState::Off);
    let shares = rollout(&[(0, 60_000), (1, 30_000), (2, 10_000)]);
    assert_eq!(state(&with_off(json!({"fallthrough": shares}))), FlagState::Percent(40));
    assert_eq!(state(&with_off(json!({"on": false}))), FlagState::Off);
    assert_eq!(state(&json!({"on": false, "offVariation": null})), FlagState::Some);
    assert_eq!(state(&json!({"on": true, "offVariation": null})), FlagState::On);
}

#[test]
fn a_page_says_whether_it_is_all_and_whether_the_environment_is_there() {
    let list = json!({"items": [checkout(&json!({}))], "totalCount": 250, "_links": {"next": {"href": "/x"}}});
    let read = page(&list, "production").unwrap();
    assert_eq!((read.flags.len(), read.listed, read.total, read.lacks_environment), (1, 1, 250, false));
    assert!(page(&list, "staging").unwrap().lacks_environment);
    let mut archived = checkout(&json!({}));
    archived["archived"] = json!(true);
    let read = page(&json!({"items": [archived], "_links": {}}), "production").unwrap();
    assert_eq!((read.flags.len(), read.listed, read.total), (0, 1, 1));
    assert!(!page(&json!({"items": [], "totalCount": 0}), "production").unwrap().lacks_environment);
    for garbage in [
        json!({"items": [{"name": "no key"}]}),
        json!({"items": {}, "totalCount": 0}),
        json!({"items": [], "totalCount": -1}),
        json!({"items": [], "_links": {"next": {"href": "/x"}}}),
        json!([]),
        json!({"code": "not_found"}),
    ] {
        assert_eq!(page(&garbage, "production"), None, "{garbage}");
    }
}

#[test]
fn on_is_conditional_on_the_settings_and_not_asked_for_in_vain() {
    let on = |settings: &Value| changes_to(&checkout(settings), "production", Turn::On);
    let patch = json!([
        {"op": "test", "path": "/environments/production/version", "value": 7},
        {"op": "replace", "path": "/environments/production/on", "value": true},
    ]);
    assert_eq!(on(&json!({"on": false})), Ok(patch.clone()));
    assert_eq!(on(&json!({"on": false, "fallthrough": rollout(&[(TRUE, 1), (FALSE, 3)])})), Ok(patch));
    let refusal = |settings: &Value| on(settings).unwrap_err();
    assert!(refusal(&json!({"on": false, "fallthrough": {"variation": FALSE}})).starts_with("turned on, its rules"));
    assert!(refusal(&json!({"fallthrough": {"variation": FALSE}})).starts_with("it is on, its rules let nobody in"));
    assert_eq!(refusal(&json!({"on": false, "version": "7"})), "LaunchDarkly tells no version of it");
    assert!(changes_to(&checkout(&json!({})), "staging", Turn::On).is_err());
}

#[test]
fn a_share_divides_users_by_the_default_rule_and_keeps_what_they_are_divided_by() {
    let to = |settings: &Value, percent: u8| {
        changes_to(&checkout(settings), "production", Turn::Share(percent.try_into().unwrap()))
    };
    let shares =
        |given: u32| json!([{"variation": TRUE, "weight": given}, {"variation": FALSE, "weight": 100_000 - given}]);
    let changes = to(&json!({"on": false}), 25).unwrap();
    assert_eq!(changes[0], json!({"op": "test", "path": "/environments/production/version", "value": 7}));
    assert_eq!(changes[1]["path"], "/environments/production/fallthrough");
    // Who cannot be divided gets the first.
    let apart = json!([{"variation": FALSE, "weight": 75_000}, {"variation": TRUE, "weight": 25_000}]);
    assert_eq!(changes[1]["value"], json!({"rollout": {"variations": apart}}));
    assert_eq!(changes[2], json!({"op": "replace", "path": "/environments/production/on", "value": true}));
    let mut divided = rollout(&[(TRUE, 10_000), (FALSE, 90_000)]);
    divided["rollout"]["bucketBy"] = json!("account");
    divided["rollout"]["seed"] = json!(61);
    let changes = to(&json!({"fallthrough": divided}), 100).unwrap();
    let expected = json!({"rollout": {"variations": shares(100_000), "bucketBy": "account", "seed": 61}});
    assert_eq!((changes[1]["value"].clone(), changes.get(2)), (expected, None), "it is on already");
    for (settings, why) in [
        (json!({"targets": [{"values": ["ada"], "variation": TRUE}]}), "targets, rules or prerequisites"),
        (json!({"rules": null}), "targets, rules or prerequisites"),
        (json!({"fallthrough": {"rollout": {"kind": "experiment", "variations": []}}}), "an experiment"),
        (json!({"version": null}), "no version"),
        (json!({"fallthrough": rollout(&[(TRUE, 1), (FALSE, 1), (TRUE, 1)])}), "more than two shares"),
        (json!({"fallthrough": rollout(&[(TRUE, 1), (TRUE, 1)])}), "more than two shares"),
    ] {
        let said = to(&settings, 25).unwrap_err();
        assert!(said.contains(why), "{settings}: {said}");
    }
    let mut texts = checkout(&json!({}));
    texts["variations"] = json!([{"value": "old"}, {"value": "new"}]);
    assert!(changes_to(&texts, "production", Turn::Share(Share::ALL)).unwrap_err().contains("no boolean flag"));
}

fn entry(action: &str, resource: &str, date: i64, verb: &str) -> Value {
    json!({
        "_id": "e", "_accountId": "a", "date": date, "kind": "flag", "name": "Checkout", "description": "",
        "shortDescription": "", "accesses": [{"action": action, "resource": resource}], "titleVerb": verb, "_links": {},
        "member": {"_id": "m", "email": "ada@shop.example", "firstName": "Ada"}, "token": {"name": "ci", "ending": "2345"},
    })
}

const HERE: &str = "proj/shop:env/production:flag/checkout.v2";

#[test]
fn the_log_tells_who_turned_which_flag_and_when() {
    let mut described = entry("updateOn", HERE, 5_000, "updated the flag");
    (described["description"], described["member"]) = (json!("* Turned the flag on\n* Changed a rule"), Value::Null);
    let log = json!({"items": [
        entry("updateRules", "proj/shop;eu:env/production;critical:flag/checkout.v2;web", 7_000, "updated the flag"),
        entry("updateOn", HERE, 6_000, "turned off the flag"),
        described,
        entry("updateOn", "proj/shop:env/staging:flag/checkout.v2", 4_000, "turned on the flag"),
        entry("updateOn", "proj/other:env/production:flag/checkout.v2", 3_000, "turned on the flag"),
        entry("updateOn", HERE, 2_000, "did something to the flag"),
        entry("updateOn", HERE, 0, "turned on the flag"),
        json!({}),
    ]});
    let all = changes(&log, "shop", "production");
    let told: Vec<_> = all["checkout.v2"]
        .iter()
        .map(|change| (change.at.as_second(), change.what.as_str(), change.by.as_str()))
        .collect();
    let ada = "ada@shop.example";
    assert_eq!(told, [(7, "changed", ada), (6, "off", ada), (5, "on", "ci"), (2, "changed", ada)]);
    assert_eq!(all.len(), 1);
}

#[test]
fn what_the_log_no_longer_tells_stays_known_and_nothing_is_told_twice() {
    let change = |by: &str, second: i64, what| FlagChange {
        by: by.to_owned(),
        at: Timestamp::from_second(second).unwrap(),
        what,
    };
    let seen = |state, second: i64, version: &str| Flag {
        changes: vec![change(SOMEBODY, second, FlagEdit::Changed)],
        version: Some(version.to_owned()),
        ..Flag::of_name("checkout", state)
    };
    // First seen, and the log says nothing of it.
    let mut first = seen(FlagState::On, 100, "1.1");
    note(&mut first, None, &[]);
    assert_eq!(first.changes, [change(SOMEBODY, 100, FlagEdit::Changed)]);
    // It is off; the log comes late, and says who it was.
    let mut off = seen(FlagState::Off, 200, "1.2");
    note(&mut off, Some(&first), &[]);
    assert_eq!(off.changes[0], change(SOMEBODY, 200, FlagEdit::Off));
    let mut told = seen(FlagState::Off, 200, "1.2");
    let logged = change("ada", 201, FlagEdit::Off);
    note(&mut told, Some(&off), std::slice::from_ref(&logged));
    assert_eq!(told.changes, [logged.clone(), change(SOMEBODY, 100, FlagEdit::Changed)]);
    // The log has moved on.
    let mut later = seen(FlagState::Off, 200, "1.2");
    note(&mut later, Some(&told), &[]);
    assert_eq!(later.changes, told.changes);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    let keys = prop::sample::select(vec![
        "items",
        "key",
        "environments",
        "production",
        "on",
        "variations",
        "value",
        "variation",
        "fallthrough",
        "rollout",
        "weight",
        "rules",
        "targets",
        "values",
        "prerequisites",
        "offVariation",
        "version",
        "_version",
        "date",
        "accesses",
    ]);
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
    fn whatever_a_server_answers_is_read_without_panic(answer in any_json(), settings in any_json()) {
        let _ = (page(&answer, "production"), flag(&answer, "production"), changes_to(&answer, "production", Turn::On));
        let _ = changes(&answer, "shop", "production");
        let mut whole = checkout(&json!({}));
        whole["environments"]["production"] = settings;
        let _ = flag(&whole, "production");
        for turn in [Turn::On, Turn::Share(Share::ALL)] {
            let _ = changes_to(&whole, "production", turn);
        }
    }

    #[test]
    fn a_share_is_neither_nobody_nor_everybody(on: u64, off: u64) {
        let expected = match (on, off) {
            (0, 0) => FlagState::Some,
            (0, _) => FlagState::Off,
            (_, 0) => FlagState::On,
            _ => {
                let is_share = |percent: u8| (1..=99).contains(&percent);
                let read = state(&json!({"fallthrough": rollout(&[(TRUE, on), (FALSE, off)])}));
                prop_assert!(matches!(read, FlagState::Percent(percent) if is_share(percent)));
                return Ok(());
            }
        };
        prop_assert_eq!(state(&json!({"fallthrough": rollout(&[(TRUE, on), (FALSE, off)])})), expected);
    }
}
