//! How migration tools name their files and mark their sections: Flyway, golang-migrate, sql-migrate, goose, dbmate,
//! diesel, sqlx, refinery, Liquibase, node-pg-migrate, db-migrate, Sqitch, Play.

/// A database whose SQL is of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    MySql,
    Sqlite,
    /// Named, and not one of those.
    Other,
}

/// Returns the database that a folder of a path names.
#[must_use]
pub fn dialect(path: &str) -> Option<Dialect> {
    let folders = path.rsplit_once('/')?.0;
    folders.split(['/', '-', '_', '.']).rev().find_map(|folder| {
        Some(match folder.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" | "pg" | "psql" | "pgsql" => Dialect::Postgres,
            "mysql" | "mariadb" => Dialect::MySql,
            "sqlite" | "sqlite3" => Dialect::Sqlite,
            "oracle" | "mssql" | "sqlserver" | "h2" | "db2" | "cockroach" | "cockroachdb" | "crdb" | "clickhouse"
            | "snowflake" | "bigquery" => Dialect::Other,
            _ => return None,
        })
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// The file with everything that is not the way up blanked out: lines stay where they are.
    pub up: String,
    /// The sections for the way down; `None` where there is none.
    pub down: Option<String>,
}

/// Takes a file apart by its markers; without any, all of it is the way up.
#[must_use]
pub fn sections(text: &str) -> Sections {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_liquibase(text) {
        return Sections { up: text.to_owned(), down: rollbacks(text) };
    }
    let mut up = String::with_capacity(text.len());
    let mut down: Option<String> = None;
    let mut going_down = false;
    for line in text.split_inclusive('\n') {
        match marker(line) {
            Some(Marker::Up) => going_down = false,
            Some(Marker::Down) => {
                going_down = true;
                down.get_or_insert_default();
            }
            None => {}
        }
        match &mut down {
            Some(down) if going_down => {
                down.push_str(line);
                up.push_str(if line.ends_with('\n') { "\n" } else { "" });
            }
            _ => up.push_str(line),
        }
    }
    Sections { up, down }
}

enum Marker {
    Up,
    Down,
}

/// `-- +goose Down`, `-- +migrate Down`, `-- migrate:down`, `-- Down Migration`, `# --- !Downs`, and the same for up.
fn marker(line: &str) -> Option<Marker> {
    let line = line.trim();
    let comment = line.strip_prefix("--").or_else(|| line.strip_prefix('#'))?.trim_start_matches(['-', ' ', '\t']);
    let comment = comment.trim().to_ascii_lowercase();
    let word = match comment.strip_prefix("migrate:") {
        Some(rest) => rest.trim_start(),
        None => match comment.strip_prefix("+goose").or_else(|| comment.strip_prefix("+migrate")) {
            Some(rest) => rest.trim_start(),
            None => {
                return match comment.as_str() {
                    "up migration" | "!ups" => Some(Marker::Up),
                    "down migration" | "!downs" => Some(Marker::Down),
                    _ => None,
                };
            }
        },
    };
    // Options may follow: `-- migrate:up transaction:false`.
    match word.split_whitespace().next()? {
        "up" => Some(Marker::Up),
        "down" => Some(Marker::Down),
        _ => None,
    }
}

/// Whether a file is Liquibase's formatted SQL, which says so in its first line.
pub(super) fn is_liquibase(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_ascii_lowercase();
    let words = first.trim().strip_prefix("--").and_then(|text| text.trim_start().strip_prefix("liquibase"));
    words.is_some_and(|text| text.trim_start().starts_with("formatted"))
}

/// Returns what the change sets of Liquibase are rolled back by; empty where one of them has nothing. All of it stands in
/// comments.
fn rollbacks(text: &str) -> Option<String> {
    /// What is known of a change set.
    #[derive(Default)]
    struct ChangeSet {
        rollback: Option<String>,
        has_sql: bool,
    }
    impl ChangeSet {
        fn roll_back(&mut self, line: &str) {
            let rollback = self.rollback.get_or_insert_default();
            rollback.push_str(line);
            rollback.push('\n');
        }
    }
    let mut sets = vec![ChangeSet::default()];
    let mut is_block = false;
    for line in text.lines() {
        let trimmed = line.trim();
        let lower = trimmed.to_ascii_lowercase();
        let comment = lower.strip_prefix("--").map(str::trim_start);
        if comment.is_some_and(|comment| comment.starts_with("changeset ")) {
            sets.push(ChangeSet::default());
        }
        let Some(set) = sets.last_mut() else { continue };
        if is_block {
            is_block = !trimmed.contains("*/");
            let line = trimmed.split("*/").next().unwrap_or_default();
            set.roll_back(line);
        } else if lower.starts_with("/*")
            && lower.trim_start_matches("/*").trim_start().starts_with("liquibase rollback")
        {
            is_block = !trimmed.contains("*/");
            set.rollback.get_or_insert_default();
        } else if let Some(comment) = comment {
            // `--rollback` goes on to the end of the line, and may be repeated.
            if let Some(rest) = comment.strip_prefix("rollback").filter(|rest| rest.is_empty() || rest.starts_with(' '))
            {
                let written = &trimmed[trimmed.len() - rest.len()..];
                let written = match rest.trim().trim_end_matches(';') {
                    // Someone decided that there is nothing to take back.
                    "empty" | "not required" => "ROLLBACK",
                    _ => written,
                };
                set.roll_back(written);
            }
        } else {
            set.has_sql |= !trimmed.is_empty();
        }
    }
    let mut all = String::new();
    let mut has_any = false;
    for set in sets.into_iter().filter(|set| set.has_sql || set.rollback.is_some()) {
        has_any |= set.rollback.is_some();
        match set.rollback.filter(|rollback| !super::sql::does_nothing(rollback)) {
            Some(rollback) => all.push_str(&rollback),
            None => return has_any.then(String::new),
        }
    }
    has_any.then_some(all)
}

/// Returns whether a file is itself a way down. Where its name alone does not say so, it is one of a file that is there.
#[must_use]
pub fn is_down(file: &str, files: &[String]) -> bool {
    let name = name(file).to_ascii_lowercase();
    if name == "down.sql" || name.ends_with(".down.sql") {
        return true;
    }
    // Flyway's undo of a version that is there. Those of refinery go forward, and have no other file of their version.
    if let Some(version) = undone(&name) {
        let begin = format!("v{version}__");
        return files.iter().any(|file| self::name(file).to_ascii_lowercase().starts_with(&begin));
    }
    let (folder, own) = file.rsplit_once('/').map_or(("", file), |(folder, name)| (folder, name));
    let mut ups = Vec::new();
    for (down, up) in [("-down.sql", "-up.sql"), ("_down.sql", "_up.sql"), (".rollback.sql", ".sql")] {
        ups.extend(file.strip_suffix(down).map(|stem| format!("{stem}{up}")));
    }
    if let Some(parent) = folder.strip_suffix("revert").filter(|parent| parent.is_empty() || parent.ends_with('/')) {
        ups.push(format!("{parent}deploy/{own}"));
    }
    ups.iter().any(|up| files.contains(up))
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
        return undo_of(folder, version, files);
    }
    // Sqitch.
    if let Some(parent) = folder.strip_suffix("deploy").filter(|parent| parent.is_empty() || parent.ends_with('/')) {
        let down = format!("{parent}revert/{name}");
        return files.contains(&down).then_some(down);
    }
    let stem = name.strip_suffix(".sql")?;
    let down = match name {
        "up.sql" | "migration.sql" => at("down.sql"),
        _ => {
            let ends = ["", ".up", "-up", "_up"];
            let stems =
                ends.iter().filter_map(|end| stem.strip_suffix(end).map(|stem| (stem, end.replace("up", "down"))));
            let mut names: Vec<String> =
                stems.filter(|(_, end)| !end.is_empty()).map(|(stem, end)| at(&format!("{stem}{end}.sql"))).collect();
            names.extend([at(&format!("{stem}.down.sql")), at(&format!("{stem}.rollback.sql"))]);
            return names.into_iter().find(|name| files.contains(name));
        }
    };
    files.contains(&down).then_some(down)
}

/// Flyway's way down of a version. Only the version ties them together: their descriptions may differ, and so may their
/// folders, unless another file of that version is meant.
fn undo_of(folder: &str, version: &str, files: &[String]) -> Option<String> {
    let folder_of = |file: &str| file.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let mut undoing: Vec<&String> = files.iter().filter(|file| undone(name(file)) == Some(version)).collect();
    undoing.sort_by_key(|file| folder_of(file) != folder);
    let begin = format!("V{version}__");
    undoing
        .into_iter()
        .find(|file| {
            let other = folder_of(file);
            let is_anothers = files.iter().any(|done| name(done).starts_with(&begin) && folder_of(done) == other);
            let is_alone = files.iter().filter(|done| name(done).starts_with(&begin)).count() == 1;
            let same_database = dialect(file) == dialect(&format!("{folder}/x"));
            let parent = |folder: &str| folder.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
            let is_near = parent(&other) == parent(folder) && parent(folder).contains('/');
            other == folder || !is_anothers && same_database && (is_alone || is_near)
        })
        .cloned()
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
        let downs: Vec<&String> = files.iter().filter(|file| is_down(file, &files)).collect();
        assert_eq!(downs, ["undo/U1__other_words.sql", "db/0001_c.down.sql", "2026-01/down.sql", "0003_e.down.sql"]);
        assert!(!is_down("db/Users__a.sql", &files));
        assert!(!is_down("db/U7__drop_email.sql", &files), "refinery runs it");
        assert!(is_repeatable("db/R__views.sql"));
    }

    #[test]
    fn sections_keep_their_lines() {
        let text = "-- +goose Up\nCREATE TABLE a (b INT);\n-- +goose Down\nDROP TABLE a;\n-- +goose Up\nSELECT 1;";
        let wanted = "-- +goose Up\nCREATE TABLE a (b INT);\n\n\n-- +goose Up\nSELECT 1;";
        assert_eq!(
            sections(text),
            Sections { up: wanted.to_owned(), down: Some("-- +goose Down\nDROP TABLE a;\n".to_owned()) }
        );
        for down in [
            "-- migrate:down\nx",
            "--migrate:down transaction:false\nx",
            "-- +migrate Down\nx",
            "-- Down Migration\nx",
            "# --- !Downs\nx",
        ] {
            assert_eq!(sections(down).up.trim(), "", "{down}");
        }
        for no_marker in
            ["-- going down", "-- +goose StatementBegin", "-- migrate: nothing", "SELECT 1 -- migrate:down"]
        {
            assert_eq!(sections(no_marker), Sections { up: no_marker.to_owned(), down: None });
        }
    }

    #[test]
    fn liquibase_rolls_back_each_change_set() {
        let down = |text: &str| sections(&format!("--liquibase formatted sql\n{text}")).down;
        let one = "--changeset bob:1\nCREATE TABLE a (b int);\n";
        assert_eq!(down(&format!("{one}--rollback DROP TABLE a;\n")), Some(" DROP TABLE a;\n".to_owned()));
        assert_eq!(
            down(&format!("{one}/* liquibase rollback\nDROP TABLE a;\n*/")),
            Some("DROP TABLE a;\n\n".to_owned())
        );
        assert!(down(&format!("{one}-- rollback not required\n")).is_some_and(|down| !down.trim().is_empty()));
        assert_eq!(down(one), None);
        let two = format!("{one}--rollback DROP TABLE a;\n--changeset bob:2\nCREATE TABLE c (d int);\n");
        assert_eq!(down(&two), Some(String::new()), "the second has none");
    }

    #[test]
    fn way_down_is_of_the_same_folder_and_database() {
        let files = ["mysql/V1__a.sql", "mysql/U1__a.sql", "postgres/V1__a.sql", "x/a/V2__b.sql", "x/undo/U2__b.sql"];
        let files: Vec<String> = files.map(ToOwned::to_owned).to_vec();
        assert_eq!(down_of("postgres/V1__a.sql", &files), None);
        assert_eq!(down_of("mysql/V1__a.sql", &files).as_deref(), Some("mysql/U1__a.sql"));
        assert_eq!(down_of("x/a/V2__b.sql", &files).as_deref(), Some("x/undo/U2__b.sql"));
        assert_eq!(dialect("db/postgres/V1.sql"), Some(Dialect::Postgres));
        assert_eq!(dialect("db/V1__mysql.sql"), None);
        let files = ["m/1-up.sql", "m/1-down.sql", "deploy/a.sql", "revert/a.sql", "m/2.sql", "m/2.rollback.sql"];
        let files: Vec<String> = files.map(ToOwned::to_owned).to_vec();
        for (up, down) in
            [("m/1-up.sql", "m/1-down.sql"), ("deploy/a.sql", "revert/a.sql"), ("m/2.sql", "m/2.rollback.sql")]
        {
            assert_eq!(down_of(up, &files).as_deref(), Some(down));
            assert!(is_down(down, &files), "{down}");
        }
        for up in ["m/scale_down.sql", "m/3.rollback.sql", "revert/b.sql"] {
            assert!(!is_down(up, &files), "{up}");
        }
    }

    proptest! {
        #[test]
        fn splitting_sections_loses_no_line(text in "(a|\n|-- migrate:(up|down)\n|é){0,12}") {
            prop_assert_eq!(sections(&text).up.matches('\n').count(), text.matches('\n').count());
        }
    }
}
