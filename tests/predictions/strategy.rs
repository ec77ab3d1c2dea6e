//! The strategies: how a new revision goes out.

use serde_json::{Value, json};
use support::manifests::{blue_green, canary, deployment, pause, traffic_routed, weight, workload_ref};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Canary,
    MaxUnavailable,
    RollbackWindow,
    WorkloadRef,
    Routed,
    DynamicStableScale,
    CanaryScale,
    LongScaleDownDelay,
    BlueGreen,
    PreviewCount,
    AutoPromotion,
    Deployment,
    AllUnavailable,
    Recreate,
}

impl Strategy {
    pub const ALL: [Self; 14] = [
        Self::Canary,
        Self::MaxUnavailable,
        Self::RollbackWindow,
        Self::WorkloadRef,
        Self::Routed,
        Self::DynamicStableScale,
        Self::CanaryScale,
        Self::LongScaleDownDelay,
        Self::BlueGreen,
        Self::PreviewCount,
        Self::AutoPromotion,
        Self::Deployment,
        Self::AllUnavailable,
        Self::Recreate,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::MaxUnavailable => "max_unavailable",
            Self::RollbackWindow => "rollback_window",
            Self::WorkloadRef => "workload_ref",
            Self::Routed => "routed",
            Self::DynamicStableScale => "dynamic_stable_scale",
            Self::CanaryScale => "canary_scale",
            Self::LongScaleDownDelay => "long_scale_down_delay",
            Self::BlueGreen => "blue_green",
            Self::PreviewCount => "preview_count",
            Self::AutoPromotion => "auto_promotion",
            Self::Deployment => "deployment",
            Self::AllUnavailable => "all_unavailable",
            Self::Recreate => "recreate",
        }
    }

    pub fn is_rollout(self) -> bool {
        !matches!(self, Self::Deployment | Self::AllUnavailable | Self::Recreate)
    }

    /// Whether its rows run with all other tests.
    pub fn is_in_short_form(self) -> bool {
        matches!(self, Self::Canary | Self::BlueGreen)
    }

    pub fn is_blue_green(self) -> bool {
        matches!(self, Self::BlueGreen | Self::PreviewCount | Self::AutoPromotion)
    }

    pub fn is_routed(self) -> bool {
        matches!(self, Self::Routed | Self::DynamicStableScale | Self::CanaryScale | Self::LongScaleDownDelay)
    }

    /// Kind of the workload.
    pub fn kind(self) -> &'static str {
        if self.is_rollout() { "Rollout" } else { "Deployment" }
    }

    /// Kind of the object that the template lives in.
    pub fn template_kind(self) -> &'static str {
        if self == Self::WorkloadRef { "Deployment" } else { self.kind() }
    }

    /// Everything that it needs; the workload comes last.
    pub fn objects(self) -> Vec<Value> {
        let steps = [weight(25), pause(), weight(50), pause()];
        match self {
            Self::Canary => vec![canary("api", 4, &steps)],
            Self::MaxUnavailable => {
                let mut canary = canary("api", 4, &steps);
                canary["spec"]["strategy"]["canary"]["maxSurge"] = json!(0);
                canary["spec"]["strategy"]["canary"]["maxUnavailable"] = json!("100%");
                vec![canary]
            }
            Self::RollbackWindow => {
                let mut canary = canary("api", 4, &steps);
                canary["spec"]["rollbackWindow"] = json!({"revisions": 3});
                vec![canary]
            }
            Self::WorkloadRef => {
                let mut objects = workload_ref("api", 4, &steps);
                // Its own pods would go on serving beside those of the Rollout.
                objects[0]["spec"]["replicas"] = json!(0);
                objects[1]["spec"]["workloadRef"]["scaleDown"] = json!("never");
                objects
            }
            Self::Routed => routed(&steps, json!({})),
            Self::DynamicStableScale => routed(&steps, json!({"dynamicStableScale": true})),
            Self::CanaryScale => {
                let scale = json!({"setCanaryScale": {"replicas": 2}});
                routed(&[scale, weight(25), pause(), weight(50), pause()], json!({}))
            }
            Self::LongScaleDownDelay => routed(&steps, json!({"scaleDownDelaySeconds": 600})),
            Self::BlueGreen => blue_green("api", 3),
            Self::PreviewCount => switched(json!({"previewReplicaCount": 1})),
            Self::AutoPromotion => switched(json!({"autoPromotionEnabled": true, "autoPromotionSeconds": 600})),
            Self::Deployment => vec![deployment("api", 3)],
            Self::AllUnavailable => {
                let mut deployment = deployment("api", 3);
                deployment["spec"]["strategy"]["rollingUpdate"] = json!({"maxSurge": 0, "maxUnavailable": "100%"});
                vec![deployment]
            }
            Self::Recreate => {
                let mut deployment = deployment("api", 3);
                deployment["spec"]["strategy"] = json!({"type": "Recreate"});
                vec![deployment]
            }
        }
    }
}

fn with(mut objects: Vec<Value>, strategy: &str, more: Value) -> Vec<Value> {
    if let (Some(rollout), Value::Object(more)) = (objects.last_mut(), more) {
        for (key, value) in more {
            rollout["spec"]["strategy"][strategy][key] = value;
        }
    }
    objects
}

fn routed(steps: &[Value], more: Value) -> Vec<Value> {
    with(traffic_routed("api", 4, steps), "canary", more)
}

fn switched(more: Value) -> Vec<Value> {
    with(blue_green("api", 3), "blueGreen", more)
}
