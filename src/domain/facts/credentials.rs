//! Finds credentials in text of others: a server's error may quote the request that it refuses.

use std::borrow::Cow;

/// What stands in the place of a credential.
pub const HIDDEN: &str = "•••";

/// Words before a credential, as the header `Authorization` has them.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];
/// Names of parameters whose values are credentials.
const PARAMETERS: [&str; 10] = [
    "access_token",
    "api_key",
    "apikey",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "secret",
    "signature",
    "token",
];
/// Credentials within credentials are looked for so many times; text that no one makes up has fewer.
const MAX_NESTING: usize = 32;
/// A word that is shorter is none.
const MIN_WORD_BYTES: usize = 8;

/// Hides what is shaped like a credential: the word after `Bearer`, `Basic` or `token`, user and password of a URL,
/// values of parameters that are called like a secret, and JSON Web Tokens. Other text stays as it is.
#[must_use]
pub fn hidden(text: &str) -> Cow<'_, str> {
    // Nearly all text holds none.
    let Cow::Owned(mut shown) = hidden_once(text) else { return Cow::Borrowed(text) };
    // What is cut out of one may be what kept another from being seen.
    for _ in 0..MAX_NESTING {
        match hidden_once(&shown) {
            Cow::Owned(again) if again != shown => shown = again,
            _ => break,
        }
    }
    Cow::Owned(shown)
}

fn hidden_once(text: &str) -> Cow<'_, str> {
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    schemes(&lower, text, &mut found);
    users(text, &mut found);
    parameters(&lower, &mut found);
    tokens(text, &mut found);
    without(text, found)
}

/// Cuts these parts out, which may overlap.
fn without(text: &str, mut found: Vec<(usize, usize)>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (from, to) in found {
        if from >= at {
            out.push_str(text.get(at..from).unwrap_or_default());
            out.push_str(HIDDEN);
        }
        at = at.max(to);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// What tokens are made of: Base64 in both alphabets, and what stands between its parts.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

/// The end of the token that begins there.
fn token_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.find(|c| !is_of_token(c)).unwrap_or(rest.len())
}

/// Whether a word is no word of a language: `Bearer authentication` names a scheme.
fn looks_made(word: &str) -> bool {
    let inner = word.get(1..).unwrap_or_default();
    word.len() >= MIN_WORD_BYTES && inner.contains(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || c == '=')
}

fn schemes(lower: &str, text: &str, found: &mut Vec<(usize, usize)>) {
    for scheme in SCHEMES {
        for (at, _) in lower.match_indices(scheme) {
            let after = at + scheme.len();
            let rest = text.get(after..).unwrap_or_default();
            let gap = rest.len() - rest.trim_start_matches([' ', '"', '\'', ':', '=']).len();
            let (from, to) = (after + gap, token_end(text, after + gap));
            if gap > 0 && looks_made(&text[from..to]) {
                found.push((from, to));
            }
        }
    }
}

fn users(text: &str, found: &mut Vec<(usize, usize)>) {
    for (at, _) in text.match_indices("://") {
        let from = at + 3;
        let rest = text.get(from..).unwrap_or_default();
        let authority = rest.split(|c: char| "/?#\"'`<>".contains(c) || c.is_whitespace()).next().unwrap_or_default();
        if let Some(end) = authority.rfind('@') {
            found.push((from, from + end));
        }
    }
}

fn parameters(lower: &str, found: &mut Vec<(usize, usize)>) {
    for name in PARAMETERS {
        for (at, _) in lower.match_indices(name) {
            let begins = lower.get(..at).is_some_and(|before| before.ends_with(['?', '&', ' ', '"', '\'', ',', ';']));
            let after = at + name.len();
            if !begins || !lower.get(after..).is_some_and(|rest| rest.starts_with('=')) {
                continue;
            }
            let rest = lower.get(after + 1..).unwrap_or_default();
            let end = rest.find(|c: char| "&\"'#;,".contains(c) || c.is_whitespace()).unwrap_or(rest.len());
            if end > 0 {
                found.push((after + 1, after + 1 + end));
            }
        }
    }
}

fn tokens(text: &str, found: &mut Vec<(usize, usize)>) {
    for (at, _) in text.match_indices("eyJ") {
        let end = token_end(text, at);
        if text.get(at..end).is_some_and(|word| word.len() > 20) {
            found.push((at, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credential_shaped_text_is_hidden() {
        for (text, shown) in [
            ("bad header: Authorization: Bearer abc123def.x_y", "bad header: Authorization: Bearer •••"),
            ("\"authorization\":\"bearer s3cret-token\"", "\"authorization\":\"bearer •••\""),
            ("Basic dXNlcjpwYXNz is wrong", "Basic ••• is wrong"),
            ("cannot reach https://ada:pa:ss@w0rd@p:9090/x", "cannot reach https://•••@p:9090/x"),
            ("get http://p/?token=s3cret&x=1", "get http://p/?token=•••&x=1"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here", "jwt ••• here"),
            ("PRIVATE-TOKEN: glpat-0123456789", "PRIVATE-TOKEN: •••"),
            ("://Token://eyJeyJ@", "://•••@"),
        ] {
            assert_eq!(hidden(text), shown);
        }
    }

    #[test]
    fn ordinary_words_are_kept() {
        for text in [
            "401 Unauthorized: bearer authentication is required",
            "basic understanding of tokens",
            "the token has expired",
            "mail ada@example.com, see https://example.com/a@b",
            "Bearer漢字",
            "token",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    proptest! {
        #[test]
        fn hiding_is_idempotent_for_any_text(
            text in "(bearer |Token|://|@|\\?token=|eyJ|[a-zA-Z0-9.=\"' /]|\\PC){0,20}",
        ) {
            let once = hidden(&text).into_owned();
            prop_assert_eq!(hidden(&once), once.clone());
        }
    }
}
