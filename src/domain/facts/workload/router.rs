//! Traffic routers: the object whose weights Argo Rollouts manages, and what it says itself.
//!
//! Source of names and fields: Argo Rollouts v1.9 `rollout/trafficrouting/*`, `utils/ingress`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind::Resource;

/// How requests are split between canary and stable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    pub kind: RouterKind,
    /// Names of the objects whose weights are managed.
    pub names: Vec<String>,
    /// Service that selects the canary's pods.
    pub canary_service: String,
    /// Service that selects stable's pods.
    pub stable_service: String,
    /// Istio: subsets of a DestinationRule, canary's and stable's.
    pub subsets: Option<(String, String)>,
    /// Prefix of the annotations on an Ingress.
    pub annotation_prefix: String,
}

/// The kinds of routers whose objects can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RouterKind {
    /// ingress-nginx: an Ingress of its own for the canary.
    Nginx,
    /// AWS load balancer controller: an annotation on the Ingress.
    Alb,
    VirtualService,
    /// Gateway API, by the plugin `argoproj-labs/gatewayAPI`.
    HttpRoute,
    TrafficSplit,
    TraefikService,
    /// Blue-green: the Service that the users reach.
    ActiveService,
    /// One whose objects are not read: the controller's report is all there is.
    #[default]
    Unread,
}

impl RouterKind {
    /// Returns the resource, where it is read.
    #[must_use]
    pub fn resource(self) -> Option<Resource> {
        Some(match self {
            Self::Nginx | Self::Alb => Resource::INGRESS,
            Self::VirtualService => Resource::VIRTUAL_SERVICE,
            Self::HttpRoute => Resource::HTTP_ROUTE,
            Self::TrafficSplit => Resource::TRAFFIC_SPLIT,
            Self::TraefikService => Resource::TRAEFIK_SERVICE,
            Self::ActiveService => Resource::SERVICE,
            Self::Unread => return None,
        })
    }
}

/// What a router's own object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The object, e.g. `Ingress web-web-canary`.
    pub object: String,
    pub to: RoutedTo,
}

/// Where a router sends requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoutedTo {
    /// So much of so much to the canary, the rest to stable.
    Canary(u32, u32),
    /// All to the pods with this template hash.
    Hash(String),
}

impl Router {
    /// Reads the router from `spec.strategy.canary` of a Rollout of this name.
    #[must_use]
    pub fn parse(rollout: &str, canary: &Value) -> Option<Self> {
        let routing = canary["trafficRouting"].as_object()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut router = Self {
            kind: RouterKind::Unread,
            names: Vec::new(),
            canary_service: text(&canary["canaryService"]),
            stable_service: text(&canary["stableService"]),
            subsets: None,
            annotation_prefix: String::new(),
        };
        let named = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let listed = |value: &Value, key: &str| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(|item| named(&item[key])).collect()
        };
        if let Some(nginx) = routing.get("nginx") {
            let ingresses = nginx["stableIngresses"].as_array().into_iter().flatten().filter_map(named);
            router.kind = RouterKind::Nginx;
            router.names = named(&nginx["stableIngress"])
                .into_iter()
                .chain(ingresses)
                .map(|stable| canary_ingress(rollout, &stable))
                .collect();
            router.annotation_prefix =
                named(&nginx["annotationPrefix"]).unwrap_or_else(|| "nginx.ingress.kubernetes.io".to_owned());
        } else if let Some(alb) = routing.get("alb") {
            router.kind = RouterKind::Alb;
            router.names = named(&alb["ingress"]).into_iter().collect();
            router.annotation_prefix =
                named(&alb["annotationPrefix"]).unwrap_or_else(|| "alb.ingress.kubernetes.io".to_owned());
        } else if let Some(istio) = routing.get("istio") {
            router.kind = RouterKind::VirtualService;
            router.names = named(&istio["virtualService"]["name"])
                .into_iter()
                .chain(listed(&istio["virtualServices"], "name"))
                .collect();
            let rule = &istio["destinationRule"];
            router.subsets = named(&rule["canarySubsetName"]).zip(named(&rule["stableSubsetName"]));
        } else if let Some(gateway) = routing.get("plugins").and_then(|plugins| plugins.get("argoproj-labs/gatewayAPI"))
        {
            router.kind = RouterKind::HttpRoute;
            router.names =
                named(&gateway["httpRoute"]).into_iter().chain(listed(&gateway["httpRoutes"], "name")).collect();
        } else if let Some(smi) = routing.get("smi") {
            router.kind = RouterKind::TrafficSplit;
            router.names = vec![named(&smi["trafficSplitName"]).unwrap_or_else(|| rollout.to_owned())];
        } else if let Some(traefik) = routing.get("traefik") {
            router.kind = RouterKind::TraefikService;
            router.names = named(&traefik["weightedTraefikServiceName"]).into_iter().collect();
        }
        Some(router)
    }

    /// Makes the router of a blue-green Rollout: the active Service.
    #[must_use]
    pub fn active_service(name: &str) -> Self {
        Self {
            kind: RouterKind::ActiveService,
            names: vec![name.to_owned()],
            canary_service: String::new(),
            stable_service: String::new(),
            subsets: None,
            annotation_prefix: String::new(),
        }
    }

    /// Returns what one of its objects says; `None` where it says nothing of canary and stable. `object` is `None` where
    /// it does not exist: for ingress-nginx that is no canary at all.
    #[must_use]
    pub fn read(&self, name: &str, object: Option<&Value>) -> Option<Routed> {
        let kind = self.kind.resource()?.kind;
        let object_name = format!("{kind} {name}");
        if let (RouterKind::ActiveService, Some(service)) = (self.kind, object) {
            let hash = service["spec"]["selector"]["rollouts-pod-template-hash"].as_str()?;
            return Some(Routed { object: object_name, to: RoutedTo::Hash(hash.to_owned()) });
        }
        let (canary, whole) = match (self.kind, object) {
            (RouterKind::Nginx, None) => (0, 100),
            (RouterKind::Nginx, Some(ingress)) => self.nginx(ingress)?,
            (RouterKind::Alb, Some(ingress)) => self.alb(ingress)?,
            (RouterKind::VirtualService, Some(service)) => self.virtual_service(service)?,
            (RouterKind::HttpRoute, Some(route)) => {
                let rules = route["spec"]["rules"].as_array().into_iter().flatten();
                self.pair(rules.flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten()), |backend| {
                    Some((backend["name"].as_str()?, backend["weight"].as_u64().unwrap_or(1)))
                })?
            }
            (RouterKind::TrafficSplit, Some(split)) => self
                .pair(split["spec"]["backends"].as_array().into_iter().flatten(), |backend| {
                    Some((backend["service"].as_str()?, backend["weight"].as_u64()?))
                })?,
            (RouterKind::TraefikService, Some(service)) => {
                let services = service["spec"]["weighted"]["services"].as_array().into_iter().flatten();
                self.pair(services, |backend| Some((backend["name"].as_str()?, backend["weight"].as_u64()?)))?
            }
            _ => return None,
        };
        Some(Routed { object: object_name, to: RoutedTo::Canary(canary, whole) })
    }

    fn nginx(&self, ingress: &Value) -> Option<(u32, u32)> {
        let annotation =
            |key: &str| ingress["metadata"]["annotations"][format!("{}/{key}", self.annotation_prefix)].as_str();
        if annotation("canary") != Some("true") {
            return Some((0, 100));
        }
        let total = annotation("canary-weight-total").map_or(Ok(100), str::parse).ok()?;
        Some((annotation("canary-weight").map_or(Ok(0), str::parse).ok()?, total))
    }

    fn alb(&self, ingress: &Value) -> Option<(u32, u32)> {
        let prefix = format!("{}/actions.", self.annotation_prefix);
        let annotations = ingress["metadata"]["annotations"].as_object()?;
        annotations.iter().filter(|(key, _)| key.starts_with(&prefix)).find_map(|(_, action)| {
            let action: Value = serde_json::from_str(action.as_str()?).ok()?;
            let groups = action["ForwardConfig"]["TargetGroups"].as_array()?;
            self.pair(groups.iter(), |group| Some((group["ServiceName"].as_str()?, group["Weight"].as_u64()?)))
        })
    }

    fn virtual_service(&self, service: &Value) -> Option<(u32, u32)> {
        let routes = ["http", "tls", "tcp"]
            .into_iter()
            .flat_map(|protocol| service["spec"][protocol].as_array().into_iter().flatten());
        // Each route has canary and stable; the first that names both is representative: the controller sets them alike.
        routes.filter_map(|route| route["route"].as_array()).find_map(|destinations| {
            let named = |route: &Value| {
                let destination = &route["destination"];
                let weight = route["weight"].as_u64().unwrap_or(if destinations.len() == 1 { 100 } else { 0 });
                let name = match &self.subsets {
                    Some(_) => destination["subset"].as_str()?,
                    None => destination["host"].as_str()?.split('.').next()?,
                };
                Some((name.to_owned(), weight))
            };
            let weights: Vec<(String, u64)> = destinations.iter().filter_map(named).collect();
            let (canary, stable) = match &self.subsets {
                Some((canary, stable)) => (canary, stable),
                None => (&self.canary_service, &self.stable_service),
            };
            sum(weights.iter().map(|(name, weight)| (name.as_str(), *weight)), canary, stable)
        })
    }

    fn pair<'a>(
        &self,
        backends: impl Iterator<Item = &'a Value>,
        read: impl Fn(&'a Value) -> Option<(&'a str, u64)>,
    ) -> Option<(u32, u32)> {
        sum(backends.filter_map(read), &self.canary_service, &self.stable_service)
    }
}

/// Sums up what goes to the canary, of what goes to canary and stable; `None` where neither is named.
fn sum<'a>(weights: impl Iterator<Item = (&'a str, u64)>, canary: &str, stable: &str) -> Option<(u32, u32)> {
    let (mut to_canary, mut to_both, mut named) = (0_u64, 0_u64, false);
    for (name, weight) in weights {
        if name == canary {
            to_canary += weight;
        }
        if name == canary || name == stable {
            to_both += weight;
            named = true;
        }
    }
    named.then_some((u32::try_from(to_canary).ok()?, u32::try_from(to_both).ok()?))
}

/// Returns the name of the Ingress that the controller makes for the canary: at most 253 characters.
fn canary_ingress(rollout: &str, stable: &str) -> String {
    const SUFFIX: &str = "-canary";
    const MAX_NAME_CHARS: usize = 253;
    let prefix: String = format!("{rollout}-{stable}").chars().take(MAX_NAME_CHARS - SUFFIX.len()).collect();
    format!("{prefix}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn router(routing: &Value) -> Router {
        let canary = json!({"canaryService": "new", "stableService": "old", "trafficRouting": routing});
        Router::parse("web", &canary).unwrap()
    }

    fn read(routing: &Value, object: &Value) -> Option<(u32, u32)> {
        let router = router(routing);
        match router.read(&router.names[0], Some(object))?.to {
            RoutedTo::Canary(canary, whole) => Some((canary, whole)),
            RoutedTo::Hash(_) => None,
        }
    }

    #[test]
    fn ingress_of_the_canary_has_the_weight_in_an_annotation() {
        let routing = json!({"nginx": {"stableIngress": "shop"}});
        assert_eq!(router(&routing).names, ["web-shop-canary"]);
        let weight = |value: &str| {
            json!({"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary": "true",
                "nginx.ingress.kubernetes.io/canary-weight": value}}})
        };
        assert_eq!(read(&routing, &weight("75")), Some((75, 100)));
        assert_eq!(read(&routing, &json!({"metadata": {}})), Some((0, 100)));
        assert_eq!(read(&routing, &weight("many")), None);
        let none = router(&routing).read("web-shop-canary", None).map(|routed| routed.to);
        assert_eq!(none, Some(RoutedTo::Canary(0, 100)));
    }

    #[test]
    fn other_routers_name_services_or_subsets() {
        let action = json!({"ForwardConfig": {"TargetGroups": [
            {"ServiceName": "new", "Weight": 10}, {"ServiceName": "old", "Weight": 90}]}})
        .to_string();
        let alb = json!({"metadata": {"annotations": {"alb.ingress.kubernetes.io/actions.old": action}}});
        assert_eq!(read(&json!({"alb": {"ingress": "shop"}}), &alb), Some((10, 100)));
        let route = json!({"spec": {"http": [{"route": [
            {"destination": {"host": "old.shop.svc.cluster.local"}, "weight": 80},
            {"destination": {"host": "new"}, "weight": 20}]}]}});
        assert_eq!(read(&json!({"istio": {"virtualService": {"name": "shop"}}}), &route), Some((20, 100)));
        let subsets = json!({"istio": {"virtualService": {"name": "shop"},
            "destinationRule": {"canarySubsetName": "c", "stableSubsetName": "s"}}});
        let route = json!({"spec": {"http": [{"route": [
            {"destination": {"host": "web", "subset": "s"}, "weight": 100},
            {"destination": {"host": "web", "subset": "c"}, "weight": 0}]}]}});
        assert_eq!(read(&subsets, &route), Some((0, 100)));
        let gateway = json!({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}});
        let route = json!({"spec": {"rules": [{"backendRefs": [
            {"name": "old", "weight": 70}, {"name": "new", "weight": 30}]}]}});
        assert_eq!(read(&gateway, &route), Some((30, 100)));
        let split = json!({"spec": {"backends": [{"service": "old", "weight": 95}, {"service": "new", "weight": 5}]}});
        assert_eq!(read(&json!({"smi": {"trafficSplitName": "shop"}}), &split), Some((5, 100)));
        let traefik = json!({"spec": {"weighted": {"services": [
            {"name": "old", "weight": 60}, {"name": "new", "weight": 40}]}}});
        assert_eq!(read(&json!({"traefik": {"weightedTraefikServiceName": "shop"}}), &traefik), Some((40, 100)));
    }

    #[test]
    fn active_service_selects_a_hash() {
        let service = json!({"spec": {"selector": {"app": "web", "rollouts-pod-template-hash": "6c9f7"}}});
        let routed = Router::active_service("web").read("web", Some(&service));
        assert_eq!(routed.map(|routed| routed.to), Some(RoutedTo::Hash("6c9f7".to_owned())));
    }

    #[test]
    fn unknown_routers_are_not_read() {
        let plugin = router(&json!({"plugins": {"somebody/else": {}}}));
        assert_eq!((plugin.kind, plugin.kind.resource()), (RouterKind::Unread, None));
    }
}
