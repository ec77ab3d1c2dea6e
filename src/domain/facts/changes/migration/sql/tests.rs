//! Statements with the class that each is expected to have.

use super::super::Class;
use super::*;
use proptest::prelude::*;

#[test]
fn statements_are_classified() {
    use Class::{Contract, Expand, Unclear};
    for (sql, class) in [
        // What writes in another statement's place.
        (
            "WITH up AS (INSERT INTO s (k) VALUES ('a') ON CONFLICT (k) DO UPDATE SET k = 'b' RETURNING k) SELECT 1 FROM up",
            Unclear,
        ),
        ("WITH r AS (SELECT 'a' AS name) INSERT INTO roles (name) SELECT name FROM r", Expand),
        ("WITH r AS (SELECT 1 AS k) INSERT INTO s (k) SELECT k FROM r ON CONFLICT (k) DO UPDATE SET k = 2", Unclear),
        ("GRANT INSERT ON users TO app", Expand),
        ("INSERT INTO roles VALUES (4, 'auditor')", Unclear),
        ("INSERT INTO roles (id, name) VALUES (4, 'auditor')", Unclear),
        ("INSERT INTO roles VALUES ('auditor', 4)", Expand),
        ("INSERT INTO roles VALUES (DEFAULT, 'auditor')", Expand),
        // Adding and loosening.
        ("CREATE TABLE a (id BIGINT PRIMARY KEY, b TEXT NOT NULL)", Expand),
        ("CREATE TABLE IF NOT EXISTS a (id SERIAL)", Expand),
        ("CREATE INDEX CONCURRENTLY i ON users (a)", Expand),
        ("CREATE INDEX i ON users (a)", Expand),
        ("CREATE VIEW v AS SELECT 1", Expand),
        ("CREATE SEQUENCE s", Expand),
        ("CREATE TYPE mood AS ENUM ('a', 'b')", Expand),
        ("ALTER TYPE mood ADD VALUE 'c'", Expand),
        ("ALTER TABLE users ADD COLUMN a TEXT", Expand),
        ("ALTER TABLE users ADD COLUMN a TEXT NULL", Expand),
        ("ALTER TABLE users ADD COLUMN a INT NOT NULL DEFAULT 0", Expand),
        ("ALTER TABLE users ADD COLUMN a BIGSERIAL NOT NULL", Expand),
        ("ALTER TABLE users ADD a INT", Expand),
        ("ALTER TABLE users ALTER COLUMN a DROP NOT NULL", Expand),
        ("ALTER TABLE users ALTER COLUMN a SET DEFAULT 1", Unclear),
        ("ALTER TABLE users ALTER COLUMN a TYPE TEXT", Unclear),
        ("ALTER TABLE users ALTER COLUMN a SET DATA TYPE BIGINT", Unclear),
        ("ALTER TABLE users DROP CONSTRAINT c", Unclear),
        ("ALTER TABLE users VALIDATE CONSTRAINT c", Expand),
        ("ALTER TABLE `users` ADD INDEX i (a)", Expand),
        ("INSERT INTO users (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", Unclear),
        ("INSERT INTO users SELECT name FROM old FOR UPDATE", Expand),
        ("UPDATE users SET a = 1 WHERE a IS NULL", Expand),
        ("UPDATE users SET a = 1", Contract),
        ("DELETE FROM users WHERE a = 1", Unclear),
        ("COMMENT ON TABLE users IS 'x'", Expand),
        ("GRANT SELECT ON users TO app", Expand),
        ("SET lock_timeout = '5s'", Expand),
        ("SELECT setval('s', (SELECT max(id) FROM users))", Expand),
        ("SELECT * FROM users WHERE a IN (1, 2)", Expand),
        // Taking away, tightening and destroying.
        ("DROP TABLE users", Contract),
        ("DROP TABLE IF EXISTS users CASCADE", Contract),
        ("DROP VIEW v", Contract),
        ("DROP INDEX i", Contract),
        ("DROP SCHEMA s", Contract),
        ("DROP TYPE mood", Contract),
        ("DROP FUNCTION f", Contract),
        ("TRUNCATE users", Contract),
        ("TRUNCATE TABLE users, orders", Contract),
        ("DELETE FROM users", Contract),
        ("ALTER TABLE users DROP COLUMN a", Contract),
        ("ALTER TABLE users RENAME COLUMN a TO b", Contract),
        ("ALTER TABLE users RENAME TO people", Contract),
        ("RENAME TABLE users TO people", Contract),
        ("ALTER TABLE users ADD COLUMN a INT NOT NULL", Contract),
        ("ALTER TABLE users ALTER COLUMN a SET NOT NULL", Contract),
        ("ALTER TABLE users ALTER COLUMN a DROP DEFAULT", Contract),
        ("ALTER TABLE users ALTER COLUMN a TYPE VARCHAR(10)", Contract),
        ("ALTER TABLE users ALTER COLUMN a TYPE BIGINT USING a::BIGINT", Contract),
        ("ALTER TABLE users ADD CONSTRAINT c UNIQUE (a)", Contract),
        ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0) NOT VALID", Contract),
        ("ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id)", Contract),
        ("ALTER TABLE users DROP PRIMARY KEY", Contract),
        ("ALTER TABLE `users` MODIFY COLUMN `a` VARCHAR(10)", Contract),
        ("ALTER TABLE `users` MODIFY COLUMN `a` BIGINT NOT NULL", Contract),
        ("ALTER TABLE `users` CHANGE COLUMN `a` `b` TEXT", Contract),
        ("ALTER TABLE users ENABLE ROW LEVEL SECURITY", Contract),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON users (a)", Contract),
        ("CREATE OR REPLACE TABLE users (id INT)", Contract),
        ("REVOKE SELECT ON users FROM app", Contract),
        ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", Contract),
        // What stood there is lost.
        ("DELETE FROM users WHERE true", Contract),
        ("DELETE FROM users WHERE 1 = 1", Contract),
        ("UPDATE users SET a = 0 WHERE (1 = 1)", Contract),
        ("UPDATE users SET a = 0 WHERE b = 2", Unclear),
        ("UPDATE users SET a = lower(b) WHERE c = 1 AND a IS NULL", Expand),
        ("ALTER TABLE users ADD COLUMN b INT; UPDATE users SET b = a", Expand),
        ("ALTER TABLE users ADD COLUMN IF NOT EXISTS b INT; UPDATE users SET b = a", Contract),
        ("ALTER TABLE users ADD COLUMN b INT; UPDATE users SET b = 1, a = 2", Contract),
        ("REPLACE INTO users (a) VALUES (1)", Unclear),
        // Functions in statements about rows.
        ("INSERT INTO log SELECT purge_payments()", Unclear),
        ("INSERT INTO log (a) VALUES (purge_payments())", Unclear),
        ("UPDATE users SET a = purge_payments() WHERE a IS NULL", Unclear),
        ("DELETE FROM users WHERE purge_payments()", Unclear),
        ("CREATE TABLE a AS SELECT purge_payments()", Unclear),
        ("SELECT refresh(1)", Unclear),
        ("COPY users FROM PROGRAM 'x'", Unclear),
        // Types, and attributes that are not repeated.
        ("ALTER TABLE users ALTER COLUMN a TYPE VARCHAR", Unclear),
        ("ALTER TABLE users ALTER COLUMN a TYPE NUMERIC(10, 2)", Unclear),
        ("ALTER TABLE users ALTER COLUMN a TYPE INT", Contract),
        ("ALTER TABLE `users` MODIFY COLUMN `a` BIGINT", Unclear),
        ("ALTER TABLE `users` MODIFY COLUMN `a` BIGINT NOT NULL AUTO_INCREMENT", Contract),
        ("ALTER TABLE `users` CHANGE COLUMN `a` `a` TEXT", Unclear),
        ("ALTER TABLE users ALTER COLUMN a SET DEFAULT NULL", Contract),
        // Keys and constraints.
        ("ALTER TABLE payments DROP CONSTRAINT payments_pkey", Contract),
        ("ALTER TABLE payments DROP CONSTRAINT payments_ref_key", Unclear),
        ("ALTER TABLE payments DROP CONSTRAINT payments_amount_check", Expand),
        ("ALTER TABLE payments DROP FOREIGN KEY f", Unclear),
        ("ALTER TABLE payments RENAME CONSTRAINT a TO b", Unclear),
        // Added columns.
        ("ALTER TABLE payments ADD COLUMN ref text NOT NULL DEFAULT '' UNIQUE", Contract),
        ("ALTER TABLE payments ADD COLUMN ref text DEFAULT NULL NOT NULL", Contract),
        ("ALTER TABLE payments ADD COLUMN ref text NOT NULL DEFAULT NULL::text", Contract),
        ("ALTER TABLE payments ADD COLUMN ref text UNIQUE", Expand),
        ("ALTER TABLE payments ADD COLUMN ref uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE", Expand),
        ("ALTER TABLE payments ADD COLUMN ref text DEFAULT make_ref() UNIQUE", Unclear),
        ("ALTER TABLE payments ADD COLUMN ref serial_number NOT NULL", Contract),
        ("ALTER TABLE payments ADD COLUMN ref text DEFAULT 'a' PRIMARY KEY", Contract),
        ("ALTER TABLE payments ADD COLUMN ref text NOT NULL DEFAULT 'a' CHECK (ref IN ('a', 'it is null'))", Expand),
        ("ALTER TABLE payments ADD COLUMN ref text CHECK (ref IS NOT NULL)", Contract),
        ("ALTER TABLE payments ADD COLUMN ref int CHECK (ref > amount)", Contract),
        // The server, and the names of other tables.
        ("SET GLOBAL read_only = 1", Unclear),
        ("CREATE TABLE a (b INT); ALTER TABLE a DROP COLUMN b", Expand),
        ("CREATE TABLE a (b INT); ALTER TABLE a RENAME TO users", Contract),
        ("CREATE TABLE IF NOT EXISTS a (b INT); DROP TABLE a", Contract),
        ("CREATE TEMP TABLE users (b INT); DROP TABLE users", Expand),
        ("CREATE TEMP TABLE users (b INT); DROP TABLE users; DROP TABLE users", Contract),
        ("CREATE MATERIALIZED VIEW v AS SELECT purge_payments()", Unclear),
        ("CREATE MATERIALIZED VIEW v AS SELECT count(a) FROM users", Expand),
        ("CREATE TABLE archive.a (b INT); DROP TABLE a", Contract),
        ("CREATE TABLE \"A\" (b INT); DROP TABLE a", Contract),
        ("CREATE TABLE \"a\" (b INT); DROP TABLE a", Expand),
        ("SET search_path TO archive; CREATE TABLE a (b INT); SET search_path TO public; DROP TABLE a", Contract),
        ("CREATE TABLE a (b INT); SELECT set_config('search_path', 'x', false); DROP TABLE a", Contract),
        ("CREATE TABLE a (b INT); SELECT role, schema FROM a; DROP TABLE a", Expand),
        ("INSERT users (a) VALUES (1)", Expand),
        ("SET search_path TO app; CREATE TABLE a (b INT); DROP TABLE a", Expand),
        // Comments, which differ.
        ("CREATE TABLE a (b int); /* outer /* inner */ DROP TABLE payments; -- */", Contract),
        ("CREATE TABLE a (b int); /*!40101 DROP TABLE payments */;", Contract),
        ("\u{feff}CREATE TABLE a (b int);", Expand),
        // What may do anything.
        ("CREATE OR REPLACE VIEW v AS SELECT 1", Unclear),
        ("CALL tidy_up()", Unclear),
        ("SELECT drop_everything()", Unclear),
        ("SELECT \"count\"(1), public.drop_everything (1)", Unclear),
        ("WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone", Unclear),
        ("WITH gone AS (DELETE FROM users RETURNING *) INSERT INTO old SELECT * FROM gone", Unclear),
        ("INSERT INTO old WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone", Unclear),
        ("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", Unclear),
    ] {
        let (statements, unread) = read(sql, None);
        assert_eq!(unread, None, "{sql}");
        let worst = statements.iter().map(|statement| statement.class).max();
        assert_eq!(worst, Some(class), "{sql}: {statements:?}");
    }
}

#[test]
fn changes_to_a_table_created_in_the_same_file_are_harmless() {
    let text = "CREATE TABLE \"a\" (b INT);\nCREATE UNIQUE INDEX i ON a (b);\nALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);\n\
                ALTER TABLE a ALTER COLUMN b SET NOT NULL;\nDROP TABLE a;\nDROP TABLE b;";
    let (statements, unread) = read(text, None);
    assert_eq!(unread, None);
    let classes: Vec<(u64, Class)> = statements.iter().map(|statement| (statement.line, statement.class)).collect();
    let expand = |line| (line, Class::Expand);
    assert_eq!(classes, [expand(1), expand(2), expand(3), expand(4), expand(5), (6, Class::Contract)]);
}

#[test]
fn lines_are_those_of_the_file() {
    let text = "-- a comment\n\n/* another\n one */ CREATE TABLE a (b INT);\n\n;;\nALTER TABLE x\n  ADD COLUMN a INT,\n  DROP COLUMN b;\n";
    let (statements, _) = read(text, None);
    let shown: Vec<String> =
        statements.iter().map(|statement| format!("{} {}", statement.line, statement.what)).collect();
    assert_eq!(shown, ["4 CREATE TABLE a (b INT)", "7 ADD COLUMN a INT of x", "7 DROP COLUMN b of x"]);
}

#[test]
fn unparsed_statement_is_reported_with_its_line() {
    for (text, line, before) in [
        ("CREATE TABLE a (b INT);\n\nDO $$ BEGIN DROP TABLE a; END $$;", 3, 1),
        ("CREATE TABLE a (b INT)\nDROP TABLE a;", 2, 0),
        ("SELECT 'unfinished", 1, 0),
        ("SELECT 1;\nEND;\nDROP TABLE users;", 0, 0),
        ("CREATE TABLE a (\n  b INT,\n  !!\n);", 3, 0),
        ("\\set x 1", 1, 0),
    ] {
        let (statements, unread) = read(text, None);
        // `END` ends a transaction in some dialects: then what follows must be read, and must not be green.
        if line == 0 {
            let worst = statements.iter().map(|statement| statement.class).max();
            assert!(unread.is_some() || worst == Some(Class::Contract), "{text}: {statements:?}");
            continue;
        }
        let unread = unread.unwrap_or_else(|| panic!("{text}: {statements:?}"));
        assert_eq!((unread.line, statements.len()), (line, before), "{text}: {unread:?}");
        assert!(!unread.why.is_empty());
    }
}

#[test]
fn dialect_of_the_folder_decides_about_comments() {
    let text = "CREATE TABLE a (b int); /* outer /* inner */ DROP TABLE payments; -- */";
    let worst = |dialect| read(text, Some(dialect)).0.iter().map(|statement| statement.class).max();
    assert_eq!(worst(Dialect::Postgres), Some(Class::Expand));
    assert_eq!(worst(Dialect::MySql), Some(Class::Contract));
}

#[test]
fn statements_of_mysql_are_classified() {
    use Class::{Contract, Expand, Unclear};
    for (sql, class) in [
        // Comments that run.
        ("SELECT 1; /*M!100100 DROP TABLE log */", Contract),
        ("/*M!999999\\- enable the sandbox mode */ CREATE TABLE a (b INT)", Expand),
        ("ALTER TABLE a ADD COLUMN b INT /*M! NOT NULL */", Contract),
        // The server, and its users.
        ("SET @@GLOBAL.read_only = 1", Unclear),
        ("SET @a = 1, @@persist.read_only = 1", Unclear),
        ("SET @a = wipe()", Unclear),
        ("SET @a = (SELECT count(*) FROM b)", Expand),
        ("CREATE USER web@localhost", Unclear),
        ("CREATE USER web", Expand),
        // Quotes in another mode.
        ("SET sql_mode = 'ANSI'; CREATE TABLE a (b INT)", Expand),
        ("SET sql_mode = 'TRADITIONAL'; INSERT INTO a VALUES ('\\'')", Expand),
        // Values that may not fit.
        ("ALTER TABLE a ADD COLUMN b VARCHAR(10) AS (lower(c)) STORED", Unclear),
        ("ALTER TABLE a ADD COLUMN b BOOLEAN AS (c > 5) STORED", Unclear),
        ("ALTER TABLE a ADD COLUMN b BOOLEAN AS (c IS NULL) STORED", Expand),
        ("ALTER TABLE a ADD INDEX i ((CAST(b AS UNSIGNED)))", Unclear),
        ("ALTER TABLE a ADD INDEX i (b(20), c)", Expand),
        ("CREATE INDEX i ON a (b(20))", Expand),
        // The last number of a key.
        ("ALTER TABLE a AUTO_INCREMENT = 1000", Expand),
        ("ALTER TABLE a AUTO_INCREMENT = 2147483647", Unclear),
        ("INSERT INTO a (id, b) VALUES (1, 1), (4294967295, 1)", Unclear),
        ("INSERT INTO a (id, b) VALUES (255, 1), (256, 4294967295)", Expand),
        ("INSERT INTO a SET id = 4294967295", Unclear),
        // Attributes of its own.
        ("ALTER TABLE a ADD COLUMN b ENUM('x', 'y') NOT NULL", Expand),
        ("ALTER TABLE a ADD COLUMN b YEAR", Expand),
        ("ALTER TABLE a ADD CHECK (b > 0) NOT ENFORCED", Expand),
        ("ALTER TABLE a ADD COLUMN b INT; ALTER TABLE a MODIFY b BIGINT", Expand),
        ("ALTER TABLE a ADD COLUMN b INT; ALTER TABLE a MODIFY b BIGINT NOT NULL", Contract),
        ("ALTER TABLE a ADD COLUMN b INT UNIQUE; ALTER TABLE a MODIFY b BIGINT DEFAULT 1", Unclear),
    ] {
        let (statements, unread) = read(sql, Some(Dialect::MySql));
        assert_eq!(unread, None, "{sql}");
        let worst = statements.iter().map(|statement| statement.class).max();
        assert_eq!(worst, Some(class), "{sql}: {statements:?}");
    }
}

#[test]
fn quotes_behind_another_mode_are_not_trusted() {
    for mode in ["'NO_BACKSLASH_ESCAPES'", "concat(@@sql_mode, ',ANSI_QUOTES')", "@old", "1048576"] {
        let text = format!("SET SESSION sql_mode = {mode};\nSELECT '\\'; DROP TABLE log; -- ';");
        let unread = read(&text, Some(Dialect::MySql)).1.unwrap_or_else(|| panic!("{mode}"));
        assert_eq!(unread.line, 1);
        assert!(unread.why.contains("sql_mode"), "{}", unread.why);
    }
}

#[test]
fn comments_that_run_count_where_no_dialect_is_named() {
    let (statements, unread) =
        read("/*!50003 CREATE */ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET b */", None);
    assert!(unread.is_some(), "{statements:?}");
}

#[test]
fn what_it_adds_may_tie_what_was_there() {
    use Class::{Expand, Unclear};
    let add = "ALTER TABLE a ADD COLUMN b INT";
    let fresh = "CREATE TABLE c (b INT)";
    let key = "FOREIGN KEY (b) REFERENCES d (id)";
    for (sql, class) in [
        (format!("{add} UNIQUE; ALTER TABLE a ALTER COLUMN b SET DEFAULT 1"), Unclear),
        (format!("{add} CHECK (b > 5); ALTER TABLE a ALTER COLUMN b SET DEFAULT 1"), Unclear),
        (format!("{add}; ALTER TABLE a ALTER COLUMN b SET DEFAULT 1"), Expand),
        (format!("{add}; CREATE UNIQUE INDEX i ON a (b)"), Expand),
        (format!("{add}; ALTER TABLE a ADD {key}"), Expand),
        (format!("{add} REFERENCES d (id); UPDATE a SET b = 1"), Unclear),
        (format!("{add} REFERENCES d (id) ON DELETE CASCADE; UPDATE a SET b = 1"), Unclear),
        (format!("{add} REFERENCES d (id) ON DELETE SET NULL; UPDATE a SET b = 1"), Expand),
        (format!("{fresh}; ALTER TABLE c ADD {key}; INSERT INTO c VALUES (1)"), Unclear),
        (format!("{fresh}; INSERT INTO c VALUES (1); ALTER TABLE c ADD {key}"), Unclear),
        (format!("{fresh}; INSERT INTO c VALUES (1); ALTER TABLE c ADD {key} ON DELETE CASCADE"), Expand),
        (format!("CREATE TABLE c (b INT, {key}); UPDATE c SET b = 1"), Unclear),
    ] {
        let (statements, unread) = read(&sql, Some(Dialect::Postgres));
        assert_eq!(unread, None, "{sql}");
        let worst = statements.iter().map(|statement| statement.class).max();
        assert_eq!(worst, Some(class), "{sql}: {statements:?}");
    }
}

#[test]
fn what_a_way_down_leaves_is_named() {
    let up = "CREATE TABLE a (b INT); ALTER TABLE users ADD COLUMN c INT;";
    for (down, left) in [
        ("DROP TABLE a; ALTER TABLE users DROP COLUMN c;", None),
        ("DROP TABLE a;", Some("ADD COLUMN c of users")),
        ("ALTER TABLE users DROP COLUMN c; -- DROP TABLE a", Some("CREATE TABLE a")),
        ("BEGIN; DROP TABLE a; ALTER TABLE users DROP COLUMN c; ROLLBACK;", Some("CREATE TABLE a")),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$; ALTER TABLE users DROP c", None),
    ] {
        assert_eq!(left_behind(up, down, Some(Dialect::Postgres)).as_deref(), left, "{down}");
    }
    assert_eq!(left_behind("DO $$ BEGIN END $$", "", None), None, "it is not known what the way up does");
}

#[test]
fn utf_16_is_named() {
    let (statements, unread) = read("\u{fffd}\u{fffd}C\0R\0", None);
    assert_eq!(statements, []);
    assert!(unread.unwrap().why.contains("it is UTF-16"));
}

#[test]
fn locks_are_told() {
    for (text, words) in [
        ("CREATE INDEX i ON users (a)", "writes may wait while it builds"),
        ("ALTER TABLE users ALTER COLUMN a TYPE BIGINT", "rewrites the table"),
        ("ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid()", "rewrites the table"),
        ("ALTER TABLE users ADD CONSTRAINT c CHECK (a > 0)", "without NOT VALID"),
        ("ALTER TABLE users ADD COLUMN b INT; UPDATE users SET b = 1", "locked meanwhile"),
    ] {
        let (statements, _) = read(text, None);
        assert!(statements.last().unwrap().why.contains(words), "{text}: {statements:?}");
    }
    assert_eq!(read("CREATE INDEX CONCURRENTLY i ON users (a)", None).0[0].why, "");
}

#[test]
fn ways_down_that_do_nothing_are_known() {
    for text in ["", " \n", "-- undo it\n", "SELECT 'down SQL query';", "BEGIN; COMMIT;", "/* x */ SELECT 1;"] {
        assert!(does_nothing(text), "{text}");
    }
    for text in ["DROP TABLE a;", "SELECT undo();", "SELECT a FROM b", "'open", "ROLLBACK"] {
        assert!(!does_nothing(text), "{text}");
    }
}

#[test]
fn deep_nesting_is_reported_without_crash() {
    let deep = format!("SELECT {}1{};", "(".repeat(20_000), ")".repeat(20_000));
    assert!(read(&deep, None).1.is_some());
    for link in [" + 1", " AND a", " UNION SELECT 1", "::int", " IS NULL", " + f(1, 1)"] {
        let unread = read(&format!("SELECT 1{};", link.repeat(100_000)), None).1;
        assert_eq!(unread.unwrap().why, "the expression is too long to be read", "{link}");
        let (statements, _) = read(&format!("SELECT 1{};", link.repeat(120)), None);
        assert!(statements.len() <= 1, "{link}");
    }
    let rows = format!("INSERT INTO a VALUES (1, 'a'){};", ", (-1, 'b')".repeat(5_000));
    assert_eq!(read(&rows, None).1, None);
}

#[test]
fn empty_migration_has_no_statements() {
    assert_eq!(read("", None), (Vec::new(), None));
    assert_eq!(read(" -- only words\n;\n", None), (Vec::new(), None));
}

proptest! {
    #[test]
    fn unknown_words_are_never_expand(word in "[A-Z_]{3,12}") {
        let known = ["SELECT", "BEGIN", "COMMIT", "END", "ANALYZE", "START", "VACUUM", "TABLE", "VALUES", "SHOW", "RESET"];
        if !known.contains(&word.as_str()) {
            for text in [format!("{word} users"), format!("ALTER TABLE users {word} a"), format!("{word} TABLE users")] {
                let (statements, unread) = read(&text, None);
                let worst = statements.iter().map(|statement| statement.class).max();
                prop_assert!(unread.is_some() || worst.is_some_and(|worst| worst > Class::Expand), "{text}: {statements:?}");
            }
        }
    }

    #[test]
    fn any_text_is_classified_without_panic(text in "(DROP|TABLE|ALTER|a|;|\\(|\\)|'|\"|`|\\$\\$|--|/\\*|\n| |,|SELECT|1|é|END|BEGIN){0,30}") {
        let (statements, unread) = read(&text, None);
        let lines = text.split('\n').count() as u64;
        for statement in statements {
            prop_assert!((1..=lines).contains(&statement.line));
        }
        if let Some(unread) = unread {
            prop_assert!((1..=lines).contains(&unread.line), "{unread:?}");
        }
    }
}
