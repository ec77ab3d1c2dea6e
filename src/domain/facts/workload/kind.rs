//! The kinds of workloads, and the Kubernetes resources that are read or written: one table each.

use serde::{Deserialize, Serialize};

/// Kind of the Kubernetes object behind a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    /// Kind, e.g. `Rollout`.
    pub kind: &'static str,
    /// Plural, as in URLs and RBAC rules.
    pub plural: &'static str,
}

impl Resource {
    const fn new(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self { group, version, kind, plural }
    }

    /// Every resource that is read or written.
    const ALL: [Self; 19] = [
        Self::ROLLOUT,
        Self::DEPLOYMENT,
        Self::REPLICASET,
        Self::POD,
        Self::EVENT,
        Self::ANALYSIS_RUN,
        Self::CONFIG_MAP,
        Self::SERVICE,
        Self::INGRESS,
        Self::VIRTUAL_SERVICE,
        Self::HTTP_ROUTE,
        Self::GRPC_ROUTE,
        Self::TRAFFIC_SPLIT,
        Self::TRAEFIK_SERVICE,
        Self::EXPERIMENT,
        Self::DISRUPTION_BUDGET,
        Self::APPLICATION,
        Self::KUSTOMIZATION,
        Self::HELM_RELEASE,
    ];
    pub const ROLLOUT: Self = Self::new("argoproj.io", "v1alpha1", "Rollout", "rollouts");
    pub const DEPLOYMENT: Self = Self::new("apps", "v1", "Deployment", "deployments");
    pub const REPLICASET: Self = Self::new("apps", "v1", "ReplicaSet", "replicasets");
    pub const POD: Self = Self::new("", "v1", "Pod", "pods");
    pub const EVENT: Self = Self::new("", "v1", "Event", "events");
    pub const ANALYSIS_RUN: Self = Self::new("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns");
    pub const CONFIG_MAP: Self = Self::new("", "v1", "ConfigMap", "configmaps");
    pub const SERVICE: Self = Self::new("", "v1", "Service", "services");
    pub const INGRESS: Self = Self::new("networking.k8s.io", "v1", "Ingress", "ingresses");
    pub const VIRTUAL_SERVICE: Self = Self::new("networking.istio.io", "v1", "VirtualService", "virtualservices");
    pub const HTTP_ROUTE: Self = Self::new("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
    pub const GRPC_ROUTE: Self = Self::new("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes");
    pub const TRAFFIC_SPLIT: Self = Self::new("split.smi-spec.io", "v1alpha1", "TrafficSplit", "trafficsplits");
    pub const TRAEFIK_SERVICE: Self = Self::new("traefik.io", "v1alpha1", "TraefikService", "traefikservices");
    pub const DISRUPTION_BUDGET: Self = Self::new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
    pub const APPLICATION: Self = Self::new("argoproj.io", "v1alpha1", "Application", "applications");
    pub const KUSTOMIZATION: Self = Self::new("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations");
    pub const HELM_RELEASE: Self = Self::new("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases");
    pub const EXPERIMENT: Self = Self::new("argoproj.io", "v1alpha1", "Experiment", "experiments");

    /// Returns the resource of a kind.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.kind == kind)
    }
}

impl WorkloadKind {
    /// All kinds, in the order in which a namespace is searched for them.
    pub const ALL: [Self; 2] = [Self::Rollout, Self::Deployment];

    #[must_use]
    pub fn resource(self) -> Resource {
        match self {
            Self::Deployment => Resource::DEPLOYMENT,
            Self::Rollout => Resource::ROLLOUT,
        }
    }

    /// Returns what else kubectl calls it, besides kind, plural and `plural.group`.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Deployment => &["deploy"],
            Self::Rollout => &["ro"],
        }
    }

    /// Returns the word used in config and on the command line, e.g. `rollout`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Rollout => "rollout",
        }
    }

    /// Returns the Kubernetes kind, e.g. `Rollout`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        self.resource().kind
    }

    /// Reads a kind in any spelling of kubectl.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| {
            let resource = kind.resource();
            text == kind.as_str()
                || text == resource.plural
                || kind.aliases().contains(&text.as_str())
                || text.strip_prefix(resource.plural).and_then(|rest| rest.strip_prefix('.')) == Some(resource.group)
        })
    }
}
