//! A cluster for tests: a stopped clock, controllers, and the requests that clients send.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Controllers;
use crate::clock::Clock;
use crate::kubernetes::Server;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::patch::merge;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part, Store};
use crate::scenario::behaviour::{Behaviour, Images};
use crate::traffic::Traffic;

/// One cluster whose time is moved manually.
pub struct World {
    pub store: Store,
    pub images: Images,
    pub controllers: Controllers,
}

impl World {
    pub fn new() -> Self {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let store = Store::new(1, Clock::stopped_at(start, 1.0));
        let images = Images::default();
        let server = Arc::new(Server::new(store.clone()));
        let traffic = Arc::new(Mutex::new(Traffic::new(images.clone(), 100.0)));
        let world = Self { controllers: Controllers::new(server, images.clone(), traffic), store, images };
        world.store.create(Kind::Namespace, "", json!({"metadata": {"name": "shop"}}), &author()).unwrap();
        world
    }

    pub fn behave(&self, image: &str, behaviour: Behaviour) {
        self.images.set(image, behaviour);
    }

    pub fn create(&mut self, kind: Kind, object: Value) {
        self.store.create(kind, "shop", object, &author()).unwrap();
        self.controllers.work();
    }

    pub fn get(&self, kind: Kind, name: &str) -> Value {
        let key = Key::new(kind, "shop", name);
        Value::clone(&*self.store.get(&key).expect("the object exists"))
    }

    pub fn patch(&mut self, kind: Kind, name: &str, part: Part, patch: &Value) {
        let key = Key::new(kind, "shop", name);
        self.store
            .update(&key, part, &author(), |old| {
                let mut new = old.clone();
                merge::apply(&mut new, patch);
                Ok(new)
            })
            .unwrap();
        self.controllers.work();
    }

    /// Moves the clock, doing what falls due on the way.
    pub fn advance(&mut self, seconds: u64) {
        self.controllers.advance(Duration::from_secs(seconds));
    }

    pub fn sets(&self) -> Vec<(String, i64, i64)> {
        let mut sets: Vec<_> = self
            .store
            .list(Kind::ReplicaSet, Some("shop"))
            .1
            .iter()
            .map(|set| {
                let revision = ["rollout.argoproj.io/revision", "deployment.kubernetes.io/revision"]
                    .iter()
                    .find_map(|key| object::annotation(set, key))
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0);
                (
                    object::text(set, "/spec/template/spec/containers/0/image").to_owned(),
                    revision,
                    object::number(set, "/spec/replicas", 0),
                )
            })
            .collect();
        sets.sort();
        sets
    }

    pub fn pods(&self) -> Vec<Arc<Value>> {
        self.store.list(Kind::Pod, Some("shop")).1
    }

    pub fn event_messages(&self, reason: &str) -> Vec<String> {
        self.store
            .list(Kind::Event, Some("shop"))
            .1
            .iter()
            .filter(|event| object::text(event, "/reason") == reason)
            .map(|event| object::text(event, "/message").to_owned())
            .collect()
    }
}

fn author() -> Author {
    Author::update("test")
}

pub fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

pub fn service(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
}
