//! The kinds that a simulated API server knows.

use std::fmt;

/// A kind of object; indexes [`RESOURCES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1/namespaces`
    Namespace,
    /// `v1/nodes`
    Node,
    /// `v1/pods`
    Pod,
    /// `v1/events`
    Event,
    /// `v1/configmaps`
    ConfigMap,
    /// `v1/secrets`
    Secret,
    /// `v1/services`
    Service,
    /// `v1/endpoints`
    Endpoints,
    /// `v1/serviceaccounts`
    ServiceAccount,
    /// `apps/v1/deployments`
    Deployment,
    /// `apps/v1/replicasets`
    ReplicaSet,
    /// `autoscaling/v2/horizontalpodautoscalers`
    HorizontalPodAutoscaler,
    /// `argoproj.io/v1alpha1/rollouts`
    Rollout,
    /// `argoproj.io/v1alpha1/analysisruns`
    AnalysisRun,
    /// `argoproj.io/v1alpha1/analysistemplates`
    AnalysisTemplate,
    /// `argoproj.io/v1alpha1/clusteranalysistemplates`
    ClusterAnalysisTemplate,
    /// `argoproj.io/v1alpha1/experiments`
    Experiment,
    /// `argoproj.io/v1alpha1/applications`
    Application,
    /// `coordination.k8s.io/v1/leases`
    Lease,
    /// `networking.k8s.io/v1/ingresses`
    Ingress,
    /// `v1/resourcequotas`
    ResourceQuota,
    /// `rbac.authorization.k8s.io/v1/roles`
    Role,
    /// `rbac.authorization.k8s.io/v1/rolebindings`
    RoleBinding,
}

/// How an API server treats one kind.
#[expect(clippy::struct_excessive_bools, reason = "a table of what each kind has")]
#[derive(Debug)]
pub struct Resource {
    /// The kind this row is about.
    pub kind: Kind,
    /// API group, `""` for the core group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// Plural name: the path segment.
    pub plural: &'static str,
    /// Singular name, as kubectl accepts it.
    pub singular: &'static str,
    /// Kind as objects carry it.
    pub title: &'static str,
    /// Short names that kubectl accepts.
    pub short: &'static [&'static str],
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Whether there is a status subresource.
    pub status: bool,
    /// Whether there is a scale subresource.
    pub scale: bool,
    /// Whether the kind comes from a custom resource definition.
    pub custom: bool,
    /// Whether `metadata.generation` is kept.
    pub generation: bool,
    /// Whether `kubectl get all` lists it.
    pub all: bool,
}

const fn row(
    kind: Kind,
    group: &'static str,
    version: &'static str,
    names: (&'static str, &'static str, &'static str),
    short: &'static [&'static str],
) -> Resource {
    Resource {
        kind,
        group,
        version,
        plural: names.0,
        singular: names.1,
        title: names.2,
        short,
        namespaced: true,
        status: false,
        scale: false,
        custom: false,
        generation: false,
        all: false,
    }
}

const ARGO: &str = "argoproj.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Every kind served, in the order of [`Kind`].
pub static RESOURCES: &[Resource] = &[
    Resource {
        namespaced: false,
        status: true,
        ..row(Kind::Namespace, "", "v1", ("namespaces", "namespace", "Namespace"), &["ns"])
    },
    Resource { namespaced: false, status: true, ..row(Kind::Node, "", "v1", ("nodes", "node", "Node"), &["no"]) },
    Resource { status: true, generation: true, all: true, ..row(Kind::Pod, "", "v1", ("pods", "pod", "Pod"), &["po"]) },
    row(Kind::Event, "", "v1", ("events", "event", "Event"), &["ev"]),
    row(Kind::ConfigMap, "", "v1", ("configmaps", "configmap", "ConfigMap"), &["cm"]),
    row(Kind::Secret, "", "v1", ("secrets", "secret", "Secret"), &[]),
    Resource { status: true, all: true, ..row(Kind::Service, "", "v1", ("services", "service", "Service"), &["svc"]) },
    row(Kind::Endpoints, "", "v1", ("endpoints", "endpoints", "Endpoints"), &["ep"]),
    row(Kind::ServiceAccount, "", "v1", ("serviceaccounts", "serviceaccount", "ServiceAccount"), &["sa"]),
    Resource {
        status: true,
        scale: true,
        generation: true,
        all: true,
        ..row(Kind::Deployment, "apps", "v1", ("deployments", "deployment", "Deployment"), &["deploy"])
    },
    Resource {
        status: true,
        scale: true,
        generation: true,
        all: true,
        ..row(Kind::ReplicaSet, "apps", "v1", ("replicasets", "replicaset", "ReplicaSet"), &["rs"])
    },
    Resource {
        status: true,
        all: true,
        ..row(
            Kind::HorizontalPodAutoscaler,
            "autoscaling",
            "v2",
            ("horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler"),
            &["hpa"],
        )
    },
    Resource {
        status: true,
        scale: true,
        custom: true,
        generation: true,
        ..row(Kind::Rollout, ARGO, "v1alpha1", ("rollouts", "rollout", "Rollout"), &["ro"])
    },
    Resource {
        custom: true,
        generation: true,
        ..row(Kind::AnalysisRun, ARGO, "v1alpha1", ("analysisruns", "analysisrun", "AnalysisRun"), &["ar"])
    },
    Resource {
        custom: true,
        generation: true,
        ..row(
            Kind::AnalysisTemplate,
            ARGO,
            "v1alpha1",
            ("analysistemplates", "analysistemplate", "AnalysisTemplate"),
            &["at"],
        )
    },
    Resource {
        namespaced: false,
        custom: true,
        generation: true,
        ..row(
            Kind::ClusterAnalysisTemplate,
            ARGO,
            "v1alpha1",
            ("clusteranalysistemplates", "clusteranalysistemplate", "ClusterAnalysisTemplate"),
            &["cat"],
        )
    },
    Resource {
        custom: true,
        generation: true,
        ..row(Kind::Experiment, ARGO, "v1alpha1", ("experiments", "experiment", "Experiment"), &["exp"])
    },
    Resource {
        custom: true,
        generation: true,
        ..row(Kind::Application, ARGO, "v1alpha1", ("applications", "application", "Application"), &["app", "apps"])
    },
    row(Kind::Lease, "coordination.k8s.io", "v1", ("leases", "lease", "Lease"), &[]),
    Resource {
        status: true,
        generation: true,
        ..row(Kind::Ingress, "networking.k8s.io", "v1", ("ingresses", "ingress", "Ingress"), &["ing"])
    },
    Resource {
        status: true,
        ..row(Kind::ResourceQuota, "", "v1", ("resourcequotas", "resourcequota", "ResourceQuota"), &["quota"])
    },
    row(Kind::Role, RBAC, "v1", ("roles", "role", "Role"), &[]),
    row(Kind::RoleBinding, RBAC, "v1", ("rolebindings", "rolebinding", "RoleBinding"), &[]),
];

impl Kind {
    /// Returns the row of [`RESOURCES`] that describes the kind.
    pub fn resource(self) -> &'static Resource {
        &RESOURCES[self as usize]
    }

    /// Finds a kind by group, version and plural name: the parts of a request path.
    pub fn by_path(group: &str, version: &str, plural: &str) -> Option<Self> {
        RESOURCES.iter().find(|r| r.group == group && r.version == version && r.plural == plural).map(|r| r.kind)
    }

    /// Finds a kind by the `apiVersion` and `kind` that an object carries.
    pub fn by_type(api_version: &str, title: &str) -> Option<Self> {
        RESOURCES.iter().find(|r| r.api_version() == api_version && r.title == title).map(|r| r.kind)
    }
}

impl Resource {
    /// Returns the `apiVersion` that objects of this kind carry.
    pub fn api_version(&self) -> String {
        group_version(self.group, self.version)
    }

    /// Returns the name that error messages use: `rollouts.argoproj.io`, `pods`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource().title)
    }
}

/// Joins group and version as `apiVersion` does.
pub fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, row) in RESOURCES.iter().enumerate() {
            assert_eq!(row.kind as usize, index, "{}", row.plural);
        }
    }

    #[test]
    fn kinds_are_found_by_path_and_by_type() {
        assert_eq!(Kind::by_path("argoproj.io", "v1alpha1", "rollouts"), Some(Kind::Rollout));
        assert_eq!(Kind::by_path("apps", "v1beta1", "deployments"), None);
        assert_eq!(Kind::by_type("apps/v1", "ReplicaSet"), Some(Kind::ReplicaSet));
    }
}
