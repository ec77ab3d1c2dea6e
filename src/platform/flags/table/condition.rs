//! What has to hold for a flag that is turned on, or to a share, within the transaction.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bound, NotTurned};
use crate::domain::facts::flag::{Turn, table};

/// The row that was seen, and what reads it again.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub list: Bound,
    pub flag: String,
    pub row: Value,
    pub turn: Turn,
}

impl Condition {
    /// Whether the flag is still what was seen.
    pub fn before(&self, rows: &[Value]) -> Result<(), NotTurned> {
        match self.of(rows) {
            Some(row) if *row == self.row => Ok(()),
            Some(_) => Err(NotTurned::Moved("the flag was changed meanwhile".to_owned())),
            None => Err(NotTurned::Moved("the flag is gone".to_owned())),
        }
    }

    /// Whether the flag is turned now, and nothing else was changed.
    pub fn after(&self, before: &[Value], after: &[Value]) -> Result<(), NotTurned> {
        let refused = |why: String| Err(NotTurned::Refused(why));
        let flags = table::list(after).map_err(NotTurned::Refused)?;
        match flags.iter().find(|flag| flag.name == self.flag) {
            Some(flag) if self.turn.is_reached(flag.state) => {}
            Some(flag) => return refused(format!("after it the list says that the flag is {}", flag.state)),
            None => return refused("after it the list has no such flag".to_owned()),
        }
        // A list may be in any order; a name stands in it once.
        let others = |rows: &'_ [Value]| -> BTreeMap<String, Value> {
            let others = rows.iter().filter(|row| row["name"] != self.flag);
            others.map(|row| (row["name"].as_str().unwrap_or_default().to_owned(), row.clone())).collect()
        };
        let (before, after) = (others(before), others(after));
        let names = before.keys().chain(after.keys());
        match names.into_iter().find(|name| before.get(*name) != after.get(*name)) {
            Some(name) => refused(format!("it would change another flag, {name}")),
            None => Ok(()),
        }
    }

    fn of<'a>(&self, rows: &'a [Value]) -> Option<&'a Value> {
        rows.iter().find(|row| row["name"] == self.flag)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(states: &[(&str, bool)]) -> Vec<Value> {
        states.iter().map(|(name, state)| json!({"name": name, "state": state})).collect()
    }

    #[test]
    fn it_holds_where_this_flag_alone_is_turned_on() {
        let before = rows(&[("a", false), ("b", false)]);
        let list = Bound { text: String::new(), values: Vec::new() };
        let condition = Condition { list, flag: "a".to_owned(), row: before[0].clone(), turn: Turn::On };
        assert_eq!(condition.before(&before), Ok(()));
        assert!(matches!(condition.before(&rows(&[("a", true)])), Err(NotTurned::Moved(_))));
        assert!(matches!(condition.before(&[]), Err(NotTurned::Moved(_))));
        assert_eq!(condition.after(&before, &rows(&[("b", false), ("a", true)])), Ok(()));
        for (after, why) in [
            (rows(&[("a", false), ("b", false)]), "the flag is off"),
            (rows(&[("b", false)]), "has no such flag"),
            (rows(&[("a", true), ("b", true)]), "another flag, b"),
            (rows(&[("a", true)]), "another flag, b"),
            (rows(&[("a", true), ("b", false), ("c", true)]), "another flag, c"),
        ] {
            let said = condition.after(&before, &after).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
        let to_share = Condition { turn: Turn::Share(25.try_into().unwrap()), ..condition };
        let share = |percent: u8| vec![json!({"name": "a", "state": true, "percent": percent}), before[1].clone()];
        assert_eq!(to_share.after(&before, &share(25)), Ok(()));
        for other in [24, 100] {
            assert!(matches!(to_share.after(&before, &share(other)), Err(NotTurned::Refused(_))), "{other}");
        }
    }
}
