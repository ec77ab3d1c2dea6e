//! The part of a Rollout's spec that its controller acts on.

use serde::Deserialize;
use serde_json::Value;

/// `spec` of a Rollout.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Wanted pods; 1 if absent.
    pub replicas: Option<i64>,
    pub paused: bool,
    /// Pods older than this are replaced.
    pub restart_at: Option<String>,
    /// Seconds without progress until the rollout counts as failed; 600 if absent.
    pub progress_deadline_seconds: Option<i64>,
    pub progress_deadline_abort: bool,
    /// Old `ReplicaSets` kept; 10 if absent.
    pub revision_history_limit: Option<i64>,
    /// Seconds that a pod must be ready to be available.
    pub min_ready_seconds: i64,
    /// How many revisions back may skip the steps.
    pub rollback_window: Option<RollbackWindow>,
    /// The object that holds the pod template instead of the Rollout.
    pub workload_ref: Option<WorkloadKey>,
    /// Label selector of the pods.
    pub selector: Value,
    pub template: Value,
    pub strategy: Strategy,
}

/// `spec.rollbackWindow`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackWindow {
    /// Revisions that may lie between.
    pub revisions: i64,
}

/// `spec.workloadRef`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadKey {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Name in the same namespace.
    pub name: String,
    /// `never`, `onsuccess` or `progressively`.
    pub scale_down: String,
}

/// `spec.strategy`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    pub canary: Option<Canary>,
    pub blue_green: Option<BlueGreen>,
}

/// `spec.strategy.canary`.
#[expect(clippy::struct_field_names, reason = "the fields of the real spec")]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Canary {
    /// What to do, in turn.
    pub steps: Vec<Step>,
    /// The steps as written, for their hash.
    #[serde(skip)]
    pub raw_steps: Value,
    /// Pods above the wanted number; 25 % if absent.
    pub max_surge: Option<Value>,
    /// Pods below the wanted number; 25 % if absent.
    pub max_unavailable: Option<Value>,
    /// Present if a router splits the traffic.
    pub traffic_routing: Option<Value>,
    /// Service of the stable pods.
    pub stable_service: String,
    /// Service of the canary pods.
    pub canary_service: String,
    /// Seconds that the old pods outlive a promotion; 30 if absent.
    pub scale_down_delay_seconds: Option<i64>,
    /// How many old revisions may outlive it.
    pub scale_down_delay_revision_limit: Option<i64>,
    /// Seconds that canary pods outlive an abort; 30 if absent, 0 for ever.
    pub abort_scale_down_delay_seconds: Option<i64>,
    /// Least pods of a `ReplicaSet` that has any.
    pub min_pods_per_replica_set: Option<i64>,
    /// Labels and annotations for canary pods.
    pub canary_metadata: Option<Value>,
    /// Labels and annotations for stable pods.
    pub stable_metadata: Option<Value>,
    pub analysis: Option<Value>,
}

/// One step of a canary.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    /// Share of the traffic for the canary, in percent.
    pub set_weight: Option<i64>,
    pub pause: Option<Pause>,
    /// Pods for the canary, apart from its weight.
    pub set_canary_scale: Option<SetCanaryScale>,
    pub analysis: Option<Value>,
    pub experiment: Option<Value>,
    pub set_header_route: Option<Value>,
    pub set_mirror_route: Option<Value>,
    /// Something done by a plugin.
    pub plugin: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pause {
    /// Seconds as a number or text, or a Go duration; absent waits for a person.
    pub duration: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetCanaryScale {
    /// As for this weight, in percent.
    pub weight: Option<i64>,
    pub replicas: Option<i64>,
    /// As for the current weight again.
    pub match_traffic_weight: bool,
}

/// `spec.strategy.blueGreen`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreen {
    /// Service that takes the traffic.
    pub active_service: String,
    /// Service of the new pods before they take it.
    pub preview_service: String,
    /// Pods of the preview before promotion.
    pub preview_replica_count: Option<i64>,
    /// Whether it continues on its own; true if absent.
    pub auto_promotion_enabled: Option<bool>,
    /// Seconds until it continues on its own.
    pub auto_promotion_seconds: i64,
    /// Pods below the wanted number while restarting.
    pub max_unavailable: Option<Value>,
    /// Seconds that the old pods outlive a promotion; 30 if absent.
    pub scale_down_delay_seconds: Option<i64>,
    /// How many old revisions may outlive it.
    pub scale_down_delay_revision_limit: Option<i64>,
    /// Seconds that preview pods outlive an abort; 30 if absent, 0 for ever.
    pub abort_scale_down_delay_seconds: Option<i64>,
    pub pre_promotion_analysis: Option<Value>,
    pub post_promotion_analysis: Option<Value>,
    /// Labels and annotations for active pods.
    pub active_metadata: Option<Value>,
    /// Labels and annotations for preview pods.
    pub preview_metadata: Option<Value>,
}

impl Spec {
    /// Reads a spec; `Err` says what cannot be read.
    pub fn read(spec: &Value) -> Result<Self, String> {
        let mut read: Self = serde_json::from_value(without_nulls(spec)).map_err(|error| error.to_string())?;
        if let Some(canary) = &mut read.strategy.canary {
            canary.raw_steps = spec.pointer("/strategy/canary/steps").cloned().unwrap_or_default();
        }
        Ok(read)
    }

    /// Returns the wanted number of pods.
    pub fn replicas(&self) -> i64 {
        self.replicas.unwrap_or(1)
    }

    /// Returns the canary steps, none for blue-green.
    pub fn steps(&self) -> &[Step] {
        self.strategy.canary.as_ref().map_or(&[], |canary| canary.steps.as_slice())
    }

    /// Returns whether a router splits the traffic.
    pub fn is_traffic_routed(&self) -> bool {
        self.strategy.canary.as_ref().is_some_and(|canary| canary.traffic_routing.is_some())
    }

    /// Returns the weight that means all of the traffic: `maxTrafficWeight`, 100 if absent.
    pub fn max_weight(&self) -> i64 {
        self.strategy
            .canary
            .as_ref()
            .and_then(|canary| canary.traffic_routing.as_ref())
            .and_then(|routing| routing.get("maxTrafficWeight"))
            .and_then(Value::as_i64)
            .filter(|weight| *weight > 0)
            .unwrap_or(100)
    }

    /// Returns how many pods there may be above and below the wanted number.
    ///
    /// Surge rounds up and unavailability down; if both come to zero, one may be unavailable, because otherwise
    /// nothing could ever move (resolveFenceposts of Argo Rollouts and of the Deployment controller).
    pub fn fence_posts(&self) -> (i64, i64) {
        let (surge, unavailable) = self
            .strategy
            .canary
            .as_ref()
            .map_or((None, None), |canary| (canary.max_surge.as_ref(), canary.max_unavailable.as_ref()));
        fence_posts(surge, unavailable, self.replicas())
    }

    /// Returns how many pods may be unavailable.
    pub fn max_unavailable(&self) -> i64 {
        let replicas = self.replicas();
        if replicas == 0 {
            return 0;
        }
        let count = match &self.strategy.blue_green {
            Some(blue_green) => absolute(blue_green.max_unavailable.as_ref(), replicas, false),
            None => self.fence_posts().1,
        };
        count.min(replicas)
    }
}

/// Returns the absolute surge and unavailability for a number of replicas; both default to 25 %.
pub fn fence_posts(surge: Option<&Value>, unavailable: Option<&Value>, replicas: i64) -> (i64, i64) {
    let surge = absolute(surge, replicas, true);
    let unavailable = absolute(unavailable, replicas, false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

fn absolute(value: Option<&Value>, of: i64, up: bool) -> i64 {
    let default = Value::from("25%");
    match value.unwrap_or(&default) {
        Value::Number(number) => number.as_i64().unwrap_or(0),
        Value::String(text) => match text.strip_suffix('%') {
            Some(percent) => {
                let share = percent.parse::<i64>().unwrap_or(0) * of;
                if up { (share + 99) / 100 } else { share / 100 }
            }
            None => text.parse().unwrap_or(0),
        },
        _ => 0,
    }
}

impl Pause {
    /// Returns the seconds of the pause as the controller reads them: `None` for one that waits for a person,
    /// -1 for text that it cannot read.
    pub fn seconds(&self) -> Option<i64> {
        match self.duration.as_ref()? {
            Value::Number(number) => Some(number.as_i64().unwrap_or(-1)),
            Value::String(text) => {
                Some(text.parse().ok().or_else(|| go_duration(text).map(|d| d.as_secs() as i64)).unwrap_or(-1))
            }
            _ => Some(-1),
        }
    }
}

impl Step {
    /// Returns the step as events and tools name it (`CanaryStepString` of Argo Rollouts).
    pub fn label(&self) -> String {
        if let Some(weight) = self.set_weight {
            return format!("setWeight: {weight}");
        }
        if let Some(pause) = &self.pause {
            return match &pause.duration {
                Some(Value::String(text)) => format!("pause: {text}"),
                Some(other) => format!("pause: {other}"),
                None => "pause".to_owned(),
            };
        }
        if self.experiment.is_some() {
            return "experiment".to_owned();
        }
        if self.analysis.is_some() {
            return "analysis".to_owned();
        }
        if let Some(scale) = &self.set_canary_scale {
            if let Some(weight) = scale.weight {
                return format!("setCanaryScale{{weight: {weight}}}");
            }
            if scale.match_traffic_weight {
                return "setCanaryScale{matchTrafficWeight: true}".to_owned();
            }
            if let Some(replicas) = scale.replicas {
                return format!("setCanaryScale{{replicas: {replicas}}}");
            }
        }
        let named = |what: &str, value: &Value| {
            format!("{what}: {}", value.get("name").and_then(Value::as_str).unwrap_or_default())
        };
        if let Some(plugin) = &self.plugin {
            return named("plugin", plugin);
        }
        if let Some(route) = &self.set_header_route {
            return named("setHeaderRoute", route);
        }
        if let Some(route) = &self.set_mirror_route {
            return named("setMirrorRoute", route);
        }
        "invalid".to_owned()
    }
}

/// Reads a Go duration: `1h30m`, `10s`, `500ms`.
pub fn go_duration(text: &str) -> Option<std::time::Duration> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        seconds += value
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    std::time::Duration::try_from_secs_f64(seconds).ok()
}

/// A `null` in a Kubernetes object means the field is absent.
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn surge_and_unavailable_are_never_both_zero() {
        let posts =
            |surge: Value, unavailable: Value, replicas| fence_posts(Some(&surge), Some(&unavailable), replicas);
        assert_eq!(fence_posts(None, None, 10), (3, 2));
        assert_eq!(posts(json!(1), json!(0), 5), (1, 0));
        assert_eq!(posts(json!("0%"), json!("1%"), 2), (0, 1));
    }

    #[test]
    fn pauses_are_read_as_the_controller_reads_them() {
        let seconds = |duration: Value| Pause { duration: Some(duration) }.seconds();
        assert_eq!(seconds(json!(10)), Some(10));
        assert_eq!(seconds(json!("10")), Some(10));
        assert_eq!(seconds(json!("1m30s")), Some(90));
        assert_eq!(seconds(json!("soon")), Some(-1));
        assert_eq!(Pause { duration: None }.seconds(), None);
    }

    #[test]
    fn steps_are_named_as_in_events() {
        let label = |step: Value| serde_json::from_value::<Step>(step).unwrap().label();
        assert_eq!(label(json!({"setWeight": 20})), "setWeight: 20");
        assert_eq!(label(json!({"pause": {}})), "pause");
        assert_eq!(label(json!({"pause": {"duration": "10s"}})), "pause: 10s");
        assert_eq!(label(json!({"setCanaryScale": {"replicas": 2}})), "setCanaryScale{replicas: 2}");
        assert_eq!(label(json!({})), "invalid");
    }
}
