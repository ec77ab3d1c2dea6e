//! From the config to the questions of an environment.

use std::time::Duration;

use super::{Auth, Preset, PrometheusClient, Queries, Questions, Secret, Settings};
use crate::config::prometheus as config;

/// Makes the questions that an environment's config asks for; reveals its secrets.
///
/// # Errors
/// Which secret, certificate or query is not to be had, in words.
pub async fn questions(configured: &config::Prometheus, namespace: &str) -> Result<Questions, String> {
    let mut settings = Settings::new(configured.url.as_str());
    settings.timeout = Duration::try_from(configured.timeout).unwrap_or(Settings::TIMEOUT);
    settings.ca_file.clone_from(&configured.ca_file);
    settings.insecure = configured.insecure;
    settings.auth = match &configured.auth {
        config::Auth::None => Auth::Anonymous,
        config::Auth::Basic { username, password } => {
            let password = password.reveal().await.map_err(|error| format!("password: {error}"))?;
            Auth::Basic { user: username.clone(), password: Secret::new(password.expose()) }
        }
        config::Auth::Bearer(token) => {
            let token = token.reveal().await.map_err(|error| format!("bearer token: {error}"))?;
            Auth::Bearer(Secret::new(token.expose()))
        }
    };
    for (name, value) in &configured.headers {
        let value = value.reveal().await.map_err(|error| format!("header {name}: {error}"))?;
        settings.headers.push((name.clone(), Secret::new(value.expose())));
    }
    let client = PrometheusClient::new(&settings).map_err(|error| error.to_string())?;
    let mut queries = Queries::preset(preset(configured.preset)).map_err(|error| error.to_string())?;
    for (signal, query) in &configured.queries {
        let text = query.fill(|placeholder| format!("{{{{{}}}}}", placeholder.name()));
        queries.replace(*signal, None, &text).map_err(|error| format!("query {}: {error}", signal.name()))?;
    }
    Ok(Questions {
        client,
        queries,
        namespace: namespace.to_owned(),
        labels: configured.labels.clone(),
        window: Duration::try_from(configured.window).unwrap_or(super::PrometheusSource::WINDOW),
    })
}

fn preset(preset: config::Preset) -> Preset {
    match preset {
        config::Preset::Plain => Preset::Plain,
        config::Preset::Istio => Preset::Istio,
        config::Preset::IngressNginx => Preset::IngressNginx,
        config::Preset::Linkerd => Preset::Linkerd,
        config::Preset::OtelHttp => Preset::OtelHttp,
    }
}
