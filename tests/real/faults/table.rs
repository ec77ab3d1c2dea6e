//! What is promised while something is wrong: one row for each fault. Above all rows stands:
//!
//! - nothing is promoted on an old picture: `p` and `cockpit promote` are refused with the reason, and nothing is sent;
//! - a promotion that was in progress when the fault began is sent once, and what became of it is found by looking;
//! - pause and rollback work as soon as the API server answers, and at once where only Prometheus is ill;
//! - the screen says what is wrong, in words that help, and how old the state is;
//! - when it is over, everything goes on without a restart;
//! - and all the while memory, processor time and requests stay below [`Bounds`].

/// What a cockpit may cost while a server is ill.
pub struct Bounds {
    /// Requests a second to the ill server, all kinds together.
    pub requests: f64,
    /// Share of one core, of a program that is not optimised.
    pub cpu: f64,
    /// Memory of a program that is not optimised.
    pub memory_mib: f64,
}

/// For one workload with a heartbeat, five watches and the question of rights.
pub const KUBERNETES: Bounds = Bounds { requests: 6.0, cpu: 0.10, memory_mib: 90.0 };
/// For a Prometheus that is asked every second while it is well, a dozen questions each time.
pub const PROMETHEUS: Bounds = Bounds { requests: 10.0, cpu: 0.15, memory_mib: 90.0 };

/// What becomes of a promotion whose request meets the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// The server took it, and nobody heard so: found done.
    FoundDone,
    /// It was lost on the way: found not done, and not sent again.
    FoundNotDone,
    Refused,
    Confirmed,
}

/// A fault between the cockpit and the API server.
pub struct Row {
    pub name: &'static str,
    pub fault: Fault,
    /// What becomes of a promotion that is in progress.
    pub promotion: Promotion,
    /// What the screen says; nothing where the state stays fresh all the while, and promotion possible.
    pub says: Option<&'static str>,
}

const fn row(name: &'static str, fault: Fault, promotion: Promotion, says: &'static str) -> Row {
    Row { name, fault, promotion, says: Some(says) }
}

const fn fresh(name: &'static str, fault: Fault) -> Row {
    Row { name, fault, promotion: Promotion::Confirmed, says: None }
}

use Promotion::{FoundDone, FoundNotDone, Refused};
use support::proxy::Fault;

/// Faults of the API server.
#[rustfmt::skip]
pub const API_SERVER: &[Row] = &[
    //   trial                fault                  promotion      the screen says
    row("refused",           Fault::Refused,        FoundDone,     "connection refused; is the API server up?"),
    row("reset_mid_answer",  Fault::Reset,          FoundDone,     "connection lost"),
    row("silence",           Fault::Silence,        FoundNotDone,  "no answer in 3 s"),
    row("head_only",         Fault::HeadOnly,       FoundDone,     "no answer in 3 s"),
    row("slow_drip",         Fault::Drip,           FoundDone,     "no answer in 3 s"),
    row("429_retry_after",   Fault::TooMany,        Refused,       "429 Too Many Requests"),
    row("500",               Fault::Internal,       FoundDone,     "500 InternalError: etcdserver: request timed out"),
    row("503_of_a_balancer", Fault::Unavailable,    FoundNotDone,  "503 Service Unavailable"),
    row("401_token_expired", Fault::Unauthorized,   Refused,       "the token may have expired, log in again"),
    row("truncated_json",    Fault::Truncated,      FoundDone,     "the answer breaks off"),
    row("html_with_200",     Fault::Html,           FoundDone,     "the answer is not JSON"),
    row("other_authority",   Fault::OtherAuthority, FoundDone,     "check certificate-authority in the kubeconfig"),
    // The heartbeat is answered: it makes up for watches that are of no use.
    fresh("410_gone",        Fault::Gone),
    fresh("watches_end",     Fault::WatchesEnd),
    fresh("watches_deaf",    Fault::WatchesDeaf),
];

/// Faults of Prometheus, with what the screen says.
#[rustfmt::skip]
pub const OF_PROMETHEUS: &[(&str, Fault, &str)] = &[
    ("refused",           Fault::Refused,      "is it up, and reachable from here?"),
    ("reset_mid_answer",  Fault::Reset,        "closed the connection before its answer was complete"),
    ("silence",           Fault::Silence,      "gave no answer in 2 s"),
    ("head_only",         Fault::HeadOnly,     "gave no answer in 2 s"),
    ("slow_drip",         Fault::Drip,         "gave no answer in 2 s"),
    ("429_retry_after",   Fault::TooMany,      "cannot answer now (429"),
    ("500",               Fault::Internal,     "cannot answer now (500"),
    ("503_of_a_balancer", Fault::Unavailable,  "cannot answer now (503"),
    ("401_token_expired", Fault::Unauthorized, "check the user, token or headers in the config"),
    ("truncated_json",    Fault::Truncated,    "the JSON breaks off"),
    ("html_with_200",     Fault::Html,         "with HTML (“Sign in to continue”) where JSON was expected"),
];
