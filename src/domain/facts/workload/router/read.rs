//! What the objects of a router say.

use serde_json::Value;

use super::split::{Problem, Route, Track, splits};
use super::{Routed, RoutedTo, Router, RouterKind, RouterObject, virtual_service};

const IS_MISSING: Problem = "does not exist";

impl Router {
    /// Returns what one of its objects says: each different split of its routes. `value` is `None` where it does not exist:
    /// for ingress-nginx that is no canary at all.
    #[must_use]
    pub fn read(&self, object: &RouterObject, value: Option<&Value>) -> Vec<Routed> {
        if object.kind == RouterKind::ActiveService {
            return object.says(value.map_or_else(|| RoutedTo::Unreadable(IS_MISSING.to_owned()), active));
        }
        match self.splits(object, value) {
            Ok(splits) => {
                let says = |(canary, whole)| Routed { object: object.label(), to: RoutedTo::Canary(canary, whole) };
                splits.into_iter().map(says).collect()
            }
            Err(why) => object.says(RoutedTo::Unreadable(why.to_owned())),
        }
    }

    fn splits(&self, object: &RouterObject, value: Option<&Value>) -> Result<Vec<(u32, u32)>, Problem> {
        let Some(value) = value else {
            return if matches!(object.kind, RouterKind::Nginx { .. }) { Ok(vec![(0, 100)]) } else { Err(IS_MISSING) };
        };
        let routes = match &object.kind {
            RouterKind::Nginx { prefix } => vec![nginx(prefix, value)?],
            RouterKind::Alb { prefix, action } => self.alb(prefix, action, value)?,
            RouterKind::VirtualService(managed) => virtual_service::routes(self, managed, value)?,
            RouterKind::HttpRoute | RouterKind::GrpcRoute => self.gateway(value)?,
            RouterKind::TrafficSplit => vec![self.route(&value["spec"]["backends"], "service", "weight", None)?],
            RouterKind::TraefikService => {
                vec![self.route(&value["spec"]["weighted"]["services"], "name", "weight", Some(1))?]
            }
            RouterKind::ActiveService | RouterKind::NotRead => Vec::new(),
        };
        splits(&routes)
    }

    /// The action with the weights; where it has another name, those that name canary or stable. A header's action names the
    /// canary alone.
    fn alb(&self, prefix: &str, action: &str, ingress: &Value) -> Result<Vec<Route>, Problem> {
        let annotations = ingress["metadata"]["annotations"].as_object();
        let actions: Vec<(&str, &Value)> = annotations
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.strip_prefix("/actions.")?, value)))
            .filter(|(name, _)| !self.managed_routes.iter().any(|managed| managed == name))
            .collect();
        let is_there = actions.iter().any(|(name, _)| *name == action);
        let counted = actions.into_iter().filter(|(name, _)| !is_there || *name == action);
        let parsed = counted.filter_map(|(_, action)| serde_json::from_str::<Value>(action.as_str()?).ok());
        parsed
            .map(|action| self.route(&action["ForwardConfig"]["TargetGroups"], "ServiceName", "Weight", None))
            .collect()
    }

    /// Each rule but those that a step `setHeaderRoute` has added.
    fn gateway(&self, route: &Value) -> Result<Vec<Route>, Problem> {
        let rules = route["spec"]["rules"].as_array().into_iter().flatten();
        let weighted = rules.filter(|rule| !rule["name"].as_str().is_some_and(|name| self.is_managed_rule(name)));
        weighted.map(|rule| self.route(&rule["backendRefs"], "name", "weight", Some(1))).collect()
    }

    /// Rules of one managed route are named after it, from the second on with a number (`isManagedRuleName` of the plugin).
    fn is_managed_rule(&self, rule: &str) -> bool {
        let is_numbered = |rest: &str| rest.strip_prefix('-').is_some_and(|number| number.parse::<u64>().is_ok());
        self.managed_routes
            .iter()
            .filter_map(|managed| rule.strip_prefix(managed.as_str()))
            .any(|rest| rest.is_empty() || is_numbered(rest))
    }

    /// Reads backends that name services. `left_out` is the weight of one that has none.
    fn route(&self, backends: &Value, name: &str, weight: &str, left_out: Option<u64>) -> Result<Route, Problem> {
        let backends = backends.as_array().into_iter().flatten();
        Route::of(backends.map(|backend| {
            let given = &backend[weight];
            let number = if given.is_null() { left_out } else { number(given) };
            (self.track(backend[name].as_str().unwrap_or_default()), number)
        }))
    }

    fn track(&self, service: &str) -> Track {
        match service {
            "" => Track::Other,
            canary if canary == self.canary_service => Track::Canary,
            stable if stable == self.stable_service => Track::Stable,
            _ => Track::Other,
        }
    }
}

/// A weight; TrafficSplits have them as quantities in their first version.
fn number(weight: &Value) -> Option<u64> {
    weight.as_u64().or_else(|| weight.as_str()?.parse().ok())
}

fn active(service: &Value) -> RoutedTo {
    match service["spec"]["selector"]["rollouts-pod-template-hash"].as_str() {
        Some(hash) => RoutedTo::Hash(hash.to_owned()),
        None => RoutedTo::Unreadable("selects no template hash".to_owned()),
    }
}

fn nginx(prefix: &str, ingress: &Value) -> Result<Route, Problem> {
    let annotation = |key: &str| ingress["metadata"]["annotations"][format!("{prefix}/{key}")].as_str();
    let weight = |key: &str, left_out: u64| annotation(key).map_or(Some(left_out), |text| text.parse().ok());
    if annotation("canary") != Some("true") {
        return Route::of([(Track::Canary, Some(0)), (Track::Stable, Some(100))]);
    }
    let (canary, whole) = (weight("canary-weight", 0), weight("canary-weight-total", 100));
    let stable = canary.zip(whole).map(|(canary, whole)| whole.saturating_sub(canary));
    Route::of([(Track::Canary, canary), (Track::Stable, stable)])
}
