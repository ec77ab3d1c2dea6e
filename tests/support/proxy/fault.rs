//! Faults that last, and what each makes of an answer.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Response, StatusCode, header};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::json;
use tokio::sync::watch;

/// What is wrong between the cockpit and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Refused,
    /// Every answer is reset in its middle.
    Reset,
    /// Connections are taken; nothing is ever answered.
    Silence,
    /// The head of an answer comes, and nothing after it.
    HeadOnly,
    /// 429, with the wish to be left alone for a while.
    TooMany,
    /// 500.
    Internal,
    /// 503 with the page of a load balancer.
    Unavailable,
    /// Watches are told that their version is gone, and new ones are not begun from one.
    Gone,
    /// 401: the token has expired.
    Unauthorized,
    /// One byte a second.
    Drip,
    /// JSON that breaks off, in answers and in lines of watches.
    Truncated,
    /// 200, and the page of a log-in proxy.
    Html,
    /// The certificate is of an authority that nobody trusts.
    OtherAuthority,
    /// Watches end as soon as they begin; all else is answered.
    WatchesEnd,
    /// Watches say nothing any more; all else is answered.
    WatchesDeaf,
}

/// What befalls a single write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It never reaches the server, and the connection ends.
    LoseRequest,
    /// The server carries it out, and the connection ends before its answer.
    LoseAnswer,
    /// It is held before the server until its connection ends.
    HoldRequest,
    /// The server carries it out; its answer is held until the connection ends.
    HoldAnswer,
    /// It never reaches the server; this status is answered.
    Answer(u16),
    /// It never reaches the server, and nothing is ever answered.
    Silence,
}

const LOGIN: &str = "<!DOCTYPE html>\n<html>\n<head><title>Sign in to continue</title></head>\n<body>\n\
                     <form action=\"/login\"><input name=\"user\"></form>\n</body>\n</html>\n";
const BALANCER: &str = "<html><head><title>503 Service Temporarily Unavailable</title></head>\n<body><center><h1>503 \
                        Service Temporarily Unavailable</h1></center><hr><center>balancer</center></body></html>\n";
/// Half of what a watch would say.
const HALF_A_LINE: &str = "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Rollout\",\"metadata\":{\"na\n";
/// What a watch is told whose version is compacted.
const EXPIRED: &str = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\
                       \"Failure\",\"message\":\"too old resource version: 1 (2)\",\"reason\":\"Expired\",\"code\":410}}\n";

type Chunk = Result<Bytes, std::io::Error>;
type Chunks = BoxStream<'static, Chunk>;

impl Fault {
    /// Whether it is between the connection and the request: no request comes through.
    pub fn is_before_requests(self) -> bool {
        matches!(self, Self::Refused | Self::OtherAuthority)
    }

    /// Whether it befalls watches only.
    pub fn spares_all_but_watches(self) -> bool {
        matches!(self, Self::Gone | Self::WatchesEnd | Self::WatchesDeaf)
    }

    /// Whether the server is asked all the same, and its answer spoiled.
    fn asks(self) -> bool {
        matches!(self, Self::Reset | Self::Drip | Self::Truncated)
    }

    /// Answers in place of the server, if it is not asked. `kubernetes` is answered as that server would.
    pub async fn answer(self, watches: bool, kubernetes: bool) -> Option<Response<Body>> {
        let status = |code: u16, reason: &str, message: &str| {
            let body = if kubernetes {
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                    "reason": reason, "code": code})
            } else {
                json!({"status": "error", "errorType": reason, "error": message})
            };
            respond(code, "application/json", Body::from(body.to_string()))
        };
        let page = |code, text| respond(code, "text/html", Body::from(text));
        let json_of = |chunks| respond(200, "application/json", Body::from_stream::<Chunks>(chunks));
        Some(match self {
            Self::Truncated if watches => json_of(stream::iter([Ok(Bytes::from(HALF_A_LINE))]).boxed()),
            Self::Reset if watches => json_of(half_and_cut(&Bytes::from(HALF_A_LINE))),
            _ if self.asks() => return None,
            _ if self.spares_all_but_watches() && !watches => return None,
            Self::Silence | Self::Refused | Self::OtherAuthority => std::future::pending().await,
            Self::HeadOnly | Self::WatchesDeaf => json_of(stream::pending().boxed()),
            Self::WatchesEnd => json_of(stream::empty().boxed()),
            Self::TooMany => {
                let mut answer = respond(429, "text/plain", Body::from("Too many requests, please try again later.\n"));
                answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
                answer
            }
            Self::Internal => status(500, "InternalError", "etcdserver: request timed out"),
            Self::Unavailable => page(503, BALANCER),
            Self::Gone => status(410, "Expired", "too old resource version: 1 (2)"),
            Self::Unauthorized => status(401, "Unauthorized", "Unauthorized"),
            _ => page(200, LOGIN),
        })
    }

    /// Spoils the answer of a server that was asked.
    pub async fn spoil(self, answer: Response<Body>) -> Response<Body> {
        let (mut head, body) = answer.into_parts();
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::TRANSFER_ENCODING);
        let body = match self {
            Self::Drip => Body::from_stream(drip(body)),
            _ => match to_bytes(body, usize::MAX).await {
                Ok(bytes) if self == Self::Truncated => Body::from(bytes.slice(..bytes.len() / 2)),
                Ok(bytes) => Body::from_stream(half_and_cut(&bytes)),
                Err(_) => Body::empty(),
            },
        };
        Response::from_parts(head, body)
    }
}

fn respond(code: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

fn cut() -> Chunk {
    Err(std::io::ErrorKind::ConnectionReset.into())
}

fn half_and_cut(bytes: &Bytes) -> Chunks {
    let half = bytes.slice(..bytes.len() / 2);
    // Not at once, so that the half is in progress before the end.
    let end = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cut()
    });
    stream::iter([Ok(half)]).chain(end).boxed()
}

/// A byte a second.
fn drip(body: Body) -> Chunks {
    let bytes = body.into_data_stream().flat_map(|chunk| stream::iter(chunk.unwrap_or_default()));
    bytes
        .then(|byte| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Bytes::from(vec![byte]))
        })
        .boxed()
}

/// What becomes of an answer that is in progress when a fault begins.
fn midway(fault: Fault) -> Chunks {
    let say = |line: &'static str| stream::iter([Ok(Bytes::from_static(line.as_bytes()))]).boxed();
    match fault {
        Fault::Silence | Fault::HeadOnly | Fault::Drip | Fault::WatchesDeaf => stream::pending().boxed(),
        Fault::Gone => say(EXPIRED),
        Fault::Truncated => say(HALF_A_LINE),
        Fault::WatchesEnd => stream::empty().boxed(),
        _ => stream::iter([cut()]).boxed(),
    }
}

/// Carries a watch until a fault begins.
pub fn carry(body: Body, faults: watch::Receiver<Option<Fault>>) -> Body {
    let begun = {
        let mut faults = faults;
        async move {
            let fault = faults.wait_for(Option::is_some).await.ok().and_then(|fault| *fault);
            Ok::<_, Infallible>(fault)
        }
    };
    let chunks = body.into_data_stream().map(|chunk| chunk.map_err(std::io::Error::other));
    let state = (chunks.boxed(), Some(Box::pin(begun)));
    Body::from_stream(stream::unfold(state, |(mut chunks, begun)| async move {
        let Some(mut begun) = begun else { return chunks.next().await.map(|chunk| (chunk, (chunks, None))) };
        tokio::select! {
            biased;
            fault = &mut begun => {
                let mut rest = fault.ok().flatten().map_or_else(|| stream::empty().boxed(), midway);
                rest.next().await.map(|chunk| (chunk, (rest, None)))
            }
            chunk = chunks.next() => chunk.map(|chunk| (chunk, (chunks, Some(begun)))),
        }
    }))
}
