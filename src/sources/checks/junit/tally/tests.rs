use super::text::{MAX_TEXT_BYTES, beginning};
use super::*;
use crate::sources::checks::junit::words::{WORDS, outcome};
use proptest::prelude::*;

fn tally(text: &str) -> (Tally, Result<(), String>) {
    let mut tally = Tally::default();
    let result = tally.add(text.as_bytes());
    (tally, result)
}

fn lines(failures: &[Failure]) -> Vec<&str> {
    failures.iter().map(|failure| failure.line.as_str()).collect()
}

/// Tests, failed, skipped, flaky.
fn counts(text: &str) -> (u64, u64, u64, u64) {
    let (tally, result) = tally(text);
    result.unwrap_or_else(|why| panic!("{text}: {why}"));
    (tally.tests, tally.failed, tally.skipped, tally.flaky)
}

#[test]
fn failures_and_skips_are_counted_with_the_first_line_of_their_message() {
    let (tally, result) = tally(
        "<testsuites><testsuite name='a' tests='5' failures='1' errors='1' skipped='1'>\
         <testcase classname='c' name='ok'/>\
         <testcase classname='c' name='bad'><failure type='AssertionError'>\n\n expected &lt;1&gt;\nat line 3\
         </failure></testcase>\
         <testcase name='worse'><error message='boom&#10;at x'/><system-out>noise</system-out></testcase>\
         <testcase name='later'><skipped/></testcase>\
         <testsuite name='b' tests='1'><testcase name='inner'/></testsuite>\
         </testsuite></testsuites>",
    );
    result.unwrap();
    assert_eq!((tally.tests, tally.failed, tally.skipped), (5, 2, 1));
    assert_eq!(lines(&tally.failures), ["c bad: expected <1>", "worse: boom"]);
}

/// Robot Framework, Pester, JUnit 5 and go-junit-report write several tests of one name: no tool runs them again.
#[test]
fn second_test_of_a_name_is_no_other_attempt_unless_go_names_it_so() {
    let twice = |suite: &str, class: &str, name: &str| {
        counts(&format!(
            "<testsuite {suite} failures='1'><testcase classname='{class}' name='{name}'><failure/></testcase>\
             <testcase classname='{class}' name='{name}'/>\
             <testcase classname='{class}' name='TestOnce'/><testcase classname='{class}' name='TestTwo'/></testsuite>"
        ))
    };
    assert_eq!(twice("name='Login'", "Login", "Test Login"), (4, 1, 0, 0));
    assert_eq!(twice("name='Test-Amount'", "Test-Amount", "Test-Amount.of a list"), (4, 1, 0, 0));
    assert_eq!(twice("name='example.org/pay' hostname='vm'", "example.org/pay", "TestPay"), (4, 1, 0, 0));
    assert_eq!(twice("name='example.org/pay'", "example.org/pay", "TestPay"), (3, 0, 0, 1));
    assert_eq!(twice("name='example.org/pay'", "example.org/pay", "TestPay/of_a-list"), (3, 0, 0, 1));
}

/// As Catch2 writes them, and ends with 0; what should have failed and did not is in its totals alone.
#[test]
fn tests_of_catch2_may_fail() {
    let may_fail = |tag: &str| {
        format!(
            "<testcase classname='t' name='{tag}'><skipped message='TEST_CASE tagged with !{tag}'/>\
             <failure message='1 == 2'/></testcase>"
        )
    };
    let suite = |failures: u32, cases: &str| {
        let good = "<testcase classname='t' name='ok'/>";
        counts(&format!("<testsuite name='t' tests='3' failures='{failures}' errors='0'>{good}{cases}</testsuite>"))
    };
    assert_eq!(suite(0, &(may_fail("mayfail") + &may_fail("shouldfail"))), (3, 0, 2, 0));
    let unexpected =
        "<testcase classname='t' name='s'><skipped message='TEST_CASE tagged with !shouldfail'/></testcase>";
    assert_eq!(suite(1, &(may_fail("mayfail") + unexpected)).1, 1);
}

#[test]
fn long_names_are_truncated_and_their_memory_freed() {
    let kept = beginning("é".repeat(1 << 20));
    assert_eq!(kept, "é".repeat(MAX_TEXT_BYTES / 2));
    assert!(kept.capacity() <= MAX_TEXT_BYTES, "{} bytes are held", kept.capacity());
    let odd = beginning(format!("a{}", "é".repeat(MAX_TEXT_BYTES)));
    assert_eq!(odd.len(), MAX_TEXT_BYTES - 1, "no character is halved");
}

#[test]
fn totals_are_advice_about_tests_and_count_for_failures() {
    let subtests = "<testsuite name='pytest' failures='0' tests='4'><testcase name='a'/></testsuite>";
    let (counted, result) = tally(subtests);
    result.unwrap();
    assert_eq!(counted.notes, ["suite `pytest` counts 4 tests and lists 1"]);
    let (_, result) = tally("<testsuite name='s' tests='3'></testsuite>");
    assert_eq!(result.unwrap_err(), "suite `s` announces 3 tests and lists none");
    let (counted, result) = tally("<testsuite name='s' tests='1' errors='2'><testcase name='a'/></testsuite>");
    result.unwrap();
    assert_eq!(counted.failed, 2);
    assert_eq!(lines(&counted.failures), ["s: reports 2 failures and names 0 of them"]);
    let two = "<testsuites failures='2'><testsuite failures='2'><testcase name='a'><failure/><failure/></testcase>\
               </testsuite></testsuites>";
    assert_eq!(counts(two), (1, 1, 0, 0), "two failed subtests are one failed test");
    assert_eq!(counts("<testsuite skipped='2'><testcase name='a'/><testcase name='b'/></testsuite>"), (2, 0, 2, 0));
}

#[test]
fn failure_outside_of_a_test_fails() {
    let (tally, result) = tally("<testsuite name='s'><error message='no fixture'/><testcase name='a'/></testsuite>");
    result.unwrap();
    assert_eq!(lines(&tally.failures), ["s: no fixture"]);
}

#[test]
fn outcomes_in_attributes_count() {
    for (attributes, wanted) in [
        ("status='passed'", (1, 0, 0, 0)),
        ("status='failed'", (1, 1, 0, 0)),
        ("result='Failure'", (1, 1, 0, 0)),
        ("outcome='Timed Out'", (1, 1, 0, 0)),
        ("Status='FAILED'", (1, 1, 0, 0)),
        ("success='false'", (1, 1, 0, 0)),
        ("failures='1' errors='0'", (1, 1, 0, 0)),
        ("failures='0' errors='0' status=''", (1, 0, 0, 0)),
        ("status='run' result='completed'", (1, 0, 0, 0)),
        ("status='notrun' result='suppressed'", (1, 0, 1, 0)),
        ("status='disabled'", (1, 0, 1, 0)),
        ("status='flaky'", (1, 0, 0, 1)),
        ("status='passed' result='failed'", (1, 1, 0, 0)),
    ] {
        assert_eq!(
            counts(&format!("<testsuite><testcase name='a' {attributes}/></testsuite>")),
            wanted,
            "{attributes}"
        );
    }
    assert_eq!(counts("<testsuite result='failed'><testcase name='a'/></testsuite>"), (1, 1, 0, 0));
}

#[test]
fn tests_that_ctest_could_not_run_fail() {
    let case = |message: &str| {
        let skipped = format!("<skipped message='{message}'/>");
        let text =
            format!("<testsuite><testcase name='a' classname='a' status='notrun'>{skipped}</testcase></testsuite>");
        counts(&text)
    };
    assert_eq!(case("Unable to find executable"), (1, 1, 0, 0));
    assert_eq!(case("Required Files Missing"), (1, 1, 0, 0));
    assert_eq!(case("SKIP_RETURN_CODE=77"), (1, 0, 1, 0));
    assert_eq!(case("Disabled"), (1, 0, 1, 0));
}

#[test]
fn attempts_of_one_test_are_one_flaky_test() {
    for (cases, wanted) in [
        ("<testcase name='a'><flakyFailure message='x'/></testcase>", (1, 0, 0, 1)),
        ("<testcase name='a'><flakyError/><flakyFailure/><system-out/></testcase>", (1, 0, 0, 1)),
        (
            "<testcase name='a'><failure/><rerunFailure><stackTrace>x</stackTrace></rerunFailure></testcase>",
            (1, 1, 0, 0),
        ),
        ("<testcase name='a'><rerunError/></testcase>", (1, 1, 0, 0)),
        ("<testcase name='a'><failure/></testcase><testcase name='b'/><testcase name='a'/>", (3, 1, 0, 0)),
        // Several tests of one name.
        ("<testcase name='a'/><testcase name='a'><failure/></testcase>", (2, 1, 0, 0)),
        ("<testcase name='a'><failure/></testcase><testcase name='a'/><testcase name='a'/>", (3, 1, 0, 0)),
        ("<testcase name='a'><failure/></testcase><testcase classname='c' name='a'/>", (2, 1, 0, 0)),
        ("<testcase><failure/></testcase><testcase name=''/>", (2, 1, 0, 0)),
        ("<testcase name='[BeforeSuite]'><failure/></testcase><testcase name='[BeforeSuite]'/>", (2, 1, 0, 0)),
    ] {
        let text = format!("<testsuites failures='0'><testsuite name='s'>{cases}</testsuite></testsuites>");
        assert_eq!(counts(&text), wanted, "{cases}");
    }
    let apart = "<testsuites><testsuite><testcase name='a'><failure/></testcase></testsuite><testsuite><testcase name='a'/>\
                 </testsuite></testsuites>";
    assert_eq!(counts(apart), (2, 1, 0, 0), "suites are told apart");
}

#[test]
fn second_test_of_a_name_is_another_attempt_only_in_go() {
    let go = "<properties><property name='go.version' value='go1.26'/></properties>";
    for (cases, wanted) in [
        ("<testcase name='a'><failure/></testcase><testcase name='b'/><testcase name='a'/>", (2, 0, 0, 1)),
        (
            "<testcase name='a'><failure/></testcase><testcase name='a'><error/></testcase><testcase name='a'/>\
             <testcase name='b'><skipped/></testcase>",
            (2, 0, 1, 1),
        ),
        // As `-count 2` writes it.
        (
            "<testcase name='a'><failure/></testcase><testcase name='b'/><testcase name='a'/><testcase name='b'/>",
            (4, 1, 0, 0),
        ),
        (
            "<testcase name='a'><failure/></testcase><testcase name='a'/><testcase name='b'><skipped/></testcase>\
             <testcase name='b'><skipped/></testcase>",
            (4, 1, 2, 0),
        ),
        ("<testcase name='a'/><testcase name='a'><failure/></testcase>", (2, 1, 0, 0)),
    ] {
        assert_eq!(counts(&format!("<testsuite>{go}{cases}</testsuite>")), wanted, "{cases}");
        let named = cases.replace("name='", "classname='p' name='Test_");
        assert_eq!(counts(&format!("<testsuite name='p'>{named}</testsuite>")), wanted, "{named}");
        let (_, failed, ..) = counts(&format!("<testsuite name='q'>{named}</testsuite>"));
        assert!(failed > 0, "in no package: {named}");
        let (_, failed, _, flaky) = counts(&format!("<testsuite>{cases}</testsuite>"));
        assert!(failed > 0 && flaky == 0, "without Go: {cases}");
    }
}

/// `-count` holds for the whole run, and its examples are run once all the same.
#[test]
fn other_tests_tell_whether_one_was_run_again_or_asked_for_twice() {
    let case = |name: &str, inner: &str| format!("<testcase classname='p' name='{name}'>{inner}</testcase>");
    let red_and_green = case("TestA", "<failure/>") + &case("TestA", "");
    let report = |cases: &str, elsewhere: &str| {
        let elsewhere = elsewhere.replace("'p'", "'q'");
        tally(&format!(
            "<testsuites><testsuite name='p'>{red_and_green}{cases}</testsuite><testsuite name='q'>{elsewhere}</testsuite></testsuites>"
        ))
    };
    let single = case("TestB", "");
    let example = case("ExampleB", "");
    let twice = single.repeat(2);
    for (here, elsewhere) in [(single.as_str(), ""), ("", single.as_str())] {
        let (tally, result) = report(here, elsewhere);
        assert_eq!((tally.failed, tally.flaky, result), (0, 1, Ok(())), "{here} {elsewhere}");
    }
    for (here, elsewhere) in [(twice.as_str(), ""), ("", twice.as_str())] {
        let (tally, result) = report(here, elsewhere);
        assert_eq!((tally.failed, tally.flaky, result), (1, 0, Ok(())), "{here} {elsewhere}");
    }
    let sub = case("TestA/later", "");
    for here in ["", example.as_str(), sub.as_str()] {
        let (tally, result) = report(here, "");
        let why = result.unwrap_err();
        assert!(tally.failed == 0 && why.starts_with("p TestA failed and passed, and nothing tells"), "{here}: {why}");
    }
}

/// gotestsum runs each failed subtest by itself, and its test with it.
#[test]
fn test_passes_once_more_with_each_subtest_that_is_run_again() {
    let case = |name: &str, inner: &str| format!("<testcase classname='p' name='{name}'>{inner}</testcase>");
    let red: String = ["TestA/a", "TestA/b", "TestA"].iter().map(|name| case(name, "<failure/>")).collect();
    let green: String = ["TestB", "TestA/a", "TestA", "TestA/b", "TestA"].iter().map(|name| case(name, "")).collect();
    assert_eq!(counts(&format!("<testsuite name='p'>{red}{green}</testsuite>")), (4, 0, 0, 3));
}

/// The tools end well, and count them.
#[test]
fn warnings_of_doctest_and_todos_that_pass_are_no_failures() {
    let suite = |attribute: &str, kind: &str| {
        counts(&format!(
            "<testsuite name='t' failures='1' {attribute}><testcase name='a'><failure message='1 == 2' type='{kind}'/>\
             </testcase></testsuite>"
        ))
    };
    let version = "doctest_version='2.4.9'";
    assert_eq!(suite(version, "WARN"), (1, 0, 0, 0));
    assert_eq!(suite(version, "WARN_EQ"), (1, 0, 0, 0));
    assert_eq!(suite(version, "CHECK"), (1, 1, 0, 0));
    assert_eq!(suite("", "WARN"), (1, 1, 0, 0));
    assert_eq!(suite("", "TodoTestSucceeded"), (1, 0, 0, 0));
}

#[test]
fn what_ginkgo_says_of_a_suite_counts() {
    let suite = |properties: &str| {
        let properties = properties.split(' ').filter_map(|property| property.split_once('='));
        let properties: Vec<String> =
            properties.map(|(name, value)| format!("<property name='{name}' value='{value}'/>")).collect();
        let properties = properties.concat();
        tally(&format!("<testsuite name='s'><properties>{properties}</properties><testcase name='a'/></testsuite>"))
    };
    let good = "SuiteSucceeded=true SuiteHasProgrammaticFocus=false SpecialSuiteFailureReason= DryRun=false";
    let (counted, result) = suite(good);
    assert_eq!((counted.failed, result), (0, Ok(())));
    for (properties, told) in [
        ("SuiteSucceeded=false SpecialSuiteFailureReason=pending", "s: pending"),
        ("SuiteSucceeded=false", "s: Ginkgo says that the suite failed"),
        (
            "SuiteSucceeded=true SuiteHasProgrammaticFocus=true",
            "s: only specs with focus were run, which Ginkgo rejects",
        ),
    ] {
        let (counted, result) = suite(properties);
        assert_eq!((lines(&counted.failures), result), (vec![told], Ok(())), "{properties}");
    }
    assert_eq!(suite("DryRun=true").1.unwrap_err(), "suite `s` is of a dry run: nothing was tested");
}

#[test]
fn suite_whose_output_breaks_off_fails() {
    let suite = |output: &str| {
        counts(&format!("<testsuite name='s'><testcase name='a'/><system-out>{output}</system-out></testsuite>"))
    };
    assert_eq!(suite("1..1\nok 1 a"), (1, 0, 0, 0));
    assert_eq!(suite("1..2\nok 1 a"), (1, 1, 0, 0));
    let aborted = "Error - The active test run was aborted. Reason: Test host process crashed : Stack overflow.";
    assert_eq!(suite(aborted), (1, 1, 0, 0));
    let exit = "<testsuite name='s'><testcase name='a'/><system-err>\n(test program exited with status code 3)</system-err></testsuite>";
    let (tally, result) = tally(exit);
    result.unwrap();
    assert_eq!(lines(&tally.failures), ["s: test program exited with status code 3"]);
}

#[test]
fn failing_todo_is_skipped_and_unlisted_skips_are_not_those_listed() {
    let todo =
        "<testsuites><testcase name='a'/><testcase name='b'><skipped type='todo'/><failure/></testcase></testsuites>";
    assert_eq!(counts(todo), (2, 0, 1, 0));
    let skipped = todo.replace("type='todo'", "type='other'");
    assert_eq!(counts(&skipped), (2, 1, 0, 0));
    assert_eq!(counts("<testsuite tests='2' skipped='1'><testcase name='a'/></testsuite>"), (1, 0, 0, 0));
    assert_eq!(counts("<testsuite tests='2' skipped='2'><testcase name='a'/></testsuite>"), (1, 0, 1, 0));
}

#[test]
fn unknown_elements_and_words_are_named() {
    for (text, words) in [
        (
            "<testsuite><testcase name='a'><problem/></testcase></testsuite>",
            "<problem> in test a is no element of JUnit",
        ),
        ("<testsuite name='s'><broken/><testcase name='a'/></testsuite>", "<broken> in suite s is no element of JUnit"),
        ("<testsuite><testcase name='a' status='weird'/></testsuite>", "`status` of test a is `weird`"),
        ("<testsuite><testcase name='a' success='maybe'/></testsuite>", "`success` of test a is `maybe`"),
        ("<testsuite name='s' result='odd'><testcase name='a'/></testsuite>", "`result` of suite s is `odd`"),
        ("<testsuite><properties><failure/></properties></testsuite>", "<failure> stands where none belongs"),
        ("<testsuite><testcase name='a'/><testcase time='0'/></testsuite>", "the run broke off in it"),
        ("<test-run/>", "<test-run> is of NUnit 3"),
        ("<TestRun/>", "<TestRun> is of Visual Studio"),
        ("<assemblies/>", "<assemblies> is of xUnit.net"),
        ("<html/>", "it begins with <html>"),
        ("{}", "is JSON"),
    ] {
        let why = tally(text).1.unwrap_err();
        assert!(why.contains(words), "{text}: {why}");
    }
    let (tally, result) =
        tally("<testsuite><testcase name='a'><odd/></testcase><testcase name='b'><failure/></testcase></testsuite>");
    assert!(result.is_err());
    assert_eq!(tally.failed, 1, "what comes after it is read");
}

proptest! {
    #[test]
    fn unknown_words_never_pass(word in "[a-zA-Z-]{1,12}", key in 0..WORDS.len()) {
        if outcome(&word).is_none() {
            let text = format!("<testsuite><testcase name='a' {}='{word}'/></testsuite>", WORDS[key]);
            prop_assert!(tally(&text).1.is_err());
        }
        if role(&word) == Role::Unknown && word.starts_with(|c: char| c != '-') {
            for text in [
                format!("<testsuite><testcase name='a'><{word}/></testcase></testsuite>"),
                format!("<testsuite><testcase name='a'/><{word}/></testsuite>"),
            ] {
                prop_assert!(tally(&text).1.is_err());
            }
        }
    }
}
