//! The object store of one simulated cluster: what etcd and the API machinery do between them.
//!
//! Every write takes the next resourceVersion, goes into a bounded history that watches read from, and wakes
//! whoever waits. Nothing here knows what a Deployment or a Rollout means.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::api_error::ApiError;
use super::defaults;
use super::managed_fields::{self, Author};
use super::object;
use super::random;
use super::resources::Kind;
use super::schema;
use super::write_rules::{check_preconditions, default_status, keep_what_clients_may_not_change, spec_changed};
use crate::clock::Clock;

/// How many changes a watch can be behind before it gets a 410.
const MAX_WATCH_LAG_CHANGES: usize = 8192;
/// resourceVersion of an empty cluster: real ones never start at zero either.
const FIRST_VERSION: u64 = 1000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: Kind,
    /// The namespace, `""` for cluster-scoped kinds.
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: if kind.resource().namespaced { namespace.to_owned() } else { String::new() },
            name: name.to_owned(),
        }
    }

    /// Returns the key of a stored object.
    pub fn of(kind: Kind, object: &Value) -> Self {
        Self::new(kind, object::namespace(object), object::name(object))
    }
}

/// Which half of an object a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything but the status, where the kind has a status subresource.
    Main,
    Status,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    /// It is gone; the change carries its last state at the version of the deletion.
    Deleted,
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: u64,
    pub what: ChangeKind,
    pub key: Key,
    /// State after the change, or the last one before a deletion.
    pub object: Arc<Value>,
    pub previous: Option<Arc<Value>>,
}

/// The asked-for version is older than the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Oldest version that a watch can start from.
    pub oldest: u64,
}

#[derive(Debug)]
struct Inner {
    objects: BTreeMap<Key, Arc<Value>>,
    owned: HashMap<String, BTreeSet<Key>>,
    history: VecDeque<Change>,
    version: u64,
    /// Watches from a version below this one get a 410.
    oldest: u64,
    random: u64,
}

/// A clonable handle to one cluster's objects.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
    clock: Clock,
}

impl Store {
    /// Returns an empty store whose uids and generated names follow from `seed`, and its stamps from `clock`.
    pub fn new(seed: u64, clock: Clock) -> Self {
        Self {
            clock,
            inner: Arc::new(Mutex::new(Inner {
                objects: BTreeMap::new(),
                owned: HashMap::new(),
                history: VecDeque::new(),
                version: FIRST_VERSION,
                oldest: FIRST_VERSION,
                random: seed,
            })),
            changed: watch::Sender::new(FIRST_VERSION),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while holding the lock would be a test's own; the data stays usable for the others.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the clock that stamps are taken from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the version of the latest change.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Returns a receiver that wakes at every change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().objects.get(key).cloned()
    }

    /// Returns the objects of a kind, by namespace and name, and the version they are of.
    /// An empty or absent namespace means all of them.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> (u64, Vec<Arc<Value>>) {
        let inner = self.lock();
        let namespace = namespace.filter(|n| !n.is_empty());
        let from = Key { kind, namespace: namespace.unwrap_or_default().to_owned(), name: String::new() };
        let objects = inner
            .objects
            .range(from..)
            .take_while(|(key, _)| key.kind == kind && namespace.is_none_or(|name| key.namespace == name))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (inner.version, objects)
    }

    /// Returns the objects of one kind that carry an owner reference to `uid`.
    pub fn owned_of_kind(&self, uid: &str, kind: Kind) -> Vec<Arc<Value>> {
        let inner = self.lock();
        inner
            .owned
            .get(uid)
            .into_iter()
            .flatten()
            .filter(|key| key.kind == kind)
            .filter_map(|key| inner.objects.get(key).cloned())
            .collect()
    }

    /// Returns the changes after `version`.
    pub fn changes_since(&self, version: u64) -> Result<Vec<Change>, Expired> {
        let inner = self.lock();
        if version < inner.oldest {
            return Err(Expired { oldest: inner.oldest });
        }
        let start = inner.history.partition_point(|change| change.version <= version);
        Ok(inner.history.range(start..).cloned().collect())
    }

    /// Forgets the history, as etcd's compaction does: watches from older versions get a 410.
    pub fn compact(&self) {
        let mut inner = self.lock();
        inner.history.clear();
        inner.oldest = inner.version;
    }

    /// Returns `length` characters for a generated name, from the alphabet that Kubernetes uses.
    pub fn suffix(&self, length: usize) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut inner = self.lock();
        (0..length)
            .map(|_| {
                let index = random::next(&mut inner.random) % ALPHABET.len() as u64;
                char::from(ALPHABET[index as usize])
            })
            .collect()
    }

    /// Creates an object. `metadata.generateName` is honoured when there is no name.
    pub fn create(
        &self,
        kind: Kind,
        namespace: &str,
        mut object: Value,
        author: &Author,
    ) -> Result<Arc<Value>, ApiError> {
        let resource = kind.resource();
        if object::name(&object).is_empty() {
            let prefix = object::text(&object, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                return Err(ApiError::invalid(
                    kind,
                    "",
                    &[("metadata.name", "Required value: name or generateName is required".to_owned())],
                ));
            }
            object::set(&mut object, &["metadata", "name"], json!(format!("{prefix}{}", self.suffix(5))));
        }
        if resource.namespaced {
            object::set(&mut object, &["metadata", "namespace"], json!(namespace));
        } else {
            object::remove(&mut object, &["metadata", "namespace"]);
        }
        object::set(&mut object, &["apiVersion"], json!(resource.api_version()));
        object::set(&mut object, &["kind"], json!(resource.title));
        if resource.status {
            let status = default_status(kind, &object);
            match status {
                Some(status) => object::set(&mut object, &["status"], status),
                None => drop(object::remove(&mut object, &["status"])),
            }
        }
        defaults::apply(kind, &mut object);
        schema::check(kind, &object)?;

        let mut inner = self.lock();
        let key = Key::of(kind, &object);
        if inner.objects.contains_key(&key) {
            return Err(ApiError::already_exists(kind, &key.name));
        }
        let uid = random::uuid(&mut inner.random);
        object::set(&mut object, &["metadata", "uid"], json!(uid));
        if object::text(&object, "/metadata/creationTimestamp").is_empty() {
            object::set(&mut object, &["metadata", "creationTimestamp"], json!(object::stamp(self.clock.now())));
        }
        if resource.generation {
            object::set(&mut object, &["metadata", "generation"], json!(1));
        }
        managed_fields::record(&Value::Null, &mut object, Part::Main, author, self.clock.now());
        if author.dry_run {
            return Ok(Arc::new(object));
        }
        Ok(self.commit(&mut inner, ChangeKind::Added, key, object))
    }

    /// Changes an object: `change` makes the new state from the stored one.
    ///
    /// What a client may not change is put back; a resourceVersion in the new state that is not the stored one is
    /// a conflict; a state equal to the stored one writes nothing.
    pub fn update(
        &self,
        key: &Key,
        part: Part,
        author: &Author,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Arc<Value>, ApiError> {
        let mut inner = self.lock();
        let Some(old) = inner.objects.get(key).cloned() else {
            return Err(ApiError::not_found(key.kind, &key.name));
        };
        let mut new = change(&old)?;
        check_preconditions(key, part, &old, &new)?;
        keep_what_clients_may_not_change(key.kind, part, &old, &mut new);
        defaults::apply(key.kind, &mut new);
        schema::check(key.kind, &new)?;
        if *old == new {
            return Ok(old);
        }
        if key.kind.resource().generation && spec_changed(key.kind, &old, &new) {
            let generation = object::number(&old, "/metadata/generation", 1) + 1;
            object::set(&mut new, &["metadata", "generation"], json!(generation));
        }
        managed_fields::record(&old, &mut new, part, author, self.clock.now());
        if author.dry_run {
            return Ok(Arc::new(new));
        }
        let stored = self.commit(&mut inner, ChangeKind::Modified, key.clone(), new);
        if is_deleting(&stored) && !has_finalizers(&stored) {
            drop(inner);
            return self.delete(key, None);
        }
        Ok(stored)
    }

    /// Deletes an object and what it owns, once its finalizers are gone. `uid` is the precondition of the request, if any.
    pub fn delete(&self, key: &Key, uid: Option<&str>) -> Result<Arc<Value>, ApiError> {
        let mut inner = self.lock();
        let Some(object) = inner.objects.get(key).cloned() else {
            return Err(ApiError::not_found(key.kind, &key.name));
        };
        if let Some(asked) = uid
            && asked != object::uid(&object)
        {
            return Err(ApiError::conflict_because(
                key.kind,
                &key.name,
                &format!(
                    "Precondition failed: UID in precondition: {asked}, UID in object meta: {}",
                    object::uid(&object)
                ),
            ));
        }
        if key.kind != Kind::Namespace && has_finalizers(&object) {
            if is_deleting(&object) {
                return Ok(object);
            }
            let mut marked = Value::clone(&object);
            object::set(&mut marked, &["metadata", "deletionTimestamp"], json!(object::stamp(self.clock.now())));
            return Ok(self.commit(&mut inner, ChangeKind::Modified, key.clone(), marked));
        }
        let last = self.remove(&mut inner, key, &object);
        let mut doomed = vec![object::uid(&object).to_owned()];
        while let Some(owner) = doomed.pop() {
            let keys: Vec<Key> = inner.owned.remove(&owner).into_iter().flatten().collect();
            for owned in keys {
                if let Some(object) = inner.objects.get(&owned).cloned() {
                    doomed.push(object::uid(&object).to_owned());
                    self.remove(&mut inner, &owned, &object);
                }
            }
        }
        if key.kind == Kind::Namespace {
            let inside: Vec<Key> = inner.objects.keys().filter(|k| k.namespace == key.name).cloned().collect();
            for owned in inside {
                if let Some(object) = inner.objects.get(&owned).cloned() {
                    self.remove(&mut inner, &owned, &object);
                }
            }
        }
        Ok(last)
    }

    fn remove(&self, inner: &mut Inner, key: &Key, object: &Arc<Value>) -> Arc<Value> {
        inner.objects.remove(key);
        for owner in owners(object) {
            if let Some(keys) = inner.owned.get_mut(&owner) {
                keys.remove(key);
            }
        }
        self.commit(inner, ChangeKind::Deleted, key.clone(), Value::clone(object))
    }

    fn commit(&self, inner: &mut Inner, what: ChangeKind, key: Key, mut object: Value) -> Arc<Value> {
        inner.version += 1;
        let version = inner.version;
        object::set(&mut object, &["metadata", "resourceVersion"], json!(version.to_string()));
        let object = Arc::new(object);
        let previous = if what == ChangeKind::Deleted {
            Some(Arc::clone(&object))
        } else {
            for owner in owners(&object) {
                inner.owned.entry(owner).or_default().insert(key.clone());
            }
            inner.objects.insert(key.clone(), Arc::clone(&object))
        };
        inner.history.push_back(Change { version, what, key, object: Arc::clone(&object), previous });
        if inner.history.len() > MAX_WATCH_LAG_CHANGES
            && let Some(forgotten) = inner.history.pop_front()
        {
            inner.oldest = forgotten.version;
        }
        self.changed.send_replace(version);
        object
    }
}

fn owners(object: &Value) -> Vec<String> {
    object::items(object, "/metadata/ownerReferences")
        .iter()
        .map(|owner| object::text(owner, "/uid").to_owned())
        .collect()
}

fn is_deleting(object: &Value) -> bool {
    !object::text(object, "/metadata/deletionTimestamp").is_empty()
}

fn has_finalizers(object: &Value) -> bool {
    !object::items(object, "/metadata/finalizers").is_empty()
}

#[cfg(test)]
mod tests;
