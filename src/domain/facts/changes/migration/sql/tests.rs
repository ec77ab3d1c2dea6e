//! Statements with the class that each is expected to have.

use super::*;
use proptest::prelude::*;

#[test]
fn statements_are_classified() {
    use Class::{Contract, Expand, Unclear};
    for (sql, class) in [
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
        ("ALTER TABLE users ALTER COLUMN a SET DEFAULT 1", Expand),
        ("ALTER TABLE users ALTER COLUMN a TYPE TEXT", Expand),
        ("ALTER TABLE users ALTER COLUMN a SET DATA TYPE BIGINT", Expand),
        ("ALTER TABLE users DROP CONSTRAINT c", Expand),
        ("ALTER TABLE users VALIDATE CONSTRAINT c", Expand),
        ("ALTER TABLE `users` ADD INDEX i (a)", Expand),
        ("INSERT INTO users (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", Expand),
        ("INSERT INTO users SELECT id FROM old FOR UPDATE", Expand),
        ("UPDATE users SET a = 1 WHERE a IS NULL", Expand),
        ("UPDATE users SET a = 1", Expand),
        ("DELETE FROM users WHERE a = 1", Expand),
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
        let (statements, unread) = read(sql);
        assert_eq!(unread, None, "{sql}");
        let worst = statements.iter().map(|statement| statement.class).max();
        assert_eq!(worst, Some(class), "{sql}: {statements:?}");
    }
}

#[test]
fn changes_to_a_table_created_in_the_same_file_are_harmless() {
    let text = "CREATE TABLE \"A\" (b INT);\nCREATE UNIQUE INDEX i ON a (b);\nALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);\n\
                ALTER TABLE a ALTER COLUMN b SET NOT NULL;\nDROP TABLE a;\nDROP TABLE b;";
    let (statements, unread) = read(text);
    assert_eq!(unread, None);
    let classes: Vec<(u64, Class)> = statements.iter().map(|statement| (statement.line, statement.class)).collect();
    let expand = |line| (line, Class::Expand);
    assert_eq!(classes, [expand(1), expand(2), expand(3), expand(4), expand(5), (6, Class::Contract)]);
}

#[test]
fn lines_are_those_of_the_file() {
    let text = "-- a comment\n\n/* another\n one */ CREATE TABLE a (b INT);\n\n;;\nALTER TABLE x\n  ADD COLUMN a INT,\n  DROP COLUMN b;\n";
    let (statements, _) = read(text);
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
        let (statements, unread) = read(text);
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
fn deep_nesting_is_reported_without_crash() {
    let deep = format!("SELECT {}1{};", "(".repeat(20_000), ")".repeat(20_000));
    assert!(read(&deep).1.is_some());
    for link in [" + 1", " AND a", " UNION SELECT 1", "::int", " IS NULL", " + f(1, 1)"] {
        let unread = read(&format!("SELECT 1{};", link.repeat(100_000))).1;
        assert_eq!(unread.unwrap().why, "the expression is too long to be read", "{link}");
        let (statements, _) = read(&format!("SELECT 1{};", link.repeat(120)));
        assert!(statements.len() <= 1, "{link}");
    }
    let rows = format!("INSERT INTO a VALUES (1, 'a'){};", ", (-1, 'b')".repeat(5_000));
    assert_eq!(read(&rows).1, None);
}

#[test]
fn empty_migration_has_no_statements() {
    assert_eq!(read(""), (Vec::new(), None));
    assert_eq!(read(" -- only words\n;\n"), (Vec::new(), None));
}

proptest! {
    #[test]
    fn any_text_is_classified_without_panic(text in "(DROP|TABLE|ALTER|a|;|\\(|\\)|'|\"|`|\\$\\$|--|/\\*|\n| |,|SELECT|1|é|END|BEGIN){0,30}") {
        let (statements, unread) = read(&text);
        let lines = text.split('\n').count() as u64;
        for statement in statements {
            prop_assert!((1..=lines).contains(&statement.line));
        }
        if let Some(unread) = unread {
            prop_assert!((1..=lines).contains(&unread.line), "{unread:?}");
        }
    }
}
