//! What the upstream tools say: `kubectl argo rollouts get rollout`, `kubectl rollout status`, `kubectl get pods`.

use std::collections::{BTreeMap, BTreeSet};

use support::{Checked, TestNamespace};

/// A line of the tree of `get rollout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Kind, e.g. `ReplicaSet`.
    pub kind: String,
    /// Status without its icon, e.g. `Healthy`.
    pub status: String,
    /// What stands in the column INFO, split at the commas.
    pub info: BTreeSet<String>,
    /// Revision that it stands under.
    pub revision: u64,
}

/// The text of `get rollout`, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutText {
    /// The fields of its head by name, e.g. `SetWeight`; without icons.
    pub fields: BTreeMap<String, String>,
    pub images: BTreeMap<String, BTreeSet<String>>,
    /// The tree by object name.
    pub tree: BTreeMap<String, Leaf>,
}

/// One row of `kubectl get pods`: READY, STATUS, RESTARTS.
pub type PodRow = (String, String, String);

fn without_icon(text: &str) -> String {
    text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

fn listed(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

/// Takes the text of `get rollout` apart.
pub fn parse(text: &str) -> RolloutText {
    let mut parsed = RolloutText::default();
    let (head, tree) = text.split_once("\nNAME ").unwrap_or((text, ""));
    let mut key = String::new();
    for line in head.lines() {
        let value = match line.split_once(':') {
            // Messages and images contain colons too: a key is a word at the left.
            Some((name, value)) if !name.trim().contains(' ') && !line.starts_with("       ") => {
                name.trim().clone_into(&mut key);
                value.trim()
            }
            _ => line.trim(),
        };
        if key == "Images" {
            let (image, roles) = value.split_once(' ').unwrap_or((value, ""));
            if !image.is_empty() {
                parsed.images.insert(image.to_owned(), listed(roles.trim_matches(['(', ')'])));
            }
        } else if !value.is_empty() && !parsed.fields.contains_key(&key) {
            let value = if key == "Status" { without_icon(value) } else { value.to_owned() };
            parsed.fields.insert(key.clone(), value);
        }
    }
    let mut revision = 0;
    for line in tree.lines().skip(1) {
        let line = without_icon(line);
        if let Some(number) = line.trim().strip_prefix("revision:") {
            revision = number.parse().unwrap_or(0);
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, kind, _icon, status, _age, info @ ..] = words.as_slice() else { continue };
        let leaf =
            Leaf { kind: (*kind).to_owned(), status: (*status).to_owned(), info: listed(&info.join(" ")), revision };
        parsed.tree.insert((*name).to_owned(), leaf);
    }
    parsed
}

/// Asks `kubectl argo rollouts get rollout`; `None` where it is not installed.
pub async fn rollout(namespace: &TestNamespace, name: &str) -> Checked<Option<RolloutText>> {
    let output = namespace.tool("kubectl-argo-rollouts", &["get", "rollout", name, "--no-color"]).await?;
    let Some(output) = output else { return Ok(None) };
    if !output.status.success() {
        return Err(format!("the plugin says nothing: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(Some(parse(&String::from_utf8_lossy(&output.stdout))))
}

/// Asks `kubectl rollout status`: what it says of a Deployment now, without the words around it.
pub async fn deployment(namespace: &TestNamespace, name: &str) -> Checked<Option<String>> {
    let args = ["rollout", "status", "deployment", name, "--watch=false"];
    let Some(output) = namespace.tool("kubectl", &args).await? else { return Ok(None) };
    let said = if output.status.success() { output.stdout } else { output.stderr };
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let said = said.strip_prefix(&format!("Waiting for deployment {name:?} rollout to finish: ")).unwrap_or(said);
    let said =
        said.strip_prefix(&format!("deployment {name:?} successfully")).map_or(said, |_| "successfully rolled out");
    Ok(Some(said.to_owned()))
}

/// Asks `kubectl get pods`.
pub async fn pods(namespace: &TestNamespace, name: &str) -> Checked<Option<BTreeMap<String, PodRow>>> {
    let label = format!("app={name}");
    let Some(output) = namespace.tool("kubectl", &["get", "pods", "-l", &label, "--no-headers"]).await? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = |line: &str| {
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        Some((words.next()?, (words.next()?, words.next()?, words.next()?)))
    };
    Ok(Some(text.lines().filter_map(row).collect()))
}
