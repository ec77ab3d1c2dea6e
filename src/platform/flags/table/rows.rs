//! The rows of a list, as JSON objects by the names of their columns, within bounds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Most rows of a list that are read.
pub(super) const MAX_ROWS: usize = 20_000;
/// Longest row of a list that is read, in characters as JSON.
pub(super) const MAX_ROW_CHARS: usize = 64 << 10;
/// Largest list that is read, in bytes as JSON.
const MAX_LIST_BYTES: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Value>,
    bytes: usize,
}

impl Rows {
    /// Adds a row.
    pub fn add(&mut self, json: &str) -> Result<(), String> {
        self.bytes += json.len();
        if self.rows.len() == MAX_ROWS {
            return Err(format!("there are more than {MAX_ROWS} rows"));
        }
        if json.chars().count() > MAX_ROW_CHARS {
            return Err(format!("a row has more than {MAX_ROW_CHARS} characters"));
        }
        if self.bytes > MAX_LIST_BYTES {
            return Err(format!("the rows have more than {} MiB", MAX_LIST_BYTES >> 20));
        }
        let Row(columns) = serde_json::from_str(json).map_err(|error| error.to_string())?;
        self.rows.push(Value::Object(columns));
        Ok(())
    }

    pub fn all(self) -> Vec<Value> {
        self.rows
    }
}

/// A row, of which each column has a name of its own.
struct Row(Map<String, Value>);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Columns)
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<Row, A::Error> {
        let mut row = Map::new();
        while let Some((name, value)) = columns.next_entry::<String, Value>()? {
            // Which of the two would count is not for us to say.
            if row.contains_key(&name) {
                return Err(A::Error::custom(format_args!("there are two columns `{name}`")));
            }
            row.insert(name, value);
        }
        Ok(Row(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_bounds() {
        let mut rows = Rows::default();
        assert!(rows.add(&format!("{{\"x\": \"{}\"}}", "x".repeat(MAX_ROW_CHARS))).is_err());
        rows.rows = vec![Value::Null; MAX_ROWS];
        assert_eq!(rows.add("{}"), Err("there are more than 20000 rows".to_owned()));
    }

    #[test]
    fn two_columns_of_one_name_are_no_row() {
        let mut rows = Rows::default();
        let said = rows.add("{\"state\": false, \"name\": \"x\", \"state\": true}").unwrap_err();
        assert!(said.contains("there are two columns `state`"), "{said}");
        assert_eq!(rows.add("{\"name\": {\"a\": 1}}"), Ok(()));
        assert_eq!(rows.all().len(), 1);
    }
}
