//! Who owns a manifest, by the marks on the object: Argo CD, Flux or Helm; and what its owner does to a change that is made
//! elsewhere.

pub mod reduce;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::changes::short;
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::kind::Resource;

/// The annotation of an owner's object that says who suspended its automation, and what to give back.
pub const SUSPENDED: &str = "release-cockpit/suspended";

/// The namespace that Argo CD is installed into where nobody says otherwise.
pub const ARGO_CD_NAMESPACE: &str = "argocd";

/// What applies the manifest of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// An Application of Argo CD.
    ArgoCd,
    /// A Kustomization of Flux.
    FluxKustomization,
    /// A HelmRelease of Flux.
    FluxHelmRelease,
    /// A release of Helm, which nothing applies anew by itself.
    Helm,
}

impl OwnerKind {
    /// Returns the resource of its objects; Helm has none that could be read or written.
    #[must_use]
    pub fn resource(self) -> Option<Resource> {
        match self {
            Self::ArgoCd => Some(Resource::APPLICATION),
            Self::FluxKustomization => Some(Resource::KUSTOMIZATION),
            Self::FluxHelmRelease => Some(Resource::HELM_RELEASE),
            Self::Helm => None,
        }
    }

    /// Returns the word used in JSON, e.g. `argo-cd`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ArgoCd => "argo-cd",
            Self::FluxKustomization => "flux-kustomization",
            Self::FluxHelmRelease => "flux-helm-release",
            Self::Helm => "helm",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::ArgoCd => "Argo CD application",
            Self::FluxKustomization => "Flux Kustomization",
            Self::FluxHelmRelease => "Flux HelmRelease",
            Self::Helm => "Helm release",
        }
    }
}

/// The owner of a manifest, as the marks on the object name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    pub kind: OwnerKind,
    /// Its namespace, where the marks name one.
    pub namespace: Option<String>,
    pub name: String,
}

/// Its name in full, e.g. `Argo CD application payments`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.label(), self.name)
    }
}

/// What an owner does by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automation {
    /// It takes back whatever differs from git, within seconds.
    SelfHeal,
    /// It applies each new commit, and takes nothing back before.
    AutoSync,
    /// It takes back whatever differs from git each time it applies it, e.g. every `10m`.
    Interval(String),
    /// It applies each new version, and takes nothing back before.
    Upgrades,
    /// Somebody has to sync it.
    Manual,
    /// It was suspended: by this program, or by somebody else (`None`).
    Suspended(Option<Suspension>),
}

impl Automation {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SelfHeal => "self-heal",
            Self::AutoSync => "auto-sync",
            Self::Interval(_) => "interval",
            Self::Upgrades => "upgrades",
            Self::Manual => "manual",
            Self::Suspended(_) => "suspended",
        }
    }

    /// Says what it does to a change that is made by hand.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        match self {
            Self::SelfHeal => "self-heal on: puts back what differs from git, within seconds".to_owned(),
            Self::AutoSync => "auto-sync on: puts back what differs from git at the next commit".to_owned(),
            Self::Interval(every) => format!("puts back what differs from git every {every}"),
            Self::Upgrades => "puts back what differs at the next upgrade".to_owned(),
            Self::Manual => "synced by hand: the next sync puts back what differs from git".to_owned(),
            Self::Suspended(Some(by)) => format!("suspended by {}", by.describe(now)),
            Self::Suspended(None) => "suspended, not by Release Cockpit".to_owned(),
        }
    }

    /// Whether it applies the manifest without anybody asking for it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self, Self::Manual | Self::Suspended(_))
    }

    /// Whether it takes back what differs from git with no further commit.
    #[must_use]
    pub fn puts_back(&self) -> bool {
        matches!(self, Self::SelfHeal | Self::Interval(_))
    }
}

/// Who suspended an owner's automation, and what to give back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub by: String,
    pub at: Timestamp,
    /// `spec.syncPolicy.automated` as it was; null where it is a switch that is given back.
    #[serde(default)]
    pub automated: Value,
}

impl Suspension {
    fn describe(&self, now: Timestamp) -> String {
        format!("{} {} ago", self.by, duration(now.duration_since(self.at)))
    }
}

/// An owner's object, as far as it matters to a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciler {
    pub uid: String,
    pub resource_version: String,
    pub namespace: String,
    pub automation: Automation,
    /// Whether it is applying what git says at this moment.
    #[serde(default)]
    pub is_syncing: bool,
    /// Whether the workload is in the cluster as it is in git; `None` where the owner does not say.
    pub in_sync: Option<bool>,
    /// Whether it does not say because it was told to ignore differences of the workload.
    #[serde(default)]
    pub ignores_some: bool,
    /// Whether it lists the workload as its own: a mark that was copied, or forged, owns nothing.
    #[serde(default = "yes")]
    pub lists_it: bool,
    /// What else of it is not as git says, e.g. `Rollout web`; `None` where it does not say.
    #[serde(default)]
    pub differs: Option<Vec<String>>,
    /// When it compared the two last.
    pub compared_at: Option<Timestamp>,
    /// The commit that it compares with.
    pub commit: Option<String>,
    /// Where the manifest lies, e.g. `https://git/config  apps/payments`.
    pub source: Option<String>,
    /// What writes the owner's own object, and may undo what is changed there, e.g. `ApplicationSet services`.
    pub written_by: Option<String>,
}

fn yes() -> bool {
    true
}

impl Reconciler {
    /// Forgets whether git agrees: it was asked about an object that the template does not lie in.
    #[must_use]
    pub fn without_agreement(self) -> Self {
        Self { in_sync: None, ..self }
    }

    /// Says whether git agrees with the cluster.
    #[must_use]
    pub fn agreement(&self) -> String {
        let commit = self.commit.as_deref().map_or_else(String::new, |commit| format!(" at {}", short(commit)));
        match self.in_sync {
            Some(true) => format!("git{commit} matches the cluster"),
            Some(false) => format!("git{commit} does not match the cluster"),
            None => "whether git matches the cluster is not known".to_owned(),
        }
    }
}

/// The owner of a workload's manifest and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    pub owner: Owner,
    /// Its object, or why it is not known; `None` before it was read, and for Helm.
    pub found: Option<Result<Reconciler, String>>,
}

impl Owned {
    /// Returns its object, where it is known.
    #[must_use]
    pub fn reconciler(&self) -> Option<&Reconciler> {
        self.found.as_ref()?.as_ref().ok()
    }

    /// Whether everything that can be known of it is known.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.found.is_some() || self.owner.kind == OwnerKind::Helm
    }

    /// Says what it does to a change that is made by hand.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        match &self.found {
            _ if self.owner.kind == OwnerKind::Helm => "the next `helm upgrade` puts back what differs".to_owned(),
            Some(Ok(reconciler)) if !reconciler.lists_it => {
                "the workload is marked as its own, but it does not list it".to_owned()
            }
            Some(Ok(reconciler)) => reconciler.automation.describe(now),
            Some(Err(why)) => format!("what it does to changes is not known: {why}"),
            None => "what it does to changes is not known yet".to_owned(),
        }
    }

    /// Returns all that is known of it in one line.
    #[must_use]
    pub fn line(&self, now: Timestamp) -> String {
        let describe = self.describe(now);
        match self.reconciler() {
            Some(found) => format!("{}, {describe}; {}", self.owner, found.agreement()),
            None => format!("{}: {describe}", self.owner),
        }
    }

    /// Whether somebody has something left to do: it is suspended, or git says something else.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let of =
            |found: &Reconciler| matches!(found.automation, Automation::Suspended(_)) || found.in_sync == Some(false);
        self.reconciler().is_some_and(of)
    }

    /// Whether it applies the manifest without anybody asking for it; `None` where that is not known.
    #[must_use]
    pub fn is_active(&self) -> Option<bool> {
        match &self.found {
            _ if self.owner.kind == OwnerKind::Helm => Some(false),
            Some(Ok(reconciler)) => Some(reconciler.lists_it && reconciler.automation.is_active()),
            Some(Err(_)) | None => None,
        }
    }

    /// Returns why nobody knows whether a change will last; `None` where that is known.
    #[must_use]
    pub fn may_put_back(&self) -> Option<String> {
        match &self.found {
            _ if self.owner.kind == OwnerKind::Helm => None,
            Some(Ok(_)) => None,
            Some(Err(why)) => {
                let place = if self.owner.kind == OwnerKind::ArgoCd {
                    "; [argo_cd] in the config says where it is"
                } else {
                    ""
                };
                Some(format!("whether {} puts it back is not known: {why}{place}", self.owner))
            }
            None => Some(format!("whether {} puts it back is not known yet", self.owner)),
        }
    }

    /// Returns what may switch its automation on again after it was suspended, if anything.
    #[must_use]
    pub fn may_be_resumed_by(&self) -> Option<&str> {
        let found = self.reconciler().filter(|found| found.lists_it)?;
        found.written_by.as_deref().filter(|_| matches!(found.automation, Automation::Suspended(_)))
    }

    /// Returns why a change made at `since` will not last; `None` where it will, or nobody knows.
    #[must_use]
    pub fn puts_back(&self, since: Option<Timestamp>) -> Option<String> {
        let reconciler = self.reconciler().filter(|reconciler| reconciler.lists_it)?;
        // What it compared before the change tells nothing of it; it reports whole seconds.
        let is_compared = since.is_none_or(|since| {
            reconciler.compared_at.is_some_and(|compared| compared.as_second() > since.as_second())
        });
        if is_compared && reconciler.in_sync == Some(true) {
            return None;
        }
        if reconciler.is_syncing {
            return Some(format!("{} is applying what git says", self.owner));
        }
        let how = match &reconciler.automation {
            Automation::Interval(every) => format!("every {every}"),
            Automation::SelfHeal => "within seconds".to_owned(),
            _ => return None,
        };
        Some(format!("{} puts back what git says, {how}: its automation is not suspended", self.owner))
    }
}

#[cfg(test)]
mod tests;
