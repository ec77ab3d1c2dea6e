//! The parameters of a request: from the query string and from a form body, keys may repeat.

use jiff::Timestamp;

use super::promql;

/// Decoded pairs in their order; the body's come first, as in Go's `FormValue`.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the form body and the query string.
    pub fn read(query: &str, body: &str) -> Self {
        let pairs = body.split('&').chain(query.split('&')).filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of a key, empty if it is absent.
    pub fn get(&self, key: &str) -> &str {
        self.all(key).next().unwrap_or("")
    }

    /// All values of a key.
    pub fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds, written as seconds since 1970 or as RFC 3339; `None` if it is absent.
    pub fn time(&self, key: &str) -> Result<Option<i64>, String> {
        let text = self.get(key);
        if text.is_empty() {
            return Ok(None);
        }
        let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite() && s.abs() < 1e13);
        seconds
            .map(|s| (s * 1000.0).round() as i64)
            .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond))
            .map(Some)
            .ok_or_else(|| format!("invalid parameter {key:?}: cannot parse {text:?} to a valid timestamp"))
    }

    /// A duration in milliseconds, written as seconds or as `1m30s`.
    pub fn duration(&self, key: &str) -> Result<i64, String> {
        let text = self.get(key);
        let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite() && s.abs() < 1e12);
        seconds
            .map(|s| (s * 1000.0).round() as i64)
            .or_else(|| promql::duration(text))
            .ok_or_else(|| format!("invalid parameter {key:?}: cannot parse {text:?} to a valid duration"))
    }
}

/// Undoes form encoding; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = rest.get(..2).and_then(|h| std::str::from_utf8(h).ok());
                match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                    Some(byte) => {
                        out.push(byte);
                        bytes = &rest[2..];
                    }
                    None => out.push(b'%'),
                }
            }
            other => out.push(*other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let params = Params::read("query=up&match[]=a", "query=sum%20by+(x)%28y%29&match%5B%5D=b%&empty");
        assert_eq!(params.get("query"), "sum by (x)(y)");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["b%", "a"]);
        assert_eq!(params.get("empty"), "");
    }

    #[test]
    fn times_and_durations_are_parsed() {
        let params = Params::read("a=1435781451.781&b=2015-07-01T20:10:51.781Z&c=x&d=1m30s&e=0.5", "");
        assert_eq!(params.time("a").unwrap(), Some(1_435_781_451_781));
        assert_eq!(params.time("b").unwrap(), Some(1_435_781_451_781));
        assert!(params.time("c").is_err());
        assert_eq!(params.time("none").unwrap(), None);
        assert_eq!(params.duration("d").unwrap(), 90_000);
        assert_eq!(params.duration("e").unwrap(), 500);
        assert!(params.duration("c").is_err());
    }
}
