//! Services that point at the pods of one side.

use serde_json::json;

use super::context::Context;
use super::{HASH_LABEL, MANAGED_BY, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

impl Context<'_> {
    fn service_key(&self, name: &str) -> Key {
        Key::new(Kind::Service, &self.key.namespace, name)
    }

    /// Returns the hash that a service selects, `""` for none.
    pub fn selected_hash(&self, service: &str) -> String {
        self.tools
            .store
            .get(&self.service_key(service))
            .and_then(|service| service.pointer("/spec/selector")?.get(HASH_LABEL)?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Returns whether one of the Rollout's services selects a hash.
    pub fn is_selected_by_service(&self, hash: &str) -> bool {
        let strategy = &self.spec.strategy;
        let names: Vec<&str> = match (&strategy.canary, &strategy.blue_green) {
            (Some(canary), _) => vec![&canary.canary_service, &canary.stable_service],
            (None, Some(blue_green)) => {
                vec![&blue_green.active_service, &blue_green.preview_service]
            }
            (None, None) => Vec::new(),
        };
        names.into_iter().any(|name| !name.is_empty() && self.selected_hash(name) == hash)
    }

    /// Points a service at a hash.
    pub fn switch_service(&mut self, service: &str, hash: &str) -> Result<(), Stop> {
        if service.is_empty() {
            return Ok(());
        }
        let key = self.service_key(service);
        let Some(stored) = self.tools.store.get(&key) else {
            return Err(Stop::Failed);
        };
        let before = self.selected_hash(service);
        if before == hash && object::annotation(&stored, MANAGED_BY).is_some() {
            return Ok(());
        }
        let owner = self.key.name.clone();
        self.tools.store.update(&key, Part::Main, &Author::update(ROLLOUTS_CONTROLLER), |old| {
            let mut new = old.clone();
            object::set(&mut new, &["spec", "selector", HASH_LABEL], json!(hash));
            object::annotate(&mut new, MANAGED_BY, &owner);
            Ok(new)
        })?;
        let message = format!("Switched selector for service '{service}' from '{before}' to '{hash}'");
        self.say("SwitchService", &message);
        Ok(())
    }

    /// Points a canary's service at a side, once that has pods to answer.
    pub fn point_service(
        &mut self,
        service: &str,
        set: Option<&ReplicaSet>,
        check_availability: bool,
    ) -> Result<(), Stop> {
        let Some(set) = set.filter(|_| !service.is_empty()) else {
            return Ok(());
        };
        let Some(stored) = self.tools.store.get(&self.service_key(service)) else {
            return Err(Stop::Failed);
        };
        let hash = set.label(HASH_LABEL);
        if self.selected_hash(service) == hash {
            return Ok(());
        }
        // A service seen for the first time waits for all of the pods, one in use for the first of them.
        let adopted = object::annotation(&stored, MANAGED_BY).is_some();
        let enough = if adopted { 1 } else { set.wanted().max(1) };
        if check_availability && set.available() < enough {
            return Ok(());
        }
        self.switch_service(service, hash)
    }

    /// Points the stable and the canary service at their sides.
    pub fn point_canary_services(&mut self) -> Result<(), Stop> {
        let Some(canary) = self.spec.strategy.canary.clone() else {
            return Ok(());
        };
        let stable = self.stable.clone();
        self.point_service(&canary.stable_service, stable.as_ref(), true)?;
        if self.is_aborted() {
            // With traffic routing the real controller points it at the canary and back again in each pass.
            let check = canary.traffic_routing.is_none();
            return self.point_service(&canary.canary_service, stable.as_ref(), check);
        }
        let new = self.new.clone();
        self.point_service(&canary.canary_service, new.as_ref(), true)
    }
}
