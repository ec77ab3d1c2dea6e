//! Cuts the time since the last look, so that counts before and after a change of weight are not mixed.

/// Returns the ends of the slices of `(from, at]`, each about a step long. Both tracks have a sample in each slice: requests
/// of one of them alone would be compared with nothing. What is left at the end waits for the next look.
#[must_use]
pub fn ends(from: i64, at: i64, step: i64, times: &[Vec<i64>; 2]) -> Vec<i64> {
    let (step, mut from) = (step.max(1), from);
    let both = |from: i64, to: i64| {
        times.iter().all(|times| {
            let next = times.partition_point(|time| *time <= from);
            times.get(next).is_some_and(|time| *time <= to)
        })
    };
    let mut ends = Vec::new();
    let mut to = from.saturating_add(step);
    while to <= at {
        if both(from, to) {
            ends.push(to);
            from = to;
        }
        to = to.saturating_add(step);
    }
    // Looks come a little early or late: a slice that is almost whole does not wait for another look.
    if at.saturating_sub(from) >= step - step / 4 && both(from, at) && ends.last() != Some(&at) {
        ends.push(at);
    }
    ends
}

/// Returns the usual distance of two samples, in milliseconds: the median.
#[must_use]
pub fn interval<'a>(series: impl Iterator<Item = &'a [i64]>) -> Option<i64> {
    let mut distances: Vec<i64> = series
        .flat_map(|times| times.iter().zip(times.iter().skip(1)).map(|(earlier, later)| later - earlier))
        .filter(|distance| *distance > 0)
        .collect();
    let middle = distances.len() / 2;
    (!distances.is_empty()).then(|| *distances.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slices_are_a_step_long_and_wait_for_both_tracks() {
        let steady = || (1..=10).map(|n| n * 15).collect::<Vec<i64>>();
        assert_eq!(ends(0, 60, 15, &[steady(), steady()]), [15, 30, 45, 60]);
        // The canary was not scraped for a while.
        assert_eq!(ends(0, 60, 15, &[steady(), vec![15, 50]]), [15, 60]);
        assert_eq!(ends(0, 60, 15, &[steady(), vec![]]), Vec::<i64>::new());
        // A look a little early, and one far too early.
        assert_eq!(ends(0, 29, 15, &[(1..10).map(|n| n * 14).collect(), vec![14, 28]]), [15, 29]);
        assert_eq!(ends(0, 27, 15, &[steady(), vec![14, 20]]), [15]);
        assert_eq!(ends(30, 58, 15, &[steady(), steady()]), [45]);
    }

    #[test]
    fn usual_interval_ignores_gaps() {
        assert_eq!(interval([[0, 15, 30, 300, 315].as_slice(), &[7, 22]].into_iter()), Some(15));
        assert_eq!(interval([[7].as_slice()].into_iter()), None);
    }

    proptest! {
        #[test]
        fn slices_advance_and_never_pass_the_look(
            from in 0_i64..50, span in 0_i64..500, step in 0_i64..40,
            a in prop::collection::btree_set(0_i64..600, 0..30), b in prop::collection::btree_set(0_i64..600, 0..30),
        ) {
            let times = [a.into_iter().collect::<Vec<_>>(), b.into_iter().collect()];
            let ends = ends(from, from + span, step, &times);
            let mut last = from;
            for end in ends {
                prop_assert!(end > last && end <= from + span);
                prop_assert!(times.iter().all(|times| times.iter().any(|time| *time > last && *time <= end)));
                last = end;
            }
        }
    }
}
