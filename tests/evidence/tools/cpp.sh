# shellcheck shell=bash disable=SC2154
# Frameworks of C and C++, beside those in native.sh. They are Debian's: apt-get install g++ catch2 libboost-test-dev
# cpputest libcmocka-dev meson ninja-build.

tool_catch2() {
    local case
    project catch2
    cat >t.cpp <<'END'
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <csignal>
#include <stdexcept>
TEST_CASE("green", "[green]") { CHECK(1 + 1 == 2); }
TEST_CASE("red", "[red]") { CHECK("<one> & two" == std::string("x")); }
TEST_CASE("right", "[red]") { CHECK(true); }
TEST_CASE("throws", "[throws]") { throw std::runtime_error("out"); }
TEST_CASE("sections", "[sections]") { SECTION("a") { CHECK(true); } SECTION("b") { REQUIRE(false); } }
TEST_CASE("generated", "[generated]") { auto n = GENERATE(1, 2, 3); CHECK(n != 2); }
TEST_CASE("mayfail", "[!mayfail][mayfail]") { CHECK(false); }
TEST_CASE("mayfail and does not", "[!mayfail][mayfail-green]") { CHECK(true); }
TEST_CASE("shouldfail", "[!shouldfail][shouldfail]") { CHECK(false); }
TEST_CASE("should have failed", "[!shouldfail][unexpected]") { CHECK(true); }
TEST_CASE("may throw", "[!mayfail][may-throw]") { throw std::runtime_error("out"); }
TEST_CASE("nofail", "[nofail]") { CHECK_NOFAIL(false); CHECK(true); }
TEST_CASE("nothing is asserted", "[none]") {}
TEST_CASE("warns", "[warns]") { WARN("careful"); CHECK(true); }
TEST_CASE("hidden", "[.][hidden]") { CHECK(false); }
TEST_CASE("crash", "[crash]") { CHECK(true); raise(SIGSEGV); }
TEST_CASE("after the crash", "[crash]") { CHECK(true); }
TEMPLATE_TEST_CASE("of types", "[types]", char, int) { CHECK(sizeof(TestType) == 1); }
struct Teardown { ~Teardown() noexcept(false) { throw std::runtime_error("tear-down"); } };
TEST_CASE_METHOD(Teardown, "teardown", "[teardown]") { CHECK(true); }
struct Setup { Setup() { throw std::runtime_error("set-up"); } };
TEST_CASE_METHOD(Setup, "setup", "[setup]") { CHECK(true); }
END
    run g++ -O0 t.cpp -o t
    for case in green red throws sections generated mayfail-green unexpected nofail warns types teardown setup crash; do
        run ./t -r junit -o "$case.xml" "[$case]"
        store catch2 "$case" "$case.xml" junit
    done
    for case in mayfail shouldfail may-throw; do
        run ./t -r junit -o "$case.xml" "[$case]"
        store catch2 "$case" "$case.xml" junit blind 'nothing was held to pass'
        run ./t -r junit -o "$case-and-green.xml" "[$case],[green]"
        store catch2 "$case-and-green" "$case-and-green.xml" junit
    done
    run ./t -r junit -o unexpected-and-green.xml '[unexpected],[green]'
    store catch2 unexpected-and-green unexpected-and-green.xml junit
    run ./t -r junit -o mayfail-and-red.xml '[mayfail],[shouldfail],[red]'
    store catch2 mayfail-and-red mayfail-and-red.xml junit
    run ./t -r junit -o none.xml '[none],[green]'
    store catch2 none none.xml junit
    run ./t -r junit -w NoAssertions -o none-strict.xml '[none],[green]'
    store catch2 none-strict none-strict.xml junit
    run ./t -r junit -o empty.xml '[nothing]'
    store catch2 empty empty.xml junit blind
    run ./t -r junit -w NoTests -o empty-strict.xml '[nothing]'
    store catch2 empty-strict empty-strict.xml junit
    run ./t -r junit --abort -o abort.xml '[red],[green]'
    store catch2 abort abort.xml junit
    run ./t -r junit -o hidden.xml '[hidden]'
    store catch2 hidden hidden.xml junit
}

tool_boost_test() {
    local case
    project boost-test
    cat >t.cpp <<'END'
#define BOOST_TEST_MODULE all
#include <boost/test/included/unit_test.hpp>
#include <boost/test/data/test_case.hpp>
#include <stdexcept>
namespace utf = boost::unit_test;
BOOST_AUTO_TEST_SUITE(green)
BOOST_AUTO_TEST_CASE(adds) { BOOST_TEST(1 + 1 == 2); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(red)
BOOST_AUTO_TEST_CASE(wrong) { BOOST_TEST("<one> & two" == std::string("x")); }
BOOST_AUTO_TEST_CASE(right) { BOOST_TEST(true); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(throws)
BOOST_AUTO_TEST_CASE(out) { throw std::runtime_error("out"); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(known)
BOOST_AUTO_TEST_CASE(fails, *utf::expected_failures(1)) { BOOST_TEST(false); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(unexpected)
BOOST_AUTO_TEST_CASE(passes, *utf::expected_failures(1)) { BOOST_TEST(true); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(precondition)
BOOST_AUTO_TEST_CASE(skipped, *utf::precondition([](utf::test_unit_id) { return false; })) { BOOST_TEST(false); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(depends)
BOOST_AUTO_TEST_CASE(first) { BOOST_TEST(false); }
BOOST_AUTO_TEST_CASE(second, *utf::depends_on("depends/first")) { BOOST_TEST(true); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(crash)
BOOST_AUTO_TEST_CASE(crashes) { raise(SIGSEGV); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(slow)
BOOST_AUTO_TEST_CASE(sleeps, *utf::timeout(1)) { sleep(9); }
BOOST_AUTO_TEST_SUITE_END()
struct Teardown { ~Teardown() noexcept(false) { throw std::runtime_error("tear-down"); } };
struct Setup { Setup() { throw std::runtime_error("set-up"); } };
BOOST_AUTO_TEST_SUITE(setup, *utf::fixture<Setup>())
BOOST_AUTO_TEST_CASE(right) { BOOST_TEST(true); }
BOOST_AUTO_TEST_SUITE_END()
struct Each { void teardown() { BOOST_TEST(false); } };
BOOST_FIXTURE_TEST_SUITE(teardown, Each)
BOOST_AUTO_TEST_CASE(right) { BOOST_TEST(true); }
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(parameters)
BOOST_DATA_TEST_CASE(odd, boost::unit_test::data::make({1, 2}), n) { BOOST_TEST(n % 2 == 1); }
BOOST_AUTO_TEST_SUITE_END()
END
    run g++ -O0 t.cpp -o t
    for case in green red throws known unexpected precondition depends crash slow setup teardown parameters; do
        run ./t --run_test="$case" --log_format=JUNIT --log_sink="$case.xml" --log_level=error --report_level=no
        case $case in
        known) store boost-test "$case" "$case.xml" junit failed 'the report does not tell that the failure is expected' ;;
        precondition) store boost-test "$case" "$case.xml" junit blind ;;
        setup) store boost-test "$case" "$case.xml" junit failed 'Boost ends well although the set-up of a suite throws' ;;
        *) store boost-test "$case" "$case.xml" junit ;;
        esac
    done
}

tool_cpputest() {
    local case
    project cpputest
    cat >t.cpp <<'END'
#include <CppUTest/CommandLineTestRunner.h>
#include <CppUTest/TestHarness.h>
TEST_GROUP(Green) {};
TEST(Green, Adds) { LONGS_EQUAL(2, 1 + 1); }
IGNORE_TEST(Green, Off) { FAIL("off"); }
TEST_GROUP(Red) {};
TEST(Red, Wrong) { STRCMP_EQUAL("<one> & two", "x"); }
TEST(Red, Right) { CHECK(true); }
TEST_GROUP(Setup) { void setup() { FAIL("set-up"); } };
TEST(Setup, Right) { CHECK(true); }
TEST_GROUP(Teardown) { void teardown() { FAIL("tear-down"); } };
TEST(Teardown, Right) { CHECK(true); }
TEST_GROUP(Leak) {};
TEST(Leak, Leaks) { new int(1); }
TEST_GROUP(Off) {};
IGNORE_TEST(Off, Off) { FAIL("off"); }
static int tries = 0;
TEST_GROUP(Repeated) {};
TEST(Repeated, Once) { CHECK(++tries > 1); }
TEST_GROUP(Crash) {};
TEST(Crash, Crashes) { raise(SIGSEGV); }
TEST(Crash, Right) { CHECK(true); }
int main(int count, char** words) { return CommandLineTestRunner::RunAllTests(count, words); }
END
    run g++ -O0 t.cpp -o t -include csignal -lCppUTest
    for case in Green Red Setup Teardown Leak Off; do
        run ./t -ojunit -sg "$case"
        case $case in
        Off) store cpputest off cpputest_Off.xml junit blind ;;
        *) store cpputest "${case,,}" "cpputest_$case.xml" junit ;;
        esac
    done
    run ./t -ojunit -sg Repeated -r2
    store cpputest repeated cpputest_Repeated.xml junit passed 'the report is that of the last of two runs'
    rm -f ./*.xml
    run ./t -ojunit -p -sg Crash
    store cpputest crash cpputest_Crash.xml junit
}

tool_cmocka() {
    local case
    project cmocka
    cat >t.c <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdlib.h>
#include <signal.h>
#include <cmocka.h>
static void right(void **state) { assert_int_equal(1 + 1, 2); }
static void wrong(void **state) { assert_string_equal("<one> & two", "x"); }
static void off(void **state) { skip(); }
static void crash(void **state) { raise(SIGSEGV); }
static int bad(void **state) { return -1; }
int main(int count, char **words) {
    const char *which = words[1];
    if (!strcmp(which, "green")) { const struct CMUnitTest t[] = {cmocka_unit_test(right), cmocka_unit_test(off)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    if (!strcmp(which, "red")) { const struct CMUnitTest t[] = {cmocka_unit_test(wrong), cmocka_unit_test(right)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    if (!strcmp(which, "setup")) { const struct CMUnitTest t[] = {cmocka_unit_test_setup(right, bad)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    if (!strcmp(which, "teardown")) { const struct CMUnitTest t[] = {cmocka_unit_test_teardown(right, bad)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    if (!strcmp(which, "group-setup")) { const struct CMUnitTest t[] = {cmocka_unit_test(right)}; return cmocka_run_group_tests_name(which, t, bad, NULL); }
    if (!strcmp(which, "group-teardown")) { const struct CMUnitTest t[] = {cmocka_unit_test(right)}; return cmocka_run_group_tests_name(which, t, NULL, bad); }
    if (!strcmp(which, "skipped")) { const struct CMUnitTest t[] = {cmocka_unit_test(off)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    if (!strcmp(which, "crash")) { const struct CMUnitTest t[] = {cmocka_unit_test(crash), cmocka_unit_test(right)}; return cmocka_run_group_tests_name(which, t, NULL, NULL); }
    return 0;
}
END
    run gcc -O0 t.c -o t -lcmocka
    for case in green red setup teardown group-setup group-teardown skipped crash; do
        run env CMOCKA_MESSAGE_OUTPUT=xml CMOCKA_XML_FILE="$case.xml" ./t "$case"
        if [[ $case == skipped ]]; then
            store cmocka "$case" "$case.xml" junit blind
        else
            store cmocka "$case" "$case.xml" junit
        fi
    done
}

tool_meson() {
    python_packages meson meson==1.12.1
    meson_cases meson "$bin/meson"
}

# Debian 12's: it does not write that a test took too long, or passed unexpectedly.
tool_meson_1_0() {
    meson_cases meson-1-0 /usr/bin/meson
}

# Lets a version of Meson judge: TOOL PROGRAM.
meson_cases() {
    local tool=$1 meson=$2 case
    project "$tool"
    cat >meson.build <<'END'
project('p')
sh = find_program('sh')
test('green', sh, args: ['-c', 'true'], suite: 'green')
test('red', sh, args: ['-c', 'echo "<one> & two"; false'], suite: 'red')
test('right', sh, args: ['-c', 'true'], suite: 'red')
test('crash', sh, args: ['-c', 'kill -SEGV $$'], suite: 'crash')
test('slow', sh, args: ['-c', 'sleep 9'], timeout: 1, suite: 'slow')
test('skipped', sh, args: ['-c', 'exit 77'], suite: 'skipped')
test('error', sh, args: ['-c', 'exit 99'], suite: 'error')
test('known', sh, args: ['-c', 'false'], should_fail: true, suite: 'known')
test('unexpected', sh, args: ['-c', 'true'], should_fail: true, suite: 'unexpected')
test('tap', sh, args: ['-c', 'printf "1..4\nok 1 a\nnot ok 2 b\nok 3 c # SKIP not here\nnot ok 4 d # TODO later\n"'], protocol: 'tap', suite: 'tap')
test('tap', sh, args: ['-c', 'printf "1..3\nok 1 a\nok 2 b # SKIP not here\nnot ok 3 d # TODO later\n"'], protocol: 'tap', suite: 'tap-green')
test('tap', sh, args: ['-c', 'printf "1..3\nok 1 a\nok 2 b\n"'], protocol: 'tap', suite: 'tap-short')
test('tap', sh, args: ['-c', 'printf "1..1\nok 1 a # TODO later\n"'], protocol: 'tap', suite: 'tap-unexpected')
test('tap', sh, args: ['-c', 'printf "1..2\nok 1 a\nBail out! broken\n"'], protocol: 'tap', suite: 'tap-bail')
test('tap', sh, args: ['-c', 'printf "1..0 # SKIP not here\n"'], protocol: 'tap', suite: 'tap-skipped')
test('tap', sh, args: ['-c', 'printf "1..1\nok 1 a\n"; exit 3'], protocol: 'tap', suite: 'tap-exit')
END
    run "$meson" setup build
    for case in green red crash slow skipped error known unexpected tap tap-green tap-short tap-unexpected tap-bail tap-skipped tap-exit; do
        rm -f build/meson-logs/*.xml
        run "$meson" test -C build --no-rebuild --suite "$case"
        case $case in
        skipped | tap-skipped) store "$tool" "$case" build/meson-logs/testlog.junit.xml junit blind ;;
        slow | unexpected) meson_judged "$tool" "$case" ;;
        *) store "$tool" "$case" build/meson-logs/testlog.junit.xml junit ;;
        esac
    done
    run "$meson" test -C build --no-rebuild --suite green --suite skipped --suite known
    store "$tool" green-and-known build/meson-logs/testlog.junit.xml junit
    run "$meson" test -C build --no-rebuild --suite red --repeat 2 --maxfail 1
    store "$tool" repeated build/meson-logs/testlog.junit.xml junit
}

# Stores what an old version writes like a test that passed.
meson_judged() {
    if [[ $1 == meson-1-0 ]]; then
        store "$1" "$2" build/meson-logs/testlog.junit.xml junit passed 'the report of this version does not tell of it'
    else
        store "$1" "$2" build/meson-logs/testlog.junit.xml junit
    fi
}
