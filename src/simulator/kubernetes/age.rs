//! Ages as kubectl writes them.

use jiff::Timestamp;

/// Formats a number of seconds as `HumanDuration` of apimachinery does: two units at most, fewer as it grows.
pub fn human(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    if seconds < 120 {
        return format!("{seconds}s");
    }
    let minutes = seconds / 60;
    if minutes < 10 {
        return pair(minutes, 'm', seconds % 60, 's');
    }
    if minutes < 180 {
        return format!("{minutes}m");
    }
    let hours = minutes / 60;
    if hours < 8 {
        return pair(hours, 'h', minutes % 60, 'm');
    }
    if hours < 48 {
        return format!("{hours}h");
    }
    let days = hours / 24;
    if days < 8 {
        return pair(days, 'd', hours % 24, 'h');
    }
    if days < 365 * 2 {
        return format!("{days}d");
    }
    let years = days / 365;
    if years < 8 {
        return pair(years, 'y', days % 365, 'd');
    }
    format!("{years}y")
}

/// Returns the age of a time stamp, `<unknown>` for none.
pub fn since(stamp: Option<Timestamp>) -> String {
    stamp.map_or_else(|| "<unknown>".to_owned(), |at| human(Timestamp::now().duration_since(at).as_secs()))
}

fn pair(first: i64, first_unit: char, second: i64, second_unit: char) -> String {
    if second == 0 { format!("{first}{first_unit}") } else { format!("{first}{first_unit}{second}{second_unit}") }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn ages_lose_precision_as_they_grow() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (185, "3m5s"),
            (601, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 300, "3h5m"),
            (9 * 3600, "9h"),
            (50 * 3600, "2d2h"),
            (20 * 86400, "20d"),
            (800 * 86400, "2y70d"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }
}
