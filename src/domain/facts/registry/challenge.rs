//! `WWW-Authenticate` of a registry: how it wants to know who asks ([RFC 9110, section 11.6.1], [token authentication]).
//!
//! [RFC 9110, section 11.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
//! [token authentication]: https://distribution.github.io/distribution/spec/auth/token/

/// What a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    /// A token that another server gives out.
    Bearer(TokenPlace),
}

/// Where a token comes from, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenPlace {
    /// Address of the server.
    pub realm: String,
    pub service: Option<String>,
    pub scope: Option<String>,
}

/// Reads a header; `Bearer` counts before `Basic` where both are offered. `None` where neither is.
#[must_use]
pub fn parse(header: &str) -> Option<Challenge> {
    let mut rest = header;
    let mut basic = None;
    while let Some((scheme, after)) = scheme(rest) {
        let (parameters, after) = parameters(after);
        rest = after;
        if scheme.eq_ignore_ascii_case("bearer") {
            let value = |name: &str| {
                let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
            };
            if let Some(realm) = value("realm") {
                return Some(Challenge::Bearer(TokenPlace { realm, service: value("service"), scope: value("scope") }));
            }
        } else if scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic
}

/// Splits off the next scheme.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Splits off the parameters of a scheme, `name=value` or `name="value"`.
fn parameters(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        let next = text.trim_start_matches([' ', '\t', ',']);
        let Some((name, value)) = next.split_once('=') else { return (found, text) };
        if name.is_empty() || name.contains([' ', '\t', ',', '"']) {
            return (found, text);
        }
        let (value, rest) = value.strip_prefix('"').map_or_else(|| bare(value), quoted);
        found.push((name.to_owned(), value));
        text = rest;
    }
}

fn bare(text: &str) -> (String, &str) {
    let (value, rest) = text.split_at(text.find([' ', '\t', ',']).unwrap_or(text.len()));
    (value.to_owned(), rest)
}

/// Reads up to the closing quote; a backslash quotes what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer(TokenPlace { realm: realm.to_owned(), service: own(service), scope: own(scope) })
    }

    #[test]
    fn a_challenge_is_read_in_every_form_that_servers_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        let scope = "repository:library/nginx:pull";
        assert_eq!(parse(hub), Some(bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some(scope))));
        // A scope has commas of its own.
        assert_eq!(
            parse(r#"bearer realm="https://a/t", scope="repository:a:pull,push""#),
            Some(bearer("https://a/t", None, Some("repository:a:pull,push")))
        );
        assert_eq!(parse(r#"Basic realm="Registry Realm""#), Some(Challenge::Basic));
        assert_eq!(parse(r#"Basic realm="x", Bearer realm="https://a/t""#), Some(bearer("https://a/t", None, None)));
        assert_eq!(parse("Bearer realm=https://a/t,service=s"), Some(bearer("https://a/t", Some("s"), None)));
        assert_eq!(parse(r#"Bearer realm="https://a/\"t""#), Some(bearer("https://a/\"t", None, None)));
    }

    #[test]
    fn what_names_no_place_for_a_token_is_no_challenge() {
        for header in ["", "Bearer", "Negotiate", "Bearer service=\"s\"", "Bearer realm=\"\"", ", ,"] {
            assert_eq!(parse(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in "[Bearbsicalm=\",\\\\ a-z:/]{0,60}") {
            let _ = parse(&header);
        }

        #[test]
        fn what_is_quoted_is_read_as_it_is(realm in "[ -~]{1,30}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(parse(&format!("Bearer realm=\"{quoted}\"")), Some(bearer(&realm, None, None)));
        }
    }
}
