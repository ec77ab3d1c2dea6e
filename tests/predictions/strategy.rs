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
    /// Requests with a header go to the canary, whatever its weight.
    HeaderRoute,
    /// An analysis beside the steps that goes on.
    BackgroundAnalysis,
    /// An analysis beside the steps that comes to no result.
    InconclusiveBackground,
    /// An analysis as a step.
    StepAnalysis,
    /// An analysis as a step that comes to no result.
    InconclusiveStep,
    /// An analysis as a step that goes on.
    EndlessAnalysis,
    /// An experiment as a step.
    Experiment,
    /// An experiment as a step that goes on.
    EndlessExperiment,
    BlueGreen,
    PreviewCount,
    AutoPromotion,
    /// An analysis after the switch that goes on.
    PostAnalysis,
    /// The same, and one before the switch, which is automatic.
    PreAndPostAnalysis,
    Deployment,
    AllUnavailable,
    Recreate,
}

impl Strategy {
    pub const ALL: [Self; 24] = [
        Self::Canary,
        Self::MaxUnavailable,
        Self::RollbackWindow,
        Self::WorkloadRef,
        Self::Routed,
        Self::DynamicStableScale,
        Self::CanaryScale,
        Self::LongScaleDownDelay,
        Self::HeaderRoute,
        Self::BackgroundAnalysis,
        Self::InconclusiveBackground,
        Self::StepAnalysis,
        Self::InconclusiveStep,
        Self::EndlessAnalysis,
        Self::Experiment,
        Self::EndlessExperiment,
        Self::BlueGreen,
        Self::PreviewCount,
        Self::AutoPromotion,
        Self::PostAnalysis,
        Self::PreAndPostAnalysis,
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
            Self::HeaderRoute => "header_route",
            Self::BackgroundAnalysis => "background_analysis",
            Self::InconclusiveBackground => "inconclusive_background",
            Self::StepAnalysis => "step_analysis",
            Self::InconclusiveStep => "inconclusive_step",
            Self::EndlessAnalysis => "endless_analysis",
            Self::Experiment => "experiment",
            Self::EndlessExperiment => "endless_experiment",
            Self::BlueGreen => "blue_green",
            Self::PreviewCount => "preview_count",
            Self::AutoPromotion => "auto_promotion",
            Self::PostAnalysis => "post_analysis",
            Self::PreAndPostAnalysis => "pre_and_post_analysis",
            Self::Deployment => "deployment",
            Self::AllUnavailable => "all_unavailable",
            Self::Recreate => "recreate",
        }
    }

    pub fn is_rollout(self) -> bool {
        !matches!(self, Self::Deployment | Self::AllUnavailable | Self::Recreate)
    }

    /// Whether it stops at a step that ends by itself, or never.
    pub fn is_endless(self) -> bool {
        matches!(self, Self::EndlessAnalysis | Self::EndlessExperiment) || self.has_post_analysis()
    }

    /// Whether an analysis goes on after the switch.
    pub fn has_post_analysis(self) -> bool {
        matches!(self, Self::PostAnalysis | Self::PreAndPostAnalysis)
    }

    /// Whether analyses or experiments are part of it.
    pub fn has_analysis(self) -> bool {
        self.is_endless()
            || self.is_inconclusive()
            || matches!(self, Self::BackgroundAnalysis | Self::StepAnalysis | Self::Experiment)
    }

    /// Whether an analysis pauses it.
    pub fn is_inconclusive(self) -> bool {
        matches!(self, Self::InconclusiveBackground | Self::InconclusiveStep)
    }

    pub fn is_blue_green(self) -> bool {
        matches!(self, Self::BlueGreen | Self::PreviewCount | Self::AutoPromotion) || self.has_post_analysis()
    }

    pub fn is_routed(self) -> bool {
        matches!(
            self,
            Self::Routed | Self::DynamicStableScale | Self::CanaryScale | Self::LongScaleDownDelay | Self::HeaderRoute
        )
    }

    /// Whether the simulator has its router: headers are routed by an ALB, which it has not.
    pub fn is_simulated(self) -> bool {
        self != Self::HeaderRoute
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
            Self::HeaderRoute => header_routed(&steps),
            Self::BackgroundAnalysis => vec![analysis(Ends::Never), with_analysis(&steps)],
            Self::InconclusiveBackground => vec![analysis(Ends::Undecided), with_analysis(&steps)],
            Self::StepAnalysis => {
                let steps = [weight(25), pause(), analysis_step(), weight(50), pause()];
                vec![analysis(Ends::Well), canary("api", 4, &steps)]
            }
            Self::InconclusiveStep => {
                let steps = [weight(25), analysis_step(), weight(50), pause()];
                vec![analysis(Ends::Undecided), canary("api", 4, &steps)]
            }
            Self::EndlessAnalysis => {
                let steps = [weight(25), analysis_step(), weight(50), pause()];
                vec![analysis(Ends::Never), canary("api", 4, &steps)]
            }
            Self::Experiment => {
                let steps = [weight(25), pause(), experiment(Some("2s")), weight(50), pause()];
                vec![analysis(Ends::Never), canary("api", 4, &steps)]
            }
            Self::EndlessExperiment => {
                let steps = [weight(25), experiment(None), weight(50), pause()];
                vec![analysis(Ends::Never), canary("api", 4, &steps)]
            }
            Self::BlueGreen => blue_green("api", 3),
            Self::PreviewCount => switched(json!({"previewReplicaCount": 1})),
            Self::AutoPromotion => switched(json!({"autoPromotionEnabled": true, "autoPromotionSeconds": 600})),
            Self::PostAnalysis => {
                let post = json!({"templates": [{"templateName": "requests"}]});
                [vec![analysis(Ends::Never)], switched(json!({"postPromotionAnalysis": post}))].concat()
            }
            Self::PreAndPostAnalysis => {
                let mut before = analysis(Ends::Well);
                before["metadata"]["name"] = json!("before");
                let strategy = json!({
                    "autoPromotionEnabled": true,
                    "prePromotionAnalysis": {"templates": [{"templateName": "before"}]},
                    "postPromotionAnalysis": {"templates": [{"templateName": "requests"}]},
                });
                [vec![analysis(Ends::Never), before], switched(strategy)].concat()
            }
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

/// The same by an ALB, which also sends requests with a header to the canary.
fn header_routed(steps: &[Value]) -> Vec<Value> {
    let matched = json!([{"headerName": "X-Trial", "headerValue": {"exact": "yes"}}]);
    let header = json!({"setHeaderRoute": {"name": "trial", "match": matched}});
    let mut objects = routed(&[&[header], steps].concat(), json!({}));
    for object in &mut objects {
        if object["kind"] == "Ingress" {
            object["spec"]["ingressClassName"] = json!("alb");
            // Argo Rollouts 1.9 panics where there are none.
            object["metadata"]["annotations"] = json!({"alb.ingress.kubernetes.io/scheme": "internal"});
            object["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] =
                json!({"name": "use-annotation"});
        }
        if object["kind"] == "Rollout" {
            object["spec"]["strategy"]["canary"]["trafficRouting"] = json!({
                "managedRoutes": [{"name": "trial"}],
                "alb": {"ingress": "api", "servicePort": 80},
            });
        }
    }
    objects
}

fn switched(more: Value) -> Vec<Value> {
    with(blue_green("api", 3), "blueGreen", more)
}

#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Well,
    Undecided,
    Never,
}

/// An analysis that measures what is always there. (The simulator measures by itself, and asks no server.)
fn analysis(ends: Ends) -> Value {
    let prometheus = std::env::var("PROMETHEUS_URL").unwrap_or_else(|_| "http://127.0.0.1:9".to_owned());
    let mut metric = json!({
        "name": "requests", "count": 1, "successCondition": "len(result) >= 0",
        "provider": {"prometheus": {"address": prometheus, "query": "vector(1)"}},
    });
    match ends {
        Ends::Well => {}
        Ends::Undecided => {
            metric["successCondition"] = json!("len(result) > 9");
            metric["failureCondition"] = json!("len(result) > 9");
        }
        Ends::Never => {
            metric["interval"] = json!("1s");
            // As a step it has to have an end.
            metric["count"] = json!(100_000);
        }
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "requests"},
        "spec": {"metrics": [metric]},
    })
}

fn analysis_step() -> Value {
    json!({"analysis": {"templates": [{"templateName": "requests"}]}})
}

/// A canary with an analysis beside its steps, from the first pause on.
fn with_analysis(steps: &[Value]) -> Value {
    let mut canary = canary("api", 4, steps);
    canary["spec"]["strategy"]["canary"]["analysis"] =
        json!({"templates": [{"templateName": "requests"}], "startingStep": 1});
    canary
}

/// Both versions side by side, with an analysis; without a duration it goes on.
fn experiment(duration: Option<&str>) -> Value {
    let mut experiment = json!({
        "templates": [
            {"name": "baseline", "specRef": "stable", "replicas": 1},
            {"name": "candidate", "specRef": "canary", "replicas": 2},
        ],
        "analyses": [{"name": "requests", "templateName": "requests"}],
        "scaleDownDelaySeconds": 1,
    });
    if let Some(duration) = duration {
        experiment["duration"] = json!(duration);
    }
    json!({"experiment": experiment})
}
