use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::facts::flag::{Share, Turn};

/// As flagd's documentation and its samples show flags: <https://flagd.dev/reference/flag-definitions/>.
const SAMPLE: &str = r##"{
  "$schema": "https://flagd.dev/schema/v0/flags.json",
  "flags": {
    "basic-flag": {
      "state": "ENABLED",
      "variants": {
        "on": true,
        "off": false
      },
      "defaultVariant": "on"
    },
    "new-welcome-banner": {
      "state": "ENABLED",
      "variants": { "true": true, "false": false },
      "defaultVariant": "false",
      "targeting": { "in": ["@example.com", { "var": "email" }] }
    },
    "a-quarter": {
      "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off",
      "targeting": { "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] },
      "metadata": { "owner": "payments", "ticket": "PAY-123" }
    },
    "switched-off": { "state": "DISABLED", "variants": { "on": true, "off": false }, "defaultVariant": "on" },
    "fibAlgo": {
      "variants": { "recursive": "recursive", "memo": "memo", "binet": "binet" },
      "defaultVariant": "recursive",
      "state": "ENABLED",
      "targeting": { "if": [ { "$ref": "emailWithFaas" }, "binet", null ] }
    },
    "headerColor": {
      "variants": { "red": "#FF0000", "blue": "#0000FF" },
      "defaultVariant": "red",
      "state": "ENABLED"
    }
  },
  "$evaluators": { "emailWithFaas": { "in": [ "@faas.com", { "var": ["email"] } ] } }
}
"##;

fn sample() -> Document {
    Document::parse(SAMPLE.to_owned()).unwrap()
}

fn one(definition: &Value) -> Document {
    Document::parse(json!({"flags": {"x": definition}}).to_string()).unwrap()
}

fn boolean(default: &str, targeting: &Value) -> Value {
    json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": default, "targeting": targeting})
}

fn turned(document: &Document, name: &str, turn: Turn) -> Document {
    Document::parse(document.turned(name, turn).unwrap().unwrap()).unwrap()
}

#[test]
fn the_flags_of_the_documentation_are_read_as_it_says() {
    let flags = sample().flags();
    let told: Vec<(&str, FlagState, &str)> =
        flags.iter().map(|flag| (flag.name.as_str(), flag.state, flag.kind.as_deref().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("basic-flag", FlagState::On, "boolean"),
            ("new-welcome-banner", FlagState::Some, "boolean"),
            ("a-quarter", FlagState::Percent(25), "boolean"),
            ("switched-off", FlagState::Some, "boolean, DISABLED: the default in the code"),
            ("fibAlgo", FlagState::On, "string, by its targeting"),
            ("headerColor", FlagState::On, "string, serves red"),
        ]
    );
    assert_eq!(flags[2].owner.as_deref(), Some("payments"));
}

#[test]
fn a_flag_is_on_where_anybody_may_get_true() {
    let state = |default: &str, targeting: Value| one(&boolean(default, &targeting)).flag("x").unwrap().state;
    let asks = || json!({"==": [{"var": "country"}, "de"]});
    for (default, targeting, wanted) in [
        ("off", json!({}), FlagState::Off),
        ("off", Value::Null, FlagState::Off),
        ("on", json!({}), FlagState::On),
        ("off", json!({"if": [asks(), "on", "off"]}), FlagState::Some),
        ("off", json!({"if": [asks(), "on"]}), FlagState::Some),
        ("on", json!({"if": [asks(), "on"]}), FlagState::On),
        ("on", json!({"if": [asks(), "off", "off"]}), FlagState::Off),
        ("on", json!({"if": [false, "on", "off"]}), FlagState::Off),
        ("off", json!({"if": [true, "on", "off"]}), FlagState::On),
        ("on", json!({"fractional": [["on", 0], ["off", 100]]}), FlagState::Some),
        ("off", json!({"fractional": [["on", 1], ["off", 999]]}), FlagState::Percent(1)),
        ("off", json!({"fractional": [["on"], ["off"]]}), FlagState::Percent(50)),
        ("off", json!({"fractional": [["on", {"var": "share"}], ["off", 1]]}), FlagState::Some),
        ("off", json!({"$ref": "no-such-rule"}), FlagState::Some),
        ("off", json!({"a-later-operation": []}), FlagState::Some),
        // An error by now, which leaves it to the code; the default variant in old versions.
        ("off", json!("no-such-variant"), FlagState::Some),
        ("on", json!("no-such-variant"), FlagState::Some),
    ] {
        assert_eq!(state(default, targeting.clone()), wanted, "{default} {targeting}");
    }
    // Without a default variant it is the code that says what clients get.
    let by_code = one(&json!({"state": "ENABLED", "variants": {"on": true, "off": false}})).flag("x").unwrap();
    assert_eq!(by_code.state, FlagState::Some);
    assert_eq!(by_code.kind.as_deref(), Some("boolean, no default variant: the default in the code"));
}

#[test]
fn off_serves_false_and_keeps_who_got_it_for_on() {
    let off = turned(&sample(), "basic-flag", Turn::Off);
    assert_eq!(off.text, SAMPLE.replacen("\"defaultVariant\": \"on\"", "\"defaultVariant\": \"off\"", 1));
    assert_eq!(turned(&off, "basic-flag", Turn::On).text, SAMPLE);

    let rule = r#"{ "in": ["@example.com", { "var": "email" }] }"#;
    let off = turned(&sample(), "new-welcome-banner", Turn::Off);
    assert_eq!(off.text, SAMPLE.replacen(rule, &format!("{{\"if\": [false, {rule}, \"false\"]}}"), 1));
    assert_eq!(off.flag("new-welcome-banner").unwrap().state, FlagState::Off);
    assert_eq!(turned(&off, "new-welcome-banner", Turn::On).text, SAMPLE);

    let off = turned(&sample(), "headerColor", Turn::Off);
    assert_eq!(off.flag("headerColor").unwrap().state, FlagState::Off);
    assert_eq!(turned(&off, "headerColor", Turn::On).text, SAMPLE);
    assert_eq!(turned(&sample(), "switched-off", Turn::On).flag("switched-off").unwrap().state, FlagState::On);
}

#[test]
fn what_is_so_already_or_cannot_be_is_not_written() {
    assert_eq!(sample().turned("basic-flag", Turn::On), Ok(None));
    assert_eq!(sample().turned("no-such-flag", Turn::Off), Err("there is no flag no-such-flag".to_owned()));
    let nobody = one(&boolean("on", &json!({"if": [{"var": "beta"}, "off", "off"]})));
    assert!(nobody.turned("x", Turn::On).unwrap_err().contains("lets nobody in"));
    let none = one(&json!({"state": "ENABLED", "variants": {"off": false}, "defaultVariant": "off"}));
    assert!(none.turned("x", Turn::On).unwrap_err().contains("0 variants that are true"));
    // What the code has is not known: off says what is served.
    let off = turned(&sample(), "switched-off", Turn::Off);
    assert_eq!(off.flag("switched-off").unwrap().state, FlagState::Off);
    assert_eq!(off.definitions["switched-off"]["state"], "ENABLED");
    assert_eq!(off.turned("switched-off", Turn::Off), Ok(None));
    let typo = one(&boolean("off", &json!({"if": [{"var": "beta"}, "onn", "off"]})));
    assert_eq!(turned(&typo, "x", Turn::Off).flag("x").unwrap().state, FlagState::Off);
    let by_code = one(&json!({"state": "ENABLED", "variants": {"on": true, "off": false}}));
    assert_eq!(turned(&by_code, "x", Turn::Off).definitions["x"]["defaultVariant"], "off");
}

fn share(percent: u8) -> Turn {
    Turn::Share(Share::try_from(percent).unwrap())
}

#[test]
fn a_share_divides_users_and_leaves_the_rest_of_the_text() {
    let half = turned(&sample(), "a-quarter", share(50));
    let (rule, next) =
        (r#"{ "fractional": [ { "var": "email" }, ["on", 25], ["off", 75] ] }"#, "[\"on\", 50], [\"off\", 50]");
    assert_eq!(half.text, SAMPLE.replacen(rule, &format!("{{\"fractional\": [{{ \"var\": \"email\" }}, {next}]}}"), 1));
    assert_eq!(half.turned("a-quarter", share(50)), Ok(None));
    // Whom it was taken from by `off` gets it again by a share alone, and what they are divided by is kept.
    let off = turned(&half, "a-quarter", Turn::Off);
    assert_eq!(turned(&off, "a-quarter", share(50)).text, half.text);
    // Who has no targeting key does not get it before everybody does.
    for (name, default) in [("basic-flag", "off"), ("switched-off", "off"), ("a-quarter", "off")] {
        let few = turned(&sample(), name, share(1));
        assert_eq!(few.flag(name).unwrap().state, FlagState::Percent(1), "{name}");
        assert_eq!(few.definitions[name]["defaultVariant"], default, "{name}");
        assert_eq!(few.definitions[name]["state"], "ENABLED");
        let all = turned(&few, name, share(100));
        assert_eq!(all.flag(name).unwrap().state, FlagState::On, "{name}");
        assert_eq!(turned(&all, name, share(1)).text, few.text);
    }
}

#[test]
fn who_has_a_flag_keeps_it_when_the_share_grows_and_nobody_else_gets_it_when_it_shrinks() {
    // The hash of users runs through the buckets in their order.
    let users = |document: &Document| -> Vec<bool> {
        let parts = document.definitions["x"][TARGETING]["fractional"].as_array().cloned().unwrap();
        let of = |part: &Value| vec![part[0] == "on"; usize::try_from(part[1].as_u64().unwrap()).unwrap()];
        parts.iter().flat_map(of).collect()
    };
    for buckets in [json!([["on", 50], ["off", 50]]), json!([["off", 50], ["on", 50]])] {
        let before = one(&boolean("off", &json!({"fractional": buckets})));
        let (fewer, more) = (turned(&before, "x", share(10)), turned(&before, "x", share(90)));
        let within = |inner: &Document, outer: &Document| {
            users(inner).iter().zip(users(outer)).all(|(inner, outer)| !inner || outer)
        };
        assert!(within(&fewer, &before) && within(&before, &more), "{buckets}");
    }
}

#[test]
fn no_share_is_set_where_more_than_a_share_decides() {
    let refusal = |document: &Document, name: &str| document.turned(name, share(25)).unwrap_err();
    assert!(refusal(&sample(), "new-welcome-banner").contains("says more than a share"));
    assert!(refusal(&sample(), "headerColor").contains("is no boolean flag"));
    for (targeting, why) in [
        (json!({"if": [{"var": "beta"}, {"fractional": [["on", 1], ["off", 1]]}]}), "says more than a share"),
        (json!({"fractional": [["on", 1], ["off", 1], ["x", 1]]}), "says more than a share"),
        (json!({"fractional": [["on", {"var": "share"}], ["off", 1]]}), "says more than a share"),
        (json!({"fractional": [["on", 1], ["on", 1]]}), "says more than a share"),
        (json!("on"), "says more than a share"),
    ] {
        let said = refusal(&one(&boolean("off", &targeting)), "x");
        assert!(said.contains(why), "{targeting}: {said}");
    }
    let several =
        json!({"state": "ENABLED", "variants": {"on": true, "new": true, "off": false}, "defaultVariant": "off"});
    assert!(refusal(&one(&several), "x").contains("2 variants that are true"));
}

#[test]
fn what_is_no_document_of_flagd_says_why() {
    for (text, why) in [
        ("", "it is no JSON: EOF"),
        ("flags:\n  x: {}", "it is no JSON: "),
        ("{}", "it has no `flags`"),
        ("{\"flags\": []}", "`flags` is a list"),
    ] {
        let said = Document::parse(text.to_owned()).unwrap_err();
        assert!(said.starts_with(why), "{text}: {said}");
    }
    let odd = one(&json!("text"));
    assert!(odd.flags().is_empty() && odd.turned("x", Turn::Off).is_err());
}

#[test]
fn a_shared_rule_that_changes_changes_the_flags_that_use_it() {
    let other = Document::parse(SAMPLE.replace("@faas.com", "@example.com")).unwrap();
    let version = |document: &Document, name: &str| document.flag(name).unwrap().version;
    assert_ne!(version(&sample(), "fibAlgo"), version(&other, "fibAlgo"));
    assert_eq!(version(&sample(), "basic-flag"), version(&other, "basic-flag"));
}

fn any_rule() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec!["on", "off", "x"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u8>().prop_map(Value::from),
        names.prop_map(Value::from)
    ];
    let operations = prop::sample::select(vec!["if", "fractional", "$ref", "in", "var", "?:"]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            (operations.clone(), prop::collection::vec(inner, 0..5)).prop_map(|(name, parts)| json!({name: parts})),
        ]
    })
}

fn any_definition() -> impl Strategy<Value = Value> {
    let variants = prop::sample::select(vec![
        json!({"on": true, "off": false}),
        json!({"on": true}),
        json!({"off": false, "x": false}),
        json!({"on": "a", "off": "b\\\"}"}),
        json!({}),
        Value::Null,
    ]);
    let default = prop::sample::select(vec![json!("on"), json!("off"), json!("x"), Value::Null]);
    let state = prop::sample::select(vec![json!("ENABLED"), json!("DISABLED"), Value::Null]);
    (variants, default, state, any_rule(), ".{0,6}", any::<[bool; 4]>()).prop_map(
        |(variants, default, state, rule, note, has)| {
            let members = [("variants", variants), ("defaultVariant", default), ("state", state), ("targeting", rule)];
            let members = members.into_iter().zip(has).filter(|(_, has)| *has).map(|((key, value), _)| (key, value));
            let mut all: Map<String, Value> = members.map(|(key, value)| (key.to_owned(), value)).collect();
            all.insert("metadata".to_owned(), json!({"note": note, "flags": {"x": 1}}));
            Value::Object(all)
        },
    )
}

proptest! {
    #[test]
    fn turning_a_flag_keeps_everything_else_byte_for_byte(
        definitions in prop::collection::vec((".{0,5}", any_definition()), 1..5),
        turns in prop::collection::vec(0..=101_u8, 1..4),
        (number, is_pretty) in (any::<prop::sample::Index>(), any::<bool>()),
    ) {
        let flags: Map<String, Value> = definitions.into_iter().collect();
        let name = flags.keys().nth(number.index(flags.len())).cloned().unwrap();
        let whole = json!({"$schema": "}{\"", "flags": flags, "$evaluators": {"in": {"in": [1, 2]}}, "z": 1.50});
        let text = if is_pretty { serde_json::to_string_pretty(&whole).unwrap() } else { whole.to_string() };
        let mut document = Document::parse(text).unwrap();
        for turn in turns {
            let turn = match turn {
                0 => Turn::Off,
                101 => Turn::On,
                percent => share(percent),
            };
            let Ok(Some(now)) = document.turned(&name, turn) else {
                // An off is never refused.
                prop_assert!(turn != Turn::Off || document.turned(&name, turn).is_ok());
                continue;
            };
            let path = ["flags", name.as_str()];
            let (before, after) = (spans::value(&document.text, &path).unwrap(), spans::value(&now, &path).unwrap());
            prop_assert_eq!(&document.text[..before.start], &now[..after.start]);
            prop_assert_eq!(&document.text[before.end..], &now[after.end..]);
            let parsed: Value = serde_json::from_str(&now).unwrap();
            let (old, new) = (&document.definitions[&name], &parsed["flags"][&name]);
            for (key, value) in old.as_object().unwrap() {
                let may_change = [STATE, DEFAULT_VARIANT, TARGETING].contains(&key.as_str());
                prop_assert!(may_change || new[key] == *value, "{} changed", key);
            }
            let next = Document::parse(now).unwrap();
            let state = next.flag(&name).unwrap().state;
            prop_assert!(turn.is_reached(state), "{state} after {turn}: {}", next.text);
            document = next;
        }
    }

    #[test]
    fn off_and_on_again_give_back_the_same_text(rule in any_rule(), is_pretty: bool) {
        let whole = json!({"flags": {"x": boolean("on", &rule)}});
        let text = if is_pretty { serde_json::to_string_pretty(&whole).unwrap() } else { whole.to_string() };
        let document = Document::parse(text).unwrap();
        if document.flag("x").unwrap().state.is_on() {
            let off = turned(&document, "x", Turn::Off);
            prop_assert_eq!(turned(&off, "x", Turn::On).text, document.text);
        }
    }

    #[test]
    fn whatever_a_document_holds_is_read_without_panic(text in ".{0,80}", definition in any_definition()) {
        let _ = Document::parse(text);
        let document = one(&definition);
        let _ = (document.flags(), document.turned("x", Turn::Off), document.turned("x", Turn::On));
    }
}
