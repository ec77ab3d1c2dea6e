//! Tokens that another server gives out, kept for as long as they hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;

use super::credentials::{Credentials, bearer};
use super::{MAX_ERROR_BYTES, Registry, RegistryError};
use crate::domain::facts::registry::challenge::TokenPlace;

/// How long a token holds that does not say so.
pub(super) const DEFAULT_VALIDITY: Duration = Duration::from_secs(60);
/// A token is not used in its last seconds.
const MARGIN: Duration = Duration::from_secs(10);
const MAX_VALIDITY: Duration = Duration::from_secs(3600);
/// Tokens that are kept.
const MAX_TOKENS: usize = 256;

/// Tokens by scope.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<BTreeMap<String, (HeaderValue, Instant)>>>);

impl Tokens {
    pub(super) fn get(&self, scope: &str) -> Option<HeaderValue> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(scope).filter(|(_, until)| Instant::now() < *until).map(|(token, _)| token.clone())
    }

    pub(super) fn keep(&self, scope: &str, token: HeaderValue, validity: Duration) {
        let until = Instant::now() + validity.min(MAX_VALIDITY).saturating_sub(MARGIN);
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, until)| Instant::now() < *until);
        if tokens.len() < MAX_TOKENS {
            tokens.insert(scope.to_owned(), (token, until));
        }
    }
}

impl Registry {
    /// Fetches a token with a scope.
    pub(super) async fn fetch_token(&self, place: &TokenPlace, scope: &str) -> Result<HeaderValue, RegistryError> {
        let realm = self.realm(place)?;
        let mut request = if let Credentials::Identity(token) = self.credentials.as_ref() {
            let service = place.service.as_deref().unwrap_or_default();
            self.client.post(realm).form(&[
                ("grant_type", "refresh_token"),
                ("client_id", "release-cockpit"),
                ("service", service),
                ("scope", scope),
                ("refresh_token", token),
            ])
        } else {
            let service = place.service.iter().map(|service| ("service", service.as_str()));
            self.client.get(realm).query(&service.chain([("scope", scope)]).collect::<Vec<_>>())
        };
        if let Some(basic) = self.credentials.basic() {
            request = request.header(AUTHORIZATION, basic);
        }
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let body = self.body(response, MAX_ERROR_BYTES * 4).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let token = answer["token"].as_str().or(answer["access_token"].as_str()).filter(|token| !token.is_empty());
        let unusable = || RegistryError::NoAnswer("the server for tokens gave none".to_owned());
        let token = token.ok_or_else(unusable)?;
        self.redactor.add_secret(token);
        let header = bearer(token).ok_or_else(unusable)?;
        let validity = answer["expires_in"].as_u64().map_or(DEFAULT_VALIDITY, Duration::from_secs);
        self.tokens.keep(scope, header.clone(), validity);
        Ok(header)
    }

    /// Returns where tokens come from. The registry says so, and a password goes there: over TLS, or to the registry itself.
    fn realm(&self, place: &TokenPlace) -> Result<Url, RegistryError> {
        let realm: Option<Url> = place.realm.parse().ok();
        let is_safe = |realm: &Url| realm.scheme() == "https" || realm.origin() == self.place.url.origin();
        realm.filter(is_safe).ok_or_else(|| {
            let realm = self.redactor.cut(&place.realm, 80);
            RegistryError::NoAnswer(format!("it wants a token from {realm}, which is not asked: it is not https"))
        })
    }
}
