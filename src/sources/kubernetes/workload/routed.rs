//! What the watches of a router's objects have told.

use std::collections::{BTreeMap, BTreeSet};

use kube::runtime::watcher::Event;
use serde_json::Value;

use crate::domain::facts::workload::router::{Routed, Router, RouterObject};
use crate::sources::kubernetes::health::WatchProblem;
use crate::sources::kubernetes::raw::Raw;

/// What each object says, and which of them have not turned up in the list that is being read.
#[derive(Debug, Default)]
pub(super) struct RoutedObjects {
    said: BTreeMap<RouterObject, Vec<Routed>>,
    awaited: BTreeSet<RouterObject>,
}

impl RoutedObjects {
    /// Takes in what the watch of an object said; returns whether that is news.
    pub(super) fn take(
        &mut self,
        router: &Router,
        object: RouterObject,
        event: Result<Event<Raw<Value>>, WatchProblem>,
    ) -> bool {
        let says = match event {
            Ok(Event::Init) => {
                self.awaited.insert(object);
                return false;
            }
            Ok(Event::InitDone) if !self.awaited.remove(&object) => return false,
            Ok(Event::InitDone | Event::Delete(_)) => router.read(&object, None),
            Ok(Event::Apply(raw) | Event::InitApply(raw)) => {
                self.awaited.remove(&object);
                router.read(&object, raw.kept.as_ref())
            }
            Err(problem) if problem.denial.is_some() => object.unreadable(&problem.why),
            Err(problem) => object.failed(&problem.why),
        };
        let is_news = self.said.get(&object) != Some(&says);
        self.said.insert(object, says);
        is_news
    }

    /// Returns whether every object that is read has said something, or cannot be read.
    pub(super) fn is_complete(&self, router: &Router) -> bool {
        router.read_objects().all(|(object, _)| self.said.contains_key(object))
    }

    pub(super) fn all(&self) -> Vec<Routed> {
        self.said.values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::workload::router::RoutedTo;
    use crate::sources::kubernetes::health::Denial;
    use serde_json::json;

    const TWO: &str = r#"{"canaryService": "new", "stableService": "old",
        "trafficRouting": {"istio": {"virtualServices": [{"name": "a"}, {"name": "b"}]}}}"#;

    fn router() -> Router {
        Router::parse("web", &serde_json::from_str(TWO).unwrap()).unwrap()
    }

    fn service(canary: u32) -> Raw<Value> {
        let route = json!([{"destination": {"host": "old"}, "weight": 100 - canary},
            {"destination": {"host": "new"}, "weight": canary}]);
        serde_json::from_value(json!({"metadata": {}, "spec": {"http": [{"route": route}]}})).unwrap()
    }

    fn said(routed: &RoutedObjects) -> Vec<(String, RoutedTo)> {
        routed.all().into_iter().map(|routed| (routed.object, routed.to)).collect()
    }

    /// Nobody waits for ever for an object that is not there, and what was known stays while it is listed anew.
    #[test]
    fn each_object_is_heard_of_or_named_as_unknown() {
        let (router, mut routed) = (router(), RoutedObjects::default());
        let [a, b] = [router.objects[0].clone(), router.objects[1].clone()];
        for event in [Event::Init, Event::InitApply(service(20)), Event::InitDone] {
            routed.take(&router, a.clone(), Ok(event));
        }
        assert!(!routed.is_complete(&router));
        let problem = WatchProblem { denial: Some(Denial::Forbidden), ..WatchProblem::new("403 Forbidden", true) };
        assert!(routed.take(&router, b.clone(), Err(problem)));
        assert!(routed.is_complete(&router));
        let unreadable = RoutedTo::Unreadable("cannot be read: 403 Forbidden".to_owned());
        assert_eq!(
            said(&routed),
            [("VirtualService a".to_owned(), RoutedTo::Canary(20, 100)), ("VirtualService b".to_owned(), unreadable)]
        );
        routed.take(&router, a.clone(), Ok(Event::Init));
        assert_eq!(said(&routed)[0].1, RoutedTo::Canary(20, 100));
        assert!(routed.take(&router, a.clone(), Ok(Event::InitDone)));
        assert_eq!(said(&routed)[0].1, RoutedTo::Unreadable("does not exist".to_owned()));
        assert!(routed.take(&router, a, Err(WatchProblem::new("connection lost", false))));
        assert_eq!(said(&routed)[0].1, RoutedTo::Failed("was not read: connection lost".to_owned()));
        // The watch is made anew, and lists: nothing has to change for the failure to be over.
        assert!(!routed.take(&router, router.objects[0].clone(), Ok(Event::Init)));
        assert!(routed.take(&router, router.objects[0].clone(), Ok(Event::InitApply(service(20)))));
        assert!(!routed.take(&router, router.objects[0].clone(), Ok(Event::InitDone)));
        assert_eq!(said(&routed)[0].1, RoutedTo::Canary(20, 100));
    }
}
