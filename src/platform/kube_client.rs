//! Clients of an API server, made from the configuration of a cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::ByteString;
use kube::client::{AuthError, Body, ClientBuilder, ConfigExt as _};
use kube::core::{ApiResource, GroupVersionKind};
use tower::{BoxError, ServiceBuilder};

use super::kubeconfig::Cluster;
use super::login::{Credential, Login, LoginError};
use super::redact::Redactor;
use super::tls;
use crate::domain::facts::text::root_cause;
use crate::domain::facts::workload::kind::Resource;

/// How long one answer to a client that writes may take. After that the request is unknown.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long its connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its requests wait for a login: less than for an answer, so that they are known not to have been sent.
const LOGIN_PATIENCE: Duration = Duration::from_secs(8);

/// kubectl has refused this login since 1.26, for there is a plugin that replaces it.
const OLD_GCP_LOGIN: &str = "the kubeconfig's user logs in with the `gcp` auth-provider, which is no longer supported: install \
    gke-gcloud-auth-plugin and run `gcloud container clusters get-credentials`";

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

/// Makes a client of a cluster with this configuration of it; its requests wait so long for a login.
///
/// # Errors
/// What the client cannot be built from (files of the kubeconfig, TLS material, proxy).
pub fn client_of(
    cluster: &Cluster,
    config: kube::Config,
    patience: Duration,
    redactor: &Redactor,
) -> Result<kube::Client, ClientError> {
    if let Some(why) = cluster.missing_file() {
        return Err(ClientError(redactor.redact(&why).into_owned()));
    }
    match &cluster.login {
        Some(login) => client_with_login(config, login.clone(), patience, redactor),
        None => client(config, redactor),
    }
}

/// Makes a client that never retries, with the login of a cluster.
///
/// # Errors
/// What it cannot be built from.
pub fn client_for_writing(cluster: &Cluster, redactor: &Redactor) -> Result<kube::Client, ClientError> {
    client_of(cluster, for_writing(cluster.config.clone()), LOGIN_PATIENCE, redactor)
}

/// Returns a configuration with which nothing is tried again.
#[must_use]
pub fn for_writing(mut config: kube::Config) -> kube::Config {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(REQUEST_TIMEOUT);
    config.write_timeout = Some(REQUEST_TIMEOUT);
    config
}

/// Makes a client whose requests carry the credential of a login, and wait for that so long.
///
/// # Errors
/// What the client cannot be built from (TLS material, proxy).
fn client_with_login(
    mut config: kube::Config,
    login: Login,
    patience: Duration,
    redactor: &Redactor,
) -> Result<kube::Client, ClientError> {
    config.auth_info.exec = None;
    let namespace = config.default_namespace.clone();
    let plain = client(config.clone(), redactor)?;
    let identified = Arc::new(Mutex::new(None));
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (login, plain, config, identified) =
            (login.clone(), plain.clone(), config.clone(), Arc::clone(&identified));
        async move {
            let credential = login.credential(patience).await?;
            let client =
                if credential.identity.is_some() { with_identity(&identified, &config, &credential)? } else { plain };
            if let Some(token) = &credential.token {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            let answer = client.send(request).await?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                login.refused(&credential);
            }
            Ok::<_, BoxError>(answer)
        }
    });
    Ok(kube::Client::new(service, namespace))
}

/// A client with the certificate of a credential.
type Identified = Option<(Arc<Credential>, kube::Client)>;

/// Returns the client that shows the certificate of a credential, made once for each.
fn with_identity(
    known: &Mutex<Identified>,
    config: &kube::Config,
    credential: &Arc<Credential>,
) -> Result<kube::Client, kube::Error> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = known.as_ref().filter(|(of, _)| Arc::ptr_eq(of, credential)) {
        return Ok(client.clone());
    }
    let mut config = config.clone();
    if let Some((certificate, key)) = &credential.identity {
        // As the kubeconfig has them: in Base64.
        let encoded = |text: &str| serde_json::to_value(ByteString(text.as_bytes().to_vec()));
        let mut user = serde_json::to_value(&config.auth_info).map_err(kube::Error::SerdeError)?;
        user["client-certificate-data"] = encoded(certificate).map_err(kube::Error::SerdeError)?;
        user["client-key-data"] = encoded(key).map_err(kube::Error::SerdeError)?;
        config.auth_info = serde_json::from_value(user).map_err(kube::Error::SerdeError)?;
    }
    let client = build(config)?;
    *known = Some((Arc::clone(credential), client.clone()));
    Ok(client)
}

/// Returns why a request has no credential, where that is what kept it from being sent.
#[must_use]
pub fn login_error(error: &kube::Error) -> Option<&LoginError> {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = inner {
        if let Some(login) = error.downcast_ref::<LoginError>() {
            return Some(login);
        }
        inner = error.source();
    }
    None
}

/// Why there is no client, without what is secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

fn build(config: kube::Config) -> Result<kube::Client, kube::Error> {
    tls::install_provider();
    if config.proxy_url.is_some() {
        return kube::Client::try_from(config);
    }
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

/// Whether an error is about the connection that a request was to go over: name, address or certificate.
#[must_use]
pub fn never_connected(error: &kube::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(http) = this.downcast_ref::<hyper_util::client::legacy::Error>() {
            return http.is_connect();
        }
        cause = this.source();
    }
    false
}

/// Returns what kept a request from being answered: the innermost cause, without what is secret in it.
///
/// The library quotes the command that was to log in, its environment and its output, and a token may stand in each.
#[must_use]
pub fn cause(error: &kube::Error, redactor: &Redactor) -> String {
    if let Some(login) = login_error(error) {
        return login.to_string();
    }
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
            // In kube's words this is about a feature that the program was built without.
            Some(AuthError::AuthExec(why)) if why.contains("oauth feature") => return OLD_GCP_LOGIN.to_owned(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn gcp(settings: &[(&str, &str)]) -> Result<kube::Client, ClientError> {
        let mut config = kube::Config::new("https://127.0.0.1:6443".parse().unwrap());
        let settings: BTreeMap<&str, &str> = settings.iter().copied().collect();
        let user = json!({"auth-provider": {"name": "gcp", "config": settings}});
        config.auth_info = serde_json::from_value(user).unwrap();
        client(config, &Redactor::default())
    }

    #[tokio::test]
    async fn the_old_gcp_login_is_refused_with_what_to_do() {
        let Err(ClientError(why)) = gcp(&[]) else { panic!("a client without credentials") };
        assert_eq!(why, OLD_GCP_LOGIN);
        let expired = [("access-token", "old"), ("expiry", "2020-01-01T00:00:00Z")];
        let Err(ClientError(why)) = gcp(&expired) else { panic!("a client with an expired token") };
        assert_eq!(why, OLD_GCP_LOGIN);
    }

    #[tokio::test]
    async fn a_gcp_login_that_runs_a_command_works() {
        let settings = [("cmd-path", "echo"), ("cmd-args", "{\"token\":\"t\"}"), ("token-key", "{.token}")];
        gcp(&settings).unwrap();
    }
}
