//! Calls as the documentation of the SDKs writes them, and what only looks like them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Calls by language: the name of a file, and lines that each ask for the flag `pay.express-v2`.
const CALLS: [(&str, Sdk, &[&str]); 27] = [
    (
        "a.ts",
        Sdk::Unleash,
        &[
            "if (unleash.isEnabled('pay.express-v2')) {",
            "const variant = unleash.getVariant('pay.express-v2', context);",
            "const enabled = useFlag('pay.express-v2');",
            "const variant = useVariant(\"pay.express-v2\");",
            "isEnabled(\n  `pay.express-v2`,\n  context,\n)",
        ],
    ),
    (
        "a.tsx",
        Sdk::LaunchDarkly,
        &[
            "const enabled = await ldClient.boolVariation('pay.express-v2', context, false);",
            "const value = await client.variation('pay.express-v2', context, defaultValue);",
            "client.stringVariationDetail('pay.express-v2', context, 'x')",
            "const on = useBoolVariation('pay.express-v2', false);",
            "const on = useFlags()['pay.express-v2'];",
        ],
    ),
    (
        "a.js",
        Sdk::OpenFeature,
        &[
            "const on = await client.getBooleanValue('pay.express-v2', false);",
            "const details = await client.getStringDetails<Plan>('pay.express-v2', 'x');",
            "const { value } = useBooleanFlagDetails('pay.express-v2', false);",
            "const { value: on } = useFlag('pay.express-v2', false);",
            "useSuspenseFlag('pay.express-v2', true)",
        ],
    ),
    (
        "a.java",
        Sdk::Unleash,
        &[
            "if (unleash.isEnabled(\"pay.express-v2\")) {",
            "Variant variant = unleash.getVariant(\"pay.express-v2\", context);",
        ],
    ),
    (
        "a.java",
        Sdk::LaunchDarkly,
        &[
            "boolean on = client.boolVariation(\"pay.express-v2\", context, false);",
            "client.jsonValueVariationDetail(\"pay.express-v2\", context, LDValue.ofNull());",
        ],
    ),
    (
        "a.kt",
        Sdk::OpenFeature,
        &[
            "val on = client.getBooleanValue(\"pay.express-v2\", false)",
            "val on = client.getBooleanValue(key = \"pay.express-v2\", defaultValue = false)",
            "client.getIntegerDetails(\"pay.express-v2\", 3)",
        ],
    ),
    (
        "a.go",
        Sdk::Unleash,
        &[
            "if unleash.IsEnabled(\"pay.express-v2\") {",
            "variant := unleash.GetVariant(\"pay.express-v2\", unleash.WithVariantContext(ctx))",
        ],
    ),
    (
        "a.go",
        Sdk::LaunchDarkly,
        &[
            "on, err := client.BoolVariation(\"pay.express-v2\", context, false)",
            "on, err := client.BoolVariationCtx(ctx, \"pay.express-v2\", context, false)",
            "v, d, err := client.Float64VariationDetail(\"pay.express-v2\", context, 1)",
        ],
    ),
    (
        "a.go",
        Sdk::OpenFeature,
        &[
            "on, err := client.BooleanValue(context.TODO(), \"pay.express-v2\", false, evalCtx)",
            "on := client.Boolean(ctx, \"pay.express-v2\", false, openfeature.EvaluationContext{})",
            "d, err := client.StringValueDetails(r.Context(), \"pay.express-v2\", \"x\", evalCtx)",
        ],
    ),
    (
        "a.py",
        Sdk::Unleash,
        &["if client.is_enabled(\"pay.express-v2\", app_context):", "variant = client.get_variant('pay.express-v2')"],
    ),
    (
        "a.py",
        Sdk::LaunchDarkly,
        &[
            "on = ldclient.get().variation('pay.express-v2', context, False)",
            "detail = client.variation_detail(\"pay.express-v2\", context, False)",
        ],
    ),
    (
        "a.py",
        Sdk::OpenFeature,
        &[
            "on = client.get_boolean_value(\"pay.express-v2\", False)",
            "on = await client.get_boolean_value_async(flag_key=\"pay.express-v2\", default_value=False)",
            "client.get_float_details('pay.express-v2', 1.0)",
        ],
    ),
    (
        "a.rb",
        Sdk::Unleash,
        &[
            "if UNLEASH.is_enabled? \"pay.express-v2\", @context",
            "puts 'x' if @unleash.is_enabled?('pay.express-v2')",
            "UNLEASH.if_enabled \"pay.express-v2\" do",
            "variant = UNLEASH.get_variant \"pay.express-v2\"",
            "if UNLEASH.enabled? 'pay.express-v2' && ready",
        ],
    ),
    (
        "a.rb",
        Sdk::LaunchDarkly,
        &[
            "on = client.variation(\"pay.express-v2\", context, false)",
            "detail = client.variation_detail(\"pay.express-v2\", context, false)",
        ],
    ),
    (
        "a.rb",
        Sdk::OpenFeature,
        &[
            "on = client.fetch_boolean_value(flag_key: 'pay.express-v2', default_value: false)",
            "client.fetch_object_details(flag_key: 'pay.express-v2', default_value: {})",
        ],
    ),
    (
        "a.cs",
        Sdk::Unleash,
        &["if (unleash.IsEnabled(\"pay.express-v2\"))", "var variant = unleash.GetVariant(\"pay.express-v2\");"],
    ),
    (
        "a.cs",
        Sdk::LaunchDarkly,
        &[
            "var on = client.BoolVariation(\"pay.express-v2\", context, false);",
            "var detail = client.StringVariationDetail(\"pay.express-v2\", context, \"x\");",
        ],
    ),
    (
        "a.cs",
        Sdk::OpenFeature,
        &[
            "bool on = await client.GetBooleanValueAsync(\"pay.express-v2\", false);",
            "await client.GetStringDetailsAsync(flagKey: \"pay.express-v2\", defaultValue: \"x\");",
        ],
    ),
    (
        "a.php",
        Sdk::Unleash,
        &[
            "if ($unleash->isEnabled('pay.express-v2')) {",
            "$variant = $unleash->getVariant('pay.express-v2', $context);",
        ],
    ),
    (
        "a.php",
        Sdk::LaunchDarkly,
        &[
            "$on = $client->variation(\"pay.express-v2\", $context, false);",
            "$client->variationDetail('pay.express-v2', $context, false)",
        ],
    ),
    ("a.php", Sdk::OpenFeature, &["$on = $client->getBooleanValue('pay.express-v2', true, $context);"]),
    ("a.rs", Sdk::Unleash, &["if client.is_enabled_str(\"pay.express-v2\", None, false) {"]),
    (
        "a.rs",
        Sdk::LaunchDarkly,
        &[
            "let on = client.bool_variation(&context, \"pay.express-v2\", false);",
            "let detail = client.str_variation_detail(&context, \"pay.express-v2\", \"x\".to_owned());",
        ],
    ),
    ("a.rs", Sdk::OpenFeature, &["let on = client.get_bool_value(\"pay.express-v2\", None, None).await;"]),
    (
        "a.swift",
        Sdk::Unleash,
        &[
            "if unleash.isEnabled(name: \"pay.express-v2\") {",
            "let variant = unleash.getVariant(name: \"pay.express-v2\")",
        ],
    ),
    ("a.swift", Sdk::LaunchDarkly, &["let on = client.boolVariation(forKey: \"pay.express-v2\", defaultValue: false)"]),
    ("a.swift", Sdk::OpenFeature, &["let on = client.getBooleanValue(key: \"pay.express-v2\", defaultValue: false)"]),
];

/// Lines that ask for no flag whose name could be read.
const OTHERS: [(&str, &[&str]); 9] = [
    (
        "a.ts",
        &[
            "unleash.isEnabled(EXPRESS)",
            "unleash.isEnabled(`pay-${variant}`)",
            "unleash.isEnabled('pay-' + variant)",
            "unleash.isEnabledFor('pay.express-v2')",
            "unleash.on('ready', isEnabled)",
            "button.setEnabled('pay.express-v2')",
            "// unleash.isEnabled('pay.express-v2')",
            " * unleash.isEnabled('pay.express-v2')",
            "const { payExpress } = useFlags();",
            "unleash.isEnabled('')",
            "unleash.isEnabled('two words')",
            "avariation('pay.express-v2', 1)",
        ],
    ),
    (
        "a.java",
        &["unleash.isEnabled(Flags.EXPRESS)", "client.boolVariation(key, context, \"x\")", "isEnabled(\"a\" + b)"],
    ),
    (
        "a.go",
        &[
            "slog.String(key, \"value\")",
            "zap.String(\"key\", \"value\")",
            "unleash.IsEnabled(name)",
            "client.StringVariation(key, context, \"x\")",
        ],
    ),
    ("a.py", &["client.is_enabled(f\"pay-{x}\")", "# client.is_enabled(\"x\")", "variations('x')", "is_enabled(NAME)"]),
    ("a.rb", &["UNLEASH.is_enabled? \"pay-#{x}\"", "UNLEASH.is_enabled? name", "UNLEASH.is_enabled? 'a' + b"]),
    ("a.cs", &["unleash.IsEnabled($\"pay-{x}\")", "unleash.IsEnabled(Name)"]),
    ("a.php", &["$unleash->isEnabled(\"pay-$x\")", "$unleash->isEnabled($name)", "# $unleash->isEnabled('x')"]),
    ("a.rs", &["client.bool_variation(&context, NAME, false)", "client.is_enabled(Feature::Pay, None, false)"]),
    ("a.swift", &["client.boolVariation(forKey: key, defaultValue: false)", "unleash.isEnabled(name: \"pay-\\(x)\")"]),
];

/// A patch of git's that makes a file of these lines.
fn new_file(path: &str, text: &str) -> String {
    let lines = format!("+{}\n", text.replace('\n', "\n+"));
    let count = text.split('\n').count();
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    )
}

fn finder() -> Finder {
    Finder::new(&CodeSearch::default()).unwrap()
}

fn calls(path: &str, text: &str, user: Sdk) -> Vec<(String, u32)> {
    let found = finder().find(&new_file(path, text)).unwrap();
    let all = found.settle(|sdk, file| sdk == user && file == path);
    all.calls().map(|flag| (flag.name.clone(), flag.line)).collect()
}

#[test]
fn calls_are_found_as_the_documentation_writes_them() {
    for (path, sdk, texts) in CALLS {
        for text in texts {
            let line = text.split('\n').position(|line| line.contains("pay.express-v2")).unwrap() + 1;
            let wanted = [("pay.express-v2".to_owned(), u32::try_from(line).unwrap())];
            assert_eq!(calls(path, text, sdk), wanted, "{path}: {text}");
        }
    }
    let all: BTreeSet<(Option<Language>, Sdk)> =
        CALLS.iter().map(|(path, sdk, _)| (Language::of(path), *sdk)).collect();
    assert_eq!(all.len(), Language::ALL.len() * Sdk::ALL.len(), "each language has calls of each SDK");
}

#[test]
fn what_only_looks_like_a_call_is_none() {
    for (path, texts) in OTHERS {
        for (text, sdk) in texts.iter().flat_map(|text| Sdk::ALL.map(|sdk| (text, sdk))) {
            assert_eq!(calls(path, text, sdk), [], "{path}, {sdk:?}: {text}");
        }
    }
}

/// Others have methods of the same names.
#[test]
fn a_call_in_a_file_that_does_not_use_the_sdk_is_a_text() {
    let found = finder().find(&new_file("a.ts", "feature.isEnabled('pay.express-v2')")).unwrap();
    let all = found.settle(|_, _| false);
    assert_eq!(all.calls().count(), 0);
    assert!(!all.named("pay.express-v2").unwrap().is_call);
}

#[test]
fn a_text_counts_where_all_of_it_is_the_name() {
    let text = "const EXPRESS = \"express-checkout-v2\";\nlog('split tender', 'dark-mode is on', \"dark-mode-x\");\n// 'search-v3'";
    let found = finder().find(&new_file("src/flags.ts", text)).unwrap().settle(|_, _| false);
    let named = |name: &str| found.named(name).map(|flag| (&*flag.file, flag.line));
    assert_eq!(named("express-checkout-v2"), Some(("src/flags.ts", 1)));
    assert_eq!((named("dark-mode"), named("tender"), named("search-v3")), (None, None, None));
}

#[test]
fn only_lines_that_came_count() {
    let patch = "diff --git a/a.go b/a.go\n--- a/a.go\n+++ b/a.go\n@@ -7,4 +7,5 @@\n unleash.IsEnabled(\"old\")\n\
                 \x20client.BoolVariation(\n-\t\"gone\",\n+\t\"came\",\n+\tctx, false)\n \tunleash.IsEnabled(\"old-too\")\n";
    let found = finder().find(patch).unwrap().settle(|_, _| true);
    let all: Vec<(&str, u32)> = found.calls().map(|flag| (flag.name.as_str(), flag.line)).collect();
    assert_eq!(all, [("came", 9)]);
}

#[test]
fn calls_of_ones_own_come_besides_or_instead() {
    let own = OwnCall { files: vec!["**/*.tpl".to_owned()], pattern: "^flag (\\S+)$".to_owned() };
    let search = CodeSearch { sdks: false, calls: vec![own], skip: vec!["old/**".to_owned()], ..CodeSearch::default() };
    let finder = Finder::new(&search).unwrap();
    let patch = ["a.tpl", "old/a.tpl", "b.ts", "node_modules/c.tpl"]
        .map(|path| new_file(path, "unleash.isEnabled('sdk')\nflag mine\nno flag here\nflag \u{202e}evil"))
        .concat();
    let found = finder.find(&patch).unwrap().settle(|_, _| true);
    let all: Vec<(&str, &str, u32)> = found.calls().map(|flag| (flag.name.as_str(), &*flag.file, flag.line)).collect();
    assert_eq!(all, [("mine", "a.tpl", 2)]);
}

#[test]
fn a_pattern_without_a_group_or_that_is_none_says_so() {
    let why = |pattern: &str| group_of(pattern).unwrap_err();
    assert_eq!(why("flagOn"), "it has no group: the part in parentheses is the name of the flag");
    assert_eq!(why("flagOn(\"(.*)\""), "unclosed group");
    assert_eq!(why("(\\w{1000}){1000}"), "it is too large");
}

#[test]
fn more_than_is_read_is_an_error_and_never_less() {
    let texts: Vec<String> = (0..50_001).map(|number| format!("f('x{number}')")).collect();
    let why = finder().find(&new_file("a.ts", &texts.join("\n"))).unwrap_err();
    assert_eq!(why, "the code has more than 50000 texts that may be the name of a flag");
}

proptest! {
    /// Whatever is around it on other lines.
    #[test]
    fn a_call_is_found_among_other_lines(
        before in proptest::collection::vec("[a-z ();={}+-]{0,30}", 0..6),
        after in proptest::collection::vec("[a-z ();={}+-]{0,30}", 0..6),
        case in proptest::sample::select(CALLS.to_vec()),
    ) {
        let (path, sdk, texts) = case;
        // A comment goes on to the end of a line, and an open call over it.
        prop_assume!(before.iter().all(|line| !line.contains('(')));
        let text = format!("{}\n{}\n{}", before.join("\n"), texts[0], after.join("\n"));
        let line = text.split('\n').position(|line| line.contains("pay.express-v2")).unwrap() + 1;
        prop_assert_eq!(calls(path, &text, sdk), [("pay.express-v2".to_owned(), u32::try_from(line).unwrap())]);
    }

    #[test]
    fn any_patch_is_read_without_panic(patch in "(?s)(\\+\\+\\+ b/a\\.ts\n|@@ -0,0 \\+1,2 @@\n|\\+isEnabled\\('x'\\)\n|.{0,20}\n){0,12}") {
        let _ = finder().find(&patch).map(|found| found.settle(|_, _| true));
    }
}
