//! Who we are to a Prometheus.

use crate::config::Secret;
use crate::config::reader::{At, Reader, Table};
use crate::config::secret;

/// Who we are to a server.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        username: String,
        password: Secret,
    },
    Bearer(Secret),
}

/// Reads who we are; `None` where the table does not say.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Auth> {
    let username = reader.text(table, "username");
    let secret = |reader: &mut Reader, key: &str| -> Option<At<Option<Secret>>> {
        let value = table.get(key)?;
        Some(At { value: secret::read(reader, value, key), at: table.key_at(key) })
    };
    let password = secret(reader, "password");
    let bearer = secret(reader, "bearer_token");
    if let (Some(bearer), true) = (&bearer, username.is_some() || password.is_some()) {
        reader.note(bearer.at, "`bearer_token` and `username` with `password` exclude each other", "keep one of them");
    }
    if let Some(bearer) = bearer {
        return bearer.value.map(Auth::Bearer);
    }
    match (username, password) {
        (Some(username), Some(password)) => {
            if username.value.contains(':') {
                reader.note(username.at, "a `username` cannot contain `:`", "");
            }
            Some(Auth::Basic { username: username.value, password: password.value? })
        }
        (Some(username), None) => {
            reader.note(username.at, "`username` has no `password`", "");
            None
        }
        (None, Some(password)) => {
            reader.note(password.at, "`password` has no `username`", "");
            None
        }
        (None, None) => None,
    }
}
