//! A server's place: what reaches it is passed on and written down, unless a fault befalls it.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Checked;
use crate::authority::{self, Shown, TlsListener};
use crate::fault::{self, Fault};
use crate::relay::{Relay, Way};

/// What stands behind.
enum Server {
    Kubernetes(kube::Client),
    Prometheus(reqwest::Client, String),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Method, path and query.
    pub line: String,
    /// Whether it changes a workload; not those that only make a controller look again.
    pub is_write: bool,
    /// Whether it is what the heartbeat asks.
    pub is_beat: bool,
    /// Status that the server answered, whatever became of the answer; `None` if it was not asked.
    pub server: Option<u16>,
}

struct Shared {
    server: Server,
    shown: Shown,
    relay: Relay,
    faults: watch::Sender<Option<Fault>>,
    /// A fault that begins with the next write; whether the server carries that write out.
    armed: Mutex<Option<(Fault, bool)>>,
    seen: Mutex<Vec<Seen>>,
}

/// A proxy; it is gone when dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    _end: DropGuard,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Stands in for the API server of `config`. Who speaks is told by the requests.
    pub async fn of_kubernetes(mut config: kube::Config) -> Checked<Self> {
        config.auth_info = kube::config::AuthInfo::default();
        config.default_retry = false;
        config.read_timeout = None;
        Self::open(Server::Kubernetes(kube::Client::try_from(config)?), true).await
    }

    /// Stands in for a Prometheus.
    pub async fn of_prometheus(url: String) -> Checked<Self> {
        Self::open(Server::Prometheus(reqwest::Client::builder().no_proxy().build()?, url), false).await
    }

    async fn open(server: Server, tls: bool) -> Checked<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let relay = Relay::to(listener.local_addr()?).await?;
        let shown = Shown::new(Mutex::new(authority::both()?[0].server()));
        let shared = Arc::new(Shared {
            server,
            shown: Arc::clone(&shown),
            relay,
            faults: watch::Sender::new(None),
            armed: Mutex::default(),
            seen: Mutex::default(),
        });
        let end = CancellationToken::new();
        let (router, ended) = (Router::new().fallback(pass).with_state(Arc::clone(&shared)), end.clone());
        tokio::spawn(async move {
            let served = async {
                if tls {
                    axum::serve(TlsListener::over(listener, shown)?, router).await
                } else {
                    axum::serve(listener, router).await
                }
            };
            tokio::select! {
                _ = served => {}
                () = ended.cancelled() => {}
            }
        });
        Ok(Self { shared, _end: end.drop_guard() })
    }

    /// Returns where it is to be found.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.shared.relay.port())
    }

    /// Begins a fault.
    pub fn begin(&self, fault: Fault) {
        self.shared.begin(fault);
    }

    /// Begins a fault with the next write, which the server carries out or never sees.
    pub fn begin_with_write(&self, fault: Fault, carried_out: bool) {
        *locked(&self.shared.armed) = Some((fault, carried_out));
    }

    /// Whether a fault has begun.
    pub fn has_begun(&self) -> bool {
        self.shared.faults.borrow().is_some()
    }

    /// Ends the fault. What hangs goes on hanging.
    pub fn heal(&self) -> Checked {
        let fault = self.shared.faults.send_replace(None);
        *locked(&self.shared.shown) = authority::both()?[0].server();
        if matches!(fault, Some(Fault::Refused | Fault::Reset | Fault::OtherAuthority)) {
            self.shared.relay.change(Way::Open);
        }
        Ok(())
    }

    /// Returns what came so far.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }

    /// Returns the writes that came so far, but those that met a conflict: nothing was written then.
    pub fn writes(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.is_write && seen.server != Some(409)).collect()
    }
}

impl Shared {
    fn begin(&self, fault: Fault) {
        if fault == Fault::OtherAuthority {
            if let Ok([_, other]) = authority::both() {
                *locked(&self.shown) = other.server();
            }
        }
        self.faults.send_replace(Some(fault));
        match fault {
            Fault::Refused => self.relay.change(Way::Closed),
            Fault::Reset => self.relay.change(Way::Resets),
            Fault::OtherAuthority => self.relay.change(Way::Open),
            _ => {}
        }
    }

    async fn ask(&self, request: Request<Bytes>) -> Response<Body> {
        let asked = match &self.server {
            Server::Kubernetes(client) => client
                .send(request.map(|body| kube::client::Body::from(body.to_vec())))
                .await
                .ok()
                .map(|a| a.map(Body::new)),
            Server::Prometheus(client, url) => {
                let (head, body) = request.into_parts();
                let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
                let asked = client.request(head.method, format!("{url}{path}")).headers(head.headers).body(body);
                asked.send().await.ok().map(|answer| {
                    let answer: Response<reqwest::Body> = answer.into();
                    answer.map(Body::new)
                })
            }
        };
        // The server is away: this end shows it the same way.
        asked.unwrap_or_else(|| hang_up())
    }
}

/// Ends the connection without a word.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the server is away"))
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(header::HOST);
    let Ok(body) = to_bytes(body, usize::MAX).await else { hang_up() };
    let kubernetes = matches!(shared.server, Server::Kubernetes(_));
    let watches = kubernetes && head.uri.query().is_some_and(|query| query.contains("watch=true"));
    let request = Request::from_parts(head, body);
    let (place, is_write) = note(&shared, &request, kubernetes);
    let armed = locked(&shared.armed).take_if(|_| is_write);
    if let Some((fault, carried_out)) = armed {
        if !carried_out {
            shared.begin(fault);
            return answered(&shared, fault, (watches, kubernetes), request, None).await;
        }
        let answer = shared.ask(request.clone()).await;
        locked(&shared.seen)[place].server = Some(answer.status().as_u16());
        if answer.status() == StatusCode::CONFLICT {
            // Nothing was written: the next try is the one.
            *locked(&shared.armed) = Some((fault, carried_out));
            return answer;
        }
        shared.begin(fault);
        return answered(&shared, fault, (watches, kubernetes), request, Some(answer)).await;
    }
    let fault = *shared.faults.borrow();
    let answer = match fault {
        Some(fault) => answered(&shared, fault, (watches, kubernetes), request, None).await,
        None => shared.ask(request).await,
    };
    if fault.is_none_or(Fault::spares_all_but_watches) {
        locked(&shared.seen)[place].server = Some(answer.status().as_u16());
    }
    if watches && fault.is_none() { answer.map(|body| fault::carry(body, shared.faults.subscribe())) } else { answer }
}

/// Answers under a fault. `answer` is that of the server, where it was asked already.
async fn answered(
    shared: &Shared,
    fault: Fault,
    (watches, kubernetes): (bool, bool),
    request: Request<Bytes>,
    answer: Option<Response<Body>>,
) -> Response<Body> {
    if let Some(instead) = fault.answer(watches, kubernetes).await {
        return instead;
    }
    let answer = match answer {
        Some(answer) => answer,
        None => shared.ask(request).await,
    };
    if fault.spares_all_but_watches() { answer } else { fault.harm(answer).await }
}

/// Writes a request down; returns its place, and whether it is a write.
fn note(shared: &Shared, request: &Request<Bytes>, kubernetes: bool) -> (usize, bool) {
    let path = request.uri().path();
    let is_nudge = || {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        body["metadata"]["annotations"]["release-cockpit/nudged-at"].is_string()
    };
    let is_write = kubernetes && request.method() == Method::PATCH && !is_nudge();
    let mut seen = locked(&shared.seen);
    seen.push(Seen {
        at: Instant::now(),
        line: format!("{} {}", request.method(), request.uri()),
        is_write,
        is_beat: request.method() == Method::GET && path.ends_with("/rollouts/api"),
        server: None,
    });
    (seen.len() - 1, is_write)
}
