//! What makes a Rollout impossible to work with.

use serde_json::Value;

use super::context::Context;
use super::{RETRY_INTERVAL, Stop};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Key;

impl Context<'_> {
    /// Returns why the spec cannot be worked with, in the words of the real controller.
    pub fn validate(&self) -> Result<(), String> {
        let invalid = |field: &str, value: &str, why: &str| {
            Err(format!("The Rollout \"{}\" is invalid: {field}: {value}{why}", self.key.name))
        };
        if self.spec.selector.is_null() {
            return invalid("spec.selector", "Required value: ", "Rollout has missing field '.spec.selector'");
        }
        if self.spec.template.is_null() {
            return invalid("spec.template", "Required value: ", "Rollout has missing field '.spec.template'");
        }
        let strategy = &self.spec.strategy;
        match (&strategy.canary, &strategy.blue_green) {
            (None, None) => {
                return invalid(
                    "spec.strategy",
                    "Required value: ",
                    "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'",
                );
            }
            (Some(_), Some(_)) => {
                return invalid("spec.strategy.blueGreen", "Invalid value: ", "Multiple Strategies can not be listed");
            }
            (Some(canary), None) => {
                let zero = |value: &Option<Value>| matches!(value, Some(v) if *v == 0 || *v == "0" || *v == "0%");
                if zero(&canary.max_surge) && zero(&canary.max_unavailable) {
                    return invalid(
                        "spec.strategy.maxSurge",
                        "Invalid value: 0: ",
                        "MaxSurge and MaxUnavailable both can not be zero",
                    );
                }
                for (field, service) in
                    [("canaryService", &canary.canary_service), ("stableService", &canary.stable_service)]
                {
                    self.service_exists(&format!("spec.strategy.canary.{field}"), service)?;
                }
            }
            (None, Some(blue_green)) => {
                for (field, service) in
                    [("activeService", &blue_green.active_service), ("previewService", &blue_green.preview_service)]
                {
                    self.service_exists(&format!("spec.strategy.blueGreen.{field}"), service)?;
                }
            }
        }
        Ok(())
    }

    fn service_exists(&self, field: &str, service: &str) -> Result<(), String> {
        let key = Key::new(Kind::Service, &self.key.namespace, service);
        if service.is_empty() || self.tools.store.get(&key).is_some() {
            return Ok(());
        }
        Err(format!(
            "The Rollout \"{}\" is invalid: {field}: Invalid value: \"{service}\": service \"{service}\" not found",
            self.key.name
        ))
    }

    /// Writes that the spec cannot be worked with, and looks again soon: it may be a matter of order.
    pub fn write_invalid(&mut self, why: &str) -> Result<(), Stop> {
        let mut status = self.status.clone();
        status.set_condition(self.condition("InvalidSpec", "True", "InvalidSpec", why));
        status.observed_generation = self.generation();
        let (phase, message) = super::phase::phase(&self.spec, &status);
        phase.clone_into(&mut status.phase);
        status.message = message;
        self.write_status(&status)?;
        let retry = self.tools.clock.after(RETRY_INTERVAL * 100);
        self.again_at(retry);
        Ok(())
    }
}
