//! One simulated cluster's API server: the objects, and an HTTP server on 127.0.0.1 that real clients talk to.

pub mod access;
mod age;
pub mod api_error;
mod conflicts;
pub mod defaults;
mod discovery;
mod list_watch;
mod listener;
pub mod logs;
pub mod managed_fields;
pub mod object;
mod objects;
pub mod patch;
mod path;
mod protobuf;
mod random;
mod representation;
pub mod resources;
mod reviews;
pub mod scale;
mod schema;
pub mod selectors;
mod server;
pub mod store;
mod table;
mod write_rules;

pub use server::{Recorded, Server};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use tokio_util::sync::CancellationToken;

use listener::{ApiListener, Connection};

/// Serves a cluster until `shutdown` is cancelled; returns where.
pub fn serve(server: &Arc<Server>, shutdown: &CancellationToken) -> io::Result<SocketAddr> {
    let listener = ApiListener::open(server.faults.clone(), shutdown.clone())?;
    let address = listener.address();
    let service: IntoMakeServiceWithConnectInfo<Router, Connection> =
        server.router().into_make_service_with_connect_info();
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            // Only returns when accepting has become impossible.
            _ = async { axum::serve(listener, service).await } => {}
            () = shutdown.cancelled() => {}
        }
    });
    Ok(address)
}
