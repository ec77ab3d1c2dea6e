//! Clients of an API server, made from the configuration of a cluster.

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{AuthError, ClientBuilder, ConfigExt as _};
use kube::core::{ApiResource, GroupVersionKind};
use rustls::crypto::aws_lc_rs;
use tower::{BoxError, ServiceBuilder};

use super::redact::Redactor;
use crate::domain::facts::text::root_cause;
use crate::domain::facts::workload::kind::Resource;

/// Draws a first random number, which takes a core for 20 to 30 ms: begun early and on a thread of its own, that is over
/// when the first connection wants one.
pub fn warm_up() {
    let mut byte = [0];
    if aws_lc_rs::default_provider().secure_random.fill(&mut byte).is_err() {
        tracing::error!("the system gives no random numbers: no connection can be encrypted");
    }
}

/// Makes a client whose requests leave at once.
///
/// The library's own leaves Nagle's algorithm on. The first request on a connection is written right behind the end of
/// the TLS handshake, and would be held back until that is acknowledged: one round trip, and up to 40 ms more where the
/// other side delays its acknowledgement.
///
/// # Errors
/// What the client cannot be built from (TLS material, proxy).
pub fn client(config: kube::Config, redactor: &Redactor) -> Result<kube::Client, ClientError> {
    build(config).map_err(|error| ClientError(cause(&error, redactor)))
}

/// Why there is no client, without what is secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

fn build(config: kube::Config) -> Result<kube::Client, kube::Error> {
    if config.proxy_url.is_some() {
        return kube::Client::try_from(config);
    }
    // Refused where there is one already, which is as good.
    let _ = aws_lc_rs::default_provider().install_default();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    #[cfg(feature = "failpoints")]
    let connector = tower::ServiceExt::<hyper::Uri>::map_response(connector, crate::failpoints::FailpointStream::new);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(HttpClient::builder(TokioExecutor::new()).build(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Returns what kept a request from being answered: the innermost cause, without what is secret in it.
///
/// The library quotes the command that was to log in, its environment and its output, and a token may stand in each.
#[must_use]
pub fn cause(error: &kube::Error, redactor: &Redactor) -> String {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = inner {
        match error.downcast_ref::<AuthError>() {
            Some(AuthError::AuthExecRun { out, .. }) => {
                return format!("the kubeconfig's login command failed ({}): run it yourself to see why", out.status);
            }
            Some(AuthError::AuthExecParse(_)) => {
                return "the kubeconfig's login command printed no readable credential: run it yourself to see why"
                    .to_owned();
            }
            _ => inner = error.source(),
        }
    }
    redactor.redact(&root_cause(error)).into_owned()
}

/// Returns a resource as the kube client names it.
#[must_use]
pub fn api_resource(resource: Resource) -> ApiResource {
    let Resource { group, version, kind, plural } = resource;
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
