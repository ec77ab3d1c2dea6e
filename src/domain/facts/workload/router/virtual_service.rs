//! The managed routes of an Istio VirtualService, as Argo Rollouts finds them.
//!
//! Source: Argo Rollouts `rollout/trafficrouting/istio/istio.go` (`getHttpRouteIndexesToPatch`, `searchTlsRoute`,
//! `searchTcpRoute`, `processRoutes`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::split::{Problem, Route, Track};
use super::{ManagedRoutes, Router};

/// Returns what each route gives canary and stable.
pub(super) fn routes(router: &Router, managed: &ManagedRoutes, service: &Value) -> Result<Vec<Route>, Problem> {
    let of = |protocol: &str| service["spec"][protocol].as_array().map_or(&[][..], Vec::as_slice);
    let http = of("http").iter().filter(|route| !is_for_headers(router, route)).collect();
    let http = preferred(http, |route| is_managed_http(router, managed, route));
    let tls = preferred(of("tls").iter().collect(), |route| managed.tls.iter().any(|tls| is_tls(route, tls)));
    let tcp = preferred(of("tcp").iter().collect(), |route| managed.tcp.iter().any(|port| is_tcp(route, *port)));
    http.into_iter().chain(tls).chain(tcp).map(|route| read(router, route)).collect()
}

/// Returns those that are managed; all of them where none is, for then it is not known which one is meant.
fn preferred(routes: Vec<&Value>, is_managed: impl Fn(&Value) -> bool) -> Vec<&Value> {
    let managed: Vec<&Value> = routes.iter().copied().filter(|route| is_managed(route)).collect();
    if managed.is_empty() { routes } else { managed }
}

fn is_listed(router: &Router, route: &Value) -> bool {
    route["name"].as_str().is_some_and(|name| router.managed_routes.iter().any(|managed| managed == name))
}

/// A step `setHeaderRoute` adds a route for chosen requests. One of `setMirrorRoute` is split by weight as the others are, and
/// what it copies to the canary serves nobody.
fn is_for_headers(router: &Router, route: &Value) -> bool {
    is_listed(router, route) && route["mirror"].is_null()
}

fn is_managed_http(router: &Router, managed: &ManagedRoutes, route: &Value) -> bool {
    let is_named = route["name"].as_str().is_some_and(|name| managed.http.iter().any(|managed| managed == name));
    // Without any name given all of them are looked at anyway.
    is_named || (!managed.http.is_empty() && is_listed(router, route))
}

fn matches(route: &Value) -> impl Iterator<Item = &Value> {
    route["match"].as_array().into_iter().flatten()
}

/// Whether all matches of a route name this port; 0 stands for none.
fn is_tcp(route: &Value, port: u64) -> bool {
    let ports: BTreeSet<u64> = matches(route).map(|one| one["port"].as_u64().unwrap_or_default()).collect();
    ports.len() < 2 && ports.first().copied().unwrap_or_default() == port
}

fn is_tls(route: &Value, (port, hosts): &(u64, Vec<String>)) -> bool {
    let named = matches(route).flat_map(|one| one["sniHosts"].as_array().into_iter().flatten());
    let named: BTreeSet<&str> = named.filter_map(Value::as_str).collect();
    is_tcp(route, *port) && named == hosts.iter().map(String::as_str).collect()
}

fn read(router: &Router, route: &Value) -> Result<Route, Problem> {
    let destinations = route["route"].as_array().map_or(&[][..], Vec::as_slice);
    let left_out = if destinations.len() == 1 { 100 } else { 0 };
    Route::of(destinations.iter().map(|destination| {
        let weight = &destination["weight"];
        let weight = if weight.is_null() { Some(left_out) } else { weight.as_u64() };
        (track(router, &destination["destination"]), weight)
    }))
}

/// Who a destination is: by service or by subset.
fn track(router: &Router, destination: &Value) -> Track {
    let host = destination["host"].as_str().and_then(|host| host.split('.').next());
    let subset = destination["subset"].as_str();
    let is = |service: &str, wanted: Option<&String>| {
        (!service.is_empty() && host == Some(service)) || wanted.is_some_and(|wanted| subset == Some(wanted))
    };
    let (canary, stable) = router.subsets.as_ref().map(|(canary, stable)| (canary, stable)).unzip();
    if is(&router.canary_service, canary) {
        Track::Canary
    } else if is(&router.stable_service, stable) {
        Track::Stable
    } else {
        Track::Other
    }
}
