//! The share of users that a gradual rollout of Unleash lets in, and what changes it.

use serde_json::{Value, json};

use super::super::Share;
use super::{in_force, is_for_chosen_users, of_environment, share_key};

/// What lets a share of users in, and whether the flag is on beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradualRollout {
    /// The strategy that is there already; without one it is added.
    pub strategy: Option<RolloutStrategy>,
    /// Whether the flag is on in the environment.
    pub is_on: bool,
}

/// A strategy that lets a share of users in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutStrategy {
    pub id: String,
    /// The parameter that holds the share.
    key: &'static str,
    /// What it is now, as Unleash writes it.
    now: Value,
}

impl GradualRollout {
    /// Whether it is off, and lets this share of users in once it is turned on.
    #[must_use]
    pub fn waits_with(&self, share: Share) -> bool {
        let now = self.strategy.as_ref().map(|strategy| &strategy.now);
        let percent = now.and_then(|now| now.as_u64().or_else(|| now.as_str()?.parse().ok()));
        !self.is_on && percent == Some(share.percent().into())
    }
}

impl GradualRollout {
    /// Reads it from a single feature.
    ///
    /// # Errors
    /// Why a share cannot be set: more than a share decides who gets the flag.
    pub fn of(feature: &Value, environment: &str) -> Result<Self, String> {
        let here = of_environment(feature, environment).ok_or("Unleash does not say how it is set up here")?;
        let strategies = here["strategies"].as_array().ok_or("Unleash does not tell its strategies")?;
        let mut in_force = in_force(strategies);
        let is_on = here["enabled"] == true;
        let strategy = match (in_force.next(), in_force.next()) {
            // Beside one that somebody adds meanwhile, another one would let more users in.
            (None, _) if is_on => {
                return Err(
                    "it has no strategy, and everybody gets it: give it a gradual rollout in Unleash".to_owned()
                );
            }
            (None, _) => None,
            (Some(strategy), None) => Some(RolloutStrategy::of(strategy)?),
            (Some(_), Some(_)) => {
                return Err("several strategies decide who gets it: change them in Unleash".to_owned());
            }
        };
        Ok(Self { strategy, is_on })
    }
}

impl RolloutStrategy {
    fn of(strategy: &Value) -> Result<Self, String> {
        if is_for_chosen_users(strategy) {
            return Err("its strategy has constraints or segments: change it in Unleash".to_owned());
        }
        let name = strategy["name"].as_str().unwrap_or_default();
        let key = share_key(strategy);
        let key =
            key.ok_or_else(|| format!("its strategy `{name}` has no share: make it a gradual rollout in Unleash"))?;
        let id = strategy["id"].as_str().ok_or("Unleash tells no id of its strategy")?;
        let now = strategy["parameters"].get(key).filter(|now| !now.is_null());
        let now = now.ok_or_else(|| format!("its strategy `{name}` does not say its share"))?;
        Ok(Self { id: id.to_owned(), key, now: now.clone() })
    }

    /// Returns the change as a JSON patch, which holds only while its share is what it was.
    #[must_use]
    pub fn patch(&self, share: Share) -> Value {
        let path = format!("/parameters/{}", self.key);
        json!([
            {"op": "test", "path": path, "value": self.now},
            {"op": "replace", "path": path, "value": share.percent().to_string()},
        ])
    }
}

/// Returns a strategy that lets a share of users in, where a flag has none.
#[must_use]
pub fn strategy(flag: &str, share: Share) -> Value {
    json!({
        "name": "flexibleRollout",
        "parameters": {"rollout": share.percent().to_string(), "stickiness": "default", "groupId": flag},
        "constraints": [],
        "segments": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(strategies: &Value) -> Value {
        json!({"name": "checkout", "environments": [{"name": "production", "enabled": true, "strategies": strategies}]})
    }

    fn read(strategies: &Value) -> Result<GradualRollout, String> {
        GradualRollout::of(&feature(strategies), "production")
    }

    fn rollout(id: &str, more: &Value) -> Value {
        let mut strategy =
            json!({"id": id, "name": "flexibleRollout", "parameters": {"rollout": "10", "stickiness": "userId"}});
        strategy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        strategy
    }

    #[test]
    fn the_one_gradual_rollout_in_force_is_changed_from_what_it_is() {
        let of_two = json!([rollout("1", &json!({"disabled": true})), rollout("2", &json!({}))]);
        let found = read(&of_two).unwrap();
        let strategy = found.strategy.unwrap();
        assert_eq!((strategy.id.as_str(), found.is_on), ("2", true));
        assert_eq!(
            strategy.patch(25.try_into().unwrap()),
            json!([
                {"op": "test", "path": "/parameters/rollout", "value": "10"},
                {"op": "replace", "path": "/parameters/rollout", "value": "25"},
            ])
        );
        let old = json!([{"id": "3", "name": "gradualRolloutUserId", "parameters": {"percentage": "5"}}]);
        let old = read(&old).unwrap().strategy.unwrap();
        assert_eq!(old.patch(6.try_into().unwrap())[1]["path"], "/parameters/percentage");
        assert!(read(&json!([])).unwrap_err().contains("has no strategy"));
        let mut off = feature(&json!([]));
        off["environments"][0]["enabled"] = json!(false);
        assert_eq!(GradualRollout::of(&off, "production"), Ok(GradualRollout { strategy: None, is_on: false }));
        off["environments"][0]["strategies"] = json!([rollout("1", &json!({}))]);
        let waits = GradualRollout::of(&off, "production").unwrap();
        assert!(waits.waits_with(10.try_into().unwrap()) && !waits.waits_with(11.try_into().unwrap()));
    }

    #[test]
    fn where_more_than_a_share_decides_it_is_not_changed() {
        for (strategies, why) in [
            (json!([rollout("1", &json!({})), rollout("2", &json!({}))]), "several strategies"),
            (json!([rollout("1", &json!({"constraints": [{"contextName": "country"}]}))]), "constraints or segments"),
            (json!([rollout("1", &json!({"segments": [3]}))]), "constraints or segments"),
            (json!([{"id": "1", "name": "default", "parameters": {}}]), "`default` has no share"),
            (json!([{"id": "1", "name": "userWithId", "parameters": {"userIds": "7"}}]), "`userWithId` has no share"),
            (json!([{"id": "1", "name": "flexibleRollout", "parameters": {}}]), "does not say its share"),
            (json!([{"name": "flexibleRollout", "parameters": {"rollout": "10"}}]), "no id"),
        ] {
            let said = read(&strategies).unwrap_err();
            assert!(said.contains(why), "{strategies}: {said}");
        }
        assert!(GradualRollout::of(&feature(&json!([])), "staging").is_err());
        assert!(GradualRollout::of(&json!({}), "production").is_err());
    }
}
