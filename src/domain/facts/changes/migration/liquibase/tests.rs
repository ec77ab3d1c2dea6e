use super::*;

use proptest::prelude::*;

use crate::domain::facts::changes::migration::Class;

const HEAD: &str = "--liquibase formatted sql\n";
const FIRST: &str = "--changeset ada:1\nCREATE TABLE users (id int);\n--rollback DROP TABLE users;\n";
const SECOND: &str =
    "--changeset ada:2\nALTER TABLE users ADD COLUMN plan text;\n--rollback ALTER TABLE users DROP COLUMN plan;\n";

fn source(file: &str, sets: &[&str]) -> Source {
    (file.to_owned(), format!("{HEAD}\n{}", sets.concat()))
}

/// Compares two versions of one file.
fn compared(before: &[&str], after: &[&str]) -> Vec<Migration> {
    migrations(&[source("db/log.sql", before)], &[source("db/log.sql", after)])
}

fn tampered(migrations: &[Migration]) -> Vec<String> {
    migrations.iter().filter(|migration| migration.is_tampered()).map(Migration::name).collect()
}

#[test]
fn a_file_that_grows_brings_what_it_has_grown_by() {
    let found = compared(&[FIRST], &[FIRST, SECOND]);
    let [new] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (new.fate, new.class(), new.is_tampered(), new.has_way_down()),
        (MigrationState::New, Class::Expand, false, true)
    );
    let lines: Vec<u64> = new.statements.iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [7]);
    let drops = "--changeset ada:3\nALTER TABLE users DROP COLUMN id;\n";
    let found = compared(&[FIRST], &[FIRST, drops]);
    assert_eq!((found[0].class(), found[0].has_way_down()), (Class::Contract, false));
    assert_eq!(found[0].lines(Class::Contract).next().map(|line| line.starts_with("db/log.sql:7: ")), Some(true));
    assert_eq!(compared(&[FIRST], &[FIRST]), []);
}

#[test]
fn what_liquibase_refuses_is_tampered() {
    let other = FIRST.replace("id int", "id bigint");
    let found = compared(&[FIRST, SECOND], &[&other, SECOND]);
    assert_eq!(tampered(&found), ["db/log.sql, change set ada:1"]);
    assert_eq!(found.len(), 1, "what is as it was is left out");
    let commented = FIRST.replace("CREATE", "-- of people\nCREATE");
    assert_eq!(tampered(&compared(&[FIRST], &[&commented])).len(), 1, "comments are in the checksum");
    let uses = "--changeset ada:1\nCREATE TABLE ${name} (id int);\n";
    let property = |name: &str| format!("--property name:name value:{name}\n{uses}");
    assert_eq!(tampered(&compared(&[&property("a")], &[&property("b")])).len(), 1);
    assert_eq!(compared(&[&property("a")], &[&property("a")]), []);
}

#[test]
fn what_liquibase_accepts_is_not_tampered() {
    for same in [
        FIRST.replace("CREATE TABLE users", "CREATE TABLE\n\t users "),
        FIRST.replace('\n', "\r\n"),
        FIRST.replace("ada:1", "ada:1 context:prod labels:a"),
        FIRST.replace("--changeset", "  -- ChangeSet"),
        FIRST.replace("--rollback DROP TABLE users;", "--rollback DROP TABLE IF EXISTS users;"),
        FIRST.replace("--rollback", "--preconditions onFail:MARK_RAN\n--comment people\n--rollback"),
        FIRST.replace("--rollback DROP TABLE users;", "/* liquibase rollback\nDROP TABLE users;\n*/"),
        FIRST.replace("CREATE", "--ignoreLines:start\nDROP TABLE other;\n--changeset eve:1\n--ignoreLines:end\nCREATE"),
        FIRST.replace("CREATE", "--ignoreLines:1\nDROP TABLE other;\nCREATE"),
        FIRST.replace("int", "bigint").replace("CREATE", "--validCheckSum: ANY\nCREATE"),
        String::new(),
    ] {
        let found = compared(&[FIRST, SECOND], &[&same, SECOND]);
        assert_eq!(found, [], "{same}");
    }
    let sum = FIRST.replace("int", "bigint").replace("CREATE", "--validCheckSum: 9:abc\nCREATE");
    assert_eq!(tampered(&compared(&[FIRST], &[&sum])).len(), 1, "which one it is about is not known");
}

#[test]
fn what_is_run_again_may_change() {
    for attribute in ["runOnChange:true", "runAlways:TRUE"] {
        let view = |query: &str| format!("--changeset ada:v {attribute}\n{query}\n");
        let found = compared(&[FIRST, &view("CREATE TABLE a (b int);")], &[FIRST, &view("DROP TABLE users;")]);
        let [changed] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((changed.is_tampered(), changed.repeatable, changed.class()), (false, true, Class::Contract));
    }
    let once = "--changeset ada:v runOnChange:false\nSELECT 1;\n";
    assert_eq!(tampered(&compared(&[once], &[&once.replace('1', "2")])).len(), 1);
}

#[test]
fn a_change_set_is_known_by_author_id_and_path() {
    let moved = migrations(
        &[source("db/a.sql", &[FIRST, SECOND])],
        &[source("db/a.sql", &[SECOND]), source("db/b.sql", &[FIRST])],
    );
    assert_eq!(tampered(&moved), ["db/b.sql, change set ada:1"]);
    assert_eq!(moved[0].fate, MigrationState::Moved);
    let renamed = migrations(&[source("db/a.sql", &[FIRST])], &[source("db/b.sql", &[FIRST])]);
    assert_eq!(tampered(&renamed), ["db/b.sql, change set ada:1"]);
    assert_eq!(migrations(&[source("db/a.sql", &[FIRST])], &[]), [], "databases that ran it stay as they are");
    for path in ["db/a.sql", "a.sql"] {
        let named = FIRST.replace("ada:1", &format!("ada:1 logicalFilePath:{path}"));
        assert_eq!(migrations(&[source("db/a.sql", &[FIRST])], &[source("db/b.sql", &[&named])]), [], "{path}");
        let head = format!("--liquibase formatted sql logicalFilePath:{path}\n{FIRST}");
        assert_eq!(migrations(&[source("db/a.sql", &[FIRST])], &[("x/b.sql".to_owned(), head)]), [], "{path}");
    }
    let others = compared(
        &[FIRST],
        &[FIRST, &FIRST.replace("ada", "bob"), "--changeset \"ada l\":\"2 b\"\nCREATE TABLE c (d int);\n"],
    );
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].statements.len(), 2);
}

/// Law 1: what was left out until now is run with this release, and is judged as if it were new.
#[test]
fn a_change_set_that_may_run_now_is_new() {
    let drops = |attributes: &str| format!("--changeset ada:1{attributes}\nDROP TABLE users;\n");
    for (before, after) in [
        (" context:never", " context:prod"),
        (" context:never", ""),
        (" context:false", " context:prod"),
        (" contextFilter:never", " contextFilter:\"prod or test\""),
        (" contextFilter:\"a or b\"", " contextFilter:\"a or c\""),
        (" labels:later", " labels:now"),
        (" dbms:h2", " dbms:h2,postgresql"),
        (" ignore:true", " ignore:false"),
        (" ignore:true", ""),
        (" context:never", " context:prod\n--validCheckSum: ANY"),
    ] {
        let found = compared(&[&drops(before)], &[&drops(after)]);
        let [new] = found.as_slice() else { panic!("{before} → {after}: {found:?}") };
        assert_eq!((new.fate, new.class()), (MigrationState::New, Class::Contract), "{before} → {after}");
    }
    for (before, after) in [
        ("", " context:prod"),
        (" context:prod", " contextFilter:PROD"),
        (" context:\"a or b\"", " context:\"a  or b\""),
        (" ignore:false", ""),
        (" labels:a dbms:h2", " dbms:h2 labels:a"),
    ] {
        assert_eq!(compared(&[&drops(before)], &[&drops(after)]), [], "{before} → {after}");
    }
    let edited = drops(" context:prod").replace("users", "people");
    assert_eq!(tampered(&compared(&[&drops(" context:never")], &[&edited])).len(), 1, "the checksum is another one");
}

#[test]
fn properties_count_where_they_are_used() {
    let uses = "--changeset ada:1\nCREATE TABLE ${name} (id int);\n";
    let with = |properties: &str| format!("{properties}\n{uses}");
    let before = with("--property name:name value:users");
    for same in [
        "--property name:name value:users\n--property name:other value:x",
        "--property  name:name   value:users",
        "-- property\tname:name value: users ",
        "--property name:NAME value:users global:false",
        "--property value:users name:name",
    ] {
        assert_eq!(compared(&[&before], &[&with(same)]), [], "{same}");
    }
    for other in [
        "--property name:name value:people",
        "--property name:name value:users dbms:h2",
        "--property name:nome value:users",
        "--property name:name value:${other}\n--property name:other value:users",
    ] {
        assert_eq!(tampered(&compared(&[&before], &[&with(other)])).len(), 1, "{other}");
    }
    let nested = |value: &str| with(&format!("--property name:x value:{value}\n--property name:name value:${{x}}"));
    assert_eq!(tampered(&compared(&[&nested("a")], &[&nested("b")])).len(), 1, "a value uses another one");
}

#[test]
fn a_moved_folder_of_resources_is_the_same_class_path() {
    let moved = |from: &str, to: &str| migrations(&[source(from, &[FIRST])], &[source(to, &[FIRST, SECOND])]);
    for (from, to) in [
        ("src/main/resources/db/log.sql", "api/src/main/resources/db/log.sql"),
        ("resources/resources/db/log.sql", "app/resources/db/log.sql"),
        ("db/log.sql", "src/main/resources/db/log.sql"),
    ] {
        let found = moved(from, to);
        let [new] = found.as_slice() else { panic!("{from} → {to}: {found:?}") };
        assert_eq!((new.fate, new.statements.len()), (MigrationState::New, 1), "{from} → {to}");
    }
    for (from, to) in [
        ("src/main/resources/db/log.sql", "src/main/resources/log.sql"),
        ("myresources/log.sql", "resources/log.sql"),
        ("a/db/log.sql", "b/db/log.sql"),
    ] {
        assert_eq!(tampered(&moved(from, to)), [format!("{to}, change set ada:1")], "{from} → {to}");
    }
    let (one, two) = ("a/src/main/resources/log.sql", "b/src/main/resources/log.sql");
    let copied = migrations(&[source(one, &[FIRST])], &[source(one, &[FIRST]), source(two, &[FIRST])]);
    assert_eq!(
        copied.iter().map(|one| (one.fate, one.statements.len())).collect::<Vec<_>>(),
        [(MigrationState::New, 1)]
    );
}

#[test]
fn plain_sql_has_no_change_sets() {
    assert!(has_change_sets(&format!("\u{feff}{HEAD}{FIRST}")));
    for text in [FIRST, HEAD, "CREATE TABLE a (b int);", ""] {
        assert!(!has_change_sets(text), "{text}");
    }
}

proptest! {
    /// Whatever a file has grown by, and wherever, is judged as it is alone; nothing else is.
    #[test]
    fn growth_is_judged_and_nothing_else(old in prop::collection::vec(0_usize..4, 0..6), new in prop::collection::vec(0_usize..4, 0..6)) {
        let sql = ["CREATE TABLE a (b int);", "DROP TABLE z;", "SELECT 1;", "ALTER TABLE a ADD COLUMN c int;"];
        let set = |(id, kind): (usize, &usize)| format!("--changeset ada:{id}\n{}\n", sql[*kind]);
        let before: Vec<String> = old.iter().enumerate().map(set).collect();
        let grown: Vec<String> = new.iter().enumerate().map(|(id, kind)| set((id + 100, kind))).collect();
        let after: Vec<&str> = grown.iter().chain(&before).map(String::as_str).collect();
        let found = migrations(
            &[source("log.sql", &before.iter().map(String::as_str).collect::<Vec<_>>())],
            &[source("log.sql", &after)]);
        let has_before = !before.is_empty();
        if has_before || !grown.is_empty() {
            prop_assert_eq!(tampered(&found), Vec::<String>::new());
            let judged: usize = found.iter().map(|migration| migration.statements.len()).sum();
            prop_assert_eq!(judged, grown.len());
            let drops = new.contains(&1);
            prop_assert_eq!(found.iter().any(|migration| migration.class() == Class::Contract), drops);
        }
    }

    /// Any other byte of SQL in a change set that was released is noticed.
    #[test]
    fn an_edit_is_noticed(at in 0_usize..27, to in "[A-Z]") {
        let sql = "CREATE TABLE users (id int)";
        let mut edited = sql.to_owned();
        edited.replace_range(at..=at, &to);
        let set = |sql: &str| format!("--changeset ada:1\n{sql};\n");
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let found = compared(&[&set(sql)], &[&set(&edited)]);
        prop_assert_eq!(found.is_empty(), squeezed(sql) == squeezed(&edited));
    }

    #[test]
    fn any_text_is_taken(text in "(--changeset a:b|--|\"|:|\n| |x|/\\* liquibase rollback|\\*/|--ignoreLines:(start|end|3)){0,20}") {
        let source = ("a.sql".to_owned(), format!("{HEAD}{text}"));
        prop_assert_eq!(migrations(std::slice::from_ref(&source), std::slice::from_ref(&source)), []);
    }
}
