use super::*;

use proptest::prelude::*;
use serde_json::{Value, json};

fn router(routing: &Value) -> Router {
    let canary = json!({"canaryService": "new", "stableService": "old", "trafficRouting": routing});
    Router::parse("web", &canary).unwrap()
}

/// Returns the splits of the first object.
fn splits(routing: &Value, object: &Value) -> Vec<(u32, u32)> {
    let router = router(routing);
    let split = |routed: Routed| match routed.to {
        RoutedTo::Canary(canary, whole) => Some((canary, whole)),
        _ => None,
    };
    router.read(&router.objects[0], Some(object)).into_iter().filter_map(split).collect()
}

fn read(routing: &Value, object: &Value) -> Option<(u32, u32)> {
    let splits = splits(routing, object);
    assert!(splits.len() < 2, "{splits:?}");
    splits.first().copied()
}

fn names(routing: &Value) -> Vec<String> {
    router(routing).objects.iter().map(RouterObject::label).collect()
}

#[test]
fn ingress_of_the_canary_has_the_weight_in_an_annotation() {
    let routing = json!({"nginx": {"stableIngress": "shop"}});
    assert_eq!(names(&routing), ["Ingress web-shop-canary"]);
    let weight = |value: &str| {
        json!({"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": value}}})
    };
    assert_eq!(read(&routing, &weight("75")), Some((75, 100)));
    assert_eq!(read(&routing, &json!({"metadata": {}})), Some((0, 100)));
    assert_eq!(read(&routing, &weight("many")), None);
    let router = router(&routing);
    assert_eq!(router.read(&router.objects[0], None)[0].to, RoutedTo::Canary(0, 100));
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
    let router = Router::active_service("web");
    assert_eq!(router.read(&router.objects[0], Some(&service))[0].to, RoutedTo::Hash("6c9f7".to_owned()));
}

#[test]
fn unknown_routers_are_not_read() {
    let plugin = router(&json!({"plugins": {"somebody/else": {}}, "ambassador": {"mappings": ["a"]}}));
    assert_eq!((plugin.objects.len(), plugin.read_objects().count()), (2, 0));
}

#[test]
fn every_object_of_every_router_is_found() {
    let nginx = json!({"nginx": {"stableIngresses": ["a", "b"]}, "smi": {}, "managedRoutes": [{"name": "h"}]});
    assert_eq!(names(&nginx), ["Ingress web-a-canary", "Ingress web-b-canary", "TrafficSplit web"]);
    assert_eq!(names(&json!({"alb": {"ingresses": ["a", "b"]}})), ["Ingress a", "Ingress b"]);
    let istio =
        json!({"istio": {"virtualServices": [{"name": "a"}, {"name": "b.shop"}, {"name": "c.d.shop.cluster.local"}]}});
    assert_eq!(names(&istio), ["VirtualService a", "VirtualService shop/b", "VirtualService shop/c.d"]);
    let gateway = json!({"plugins": {"argoproj-labs/gatewayAPI": {"namespace": "edge", "httpRoutes": [{"name": "a"}],
        "grpcRoutes": [{"name": "b"}], "tcpRoutes": [{"name": "c"}], "httpRouteSelector": {"matchLabels": {"a": "b"}}}}});
    assert_eq!(
        names(&gateway),
        ["HTTPRoute edge/a", "GRPCRoute edge/b", "router edge/c", "router edge/httpRouteSelector"]
    );
}

/// As `createHeaderRoute` and `orderRoutes` of Argo Rollouts write it: for a header all goes to the canary, and that route comes
/// first.
#[test]
fn a_route_for_a_header_is_not_the_weight() {
    let managed = json!([{"name": "set-header-1"}]);
    let header = |destination: Value| {
        json!({"name": "set-header-1", "match": [{"headers": {"x-canary": {"exact": "true"}}}],
            "route": [{"destination": destination, "weight": 100}]})
    };
    let by_service = json!({"spec": {"http": [header(json!({"host": "new"})), {"name": "primary", "route": [
        {"destination": {"host": "old"}, "weight": 95}, {"destination": {"host": "new"}, "weight": 5}]}]}});
    let by_subset = json!({"spec": {"http": [header(json!({"host": "web", "subset": "c"})), {"name": "primary", "route": [
        {"destination": {"host": "web", "subset": "s"}, "weight": 95},
        {"destination": {"host": "web", "subset": "c"}, "weight": 5}]}]}});
    let rule = json!({"canarySubsetName": "c", "stableSubsetName": "s"});
    for routes in [json!(["primary"]), json!([])] {
        let service = json!({"name": "shop", "routes": routes});
        for managed in [&managed, &json!([])] {
            let services = json!({"istio": {"virtualService": service}, "managedRoutes": managed});
            assert_eq!(read(&services, &by_service), Some((5, 100)));
            let subsets =
                json!({"istio": {"virtualService": service, "destinationRule": rule}, "managedRoutes": managed});
            assert_eq!(read(&subsets, &by_subset), Some((5, 100)));
        }
    }
    let alone = json!({"spec": {"http": [header(json!({"host": "new"}))]}});
    let istio = json!({"istio": {"virtualService": {"name": "shop"}}, "managedRoutes": managed});
    assert_eq!(splits(&istio, &alone), []);
}

#[test]
fn a_header_of_an_alb_is_not_the_weight() {
    let group = |service: &str, weight: u32| json!({"ServiceName": service, "ServicePort": "80", "Weight": weight});
    let action = |groups: &[Value]| json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}).to_string();
    let ingress = json!({"metadata": {"annotations": {
        "alb.ingress.kubernetes.io/actions.header": action(&[group("new", 100)]),
        "alb.ingress.kubernetes.io/actions.old": action(&[group("new", 5), group("old", 95)]),
    }}});
    assert_eq!(
        read(&json!({"alb": {"ingress": "shop"}, "managedRoutes": [{"name": "header"}]}), &ingress),
        Some((5, 100))
    );
    assert_eq!(read(&json!({"alb": {"ingress": "shop", "rootService": "gone"}}), &ingress), Some((5, 100)));
}

/// As `createMirrorRoute` writes it: split as the others are, and copied to the canary.
#[test]
fn mirrored_requests_serve_nobody_and_their_route_is_split() {
    let route = |weight: u32| json!([{"destination": {"host": "old"}, "weight": 100 - weight}, {"destination": {"host": "new"}, "weight": weight}]);
    let service = |mirror: u32, primary: u32| {
        json!({"spec": {"http": [
            {"name": "mirror", "match": [{"method": {"exact": "GET"}}], "route": route(mirror), "mirror": {"host": "new"},
                "mirrorPercentage": {"value": 100.0}},
            {"name": "primary", "route": route(primary)}]}})
    };
    let routing = json!({"istio": {"virtualService": {"name": "shop", "routes": ["primary"]}}, "managedRoutes": [{"name": "mirror"}]});
    assert_eq!(splits(&routing, &service(0, 0)), [(0, 100)]);
    assert_eq!(splits(&routing, &service(20, 0)), [(0, 100), (20, 100)]);
}

#[test]
fn only_named_routes_of_a_virtual_service_are_the_rollouts() {
    let route = |weight: u32| json!([{"destination": {"host": "old"}, "weight": 100 - weight}, {"destination": {"host": "new"}, "weight": weight}]);
    let service = json!({"spec": {
        "http": [{"name": "a", "route": route(50)}, {"name": "b", "route": route(5)}],
        "tls": [{"match": [{"port": 443, "sniHosts": ["x"]}], "route": route(6)}, {"match": [{"port": 444}], "route": route(60)}],
        "tcp": [{"match": [{"port": 1}], "route": route(7)}, {"match": [{"port": 2}], "route": route(70)}]}});
    let named = json!({"istio": {"virtualService": {"name": "shop", "routes": ["b"],
        "tlsRoutes": [{"port": 443, "sniHosts": ["x"]}], "tcpRoutes": [{"port": 1}]}}});
    assert_eq!(splits(&named, &service), [(5, 100), (6, 100), (7, 100)]);
    let all = json!({"istio": {"virtualService": {"name": "shop"}}});
    assert_eq!(splits(&all, &service).len(), 6);
    let one = json!({"spec": {"http": [{"route": [{"destination": {"host": "new"}}]}]}});
    assert_eq!(splits(&all, &one), [(100, 100)], "no route names both");
}

#[test]
fn rules_of_a_gateway_count_each_for_itself() {
    let rule = |name: &str, backends: Value| json!({"name": name, "backendRefs": backends});
    let both = |canary: u32| json!([{"name": "old", "weight": 100 - canary}, {"name": "new", "weight": canary}]);
    let routing =
        json!({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}, "managedRoutes": [{"name": "header"}]});
    let header = rule("header-1", json!([{"name": "new"}]));
    let route = |rules: Value| json!({"spec": {"rules": rules}});
    assert_eq!(splits(&routing, &route(json!([rule("a", both(5)), header]))), [(5, 100)]);
    assert_eq!(splits(&routing, &route(json!([rule("a", both(0)), rule("b", both(20))]))), [(0, 100), (20, 100)]);
    let mut mirrored = rule("a", both(0));
    mirrored["filters"] = json!([{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "new"}}}]);
    assert_eq!(splits(&routing, &route(json!([mirrored]))), [(0, 100)]);
    assert_eq!(splits(&routing, &route(json!([header]))), []);
}

#[test]
fn what_tells_no_split_says_why() {
    let router = router(&json!({"smi": {}}));
    let says = |object: Option<&Value>| router.read(&router.objects[0], object)[0].to.clone();
    let backends = |canary: Value| json!({"spec": {"backends": [{"service": "old", "weight": "100"}, {"service": "new", "weight": canary}]}});
    assert_eq!(says(Some(&backends(json!("25")))), RoutedTo::Canary(25, 125));
    for (object, why) in [
        (Some(backends(json!("5m"))), "has a weight that is no number"),
        (Some(json!({"spec": {"backends": [{"service": "else", "weight": 1}]}})), "names neither canary nor stable"),
        (
            Some(json!({"spec": {"backends": [{"service": "new", "weight": 0}]}})),
            "gives weight to neither canary nor stable",
        ),
        (None, "does not exist"),
    ] {
        assert_eq!(says(object.as_ref()), RoutedTo::Unreadable(why.to_owned()));
    }
}

proptest! {
    /// Whatever other rules there are for chosen requests, and wherever they stand, the weight is what it is.
    #[test]
    fn routes_for_chosen_requests_never_change_the_weight(
        weight in 0_u32..=100, before in 0_usize..3, after in 0_usize..3, to_canary in any::<bool>(),
    ) {
        let service = if to_canary { "new" } else { "old" };
        let istio = json!({"name": "chosen", "route": [{"destination": {"host": service}, "weight": 100}]});
        let split = json!({"route": [{"destination": {"host": "old"}, "weight": 100 - weight},
            {"destination": {"host": "new"}, "weight": weight}]});
        let all = |one: &Value, split: Value| -> Vec<Value> {
            std::iter::repeat_n(one.clone(), before).chain([split]).chain(std::iter::repeat_n(one.clone(), after)).collect()
        };
        let object = json!({"spec": {"http": all(&istio, split)}});
        prop_assert_eq!(splits(&json!({"istio": {"virtualService": {"name": "shop"}}}), &object), [(weight, 100)]);
        let rule = json!({"backendRefs": [{"name": service, "weight": 7}]});
        let split = json!({"backendRefs": [{"name": "old", "weight": 100 - weight}, {"name": "new", "weight": weight}]});
        let object = json!({"spec": {"rules": all(&rule, split)}});
        let gateway = json!({"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}});
        prop_assert_eq!(splits(&gateway, &object), [(weight, 100)]);
    }
}
