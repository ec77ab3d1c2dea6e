//! The HTTP client of tests.

use tokio_rustls::rustls::crypto::ring;

/// Makes a client that goes past proxies. `reqwest` panics when nothing is installed that encrypts.
pub fn http_client() -> reqwest::Client {
    // Refused where there is one already, which is as good.
    let _ = ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "what it needs was installed right before")]
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}
