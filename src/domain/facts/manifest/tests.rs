use proptest::prelude::*;
use serde_json::Value;

use super::*;

const OLD: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

fn place(container: &str, repository: &str) -> Place {
    Place {
        kind: "Rollout".to_owned(),
        name: "api".to_owned(),
        container: container.to_owned(),
        repository: repository.to_owned(),
    }
}

fn api() -> Place {
    place("api", "registry.example/api")
}

fn manifest(format: ManifestFormat, text: &str) -> Manifest<'_> {
    Manifest { format, value: "image", text }
}

fn changed(format: ManifestFormat, text: &str, image: &str) -> Result<String, ManifestError> {
    manifest(format, text).with_images(&[(api(), image.to_owned())])
}

fn parsed(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

const KUSTOMIZATION: &str = "\
# Owned by payments.
resources: [../base]   # the base
images:
  # the sidecar stays
  - name: envoy
    newTag: v1.30.0
  - newName: registry.example/api # ours
    name: api
    newTag: 1.4.2    # by CI

namePrefix: eu-
";

#[test]
fn a_kustomization_gets_digest_and_tag_and_keeps_everything_else() {
    let format = ManifestFormat::Kustomize;
    assert_eq!(manifest(format, KUSTOMIZATION).images(&[api()]), Ok(vec!["registry.example/api:1.4.2".to_owned()]));
    let after = changed(format, KUSTOMIZATION, &format!("registry.example/api:1.5.0@{NEW}")).unwrap();
    let wanted = KUSTOMIZATION.replace("1.4.2    # by CI", &format!("1.5.0    # by CI\n    digest: {NEW}"));
    assert_eq!(after, wanted);
    assert_eq!(parsed(&after)["images"][1]["digest"], NEW);
    // And back to what it was.
    assert_eq!(changed(format, &after, "registry.example/api:1.4.2").unwrap(), KUSTOMIZATION);
}

#[test]
fn a_kustomization_with_a_digest_alone_gets_no_tag() {
    let text = format!("images:\n- name: registry.example/api\n  digest: {OLD}");
    let after = changed(ManifestFormat::Kustomize, &text, &format!("registry.example/api:1.5.0@{NEW}")).unwrap();
    assert_eq!(after, text.replace(OLD, NEW));
}

#[test]
fn a_tag_that_would_be_a_number_is_quoted() {
    let text = "images:\n- name: registry.example/api\n  newTag: v1\n";
    let after = changed(ManifestFormat::Kustomize, text, "registry.example/api:1.10").unwrap();
    assert_eq!(parsed(&after)["images"][0]["newTag"], "1.10");
}

#[test]
fn values_of_a_chart_keep_quotes_and_comments() {
    for (text, wanted) in [
        ("image: registry.example/api:1.4.2 # main\n", format!("image: registry.example/api:1.5.0@{NEW} # main\n")),
        ("image:\n  repository: registry.example/api\n  tag: \"1.4.2\"  # x\n", {
            format!("image:\n  repository: registry.example/api\n  tag: \"1.5.0@{NEW}\"  # x\n")
        }),
        ("image:\r\n  tag: 1.4.2\r\n  digest: ''\r\n", format!("image:\r\n  tag: 1.5.0\r\n  digest: '{NEW}'\r\n")),
        ("image:\n  registry: registry.example\n  repository: api\n  tag: 1.4.2", {
            format!("image:\n  registry: registry.example\n  repository: api\n  tag: 1.5.0@{NEW}")
        }),
    ] {
        let own = manifest(ManifestFormat::Helm, text);
        assert_eq!(own.images(&[api()]), Ok(vec!["registry.example/api:1.4.2".to_owned()]), "{text}");
        let after = changed(ManifestFormat::Helm, text, &format!("registry.example/api:1.5.0@{NEW}")).unwrap();
        assert_eq!(after, wanted);
        let back = changed(ManifestFormat::Helm, &after, "registry.example/api:1.4.2").unwrap();
        assert_eq!(back, text);
    }
}

#[test]
fn a_value_is_found_by_its_path() {
    let text = "api:\n  image:\n    tag: 1.4.2\nimage:\n  tag: other\n";
    let own = |value| {
        Manifest { format: ManifestFormat::Helm, value, text }
            .with_images(&[(api(), "registry.example/api:1.5.0".to_owned())])
    };
    assert_eq!(own("api.image.tag"), own("api.image"));
    assert_eq!(own("api.image"), Ok(text.replace("1.4.2", "1.5.0")));
    assert_eq!(own("api.none"), Err(ManifestError::NoEntry("value `api.none`".to_owned())));
}

const OBJECTS: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: api
---
# Canary with two pauses.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: api
  annotations:
    note: |
      image: registry.example/api:0
spec:
  template:
    spec:
      initContainers:
      - name: migrate
        image: 'registry.example/api:1.4.2'
      containers:
        - image: registry.example/api:1.4.2   # keep
          name: api
          args: [\"--image\", \"x\"]
        - name: sidecar
          image: registry.example/api:1.4.2
";

#[test]
fn in_an_object_the_image_of_the_container_changes_and_no_other() {
    let after = changed(ManifestFormat::Plain, OBJECTS, &format!("registry.example/api:1.5.0@{NEW}")).unwrap();
    assert_eq!(after, OBJECTS.replace("1.4.2   # keep", &format!("1.5.0@{NEW}   # keep")));
    let migrate = place("migrate", "registry.example/api");
    let own = manifest(ManifestFormat::Plain, OBJECTS);
    let after = own.with_images(&[(migrate, "registry.example/api:2.0.0".to_owned())]).unwrap();
    assert_eq!(after, OBJECTS.replace("'registry.example/api:1.4.2'", "'registry.example/api:2.0.0'"));
}

#[test]
fn an_object_in_a_list_is_found_too() {
    let text = "kind: List\nitems:\n- kind: Service\n  metadata: {name: api}\n- metadata:\n    name: api\n  kind: Rollout\n  spec:\n    \
                template:\n      spec:\n        containers:\n        - name: api\n          image: registry.example/api:1.4.2\n";
    let after = changed(ManifestFormat::Plain, text, "registry.example/api:1.5.0").unwrap();
    assert_eq!(after, text.replace("1.4.2", "1.5.0"));
}

#[test]
fn what_is_not_understood_is_refused() {
    let rollout = |image: &str| {
        format!(
            "kind: Rollout\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: {image}\n"
        )
    };
    for (format, text, why) in [
        (ManifestFormat::Kustomize, "images: [{name: registry.example/api, newTag: 1.0.0}]".to_owned(), "flow style"),
        (ManifestFormat::Kustomize, "images:\n- &a\n  name: registry.example/api\n".to_owned(), "anchor"),
        (
            ManifestFormat::Kustomize,
            "images:\n- name: registry.example/api\n- name: registry.example/api\n".to_owned(),
            "more than once",
        ),
        (ManifestFormat::Kustomize, "images:\n- name: registry.example/api\n".to_owned(), "neither a tag nor a digest"),
        (ManifestFormat::Kustomize, "images:\n- name: other\n".to_owned(), "no entry of `images`"),
        (ManifestFormat::Kustomize, "resources: [\n  a ]\n".to_owned(), "flow style over several lines"),
        (ManifestFormat::Helm, "image: *shared\n".to_owned(), "alias"),
        (ManifestFormat::Helm, "image: {{ .image }}\n".to_owned(), "flow style"),
        (ManifestFormat::Helm, "image:\n  pullPolicy: Always\n".to_owned(), "`tag`"),
        (ManifestFormat::Plain, rollout("&image registry.example/api:1.0.0"), "anchor"),
        (ManifestFormat::Plain, rollout("\n          registry.example/api:1.0.0"), "neither a key"),
        (ManifestFormat::Plain, rollout("a:1\n        image: b:1"), "more than once"),
        (ManifestFormat::Plain, format!("{0}---\n{0}", rollout("a:1")), "more than once"),
        (ManifestFormat::Plain, rollout("a:1").replace("name: api\nspec", "name: web\nspec"), "no Rollout api"),
        (ManifestFormat::Plain, "\tkind: Rollout".to_owned(), "tab"),
    ] {
        let said = manifest(format, &text).images(&[api()]).unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn values_of_a_chart_name_one_image() {
    let text = "image: a:1.0.0\n";
    let two = [(api(), "a:2.0.0".to_owned()), (place("b", "b"), "b:2.0.0".to_owned())];
    assert_eq!(manifest(ManifestFormat::Helm, text).with_images(&two), Err(ManifestError::OneImageOnly(2)));
}

/// What people write around an image: comments, blank lines, other keys, in any indentation and with any line break.
fn around() -> impl Strategy<Value = Vec<&'static str>> {
    let line = prop_oneof![
        Just("# registry.example/api: image: x"),
        Just(""),
        Just("   "),
        Just("labels: {app: \"api\", image: 'x'}"),
        Just("text: |\n  image: no\n\n  - name: registry.example/api"),
        Just("args: [\"--a=b: c\"]   # d"),
        Just("list:\n- name: registry.example/other\n  newTag: 1.0.0\n- b"),
        Just("url: http://x:80/y#z"),
    ];
    proptest::collection::vec(line, 0..4)
}

/// Keys of one document are there once each.
fn unique(lines: &[&str], seen: &mut Vec<String>) -> String {
    let mut text = String::new();
    for line in lines {
        let key = line.split(':').next().unwrap_or_default().to_owned();
        if line.trim().is_empty() || line.starts_with('#') || !seen.contains(&key) {
            seen.push(key);
            text += line;
            text.push('\n');
        }
    }
    text
}

proptest! {
    #[test]
    fn only_the_image_changes_whatever_stands_around_it(
        (before, after) in (around(), around()),
        format in proptest::sample::select(ManifestFormat::ALL.to_vec()),
        (crlf, is_last) in any::<(bool, bool)>(),
        (old_tag, new_tag) in ("[a-z0-9][a-zA-Z0-9_.-]{0,12}", "[a-z0-9][a-zA-Z0-9_.-]{0,12}"),
        (quote, old_digest, new_digest) in (proptest::sample::select(vec!["", "'", "\""]), any::<bool>(), any::<bool>()),
    ) {
        // An image is never in such words without quotes in a file that works.
        let quote = if quote.is_empty() && format != ManifestFormat::Plain { "\"" } else { quote };
        let image = |tag: &str, digest: bool, of: &str| {
            format!("registry.example/api:{tag}{}", if digest { format!("@{of}") } else { String::new() })
        };
        let (old, new) = (image(&old_tag, old_digest, OLD), image(&new_tag, new_digest, NEW));
        let q = |text: &str| format!("{quote}{text}{quote}");
        let body = match format {
            ManifestFormat::Kustomize => {
                let digest = if old_digest { format!("\n  digest: {OLD}") } else { String::new() };
                format!("images:\n- name: registry.example/api\n  newTag: {} # t{digest}\n", q(&old_tag))
            }
            ManifestFormat::Helm => format!("image: {} # t\n", q(&old)),
            ManifestFormat::Plain => format!(
                "kind: Rollout\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: {} # t\n",
                q(&old)
            ),
        };
        let mut seen = Vec::new();
        let mut text = unique(&before, &mut seen) + &body + &unique(&after, &mut seen);
        if is_last {
            text = text.trim_end_matches('\n').to_owned();
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let own = manifest(format, &text);
        prop_assert_eq!(own.images(&[api()]), Ok(vec![old.clone()]));
        let changed = own.with_images(&[(api(), new.clone())]).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = manifest(format, &changed);
        prop_assert_eq!(again.images(&[api()]), Ok(vec![new.clone()]));
        // Nothing else is another value, by a parser of somebody else.
        let (mut was, mut is) = (parsed(&text), parsed(&changed));
        for value in [&mut was, &mut is] {
            match format {
                ManifestFormat::Kustomize => value["images"][0] = Value::Null,
                ManifestFormat::Helm => value["image"] = Value::Null,
                ManifestFormat::Plain => value["spec"]["template"]["spec"]["containers"][0]["image"] = Value::Null,
            }
        }
        prop_assert_eq!(was, is);
        // And every byte is as before once the old image is back.
        let back = again.with_images(&[(api(), old)]).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(back, text);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[ a:#\\-&*|\\[\\]{}\"'\n\r\t>!imageskndR]{0,80}") {
        for format in ManifestFormat::ALL {
            let _ = manifest(format, &text).images(&[api()]);
            let _ = changed(format, &text, "registry.example/api:1");
        }
    }
}

#[test]
fn two_containers_of_one_entry_change_it_once() {
    let text = "images:\n  - name: registry.example/api\n    newTag: 1.9.0\n";
    let manifest = Manifest { format: ManifestFormat::Kustomize, value: "", text };
    let image = |digest: &str| format!("registry.example/api:1.10.0@{digest}");
    let both = |first: &str, second: &str| {
        let migrate = place("migrate", "registry.example/api");
        manifest.with_images(&[(api(), image(first)), (migrate, image(second))])
    };
    let wanted = format!("images:\n  - name: registry.example/api\n    newTag: \"1.10.0\"\n    digest: {NEW}\n");
    let wanted = wanted.replace("\"1.10.0\"", "1.10.0");
    assert_eq!(both(NEW, NEW), Ok(wanted));
    let other = NEW.replace(char::is_numeric, "0");
    assert!(both(NEW, &other).is_err());
}

#[test]
fn a_chart_whose_values_name_another_repository_is_refused() {
    let text = "image:\n  repository: registry.example/old\n  tag: 1.4.2\n";
    let manifest = Manifest { format: ManifestFormat::Helm, value: "image", text };
    let change = manifest.with_images(&[(api(), "registry.example/api:1.5.0".to_owned())]);
    assert!(matches!(change, Err(ManifestError::NotAsWanted { .. })), "{change:?}");
}
