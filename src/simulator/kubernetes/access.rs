//! Who a token belongs to, and what that person may do.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::api_error::ApiError;
use super::object::{items, text};
use super::resources::{Kind, RESOURCES, Resource};
use super::store::{Key, Store};

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Admin,
    /// Read, and change workloads: the `edit` role with the one that Argo Rollouts adds to it.
    Edit,
    /// Read, secrets excepted: the `view` role.
    View,
    /// Nothing: the anonymous user.
    Nobody,
}

/// A person known to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name, as error messages and reviews show it.
    pub name: String,
    /// Groups, `system:authenticated` included.
    pub groups: Vec<String>,
    /// What the person may do.
    pub role: Role,
}

/// One thing that a person asks to do.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// RBAC verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: &'a str,
    /// API group, `""` for the core group.
    pub group: &'a str,
    /// Resource with its subresource: `rollouts`, `rollouts/status`.
    pub resource: &'a str,
    /// Namespace, `""` for all of them or for cluster-scoped kinds.
    pub namespace: &'a str,
    /// Name of the object, `""` for all of them.
    pub name: &'a str,
}

impl Request<'_> {
    /// Returns the sentence that RBAC refuses with.
    pub fn refusal(&self, user: &str) -> String {
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", self.namespace)
        };
        format!(
            "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.verb, self.resource, self.group
        )
    }
}

#[derive(Debug, Clone)]
struct Denial {
    user: String,
    verb: String,
    resource: String,
}

/// Tokens and rights of one cluster; clonable.
#[derive(Debug, Clone)]
pub struct Access {
    users: Arc<Mutex<Vec<(String, User)>>>,
    denials: Arc<Mutex<Vec<Denial>>>,
    /// Who comes without a token.
    without_token: Arc<Mutex<Option<String>>>,
}

impl Default for Access {
    /// Knows `admin-token`, `alice-token` and `bob-token` (edit), `viewer-token` (view) and `nobody-token` (nothing);
    /// any other token, `expired-token` among them, is a 401. Who brings no token is alice, because kubectl sends
    /// none to a server without TLS.
    fn default() -> Self {
        let user = |name: &str, group: &str, role| User {
            name: name.to_owned(),
            groups: vec![group.to_owned(), "system:authenticated".to_owned()],
            role,
        };
        let users = [
            ("admin-token", user("admin", "system:masters", Role::Admin)),
            ("alice-token", user("alice", "captains", Role::Edit)),
            ("bob-token", user("bob", "captains", Role::Edit)),
            ("viewer-token", user("viewer", "viewers", Role::View)),
            ("nobody-token", user("nobody", "strangers", Role::Nobody)),
        ];
        Self {
            users: Arc::new(Mutex::new(users.into_iter().map(|(token, user)| (token.to_owned(), user)).collect())),
            denials: Arc::default(),
            without_token: Arc::new(Mutex::new(Some("alice-token".to_owned()))),
        }
    }
}

impl Access {
    /// Adds a person, or changes what a token stands for.
    pub fn add_user(&self, token: &str, user: User) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|(other, _)| other != token);
        users.push((token.to_owned(), user));
    }

    pub fn expire(&self, token: &str) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| other != token);
    }

    /// Takes one right away: `deny("bob", "patch", "rollouts/status")`. `*` stands for every verb or resource.
    pub fn deny(&self, user: &str, verb: &str, resource: &str) {
        self.denials.lock().unwrap_or_else(PoisonError::into_inner).push(Denial {
            user: user.to_owned(),
            verb: verb.to_owned(),
            resource: resource.to_owned(),
        });
    }

    /// Gives back what [`Self::deny`] took.
    pub fn allow_again(&self) {
        self.denials.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Makes who brings no token `system:anonymous`, who may do nothing.
    pub fn refuse_without_token(&self) {
        *self.without_token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns the person behind a token, from the `Authorization` header or the address.
    pub fn authenticate(&self, token: Option<&str>) -> Result<User, ApiError> {
        let without = self.without_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(token) = token.map(str::to_owned).or(without) else {
            return Ok(User {
                name: "system:anonymous".to_owned(),
                groups: vec!["system:unauthenticated".to_owned()],
                role: Role::Nobody,
            });
        };
        let token = token.strip_prefix("Bearer ").unwrap_or(&token).trim();
        self.users
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|(known, _)| known == token)
            .map(|(_, user)| user.clone())
            .ok_or_else(ApiError::unauthorized)
    }

    /// Returns whether a person may do something.
    pub(super) fn allows(&self, user: &User, request: &Request<'_>, store: &Store) -> bool {
        let denied = self.denials.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|denial| {
            denial.user == user.name
                && (denial.verb == "*" || denial.verb == request.verb)
                && (denial.resource == "*" || denial.resource == request.resource)
        });
        if denied {
            return false;
        }
        let reads = matches!(request.verb, "get" | "list" | "watch");
        let plural = request.resource.split('/').next().unwrap_or_default();
        let by_role = match user.role {
            Role::Admin => true,
            Role::Nobody => false,
            Role::View => reads && plural != "secrets" && known(request.group, plural),
            Role::Edit => {
                known(request.group, plural)
                    && (reads || !matches!(plural, "namespaces" | "nodes" | "clusteranalysistemplates"))
            }
        };
        by_role || bound(user, request, store)
    }
}

/// Returns whether a RoleBinding in the namespace gives someone this right.
fn bound(user: &User, request: &Request<'_>, store: &Store) -> bool {
    if request.namespace.is_empty() {
        return false;
    }
    let named = |list: &[Value], wanted: &str| list.iter().any(|word| word == wanted || word == "*");
    store.list(Kind::RoleBinding, Some(request.namespace)).1.iter().any(|binding| {
        let is_meant = items(binding, "/subjects").iter().any(|subject| match text(subject, "/kind") {
            "User" => text(subject, "/name") == user.name,
            "Group" => user.groups.iter().any(|group| group == text(subject, "/name")),
            _ => false,
        });
        let key = Key::new(Kind::Role, request.namespace, text(binding, "/roleRef/name"));
        is_meant
            && store.get(&key).is_some_and(|role| {
                items(&role, "/rules").iter().any(|rule| {
                    named(items(rule, "/verbs"), request.verb)
                        && named(items(rule, "/apiGroups"), request.group)
                        && named(items(rule, "/resources"), request.resource)
                        && (items(rule, "/resourceNames").is_empty()
                            || items(rule, "/resourceNames").iter().any(|name| name == request.name))
                })
            })
    })
}

fn known(group: &str, plural: &str) -> bool {
    RESOURCES.iter().any(|r: &Resource| r.plural == plural && r.group == group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn store() -> Store {
        Store::new(1, crate::clock::Clock::new(1.0))
    }

    fn ask<'a>(verb: &'a str, resource: &'a str) -> Request<'a> {
        Request { verb, group: "argoproj.io", resource, namespace: "shop", name: "" }
    }

    #[test]
    fn roles_differ_in_write_access() {
        let access = Access::default();
        let alice = access.authenticate(Some("Bearer alice-token")).unwrap();
        let viewer = access.authenticate(Some("Bearer viewer-token")).unwrap();
        assert!(access.allows(&alice, &ask("patch", "rollouts/status"), &store()));
        assert!(access.allows(&viewer, &ask("watch", "rollouts"), &store()));
        assert!(!access.allows(&viewer, &ask("patch", "rollouts"), &store()));
        assert_eq!(
            ask("patch", "rollouts").refusal("viewer"),
            "User \"viewer\" cannot patch resource \"rollouts\" in API group \"argoproj.io\" in the namespace \"shop\""
        );
    }

    #[test]
    fn single_rights_can_be_taken_away() {
        let access = Access::default();
        let bob = access.authenticate(Some("Bearer bob-token")).unwrap();
        access.deny("bob", "patch", "rollouts/status");
        assert!(!access.allows(&bob, &ask("patch", "rollouts/status"), &store()));
        assert!(access.allows(&bob, &ask("patch", "rollouts"), &store()));
        access.allow_again();
        assert!(access.allows(&bob, &ask("patch", "rollouts/status"), &store()));
    }

    #[test]
    fn unknown_tokens_are_refused() {
        let access = Access::default();
        let error = access.authenticate(Some("Bearer expired-token")).unwrap_err();
        assert_eq!(error.code, 401);
        assert_eq!(access.authenticate(None).unwrap().name, "alice");
        access.refuse_without_token();
        let nobody = access.authenticate(None).unwrap();
        assert!(!access.allows(&nobody, &ask("get", "rollouts"), &store()));
    }

    #[test]
    fn a_role_binding_gives_rights_in_its_namespace() {
        let access = Access::default();
        let store = store();
        let author = super::super::managed_fields::Author::update("test");
        let role = json!({
            "metadata": {"name": "pauser"},
            "rules": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get", "patch"]}],
        });
        let binding = json!({
            "metadata": {"name": "pauser"},
            "roleRef": {"kind": "Role", "name": "pauser"},
            "subjects": [{"kind": "User", "name": "nobody"}],
        });
        store.create(Kind::Role, "shop", role, &author).unwrap();
        store.create(Kind::RoleBinding, "shop", binding, &author).unwrap();
        let nobody = access.authenticate(Some("Bearer nobody-token")).unwrap();
        assert!(access.allows(&nobody, &ask("patch", "rollouts"), &store));
        assert!(!access.allows(&nobody, &ask("patch", "rollouts/status"), &store));
        let by_name = json!({
            "metadata": {"name": "by-name"},
            "rules": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts/status"], "resourceNames": ["web"],
                       "verbs": ["patch"]}],
        });
        let binding = json!({
            "metadata": {"name": "by-name"},
            "roleRef": {"kind": "Role", "name": "by-name"},
            "subjects": [{"kind": "User", "name": "nobody"}],
        });
        store.create(Kind::Role, "shop", by_name, &author).unwrap();
        store.create(Kind::RoleBinding, "shop", binding, &author).unwrap();
        for (name, allowed) in [("web", true), ("api", false), ("", false)] {
            assert_eq!(access.allows(&nobody, &Request { name, ..ask("patch", "rollouts/status") }, &store), allowed);
        }
        let elsewhere = Request { namespace: "other", ..ask("patch", "rollouts") };
        assert!(!access.allows(&nobody, &elsewhere, &store));
    }
}
