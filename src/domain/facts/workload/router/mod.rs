//! Traffic routers: the objects whose weights Argo Rollouts manages, and what they say themselves.
//!
//! Source of names and fields: Argo Rollouts v1.9 `rollout/trafficrouting/*`, `utils/ingress`, `utils/istio`, and the plugin
//! `argoproj-labs/gatewayAPI`.

mod parse;
mod read;
mod split;
mod virtual_service;

use serde::{Deserialize, Serialize};

use super::kind::Resource;

/// How requests are split between canary and stable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Service that selects the canary's pods.
    pub canary_service: String,
    /// Service that selects stable's pods.
    pub stable_service: String,
    /// Istio: subsets of a DestinationRule, canary's and stable's.
    pub subsets: Option<(String, String)>,
    /// Names of the routes that steps add and remove: `managedRoutes`.
    pub managed_routes: Vec<String>,
    /// The objects whose weights are managed: the controller sets all of them alike.
    pub objects: Vec<RouterObject>,
}

/// An object whose weights are managed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouterObject {
    pub kind: RouterKind,
    /// The namespace that it lies in, where that is not the workload's.
    pub namespace: Option<String>,
    pub name: String,
}

/// The kinds of routers, and which part of their object is managed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouterKind {
    /// ingress-nginx: an Ingress of its own for the canary, with annotations that begin with `prefix`.
    Nginx {
        prefix: String,
    },
    /// AWS load balancer controller: an annotation on the Ingress, named after the service of `action`.
    Alb {
        prefix: String,
        action: String,
    },
    VirtualService(ManagedRoutes),
    /// Gateway API, by the plugin `argoproj-labs/gatewayAPI`.
    HttpRoute,
    /// The same for gRPC.
    GrpcRoute,
    TrafficSplit,
    TraefikService,
    /// Blue-green: the Service that the users reach.
    ActiveService,
    /// One whose objects are not read: the controller's report is all there is.
    NotRead,
}

/// The routes of a VirtualService whose weights are managed. Of a protocol for which none is named it is the only one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManagedRoutes {
    /// By name.
    pub http: Vec<String>,
    /// By port (0: none) and names of the server.
    pub tls: Vec<(u64, Vec<String>)>,
    /// By port (0: none).
    pub tcp: Vec<u64>,
}

impl RouterObject {
    /// Returns the resource, where it is read.
    #[must_use]
    pub fn resource(&self) -> Option<Resource> {
        Some(match self.kind {
            RouterKind::Nginx { .. } | RouterKind::Alb { .. } => Resource::INGRESS,
            RouterKind::VirtualService(_) => Resource::VIRTUAL_SERVICE,
            RouterKind::HttpRoute => Resource::HTTP_ROUTE,
            RouterKind::GrpcRoute => Resource::GRPC_ROUTE,
            RouterKind::TrafficSplit => Resource::TRAFFIC_SPLIT,
            RouterKind::TraefikService => Resource::TRAEFIK_SERVICE,
            RouterKind::ActiveService => Resource::SERVICE,
            RouterKind::NotRead => return None,
        })
    }

    /// Returns kind and name, e.g. `Ingress web-web-canary`.
    #[must_use]
    pub fn label(&self) -> String {
        let kind = self.resource().map_or("router", |resource| resource.kind);
        match &self.namespace {
            Some(namespace) => format!("{kind} {namespace}/{}", self.name),
            None => format!("{kind} {}", self.name),
        }
    }

    /// Returns that reading it failed: whom it sends requests to is not known now.
    #[must_use]
    pub fn failed(&self, why: &str) -> Vec<Routed> {
        self.says(RoutedTo::Failed(format!("was not read: {why}")))
    }

    /// Returns that it cannot be read, with this login or at all.
    #[must_use]
    pub fn unreadable(&self, why: &str) -> Vec<Routed> {
        self.says(RoutedTo::Unreadable(format!("cannot be read: {why}")))
    }

    fn says(&self, to: RoutedTo) -> Vec<Routed> {
        vec![Routed { object: self.label(), to }]
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
    /// Not to be had: why.
    Unreadable(String),
    /// Not known now, for looking at it has failed: why.
    Failed(String),
}

impl Router {
    /// Makes the router of a blue-green Rollout: the active Service.
    #[must_use]
    pub fn active_service(name: &str) -> Self {
        let service = RouterObject { kind: RouterKind::ActiveService, namespace: None, name: name.to_owned() };
        Self { objects: vec![service], ..Self::default() }
    }

    /// Returns the objects that are read.
    pub fn read_objects(&self) -> impl Iterator<Item = (&RouterObject, Resource)> {
        self.objects.iter().filter_map(|object| Some((object, object.resource()?)))
    }
}

#[cfg(test)]
mod tests;
