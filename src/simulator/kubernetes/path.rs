//! Request paths and queries: what is asked for.

use super::resources::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Objects(Target),
    /// An access or identity review: `selfsubjectaccessreviews` and its like.
    Review {
        /// API group of the review.
        group: String,
        /// Plural name of the review.
        plural: String,
    },
    /// Anything that is not a resource: discovery, version, health, `OpenAPI`.
    Plain(Vec<String>),
    /// Objects of a kind that the server does not have.
    Unknown(Unknown),
}

/// A kind that the server does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub group: String,
    pub plural: String,
    /// Namespace, `""` for all.
    pub namespace: String,
}

/// Objects that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub kind: Kind,
    /// Namespace, `""` for all of them and for cluster-scoped kinds.
    pub namespace: String,
    /// Name, `""` for the collection.
    pub name: String,
    /// Subresource, `""` for the object itself.
    pub subresource: String,
}

impl Route {
    pub fn parse(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => {
                return Self::Plain(parts.into_iter().map(str::to_owned).collect());
            }
        };
        if matches!(group, "authorization.k8s.io" | "authentication.k8s.io") {
            return Self::Review {
                group: group.to_owned(),
                plural: rest.last().copied().unwrap_or_default().to_owned(),
            };
        }
        let (namespace, rest) = match rest {
            // `/namespaces/x` and `/namespaces/x/status` are the namespace itself.
            ["namespaces", namespace, plural, inner @ ..] if !matches!(*plural, "status" | "finalize") => {
                (*namespace, [&[*plural], inner].concat())
            }
            rest => ("", rest.to_vec()),
        };
        let (plural, name, subresource) = match rest.as_slice() {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, subresource, ..] => (*plural, *name, *subresource),
            [] => ("", "", ""),
        };
        let Some(kind) = Kind::by_path(group, version, plural) else {
            return Self::Unknown(Unknown {
                group: group.to_owned(),
                plural: plural.to_owned(),
                namespace: namespace.to_owned(),
            });
        };
        Self::Objects(Target {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    }
}

/// The parts of a query string that the server acts on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// Returns a parameter, `""` if absent.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns whether a parameter is set to true.
    pub fn is(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1" | "True")
    }

    /// Returns a parameter as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        match Route::parse(path) {
            Route::Objects(target) => target,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_objects() {
        let t = target("/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web/status");
        assert_eq!(
            (t.kind, t.namespace.as_str(), t.name.as_str(), t.subresource.as_str()),
            (Kind::Rollout, "shop", "web", "status")
        );
        let t = target("/api/v1/pods");
        assert_eq!((t.kind, t.namespace.as_str()), (Kind::Pod, ""));
        let t = target("/api/v1/namespaces/shop");
        assert_eq!((t.kind, t.name.as_str()), (Kind::Namespace, "shop"));
        let t = target("/api/v1/namespaces/shop/pods/web-1/log");
        assert_eq!((t.kind, t.subresource.as_str()), (Kind::Pod, "log"));
        assert!(matches!(Route::parse("/apis/apps/v1/daemonsets"), Route::Unknown(_)));
        assert!(matches!(Route::parse("/apis/apps/v1"), Route::Plain(_)));
    }
}
