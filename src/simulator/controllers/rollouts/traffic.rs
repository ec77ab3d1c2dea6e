//! Weights for the router, written to the status, and to a canary ingress where nginx is the router.

use serde_json::{Value, json};

use super::context::Context;
use super::replicas::{current_step, last_set_weight, set_weight};
use super::status::{Destination, Weights};
use super::{HASH_LABEL, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

impl Context<'_> {
    /// Sets the weights that the step asks for, as far as pods are there to take the traffic.
    pub fn route_traffic(&mut self) -> Result<(), Stop> {
        let Some(canary) = self.spec.strategy.canary.clone() else {
            return Ok(());
        };
        let Some(routing) = &canary.traffic_routing else {
            self.next.canary.weights = None;
            return Ok(());
        };
        let max = self.spec.max_weight();
        let canary_available = self.new.as_ref().map_or(0, ReplicaSet::available);
        let mut weight = 0;
        if self.status.is_fully_promoted() {
            // Everything goes to stable, which is the new one.
        } else if self.is_aborted() {
            let stable = self.stable.clone();
            self.point_service(&canary.canary_service, stable.as_ref(), false)?;
        } else if canary_available == 0 {
            // No one to send anything to.
        } else if self.status.promote_full {
            weight = self.status.canary.weights.as_ref().map_or(0, |weights| weights.canary.weight);
        } else if let Some((step, index)) = current_step(&self.spec, &self.status) {
            weight = if !self.is_at_desired() {
                // Not enough pods yet for the new weight: the one before stays.
                last_set_weight(&self.spec, index - 1)
            } else if step.is_some() {
                set_weight(&self.spec, &self.status)
            } else {
                max
            };
        }
        let needed = (max - weight) * self.replicas() / max;
        if self.stable.as_ref().is_none_or(|s| s.available() < needed) {
            return Ok(());
        }
        for ingress in stable_ingresses(routing) {
            self.write_ingress(ingress, &canary.canary_service, &canary.stable_service, weight)?;
        }
        let hash =
            |set: &Option<ReplicaSet>| set.as_ref().map_or_else(String::new, |set| set.label(HASH_LABEL).to_owned());
        let weights = Weights {
            canary: Destination {
                weight,
                pod_template_hash: hash(&self.new),
                service_name: canary.canary_service.clone(),
            },
            stable: Destination {
                weight: max - weight,
                pod_template_hash: hash(&self.stable),
                service_name: canary.stable_service.clone(),
            },
        };
        let before = self.status.canary.weights.clone();
        if before.as_ref() != Some(&weights) {
            let message = match before {
                None => format!("Traffic weight updated to {weight}"),
                Some(before) if before.canary.weight != weight => {
                    format!("Traffic weight updated from {} to {weight}", before.canary.weight)
                }
                // Only the pods behind the weights have changed; the real controller says just this.
                Some(_) => "Traffic weight updated ".to_owned(),
            };
            self.say("TrafficWeightUpdated", &message);
            self.next.canary.weights = Some(weights);
        }
        Ok(())
    }

    /// Keeps a canary ingress of nginx: the stable one with the canary's service and two annotations.
    fn write_ingress(
        &mut self,
        stable_ingress: &str,
        canary_service: &str,
        stable_service: &str,
        weight: i64,
    ) -> Result<(), Stop> {
        let stable = Key::new(Kind::Ingress, &self.key.namespace, stable_ingress);
        let Some(stable) = self.tools.store.get(&stable) else {
            return Ok(());
        };
        let name = format!("{}-{stable_ingress}-canary", self.key.name);
        let key = Key::new(Kind::Ingress, &self.key.namespace, &name);
        let author = Author::update(ROLLOUTS_CONTROLLER);
        let wanted = weight.to_string();
        match self.tools.store.get(&key) {
            Some(existing) if object::annotation(&existing, CANARY_WEIGHT) == Some(wanted.as_str()) => {}
            Some(_) => {
                self.say("PatchingCanaryIngress", &format!("Updating Ingress `{name}` to desiredWeight '{weight}'"));
                self.tools.store.update(&key, Part::Main, &author, |old| {
                    let mut new = old.clone();
                    object::annotate(&mut new, CANARY_WEIGHT, &wanted);
                    Ok(new)
                })?;
            }
            None => {
                self.say("CreatingCanaryIngress", &format!("Creating canary ingress `{name}` with weight `{weight}`"));
                let mut spec = stable.get("spec").cloned().unwrap_or_default();
                rename_service(&mut spec, stable_service, canary_service);
                let ingress = json!({
                    "metadata": {
                        "name": name,
                        "annotations": {
                            "nginx.ingress.kubernetes.io/canary": "true",
                            CANARY_WEIGHT: wanted,
                        },
                        "ownerReferences": [object::controller_reference(&self.object)],
                    },
                    "spec": spec,
                });
                self.tools.store.create(Kind::Ingress, &self.key.namespace, ingress, &author)?;
            }
        }
        Ok(())
    }
}

const CANARY_WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";

/// The ingresses of nginx that a Rollout names; several take the place of the one.
fn stable_ingresses(routing: &Value) -> Vec<&str> {
    match routing.pointer("/nginx/stableIngresses").and_then(Value::as_array) {
        Some(several) => several.iter().filter_map(Value::as_str).collect(),
        None => routing.pointer("/nginx/stableIngress").and_then(Value::as_str).into_iter().collect(),
    }
}

fn rename_service(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(map) => {
            if let Some(service) = map.get_mut("service")
                && object::text(service, "/name") == from
            {
                service["name"] = json!(to);
            }
            for inner in map.values_mut() {
                rename_service(inner, from, to);
            }
        }
        Value::Array(list) => {
            for inner in list {
                rename_service(inner, from, to);
            }
        }
        _ => {}
    }
}
