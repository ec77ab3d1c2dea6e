//! How migration tools name their files and mark their sections: Flyway, golang-migrate, sql-migrate, goose, dbmate,
//! diesel, sqlx, refinery.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// The file with everything that is not the way up blanked out: lines stay where they are.
    pub up: String,
    /// Whether it has a section for the way down.
    pub down: bool,
}

/// Takes a file apart by its markers; without any, all of it is the way up.
#[must_use]
pub fn sections(text: &str) -> Sections {
    let (mut up, mut down) = (String::with_capacity(text.len()), false);
    let mut going_down = false;
    for line in text.split_inclusive('\n') {
        match marker(line) {
            Some(Marker::Up) => going_down = false,
            Some(Marker::Down) => {
                going_down = true;
                down = true;
            }
            None => {}
        }
        if going_down {
            up.push_str(if line.ends_with('\n') { "\n" } else { "" });
        } else {
            up.push_str(line);
        }
    }
    Sections { up, down }
}

enum Marker {
    Up,
    Down,
}

/// `-- +goose Down`, `-- +migrate Down`, `-- migrate:down`, and the same for up.
fn marker(line: &str) -> Option<Marker> {
    let comment = line.trim().strip_prefix("--")?.trim().to_ascii_lowercase();
    let word = match comment.strip_prefix("migrate:") {
        Some(rest) => rest.trim_start(),
        None => comment.strip_prefix("+goose").or_else(|| comment.strip_prefix("+migrate"))?.trim_start(),
    };
    // Options may follow: `-- migrate:up transaction:false`.
    match word.split_whitespace().next()? {
        "up" => Some(Marker::Up),
        "down" => Some(Marker::Down),
        _ => None,
    }
}

/// Returns whether a file is itself a way down.
#[must_use]
pub fn is_down(file: &str) -> bool {
    let name = name(file).to_ascii_lowercase();
    name == "down.sql" || name.ends_with(".down.sql") || undone(&name).is_some()
}

/// Returns whether a file is run again whenever it changes: Flyway's `R__views.sql`.
#[must_use]
pub fn is_repeatable(file: &str) -> bool {
    name(file).starts_with("R__")
}

/// Returns the file that is the way down of another one.
#[must_use]
pub fn down_of(file: &str, files: &[String]) -> Option<String> {
    let (folder, name) = file.rsplit_once('/').map_or(("", file), |(folder, name)| (folder, name));
    let at = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    if let Some((version, _)) = name.strip_prefix('V').and_then(|rest| rest.split_once("__")) {
        // Only the version ties them together: their descriptions may differ, and so may their folders.
        return files.iter().find(|other| undone(self::name(other)) == Some(version)).cloned();
    }
    let down = match name {
        "up.sql" => at("down.sql"),
        name => match name.strip_suffix(".up.sql") {
            Some(stem) => at(&format!("{stem}.down.sql")),
            None => at(&format!("{}.down.sql", name.strip_suffix(".sql")?)),
        },
    };
    files.contains(&down).then_some(down)
}

/// The version that `U1.2__x.sql` undoes.
fn undone(name: &str) -> Option<&str> {
    let (version, _) = name.strip_prefix(['U', 'u'])?.split_once("__")?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    is_version.then_some(version)
}

fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn down_migrations_are_found_by_tool_conventions() {
        let files: Vec<String> = [
            "db/V1__a.sql",
            "undo/U1__other_words.sql",
            "db/V2__b.sql",
            "db/0001_c.up.sql",
            "db/0001_c.down.sql",
            "db/0002_d.up.sql",
            "2026-01/up.sql",
            "2026-01/down.sql",
            "0003_e.sql",
            "0003_e.down.sql",
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        for (file, down) in [
            ("db/V1__a.sql", Some("undo/U1__other_words.sql")),
            ("db/V2__b.sql", None),
            ("db/0001_c.up.sql", Some("db/0001_c.down.sql")),
            ("db/0002_d.up.sql", None),
            ("2026-01/up.sql", Some("2026-01/down.sql")),
            ("0003_e.sql", Some("0003_e.down.sql")),
            ("readme", None),
        ] {
            assert_eq!(down_of(file, &files).as_deref(), down, "{file}");
        }
        let downs: Vec<&String> = files.iter().filter(|file| is_down(file)).collect();
        assert_eq!(downs, ["undo/U1__other_words.sql", "db/0001_c.down.sql", "2026-01/down.sql", "0003_e.down.sql"]);
        assert!(!is_down("db/Users__a.sql"));
        assert!(is_repeatable("db/R__views.sql"));
    }

    #[test]
    fn sections_keep_their_lines() {
        let text = "-- +goose Up\nCREATE TABLE a (b INT);\n-- +goose Down\nDROP TABLE a;\n-- +goose Up\nSELECT 1;";
        let wanted = "-- +goose Up\nCREATE TABLE a (b INT);\n\n\n-- +goose Up\nSELECT 1;";
        assert_eq!(sections(text), Sections { up: wanted.to_owned(), down: true });
        for down in ["-- migrate:down\nx", "--migrate:down transaction:false\nx", "-- +migrate Down\nx"] {
            assert_eq!(sections(down).up.trim(), "", "{down}");
        }
        for no_marker in
            ["-- going down", "-- +goose StatementBegin", "-- migrate: nothing", "SELECT 1 -- migrate:down"]
        {
            assert_eq!(sections(no_marker), Sections { up: no_marker.to_owned(), down: false });
        }
    }

    proptest! {
        #[test]
        fn splitting_sections_loses_no_line(text in "(a|\n|-- migrate:(up|down)\n|é){0,12}") {
            prop_assert_eq!(sections(&text).up.matches('\n').count(), text.matches('\n').count());
        }
    }
}
