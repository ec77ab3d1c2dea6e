//! A server's place: what reaches it is passed on and written down, unless a fault befalls it.
//!
//! What was really sent is told here, not by the code under test.

mod authority;
mod fault;
mod record;
mod relay;

use std::net::Ipv4Addr;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::check::Checked;
use crate::http::http_client;
use authority::{Authorities, Shown, TlsListener};

pub use fault::{Fault, WriteFault};
pub use record::Recorded;
pub use relay::{Relay, Way};

enum Upstream {
    Kubernetes(kube::Client),
    Http(reqwest::Client, String),
}

/// What befalls the next write.
#[derive(Clone, Copy)]
enum NextWrite {
    Fault(WriteFault),
    /// A fault that lasts begins with it; whether the server carries the write out.
    Begins {
        fault: Fault,
        carried_out: bool,
    },
}

/// Changes an answer in JSON.
pub type Rewrite = Box<dyn Fn(&mut Value) + Send>;

struct Shared {
    upstream: Upstream,
    relay: Relay,
    /// The certificates it may show, where it speaks TLS.
    tls: Option<(Authorities, Shown)>,
    fault: watch::Sender<Option<Fault>>,
    next_write: Mutex<Option<NextWrite>>,
    /// Whether a write is held.
    held: watch::Sender<bool>,
    rewrite: Mutex<Option<Rewrite>>,
    recorded: Mutex<RequestLog>,
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
    /// Stands in for the API server of `config`, without TLS. Who speaks is told by the requests.
    pub async fn of_kubernetes(config: kube::Config) -> Checked<Self> {
        Self::open(Upstream::Kubernetes(client(config)?), None).await
    }

    /// Stands in for the API server of `config`, with a certificate of its own authority.
    pub async fn of_kubernetes_with_tls(config: kube::Config) -> Checked<Self> {
        let authorities = Authorities::make()?;
        Self::open(Upstream::Kubernetes(client(config)?), Some(authorities)).await
    }

    /// Stands in for another server, e.g. a Prometheus.
    pub async fn of_http(url: String) -> Checked<Self> {
        Self::open(Upstream::Http(http_client(), url), None).await
    }

    async fn open(upstream: Upstream, authorities: Option<Authorities>) -> Checked<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let relay = Relay::to(listener.local_addr()?).await?;
        let tls = authorities.map(|both| {
            let shown = Shown::new(Mutex::new(both.trusted.server()));
            (both, shown)
        });
        let shown = tls.as_ref().map(|(_, shown)| Arc::clone(shown));
        let shared = Arc::new(Shared {
            upstream,
            relay,
            tls,
            fault: watch::Sender::new(None),
            next_write: Mutex::default(),
            held: watch::Sender::new(false),
            rewrite: Mutex::default(),
            recorded: Mutex::default(),
        });
        let end = CancellationToken::new();
        let (router, ended) = (Router::new().fallback(pass).with_state(Arc::clone(&shared)), end.clone());
        tokio::spawn(async move {
            let served = async {
                match shown {
                    Some(shown) => axum::serve(TlsListener::over(listener, shown)?, router).await,
                    None => axum::serve(listener, router).await,
                }
            };
            tokio::select! {
                _ = served => {}
                () = ended.cancelled() => {}
            }
        });
        Ok(Self { shared, _end: end.drop_guard() })
    }

    /// Where it is to be found.
    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.shared.relay.port())
    }

    /// The certificate of the authority to trust, where it speaks TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.shared.tls.as_ref().map(|(both, _)| both.trusted.file())
    }

    pub fn begin(&self, fault: Fault) {
        self.shared.begin(fault);
    }

    /// Begins a fault with the next write, which the server carries out or never sees.
    pub fn begin_with_write(&self, fault: Fault, carried_out: bool) {
        *locked(&self.shared.next_write) = Some(NextWrite::Begins { fault, carried_out });
    }

    /// Whether a fault has begun.
    pub fn has_begun(&self) -> bool {
        self.shared.fault.borrow().is_some()
    }

    /// Ends the fault. What hangs goes on hanging.
    pub fn heal(&self) {
        let fault = self.shared.fault.send_replace(None);
        if let Some((both, shown)) = &self.shared.tls {
            *locked(shown) = both.trusted.server();
        }
        if matches!(fault, Some(Fault::Refused | Fault::Reset | Fault::OtherAuthority)) {
            self.shared.relay.change(Way::Open);
        }
    }

    /// Lets the next write fail.
    pub fn fail_next_write(&self, fault: WriteFault) {
        *locked(&self.shared.next_write) = Some(NextWrite::Fault(fault));
        self.shared.held.send_replace(false);
    }

    /// Waits until a write is held.
    pub async fn held(&self) -> Checked {
        self.shared.held.subscribe().wait_for(|held| *held).await?;
        Ok(())
    }

    /// Ends the connection of the held write.
    pub fn drop_held(&self) {
        self.shared.held.send_replace(false);
    }

    /// Changes every answer in JSON from now on, or none.
    pub fn rewrite(&self, rewrite: Option<Rewrite>) {
        *locked(&self.shared.rewrite) = rewrite;
    }

    pub fn requests(&self) -> Vec<Recorded> {
        locked(&self.shared.recorded).requests.clone()
    }

    pub fn forget(&self) {
        locked(&self.shared.recorded).forget();
    }

    /// The writes to workloads so far, but nudges. The shared record is written beside them, whenever it is.
    pub fn writes(&self) -> Vec<Recorded> {
        let is_one = |request: &Recorded| request.is_write && !request.is_nudge() && !request.is_record();
        self.requests().into_iter().filter(is_one).collect()
    }

    /// The writes that may have had an effect: all but nudges and those that met a conflict.
    pub fn writes_without_conflicts(&self) -> Vec<Recorded> {
        self.writes().into_iter().filter(|write| write.answer != Some(409)).collect()
    }

    /// The writes that the server took, but nudges.
    pub fn accepted(&self) -> Vec<Recorded> {
        self.writes().into_iter().filter(Recorded::is_accepted).collect()
    }
}

fn client(mut config: kube::Config) -> Checked<kube::Client> {
    config.auth_info = kube::config::AuthInfo::default();
    config.default_retry = false;
    config.read_timeout = None;
    Ok(kube::Client::try_from(config)?)
}

/// The requests since they were last forgotten, by their places among all.
#[derive(Default)]
struct RequestLog {
    forgotten: usize,
    requests: Vec<Recorded>,
}

impl RequestLog {
    fn push(&mut self, request: Recorded) -> usize {
        self.requests.push(request);
        self.forgotten + self.requests.len() - 1
    }

    /// An answer to what is forgotten by now must not be taken for the answer to a later request.
    fn note_answer(&mut self, place: usize, status: u16) {
        let place = place.checked_sub(self.forgotten);
        if let Some(request) = place.and_then(|place| self.requests.get_mut(place)) {
            request.answer = Some(status);
        }
    }

    fn forget(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
    }
}

/// Ends the connection without a word.
fn hang_up() -> ! {
    resume_unwind(Box::new("the connection was cut"))
}

impl Shared {
    fn begin(&self, fault: Fault) {
        if let (Fault::OtherAuthority, Some((both, shown))) = (fault, &self.tls) {
            *locked(shown) = both.other.server();
        }
        self.fault.send_replace(Some(fault));
        match fault {
            Fault::Refused => self.relay.change(Way::Closed),
            Fault::Reset => self.relay.change(Way::Resets),
            Fault::OtherAuthority => self.relay.change(Way::Open),
            _ => {}
        }
    }

    fn is_kubernetes(&self) -> bool {
        matches!(self.upstream, Upstream::Kubernetes(_))
    }

    fn record(&self, request: &Request<Bytes>) -> (usize, bool) {
        let request = Recorded::of(request);
        let is_write = request.is_write && !request.is_nudge() && !request.is_record();
        (locked(&self.recorded).push(request), is_write)
    }

    fn note_answer(&self, place: usize, status: u16) {
        locked(&self.recorded).note_answer(place, status);
    }

    async fn ask(&self, request: Request<Bytes>) -> Response<Body> {
        let asked = match &self.upstream {
            Upstream::Kubernetes(client) => client
                .send(request.map(|body| kube::client::Body::from(body.to_vec())))
                .await
                .ok()
                .map(|answer| answer.map(Body::new)),
            Upstream::Http(client, url) => {
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

    /// Holds a write until its connection is to end.
    async fn hold(&self) -> ! {
        self.held.send_replace(true);
        // It fails only when the proxy is gone.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        hang_up()
    }

    async fn rewritten(&self, answer: Response<Body>) -> Response<Body> {
        if locked(&self.rewrite).is_none() {
            return answer;
        }
        let (mut head, body) = answer.into_parts();
        let Ok(bytes) = to_bytes(body, usize::MAX).await else { hang_up() };
        let Ok(mut json) = serde_json::from_slice(&bytes) else { return Response::from_parts(head, bytes.into()) };
        if let Some(rewrite) = &*locked(&self.rewrite) {
            rewrite(&mut json);
        }
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::TRANSFER_ENCODING);
        Response::from_parts(head, json.to_string().into())
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(header::HOST);
    let Ok(body) = to_bytes(body, usize::MAX).await else { hang_up() };
    let watches = shared.is_kubernetes() && head.uri.query().is_some_and(|query| query.contains("watch=true"));
    let request = Request::from_parts(head, body);
    let (place, is_write) = shared.record(&request);
    let next_write = locked(&shared.next_write).take_if(|_| is_write);
    match next_write {
        Some(NextWrite::Fault(fault)) => return fail_write(&shared, fault, place, request).await,
        Some(NextWrite::Begins { fault, carried_out }) => {
            return begin_with(&shared, (fault, carried_out), place, request).await;
        }
        None => {}
    }
    let fault = *shared.fault.borrow();
    let answer = match fault {
        Some(fault) => answer_under(&shared, fault, watches, request, None).await,
        None => shared.ask(request).await,
    };
    if fault.is_none_or(Fault::spares_all_but_watches) {
        shared.note_answer(place, answer.status().as_u16());
    }
    match (fault, watches) {
        (None, true) => answer.map(|body| fault::carry(body, shared.fault.subscribe())),
        (None, false) => shared.rewritten(answer).await,
        (Some(_), _) => answer,
    }
}

async fn fail_write(shared: &Shared, fault: WriteFault, place: usize, request: Request<Bytes>) -> Response<Body> {
    match fault {
        WriteFault::LoseRequest => hang_up(),
        WriteFault::Silence => std::future::pending().await,
        WriteFault::HoldRequest => shared.hold().await,
        WriteFault::Answer(status) => {
            shared.note_answer(place, status);
            let mut answer = Response::new(Body::from("not carried out"));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            answer
        }
        WriteFault::LoseAnswer | WriteFault::HoldAnswer => {
            let answer = shared.ask(request).await;
            shared.note_answer(place, answer.status().as_u16());
            if answer.status() == StatusCode::CONFLICT {
                // Nothing was written: the next try is the one.
                *locked(&shared.next_write) = Some(NextWrite::Fault(fault));
                return answer;
            }
            if fault == WriteFault::HoldAnswer { shared.hold().await } else { hang_up() }
        }
    }
}

/// Begins a fault that lasts with this write.
async fn begin_with(
    shared: &Shared,
    (fault, carried_out): (Fault, bool),
    place: usize,
    request: Request<Bytes>,
) -> Response<Body> {
    if !carried_out {
        shared.begin(fault);
        return answer_under(shared, fault, false, request, None).await;
    }
    let answer = shared.ask(request.clone()).await;
    shared.note_answer(place, answer.status().as_u16());
    if answer.status() == StatusCode::CONFLICT {
        // Nothing was written: the next try is the one.
        *locked(&shared.next_write) = Some(NextWrite::Begins { fault, carried_out });
        return answer;
    }
    shared.begin(fault);
    answer_under(shared, fault, false, request, Some(answer)).await
}

/// Answers under a fault that lasts. `answer` is that of the server, where it was asked already.
async fn answer_under(
    shared: &Shared,
    fault: Fault,
    watches: bool,
    request: Request<Bytes>,
    answer: Option<Response<Body>>,
) -> Response<Body> {
    if let Some(instead) = fault.answer(watches, shared.is_kubernetes()).await {
        return instead;
    }
    let answer = match answer {
        Some(answer) => answer,
        None => shared.ask(request).await,
    };
    if fault.spares_all_but_watches() { answer } else { fault.spoil(answer).await }
}
