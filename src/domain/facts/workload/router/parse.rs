//! Which objects a Rollout's `trafficRouting` names.
//!
//! It may name several routers at once (Argo Rollouts' `NewTrafficRoutingReconciler`), and most of them several objects.

use serde_json::{Map, Value};

use super::{ManagedRoutes, Router, RouterKind, RouterObject};

const GATEWAY_PLUGIN: &str = "argoproj-labs/gatewayAPI";

impl Router {
    /// Reads the router from `spec.strategy.canary` of a Rollout of this name.
    #[must_use]
    pub fn parse(rollout: &str, canary: &Value) -> Option<Self> {
        let routing = canary["trafficRouting"].as_object()?;
        let text = |value: &Value| named(value).unwrap_or_default();
        let rule = &routing.get("istio").unwrap_or(&Value::Null)["destinationRule"];
        let mut router = Self {
            canary_service: text(&canary["canaryService"]),
            stable_service: text(&canary["stableService"]),
            subsets: named(&rule["canarySubsetName"]).zip(named(&rule["stableSubsetName"])),
            managed_routes: names_in(routing.get("managedRoutes").unwrap_or(&Value::Null)),
            objects: Vec::new(),
        };
        router.objects =
            routing.iter().flat_map(|(kind, of)| objects(rollout, kind, of, &router.stable_service)).collect();
        Some(router)
    }
}

fn objects(rollout: &str, kind: &str, of: &Value, stable_service: &str) -> Vec<RouterObject> {
    match kind {
        "nginx" => nginx(rollout, of),
        "alb" => alb(of, stable_service),
        "istio" => istio(of),
        "smi" => {
            let name = named(&of["trafficSplitName"]).unwrap_or_else(|| rollout.to_owned());
            vec![own(RouterKind::TrafficSplit, name)]
        }
        "traefik" => one(&RouterKind::TraefikService, &of["weightedTraefikServiceName"]),
        "plugins" => of.as_object().into_iter().flat_map(plugins).collect(),
        "managedRoutes" | "maxTrafficWeight" => Vec::new(),
        other => vec![own(RouterKind::NotRead, other.to_owned())],
    }
}

fn nginx(rollout: &str, nginx: &Value) -> Vec<RouterObject> {
    let prefix = named(&nginx["annotationPrefix"]).unwrap_or_else(|| "nginx.ingress.kubernetes.io".to_owned());
    let stable = named(&nginx["stableIngress"]).into_iter().chain(texts(&nginx["stableIngresses"]));
    let canary = stable.map(|stable| canary_ingress(rollout, &stable));
    canary.map(|name| own(RouterKind::Nginx { prefix: prefix.clone() }, name)).collect()
}

fn alb(alb: &Value, stable_service: &str) -> Vec<RouterObject> {
    let kind = RouterKind::Alb {
        prefix: named(&alb["annotationPrefix"]).unwrap_or_else(|| "alb.ingress.kubernetes.io".to_owned()),
        action: named(&alb["rootService"]).unwrap_or_else(|| stable_service.to_owned()),
    };
    let ingresses = named(&alb["ingress"]).into_iter().chain(texts(&alb["ingresses"]));
    ingresses.map(|name| own(kind.clone(), name)).collect()
}

fn istio(istio: &Value) -> Vec<RouterObject> {
    let one = std::iter::once(&istio["virtualService"]);
    one.chain(listed(&istio["virtualServices"])).filter_map(virtual_service).collect()
}

fn virtual_service(service: &Value) -> Option<RouterObject> {
    let port = |route: &Value| route["port"].as_u64().unwrap_or_default();
    let tls = |route: &Value| (port(route), texts(&route["sniHosts"]).collect());
    let routes = ManagedRoutes {
        http: texts(&service["routes"]).collect(),
        tls: listed(&service["tlsRoutes"]).map(tls).collect(),
        tcp: listed(&service["tcpRoutes"]).map(port).collect(),
    };
    let name = named(&service["name"])?;
    // `NAME.NAMESPACE`, perhaps with the suffix of the cluster (`GetVirtualServiceNamespaceName`).
    let name = name.strip_suffix(".cluster.local").unwrap_or(&name);
    let (name, namespace) = match name.rsplit_once('.') {
        Some((name, namespace)) => (name, Some(namespace.to_owned())),
        None => (name, None),
    };
    Some(RouterObject { kind: RouterKind::VirtualService(routes), namespace, name: name.to_owned() })
}

fn plugins(plugins: &Map<String, Value>) -> Vec<RouterObject> {
    let plugin = |(name, of): (&String, &Value)| match name.as_str() {
        GATEWAY_PLUGIN => gateway(of),
        other => vec![own(RouterKind::NotRead, other.to_owned())],
    };
    plugins.iter().flat_map(plugin).collect()
}

/// The routes that the plugin manages. Those that it finds by labels, and those of TCP and TLS, are not read.
fn gateway(gateway: &Value) -> Vec<RouterObject> {
    let namespace = named(&gateway["namespace"]);
    let place = |object: RouterObject| RouterObject { namespace: namespace.clone(), ..object };
    let routes = |kind: &RouterKind, key: &str| -> Vec<RouterObject> {
        let several = names_in(&gateway[format!("{key}s")]);
        one(kind, &gateway[key]).into_iter().chain(several.into_iter().map(|name| own(kind.clone(), name))).collect()
    };
    let by_labels = ["httpRouteSelector", "grpcRouteSelector", "tcpRouteSelector", "tlsRouteSelector"];
    let found = by_labels.iter().filter(|key| gateway[**key].is_object());
    let kinds = [
        (RouterKind::HttpRoute, "httpRoute"),
        (RouterKind::GrpcRoute, "grpcRoute"),
        (RouterKind::NotRead, "tcpRoute"),
        (RouterKind::NotRead, "tlsRoute"),
    ];
    let by_name = kinds.iter().flat_map(|(kind, key)| routes(kind, key));
    by_name.chain(found.map(|key| own(RouterKind::NotRead, (*key).to_owned()))).map(place).collect()
}

fn own(kind: RouterKind, name: String) -> RouterObject {
    RouterObject { kind, namespace: None, name }
}

fn one(kind: &RouterKind, name: &Value) -> Vec<RouterObject> {
    named(name).into_iter().map(|name| own(kind.clone(), name)).collect()
}

fn named(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    listed(value).filter_map(named)
}

fn names_in(value: &Value) -> Vec<String> {
    listed(value).filter_map(|item| named(&item["name"])).collect()
}

/// Returns the name of the Ingress that the controller makes for the canary: at most 253 characters.
fn canary_ingress(rollout: &str, stable: &str) -> String {
    const SUFFIX: &str = "-canary";
    const MAX_NAME_CHARS: usize = 253;
    let prefix: String = format!("{rollout}-{stable}").chars().take(MAX_NAME_CHARS - SUFFIX.len()).collect();
    format!("{prefix}{SUFFIX}")
}
