//! The HTTP server: routes, and connections that an outage can cut.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::outage::{self, Outage};
use super::params::Params;
use super::{Shared, api};

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 10 << 20;

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub struct PrometheusServer {
    address: SocketAddr,
    task: JoinHandle<()>,
    running: watch::Sender<bool>,
}

impl PrometheusServer {
    /// The base URL, such as `http://127.0.0.1:40613`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        self.running.send_replace(false);
        self.task.abort();
    }
}

/// Binds a free port of 127.0.0.1 and answers from then on.
pub(super) async fn serve(shared: Arc<Shared>) -> io::Result<PrometheusServer> {
    let inner = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = inner.local_addr()?;
    let running = watch::Sender::new(true);
    let listener =
        CuttableListener { inner, cut: Cut { outage: shared.outage.subscribe(), running: running.subscribe() } };
    let router = router(shared);
    let task = tokio::spawn(async move {
        // Ends only with the task: the listener below never fails.
        let _ = axum::serve(listener, router).await;
    });
    Ok(PrometheusServer { address, task, running })
}

type Endpoint = fn(&Shared, &Params) -> Result<Answer, Answer>;

fn router(shared: Arc<Shared>) -> Router {
    let both = |endpoint: Endpoint| {
        let asked = move |state: State<Arc<Shared>>, query: RawQuery, body: Body| async move {
            respond(state, query, body, endpoint).await
        };
        get(asked).post(asked)
    };
    let values = |state: State<Arc<Shared>>, Path(name): Path<String>, query: RawQuery, body: Body| async move {
        respond(state, query, body, move |shared, params| api::label_values(shared, &name, params)).await
    };
    let fixed = |answer: Answer| {
        get(move |State(shared): State<Arc<Shared>>| async move { outage::distort(settled(&shared).await, answer) })
    };
    let ready = |State(shared): State<Arc<Shared>>| async move {
        match settled(&shared).await {
            Outage::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            _ => (StatusCode::OK, "Prometheus Server is Ready.\n"),
        }
    };
    let rules = Answer::success(json!({"groups": []}), Vec::new());
    let alerts = Answer::success(json!({"alerts": []}), Vec::new());
    Router::new()
        .route("/api/v1/query", both(api::query))
        .route("/api/v1/query_range", both(api::query_range))
        .route("/api/v1/labels", both(api::labels))
        .route("/api/v1/series", both(api::series))
        .route("/api/v1/label/{name}/values", get(values))
        .route("/api/v1/status/buildinfo", fixed(api::build_info()))
        .route("/api/v1/rules", fixed(rules))
        .route("/api/v1/alerts", fixed(alerts))
        .route("/-/ready", get(ready))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(shared)
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    body: Body,
    endpoint: impl FnOnce(&Shared, &Params) -> Result<Answer, Answer> + Send + 'static,
) -> Response {
    let outage = settled(&shared).await;
    let Ok(body) = axum::body::to_bytes(body, MAX_FORM_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let params = Params::read(&query.unwrap_or_default(), &String::from_utf8_lossy(&body));
    // A long range is a lot of arithmetic: not on a thread that others wait for.
    let evaluated = tokio::task::spawn_blocking(move || endpoint(&shared, &params).unwrap_or_else(|error| error));
    match evaluated.await {
        Ok(answer) => outage::distort(outage, answer),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The outage that shapes the answer; waits as long as the server is to hang.
async fn settled(shared: &Shared) -> Outage {
    let mut outage = shared.outage.subscribe();
    // The sender lives in `shared`, so the wait ends with a value.
    outage.wait_for(|outage| *outage != Outage::Hang).await.map_or(Outage::None, |outage| *outage)
}

/// Accepts connections, and resets them while the server is to be down.
struct CuttableListener {
    inner: TcpListener,
    cut: Cut,
}

impl Listener for CuttableListener {
    type Io = CuttableConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, peer)) if !self.cut.is_on() => {
                    // Without this a small answer would wait for the acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    return (CuttableConnection::new(stream, self.cut.clone()), peer);
                }
                // Closing without lingering sends a reset.
                Ok((stream, _)) => {
                    let _ = stream.set_zero_linger();
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// Says whether connections are to be cut.
#[derive(Clone)]
struct Cut {
    outage: watch::Receiver<Outage>,
    running: watch::Receiver<bool>,
}

impl Cut {
    fn is_on(&self) -> bool {
        *self.outage.borrow() == Outage::Down || !*self.running.borrow()
    }

    async fn happens(mut self) {
        tokio::select! {
            _ = self.outage.wait_for(|outage| *outage == Outage::Down) => {}
            _ = self.running.wait_for(|running| !running) => {}
        }
    }
}

/// A connection that fails as soon as it is cut.
struct CuttableConnection {
    stream: TcpStream,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl CuttableConnection {
    fn new(stream: TcpStream, cut: Cut) -> Self {
        Self { stream, cut: Box::pin(cut.happens()), is_cut: false }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.is_cut && self.cut.as_mut().poll(context).is_ready() {
            self.is_cut = true;
            let _ = self.stream.set_zero_linger();
        }
        if self.is_cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for CuttableConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
