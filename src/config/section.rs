//! What a table of the config file may hold. A key is defined once, in the file of its section: with its bounds, its default
//! and its help. By that unknown keys are found, values are read and the JSON Schema is written.

use std::path::PathBuf;

use jiff::SignedDuration;

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its header, e.g. `[[environments]]`.
    pub header: &'static str,
    /// What it is about.
    pub help: &'static str,
    /// Keys that it must hold.
    pub needed: &'static [&'static str],
    /// What it may hold, in groups: sections share some.
    pub groups: &'static [&'static [Field]],
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What it may be set to.
    pub kind: Kind,
    /// What it is for.
    pub help: &'static str,
    /// What holds without it, as TOML; empty where nothing does.
    pub default: fn() -> String,
}

/// What a key may be set to. Bounds are inclusive.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// A time such as `"30s"`, in these bounds.
    Time(SignedDuration, SignedDuration),
    /// A time in these bounds, or `false`.
    TimeOrOff(SignedDuration, SignedDuration),
    /// A number in these bounds.
    Number(f64, Option<f64>),
    /// A number in these bounds, or `false`.
    NumberOrOff(f64, Option<f64>),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Workloads.
    Workloads,
    /// A secret.
    Secret,
    /// A list of texts, none of them empty.
    TextList,
    /// The words of a command: the program and its arguments, which may be empty.
    Words,
    /// An HTTP status, or a list of some.
    Statuses,
    /// Text, a number, or true or false.
    Scalar,
    /// Text by any key.
    Texts,
    /// Whole numbers from one by any key.
    Numbers,
    /// Text, which may be empty, by the names of labels.
    Labels,
    /// A list of whole numbers of percent, from 1 to 100.
    Percents,
    /// Text or secrets by any key.
    TextsOrSecrets,
    /// Keys by the name of a command.
    Keys,
    /// A table.
    Table(&'static Section),
    /// A table, or `false`.
    TableOrOff(&'static Section),
    /// Tables, in order.
    Tables(&'static Section),
}

impl Section {
    /// Returns the keys, in the order of the documentation.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.groups.iter().copied().flatten()
    }

    /// Returns a key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.key == key)
    }
}

impl Field {
    /// Makes a key that has no default.
    pub(super) const fn new(key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { key, kind, help, default: String::new }
    }

    /// Gives it a default, as TOML.
    pub(super) const fn or(self, default: fn() -> String) -> Self {
        Self { default, ..self }
    }

    /// Makes a key that holds a table.
    pub(super) const fn table(key: &'static str, section: &'static Section) -> Self {
        Self::new(key, Kind::Table(section), section.help)
    }
}

/// A value that is one of some words.
pub(super) trait Word: Copy + 'static {
    /// All values, in the order of the documentation.
    const VALUES: &'static [Self];

    /// Returns the word in the config.
    fn as_str(self) -> &'static str;
}

/// Makes enums with `ALL` and `as_str` words of the config.
macro_rules! words {
    ($($word:ty),*) => {
        $(impl $crate::config::section::Word for $word {
            const VALUES: &'static [Self] = &<$word>::ALL;

            fn as_str(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}
pub(in crate::config) use words;

/// Returns all words of a type.
pub(super) fn words_of<W: Word>() -> Vec<&'static str> {
    W::VALUES.iter().map(|value| value.as_str()).collect()
}

/// A default, written as it stands in a file; empty where there is none.
pub(super) trait ToToml {
    /// Writes it.
    fn to_toml(&self) -> String;
}

impl ToToml for bool {
    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl ToToml for f64 {
    fn to_toml(&self) -> String {
        format!("{self:?}")
    }
}

impl ToToml for SignedDuration {
    fn to_toml(&self) -> String {
        format!("\"{}\"", duration_text(*self))
    }
}

impl<W: Word> ToToml for W {
    fn to_toml(&self) -> String {
        format!("\"{}\"", self.as_str())
    }
}

/// No section has text or a path as a default: an empty one is none.
impl ToToml for String {
    fn to_toml(&self) -> String {
        String::new()
    }
}

impl ToToml for PathBuf {
    fn to_toml(&self) -> String {
        String::new()
    }
}

impl<T: ToToml> ToToml for Option<T> {
    fn to_toml(&self) -> String {
        self.as_ref().map(ToToml::to_toml).unwrap_or_default()
    }
}

pub(super) const fn millis(amount: i64) -> SignedDuration {
    SignedDuration::from_millis(amount)
}

pub(super) const fn secs(amount: i64) -> SignedDuration {
    SignedDuration::from_secs(amount)
}

pub(super) const fn mins(amount: i64) -> SignedDuration {
    SignedDuration::from_mins(amount)
}

pub(super) const fn hours(amount: i64) -> SignedDuration {
    SignedDuration::from_hours(amount)
}

pub(super) const fn days(amount: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * amount)
}

/// Writes a time as it is written in a config: `1m30s`, `500ms`.
pub(super) fn duration_text(time: SignedDuration) -> String {
    let millis = time.as_millis().max(0);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let parts = [(seconds / 3600, "h"), (seconds % 3600 / 60, "m"), (seconds % 60, "s"), (millis, "ms")];
    let text: Vec<String> =
        parts.iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text.concat() }
}

/// Tells the keys of a section: `FIELDS` for its [`Section`], and `read_keys`, which reads those that a table has into a
/// value and leaves the rest of it as it is.
///
/// ```text
/// keys! {
///     Limits = Limits::default();                      // what is read into, and what holds without any key
///     min_rps: number(0.0..), "Requests per second …"; // a key that is a field of the same name
///     fresh => spec.fresh: time(secs(1)..=days(365)), "How long …"; // a field elsewhere in it
///     labels: by_hand(Kind::Texts, "{}"), "Extra …";   // a key, with its default, that `read_keys` leaves to others
/// }
/// ```
///
/// There are `flag`, `number`, `number_or_off`, `time`, `time_or_off`, `word(Type)`, `text`, `path` and `by_hand`.
macro_rules! keys {
    ($target:ty = $unset:expr; $($key:ident $(=> $($path:ident).+)?: $kind:ident $(($($args:tt)*))?, $help:expr;)*) => {
        pub(in crate::config) const FIELDS: &[$crate::config::section::Field] = &[$($crate::config::section::Field {
            key: stringify!($key),
            kind: $crate::config::section::keys!(@kind $kind $($($args)*)?),
            help: $help,
            default: $crate::config::section::keys!(
                @default ($target = $unset) ($key $($($path).+)?) $kind $($($args)*)?
            ),
        }),*];

        /// Reads the keys that stand in the table over what holds so far.
        pub(in crate::config) fn read_keys(
            reader: &mut $crate::config::reader::Reader,
            table: &$crate::config::reader::Table<'_>,
            into: &mut $target,
        ) {
            $($crate::config::section::keys!(@read reader, table, into, ($key $($($path).+)?) $kind);)*
        }
    };

    (@kind flag) => { $crate::config::section::Kind::Flag };
    (@kind text) => { $crate::config::section::Kind::Text };
    (@kind path) => { $crate::config::section::Kind::Text };
    (@kind word $word:ty) => { $crate::config::section::Kind::Word($crate::config::section::words_of::<$word>) };
    (@kind number $min:literal ..= $max:literal) => { $crate::config::section::Kind::Number($min, Some($max)) };
    (@kind number $min:literal ..) => { $crate::config::section::Kind::Number($min, None) };
    (@kind number_or_off $min:literal ..= $max:literal) => {
        $crate::config::section::Kind::NumberOrOff($min, Some($max))
    };
    (@kind number_or_off $min:literal ..) => { $crate::config::section::Kind::NumberOrOff($min, None) };
    (@kind time $unit:ident($min:literal)..=$max_unit:ident($max:literal)) => {
        $crate::config::section::Kind::Time(
            $crate::config::section::$unit($min),
            $crate::config::section::$max_unit($max),
        )
    };
    (@kind time_or_off $unit:ident($min:literal)..=$max_unit:ident($max:literal)) => {
        $crate::config::section::Kind::TimeOrOff(
            $crate::config::section::$unit($min),
            $crate::config::section::$max_unit($max),
        )
    };
    (@kind by_hand $kind:expr) => { $kind };
    (@kind by_hand $kind:expr, $default:literal) => { $kind };

    (@default $target:tt $place:tt by_hand $kind:expr) => { String::new };
    (@default $target:tt $place:tt by_hand $kind:expr, $default:literal) => { || String::from($default) };
    (@default ($target:ty = $unset:expr) ($key:ident) $($kind:tt)*) => {
        || {
            let unset: $target = $unset;
            $crate::config::section::ToToml::to_toml(&unset.$key)
        }
    };
    (@default ($target:ty = $unset:expr) ($key:ident $($path:ident).+) $($kind:tt)*) => {
        || {
            let unset: $target = $unset;
            $crate::config::section::ToToml::to_toml(&unset.$($path).+)
        }
    };

    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).*) by_hand) => {};
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident) $kind:ident) => {
        $crate::config::section::keys!(@read $reader, $table, $into, ($key $key) $kind)
    };
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).+) number_or_off) => {
        if $table.is_off(stringify!($key)) {
            $into.$($path).+ = None;
        } else if let Some(value) = $reader.number($table, stringify!($key)) {
            $into.$($path).+ = Some(value);
        }
    };
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).+) time_or_off) => {
        if $table.is_off(stringify!($key)) {
            $into.$($path).+ = None;
        } else if let Some(value) = $reader.time($table, stringify!($key)) {
            $into.$($path).+ = Some(value);
        }
    };
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).+) word) => {
        if let Some(value) = $reader.word($table, stringify!($key)) {
            $into.$($path).+ = value;
        }
    };
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).+) text) => {
        if let Some(text) = $reader.text($table, stringify!($key)) {
            $into.$($path).+ = text.value.into();
        }
    };
    (@read $reader:ident, $table:ident, $into:ident, ($key:ident $($path:ident).+) $kind:ident) => {
        if let Some(value) = $reader.$kind($table, stringify!($key)) {
            $into.$($path).+ = value.into();
        }
    };
}
pub(in crate::config) use keys;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::step::parse_pause;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_that_is_written_is_read_the_same(millis in 1_i64..400_000_000) {
            let time = SignedDuration::from_millis(millis);
            prop_assert_eq!(parse_pause(&duration_text(time)), Some(time));
        }
    }
}
