//! OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS): whose key is whose, for what and when.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::PublicKey;

/// What a key may sign for this program: the namespace of `ssh-keygen -Y sign -n`.
pub const NAMESPACE: &str = "release-cockpit";

/// The lines of a file that are of use here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    lines: Vec<Allowed>,
    /// What is wrong with other lines, with their numbers.
    pub problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowed {
    /// Patterns with `*`, `?` and a leading `!`, separated by commas.
    principals: String,
    /// In the wire format.
    key: Vec<u8>,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

/// Why a key does not speak for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// There is no key of theirs.
    Unknown,
    /// Theirs are others.
    OtherKey,
    /// It is theirs, but not now, or not for this program.
    NotNow,
}

impl AllowedSigners {
    /// Reads a file. Times without `Z` are in `zone`.
    #[must_use]
    pub fn parse(text: &str, zone: &TimeZone) -> Self {
        let mut all = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(line, zone) {
                Ok(allowed) => all.lines.push(allowed),
                Err(why) => all.problems.push(format!("line {}: {why}", index + 1)),
            }
        }
        all
    }

    /// Returns whether a key, in the wire format, speaks for somebody now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn allows(&self, who: &str, key: &[u8], now: Timestamp) -> Result<(), NotAllowed> {
        let theirs: Vec<&Allowed> =
            self.lines.iter().filter(|allowed| is_in_patterns(who, &allowed.principals)).collect();
        if theirs.is_empty() {
            return Err(NotAllowed::Unknown);
        }
        let mut same = theirs.into_iter().filter(|allowed| allowed.key == key).peekable();
        if same.peek().is_none() {
            return Err(NotAllowed::OtherKey);
        }
        if same.any(|allowed| allowed.holds(now)) { Ok(()) } else { Err(NotAllowed::NotNow) }
    }
}

impl Allowed {
    fn holds(&self, now: Timestamp) -> bool {
        self.namespaces.as_ref().is_none_or(|patterns| is_in_patterns(NAMESPACE, patterns))
            && self.after.is_none_or(|after| now >= after)
            && self.before.is_none_or(|before| now <= before)
    }
}

fn parse_line(line: &str, zone: &TimeZone) -> Result<Allowed, String> {
    let (principals, rest) = word(line)?;
    let key_of = |text: &str| PublicKey::from_openssh(text.trim()).and_then(|key| key.to_bytes()).ok();
    let mut allowed = Allowed {
        principals: principals.replace('"', ""),
        key: Vec::new(),
        namespaces: None,
        after: None,
        before: None,
    };
    if let Some(key) = key_of(rest) {
        return Ok(Allowed { key, ..allowed });
    }
    let (options, rest) = word(rest)?;
    allowed.key = key_of(rest).ok_or("no public key that can be read")?;
    for option in split(options, ',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        let time =
            || time(value, zone).ok_or_else(|| format!("`{name}` wants a time such as 20260131 or 202601311530Z"));
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => allowed.namespaces = Some(value.to_owned()),
            "valid-after" => allowed.after = Some(time()?),
            "valid-before" => allowed.before = Some(time()?),
            "cert-authority" => return Err("certificates are not read here: name the key itself".to_owned()),
            _ => return Err(format!("the option `{name}` is not known here")),
        }
    }
    Ok(allowed)
}

/// Returns the first word, in which quotes may hold blanks, and what follows it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        !quoted && c.is_ascii_whitespace()
    });
    if quoted {
        return Err("a quotation mark is missing".to_owned());
    }
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    Ok((word, rest.trim_start()))
}

/// Splits outside of quotes.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        !quoted && c == at
    })
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` for UTC.
fn time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |part| part.parse::<i8>().ok());
    let civil = DateTime::new(
        digits.get(..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
        0,
    );
    zone.to_timestamp(civil.ok()?).ok()
}

/// Whether a text is in a list of patterns: at least one matches, and none that begins with `!`.
fn is_in_patterns(text: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if is_match(text.as_bytes(), pattern.as_bytes()) => return false,
            Some(_) => {}
            None => found |= is_match(text.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// `*` for any text, `?` for any byte.
fn is_match(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                retry = Some((at, in_pattern));
                in_pattern += 1;
            }
            Some(one) if *one == b'?' || *one == text[at] => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                let Some((from, star)) = retry else { return false };
                retry = Some((from + 1, star));
                (at, in_pattern) = (from + 1, star + 1);
            }
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn allows(line: &str, who: &str, now: &str) -> Result<(), NotAllowed> {
        let signers = AllowedSigners::parse(line, &TimeZone::UTC);
        assert_eq!(signers.problems, [""; 0]);
        let key = PublicKey::from_openssh(KEY).unwrap().to_bytes().unwrap();
        signers.allows(who, &key, at(now))
    }

    #[test]
    fn principals_are_patterns() {
        let now = "2026-06-01T00:00:00Z";
        for (patterns, who, allowed) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("bob,alice@example.com", "alice@example.com", true),
            ("*@example.com,!eve@example.com", "alice@example.com", true),
            ("*@example.com,!eve@example.com", "eve@example.com", false),
            ("!eve", "alice", false),
            ("al?ce", "alice", true),
            ("a*c*e", "abcabce", true),
            ("a*c*e", "abcabcd", false),
            ("\"alice\"", "alice", true),
        ] {
            let found = allows(&format!("{patterns} {KEY} comment"), who, now);
            assert_eq!(found.is_ok(), allowed, "{patterns} {who}");
        }
    }

    #[test]
    fn times_without_a_zone_are_local() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(time("20260601", &zone), Some(at("2026-05-31T22:00:00Z")));
        assert_eq!(time("202606011530Z", &zone), Some(at("2026-06-01T15:30:00Z")));
        assert_eq!(time("20260601153010", &zone), Some(at("2026-06-01T13:30:10Z")));
        for wrong in ["2026", "20261301", "2026060115301", "+2026061", ""] {
            assert_eq!(time(wrong, &zone), None, "{wrong}");
        }
    }

    #[test]
    fn lines_that_cannot_be_used_are_named_and_count_for_nobody() {
        let text = format!(
            "# people\n\nalice cert-authority {KEY}\nbob {KEY}\ncarol valid-before=tomorrow {KEY}\ndave secret {KEY}\n\
             eve ssh-ed25519 AAAA\nfred \"{KEY}\n"
        );
        let signers = AllowedSigners::parse(&text, &TimeZone::UTC);
        assert_eq!(signers.lines.len(), 1);
        let lines: Vec<&str> =
            signers.problems.iter().filter_map(|why| why.split_once(':')).map(|(at, _)| at).collect();
        assert_eq!(lines, ["line 3", "line 5", "line 6", "line 7", "line 8"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".*", who in ".*") {
            let signers = AllowedSigners::parse(&text, &TimeZone::UTC);
            prop_assert!(signers.allows(&who, b"", Timestamp::UNIX_EPOCH).is_err());
        }
    }
}
