//! Whether a new series counts from zero or from its first value.
//!
//! A client library exposes a counter only once it has counted something: the first errors of a canary appear as a series
//! born at one or three. Whoever takes differences of what was seen misses them.

/// A young pod: whatever its counters read was counted since it began.
pub const YOUNG_POD_MS: i64 = 5 * 60_000;

/// What is known of a target when a series of it is seen for the first time.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstSight<'a> {
    /// The first sample of the series.
    pub first: i64,
    /// When the target was scraped, as far back as this look reaches, ascending.
    pub scraped: &'a [i64],
    /// When it did not answer, ascending.
    pub down: &'a [i64],
    /// The latest scrape of it that an earlier look saw.
    pub known: Option<i64>,
    /// When its pod was created, where Kubernetes told.
    pub created: Option<i64>,
    /// The first scrape of any target that was seen: since then the server watches.
    pub watched: Option<i64>,
    pub interval: i64,
}

/// Returns whether the series counts from zero.
#[must_use]
pub fn is_new(seen: FirstSight<'_>) -> bool {
    let before = |times: &[i64]| times.first().is_some_and(|time| *time < seen.first);
    if before(seen.scraped) || seen.known.is_some_and(|known| known < seen.first) {
        // The target was scraped, and had no such series.
        return true;
    }
    if before(seen.down) {
        // It may have counted for long while no one could ask.
        return false;
    }
    match seen.created {
        Some(created) => seen.first.saturating_sub(created) <= YOUNG_POD_MS,
        // Targets that come up together with the server may be old; one that comes when others have been watched for a
        // while is not.
        None => seen.watched.is_some_and(|watched| seen.first.saturating_sub(watched) >= 2 * seen.interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_is_new_if_its_target_was_scraped_without_it() {
        let seen = FirstSight { first: 100, interval: 15, ..FirstSight::default() };
        assert!(!is_new(seen), "the first sight of an old target");
        assert!(is_new(FirstSight { scraped: &[85, 100], ..seen }));
        assert!(!is_new(FirstSight { scraped: &[100, 115], ..seen }));
        assert!(is_new(FirstSight { known: Some(40), ..seen }));
        assert!(is_new(FirstSight { watched: Some(50), ..seen }), "the target is new");
        assert!(!is_new(FirstSight { watched: Some(90), ..seen }), "the server itself has only begun");
        assert!(!is_new(FirstSight { watched: Some(50), down: &[70, 85], ..seen }), "it was there");
        assert!(!is_new(FirstSight { watched: Some(50), created: Some(100 - YOUNG_POD_MS - 1), ..seen }), "an old pod");
        assert!(is_new(FirstSight { created: Some(90), ..seen }));
    }
}
