//! The address of a Prometheus.

use reqwest::Url;

use crate::config::reader::{Reader, Table};

/// Reads the address of a Prometheus.
pub fn parse_url(text: &str) -> Result<Url, UrlError> {
    let mut url: Url = text.trim().parse().map_err(|_| UrlError::NoUrl)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::NoUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if is_of_grafana(&url) {
        return Err(UrlError::Grafana);
    }
    if let Some((server, path)) = without_page(&url) {
        return Err(UrlError::Page { path, server: server.as_str().trim_end_matches('/').to_owned() });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Parts of the HTTP API that people copy from the documentation, after `/api/v1` (Prometheus), `/api/v2`
/// (Alertmanager, CircleCI) or `/api/v4` (GitLab).
const API_PARTS: &[&str] = &[
    "",
    "alerts",
    "admin",
    "export",
    "format_query",
    "import",
    "label",
    "labels",
    "metadata",
    "parse_query",
    "push",
    "query",
    "query_exemplars",
    "query_range",
    "read",
    "receivers",
    "remote_write",
    "rules",
    "scrape_pools",
    "series",
    "silences",
    "status",
    "targets",
    "write",
];

/// Pages that people copy from the browser: of Prometheus, Thanos and VictoriaMetrics.
const PAGES: &[&str] = &[
    "/classic/graph",
    "/new/graph",
    "/graph",
    "/vmui",
    "/federate",
    "/service-discovery",
    "/targets",
    "/tsdb-status",
    "/alerts",
    "/rules",
    "/config",
    "/flags",
    "/status",
    "/agent",
    "/-/healthy",
    "/-/ready",
];

/// The page of Prometheus 3 for queries, where one stands in the address: without it `/query` may be a prefix.
const PAGE_OF_QUERIES: &str = "/query";

/// Returns the address without the part of the API or the page that it names, and that part. A prefix such as
/// `/api/v1/namespaces/…/proxy` of the Kubernetes API stays: it belongs to the address.
pub(in crate::config) fn without_page(url: &Url) -> Option<(Url, String)> {
    let path = url.path().trim_end_matches('/');
    let of_api = ["/api/v1", "/api/v2", "/api/v4"].into_iter().filter_map(|api| {
        let at = path.rfind(api)?;
        let rest = &path[at + api.len()..];
        let part = rest.strip_prefix('/').unwrap_or_default().split('/').next().unwrap_or_default();
        let is_whole = rest.is_empty() || rest.starts_with('/');
        (is_whole && API_PARTS.contains(&part)).then_some(at)
    });
    let is_asked = url.query().is_some_and(|query| query.starts_with("g0."));
    let page_of_queries = is_asked.then_some(PAGE_OF_QUERIES);
    let page = PAGES.iter().copied().chain(page_of_queries).filter_map(|page| path.strip_suffix(page)).map(str::len);
    let at = of_api.chain(page).min()?;
    let named = path[at..].to_owned();
    let mut server = url.clone();
    server.set_path(&path[..at]);
    server.set_query(None);
    server.set_fragment(None);
    Some((server, named))
}

/// Whether an address is that of a dashboard of Grafana, or of its page for queries.
fn is_of_grafana(url: &Url) -> bool {
    let path = url.path().trim_end_matches('/');
    path.ends_with("/explore") || path.ends_with("/dashboards") || path.contains("/d/") || path.contains("/d-solo/")
}

/// Why a text is no address of a Prometheus. Does not quote it: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("is not an http:// or https:// address with a host: write for example `http://prometheus.monitoring:9090`")]
    NoUrl,
    /// It contains a user or password.
    #[error("contains a user or password: write `username` and `password` (or `bearer_token`) under [prometheus]")]
    Credentials,
    /// It names a part of the API or a page instead of the server.
    #[error("ends in {path}, which is not part of the server's address: write `{server}`, without {path}")]
    Page { path: String, server: String },
    /// It is a page of Grafana.
    #[error(
        "is a page of Grafana: write the address of the Prometheus itself, or `https://GRAFANA/api/datasources/proxy/uid/UID` \
         with the UID of its data source"
    )]
    Grafana,
    /// It holds a query or a fragment.
    #[error("has a `?` or `#`: write the address alone, and extra matchers under `labels`")]
    Query,
}

/// Where a Prometheus is, as far as what was read says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::config) enum Address {
    #[default]
    Unknown,
    /// What says it is wrong, which was noted.
    Wrong,
    BuiltinCheck(Url),
}

/// Reads `url` over what holds so far.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut Address) {
    let Some(text) = reader.text(table, "url") else {
        if table.get("url").is_some() {
            *into = Address::Wrong;
        }
        return;
    };
    *into = match parse_url(&text.value) {
        Ok(url) => Address::BuiltinCheck(url),
        Err(error) => {
            reader.note(text.at, format!("`url` {error}"), "");
            Address::Wrong
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_in_a_slash_and_keeps_its_prefix() {
        for (text, url) in [
            ("http://p:9090", "http://p:9090/"),
            ("https://p/prom", "https://p/prom/"),
            ("https://p/query/", "https://p/query/"),
            (
                "https://m/v1/projects/x/location/global/prometheus",
                "https://m/v1/projects/x/location/global/prometheus/",
            ),
            (
                "https://k/api/v1/namespaces/m/services/p:9090/proxy",
                "https://k/api/v1/namespaces/m/services/p:9090/proxy/",
            ),
            ("https://g/api/datasources/proxy/uid/x", "https://g/api/datasources/proxy/uid/x/"),
        ] {
            assert_eq!(parse_url(text).unwrap().as_str(), url);
        }
    }

    #[test]
    fn api_paths_and_pages_are_refused_with_the_right_address() {
        for (text, path, server) in [
            ("http://p:9090/api/v1", "/api/v1", "http://p:9090"),
            ("http://p:9090/api/v1/", "/api/v1", "http://p:9090"),
            ("https://p/prom/api/v1/query", "/api/v1/query", "https://p/prom"),
            ("https://p/prom/api/v1/query_range?query=up", "/api/v1/query_range", "https://p/prom"),
            ("https://p/api/v1/label/job/values", "/api/v1/label/job/values", "https://p"),
            ("http://p:9090/graph", "/graph", "http://p:9090"),
            ("http://p:9090/graph?g0.expr=up&token=s3cret", "/graph", "http://p:9090"),
            ("http://p:9090/query?g0.expr=up", "/query", "http://p:9090"),
            ("http://p:9090/alerts?search=", "/alerts", "http://p:9090"),
            ("https://p/prom/rules", "/rules", "https://p/prom"),
            ("http://p:9090/classic/graph/", "/classic/graph", "http://p:9090"),
            ("http://v:8481/select/0/prometheus/vmui/#/?x=1", "/vmui", "http://v:8481/select/0/prometheus"),
            (
                "https://k/api/v1/namespaces/m/services/p:9090/proxy/api/v1",
                "/api/v1",
                "https://k/api/v1/namespaces/m/services/p:9090/proxy",
            ),
        ] {
            let error = parse_url(text).unwrap_err();
            assert_eq!(error, UrlError::Page { path: path.to_owned(), server: server.to_owned() }, "{text}");
            assert!(error.to_string().contains(&format!("write `{server}`, without {path}")), "{error}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn what_is_no_address_is_not_quoted() {
        for (text, error) in [
            ("p:9090", UrlError::NoUrl),
            ("http://", UrlError::NoUrl),
            ("ftp://p", UrlError::NoUrl),
            ("http://u:s3cret@p", UrlError::Credentials),
            ("http://p/?token=s3cret", UrlError::Query),
            ("https://g/d/abc/checkout?orgId=1", UrlError::Grafana),
            ("https://g/explore?left=s3cret", UrlError::Grafana),
        ] {
            let found = parse_url(text).unwrap_err();
            assert_eq!(found, error, "{text}");
            assert!(!found.to_string().contains("s3cret"));
        }
    }
}
