//! The split between canary and stable, from routes that each name destinations with weights.

/// Who a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Canary,
    Stable,
    Other,
}

/// What a route gives canary and stable; `None` where it does not name one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    canary: Option<u64>,
    stable: Option<u64>,
}

/// Why the objects' routes tell nothing.
pub(super) type Problem = &'static str;

const NAMES_NEITHER: Problem = "names neither canary nor stable";
const UNREADABLE_WEIGHT: Problem = "has a weight that is no number";
const NO_WEIGHT: Problem = "gives weight to neither canary nor stable";

impl Route {
    /// Sums up the destinations of a route.
    ///
    /// # Errors
    /// The weight of canary or stable is no number.
    pub(super) fn of(destinations: impl IntoIterator<Item = (Track, Option<u64>)>) -> Result<Self, Problem> {
        let mut route = Self::default();
        for (track, weight) in destinations {
            let side = match track {
                Track::Canary => &mut route.canary,
                Track::Stable => &mut route.stable,
                Track::Other => continue,
            };
            let weight = weight.ok_or(UNREADABLE_WEIGHT)?;
            *side = Some(side.unwrap_or_default().saturating_add(weight));
        }
        Ok(route)
    }

    fn names_both(self) -> bool {
        self.canary.is_some() && self.stable.is_some()
    }

    fn names_one(self) -> bool {
        self.canary.is_some() || self.stable.is_some()
    }

    /// Returns so much of so much to the canary.
    fn split(self) -> Option<(u32, u32)> {
        let canary = self.canary.unwrap_or_default();
        let whole = canary.saturating_add(self.stable.unwrap_or_default());
        Some((u32::try_from(canary).ok()?, u32::try_from(whole).ok().filter(|whole| *whole > 0)?))
    }
}

/// Returns the different splits of an object's routes. The controller keeps both destinations of a route that it manages, with
/// a weight of 0; a route that names one alone, as one for a header does, counts only where none names both.
///
/// # Errors
/// No route tells a split.
pub(super) fn splits(routes: &[Route]) -> Result<Vec<(u32, u32)>, Problem> {
    let has_both = routes.iter().any(|route| route.names_both());
    let counts = |route: &&Route| if has_both { route.names_both() } else { route.names_one() };
    let mut counted = routes.iter().filter(counts).peekable();
    if counted.peek().is_none() {
        return Err(NAMES_NEITHER);
    }
    let mut splits: Vec<(u32, u32)> = counted.filter_map(|route| route.split()).collect();
    splits.sort_unstable();
    splits.dedup();
    if splits.is_empty() { Err(NO_WEIGHT) } else { Ok(splits) }
}
