//! Which cluster and namespace stand behind the name of an environment: names and contexts may be pointed elsewhere.

use serde::{Deserialize, Serialize};

/// A cluster and a namespace in it, as far as the API server tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterIdentity {
    /// UID of the namespace `kube-system`, which a cluster keeps as long as it exists; `None` where it may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Name of the environment's namespace.
    pub namespace: String,
    /// UID of that namespace; `None` where it may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_uid: Option<String>,
}

/// What two identities have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Same,
    Other,
    /// They have no UID in common that could be compared.
    Unknown,
}

impl ClusterIdentity {
    /// Makes the identity of a namespace of whose cluster nothing may be read.
    pub fn unknown(namespace: impl Into<String>) -> Self {
        Self { cluster: None, namespace: namespace.into(), namespace_uid: None }
    }

    /// Whether it can be told from any other.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.cluster.is_some() || self.namespace_uid.is_some()
    }

    #[must_use]
    pub fn compare(&self, other: &Self) -> Comparison {
        if self.namespace != other.namespace {
            return Comparison::Other;
        }
        let of = |a: &Option<String>, b: &Option<String>| a.as_ref().zip(b.as_ref()).map(|(a, b)| a == b);
        // A namespace that was deleted and created anew is still the same environment.
        match of(&self.cluster, &other.cluster).or_else(|| of(&self.namespace_uid, &other.namespace_uid)) {
            Some(true) => Comparison::Same,
            Some(false) => Comparison::Other,
            None => Comparison::Unknown,
        }
    }

    /// Returns it in words, e.g. `namespace payments of cluster 0c9f21ab`.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.cluster, &self.namespace_uid) {
            (Some(uid), _) => format!("namespace {} of cluster {}", self.namespace, short(uid)),
            (None, Some(uid)) => format!("namespace {} ({})", self.namespace, short(uid)),
            (None, None) => format!("namespace {} of a cluster that is not known", self.namespace),
        }
    }
}

fn short(uid: &str) -> &str {
    uid.get(..8).unwrap_or(uid)
}

/// Whether what was stated about one cluster is known to be about another than the one that is `here`.
#[must_use]
pub fn is_elsewhere(here: Option<&ClusterIdentity>, stated: Option<&ClusterIdentity>) -> bool {
    here.zip(stated).is_some_and(|(here, stated)| here.compare(stated) == Comparison::Other)
}

/// Whether what was stated is about the cluster that is `here`. Where neither side can tell, names have to do.
#[must_use]
pub fn is_here(here: Option<&ClusterIdentity>, stated: Option<&ClusterIdentity>) -> bool {
    match (here, stated) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(here), None) => !here.is_known(),
        (Some(here), Some(stated)) => match here.compare(stated) {
            Comparison::Same => true,
            Comparison::Other => false,
            Comparison::Unknown => !here.is_known() && !stated.is_known(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;

    fn identity() -> impl Strategy<Value = ClusterIdentity> {
        let uid = || option::of("[ab]");
        (uid(), "[xy]", uid()).prop_map(|(cluster, namespace, namespace_uid)| ClusterIdentity {
            cluster,
            namespace,
            namespace_uid,
        })
    }

    #[test]
    fn a_uid_of_one_kind_is_never_compared_with_one_of_the_other() {
        let by_cluster = ClusterIdentity { cluster: Some("a".to_owned()), ..ClusterIdentity::unknown("x") };
        let by_namespace = ClusterIdentity { namespace_uid: Some("a".to_owned()), ..ClusterIdentity::unknown("x") };
        assert_eq!(by_cluster.compare(&by_namespace), Comparison::Unknown);
        assert!(!is_here(Some(&by_cluster), Some(&by_namespace)));
        assert!(!is_elsewhere(Some(&by_cluster), Some(&by_namespace)));
    }

    #[test]
    fn what_names_no_cluster_counts_only_where_none_is_known() {
        let known = ClusterIdentity { cluster: Some("a".to_owned()), ..ClusterIdentity::unknown("x") };
        assert!(!is_here(Some(&known), None));
        assert!(!is_elsewhere(Some(&known), None));
        assert!(is_here(Some(&ClusterIdentity::unknown("x")), None));
    }

    proptest! {
        #[test]
        fn nothing_is_here_and_elsewhere(here in option::of(identity()), stated in option::of(identity())) {
            prop_assert!(!(is_here(here.as_ref(), stated.as_ref()) && is_elsewhere(here.as_ref(), stated.as_ref())));
        }

        #[test]
        fn other_clusters_are_told_apart_whichever_side_asks(a in identity(), b in identity()) {
            prop_assert_eq!(a.compare(&b), b.compare(&a));
            if a.cluster.is_some() && b.cluster.is_some() && a.cluster != b.cluster {
                prop_assert_eq!(a.compare(&b), Comparison::Other);
            }
        }
    }
}
