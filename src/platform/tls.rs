//! TLS: what encrypts, and the one place where HTTP clients come from.

use rustls::crypto::ring;
use rustls_platform_verifier::ConfigVerifierExt as _;

/// Makes ring what encrypts in this process, unless something was chosen before. Any number of calls is fine.
pub fn install_provider() {
    // Refused where there is one already, which is as good.
    let _ = ring::default_provider().install_default();
}

/// Draws a first random number, which takes a core for 20 to 30 ms: begun early and on a thread of its own, that is over
/// when the first connection wants one.
pub fn warm_up() {
    let mut byte = [0];
    if ring::default_provider().secure_random.fill(&mut byte).is_err() {
        tracing::error!("the system gives no random numbers: no connection can be encrypted");
    }
}

/// Begins a client for anything but an API server. It trusts what the system trusts.
///
/// A builder of `reqwest` panics when nothing is installed that encrypts, so `.clippy.toml` allows it here only.
pub fn http_client() -> reqwest::ClientBuilder {
    install_provider();
    #[expect(clippy::disallowed_methods, reason = "what it needs was installed right before")]
    reqwest::Client::builder()
}

/// Returns what other protocols than HTTP are encrypted with. It trusts what the system trusts.
///
/// # Errors
/// Why there is none.
pub fn client_config() -> Result<rustls::ClientConfig, String> {
    install_provider();
    rustls::ClientConfig::with_platform_verifier().map_err(|error| format!("cannot set up TLS: {error}"))
}

#[cfg(test)]
mod tests {
    use rustls::crypto::CryptoProvider;

    use super::*;

    #[test]
    fn an_http_client_is_built_without_setting_up_anything_first() {
        http_client().build().unwrap();
        assert!(CryptoProvider::get_default().is_some());
    }

    #[test]
    fn installing_twice_keeps_the_first() {
        install_provider();
        let first = CryptoProvider::get_default().unwrap();
        install_provider();
        assert!(std::sync::Arc::ptr_eq(first, CryptoProvider::get_default().unwrap()));
    }
}
