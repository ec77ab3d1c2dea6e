# shellcheck shell=bash disable=SC2154,SC2016
# Tools of C and C++, of the shell and of PHP. They are Debian's: apt-get install cmake g++ libgtest-dev doctest-dev bats
# phpunit.

tool_ctest() {
    local case
    project ctest
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(p NONE)
enable_testing()
add_test(NAME green COMMAND true)
add_test(NAME red COMMAND false)
add_test(NAME crash COMMAND sh -c "kill -SEGV $$")
add_test(NAME timeout COMMAND sleep 9)
set_tests_properties(timeout PROPERTIES TIMEOUT 1)
add_test(NAME not-there COMMAND nothing-of-this-name)
add_test(NAME skipped COMMAND sh -c "exit 77")
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME disabled COMMAND false)
set_tests_properties(disabled PROPERTIES DISABLED ON)
add_test(NAME will-fail COMMAND true)
set_tests_properties(will-fail PROPERTIES WILL_FAIL ON)
add_test(NAME setup COMMAND false)
set_tests_properties(setup PROPERTIES FIXTURES_SETUP f)
add_test(NAME needs-setup COMMAND true)
set_tests_properties(needs-setup PROPERTIES FIXTURES_REQUIRED f)
END
    run cmake -S . -B build
    for case in green red crash timeout not-there will-fail needs-setup; do
        run ctest --test-dir build --no-tests=error --output-junit "$project/$case.xml" -R "^$case\$"
        store ctest "$case" "$case.xml" junit
    done
    for case in skipped disabled; do
        run ctest --test-dir build --no-tests=error --output-junit "$project/$case.xml" -R "^$case\$"
        store ctest "$case" "$case.xml" junit blind 'nothing was tested'
    done
    run ctest --test-dir build --no-tests=error --output-junit "$project/skipped-and-green.xml" -R '^(green|skipped|disabled)$'
    store ctest skipped-and-green skipped-and-green.xml junit
    ctest_more
    run ctest --test-dir build --no-tests=error --output-junit "$project/empty.xml" -R nothing
    store ctest empty empty.xml junit
}

# Tests that are repeated, judged by what they print, or named alike in two folders.
ctest_more() {
    mkdir -p more/one more/two
    cat >more/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(p NONE)
enable_testing()
add_test(NAME flaky COMMAND sh -c "test -e tried || { touch tried; false; }")
add_test(NAME always COMMAND false)
add_test(NAME unstable COMMAND sh -c "test ! -e again && touch again")
add_test(NAME known COMMAND false)
set_tests_properties(known PROPERTIES WILL_FAIL ON)
add_test(NAME says COMMAND sh -c "echo all is well; exit 3")
set_tests_properties(says PROPERTIES PASS_REGULAR_EXPRESSION "well")
add_test(NAME says-wrong COMMAND sh -c "echo ERROR")
set_tests_properties(says-wrong PROPERTIES FAIL_REGULAR_EXPRESSION "ERROR")
add_test(NAME says-skip COMMAND sh -c "echo SKIP; exit 3")
set_tests_properties(says-skip PROPERTIES SKIP_REGULAR_EXPRESSION "SKIP")
add_test(NAME needs-file COMMAND true)
set_tests_properties(needs-file PROPERTIES REQUIRED_FILES nowhere)
add_test(NAME cleanup COMMAND false)
set_tests_properties(cleanup PROPERTIES FIXTURES_CLEANUP f)
add_test(NAME uses COMMAND true)
set_tests_properties(uses PROPERTIES FIXTURES_REQUIRED f)
add_test(NAME second COMMAND true)
set_tests_properties(second PROPERTIES DEPENDS always)
add_subdirectory(one)
add_subdirectory(two)
END
    printf 'add_test(NAME same COMMAND false)\n' >more/one/CMakeLists.txt
    printf 'add_test(NAME same COMMAND true)\n' >more/two/CMakeLists.txt
    run cmake -S more -B again
    more() {
        local case=$1
        shift
        run ctest --test-dir again --no-tests=error --output-junit "$project/$case.xml" "$@"
    }
    local case
    for case in known says says-wrong needs-file same; do
        more "$case" -R "^$case\$"
        store ctest "$case" "$case.xml" junit
    done
    more says-skip -R '^says-skip$'
    store ctest says-skip says-skip.xml junit blind
    more flaky --repeat until-pass:2 -R '^flaky$'
    store ctest flaky flaky.xml junit
    more always --repeat until-pass:2 -R '^always$'
    store ctest always always.xml junit
    more unstable --repeat until-fail:2 -R '^unstable$'
    store ctest unstable unstable.xml junit
    more cleanup -R '^uses$'
    store ctest cleanup cleanup.xml junit
    more depends -R '^(always|second)$'
    store ctest depends depends.xml junit
    more stop --stop-on-failure -R '^(always|second)$'
    store ctest stop stop.xml junit
}

tool_googletest() {
    local case
    project googletest
    cat >t.cpp <<'END'
#include <gtest/gtest.h>
#include <stdexcept>
TEST(Green, Adds) {}
TEST(Green, Skipped) { GTEST_SKIP() << "not here"; }
TEST(Green, DISABLED_Off) { FAIL(); }
TEST(Red, Wrong) { EXPECT_EQ(1, 2) << "<one> & two"; }
TEST(Red, Right) {}
TEST(Throws, Out) { throw std::runtime_error("out"); }
TEST(OnlySkipped, Skipped) { GTEST_SKIP(); }
struct Setup : testing::Test { static void SetUpTestSuite() { FAIL() << "set-up"; } };
TEST_F(Setup, Right) {}
struct Teardown : testing::Test { static void TearDownTestSuite() { FAIL() << "tear-down"; } };
TEST_F(Teardown, Right) {}
struct Each : testing::TestWithParam<int> {};
TEST_P(Each, Odd) { EXPECT_EQ(GetParam() % 2, 1); }
INSTANTIATE_TEST_SUITE_P(All, Each, testing::Values(1, 2));
struct SetUpFails : testing::Test { void SetUp() override { FAIL() << "set-up"; } };
TEST_F(SetUpFails, Right) {}
struct TearDownFails : testing::Test { void TearDown() override { FAIL() << "tear-down"; } };
TEST_F(TearDownFails, Right) {}
struct SkipSuite : testing::Test { static void SetUpTestSuite() { GTEST_SKIP() << "not here"; } };
TEST_F(SkipSuite, Right) {}
struct SkipInSetUp : testing::Test { void SetUp() override { GTEST_SKIP() << "not here"; } };
TEST_F(SkipInSetUp, Right) {}
TEST(Dies, Expected) { EXPECT_DEATH(abort(), ""); }
TEST(Lives, Unexpected) { EXPECT_DEATH((void)0, ""); }
TEST(SkipThenFail, Both) { EXPECT_TRUE(false); GTEST_SKIP(); }
static int tries = 0;
TEST(Once, FailsFirst) { EXPECT_GT(++tries, 1); }
template <typename T> struct Typed : testing::Test {};
using Kinds = testing::Types<char, int>;
TYPED_TEST_SUITE(Typed, Kinds);
TYPED_TEST(Typed, OneByte) { EXPECT_EQ(sizeof(TypeParam), 1u); }
END
    cat >environment.cpp <<'END'
#include <gtest/gtest.h>
#include <cstring>
struct Broken : testing::Environment {
    const char* where;
    explicit Broken(const char* where) : where(where) {}
    void SetUp() override { if (!strcmp(where, "setup")) FAIL() << "set-up"; }
    void TearDown() override { if (!strcmp(where, "teardown")) FAIL() << "tear-down"; }
};
TEST(All, Right) {}
int main(int count, char** words) {
    testing::InitGoogleTest(&count, words);
    testing::AddGlobalTestEnvironment(new Broken(words[1]));
    return RUN_ALL_TESTS();
}
END
    run g++ -O0 t.cpp -o t -lgtest_main -lgtest -pthread
    googletest_more
    for case in Green Red Throws Setup Each; do
        run ./t --gtest_filter="*$case.*" --gtest_output="xml:$case.xml"
        store googletest "${case,,}" "$case.xml" junit
    done
    run ./t --gtest_filter='Teardown.*' --gtest_output=xml:teardown.xml
    store googletest teardown teardown.xml junit passed 'the report does not tell of failures in TearDownTestSuite'
    run ./t --gtest_filter='OnlySkipped.*' --gtest_output=xml:skipped.xml
    store googletest skipped skipped.xml junit blind 'nothing was tested'
    run ./t --gtest_filter='Nothing.*' --gtest_output=xml:empty.xml
    store googletest empty empty.xml junit blind 'nothing was tested'
    run ./t --gtest_filter='Red.*:Green.*' --gtest_repeat=2 --gtest_output=xml:repeated.xml
    store googletest repeated repeated.xml junit
}

googletest_more() {
    local case
    for case in SkipSuite SetUpFails TearDownFails Dies Lives SkipThenFail Typed; do
        run ./t --gtest_filter="$case*.*" --gtest_output="xml:$case.xml"
        store googletest "${case,,}" "$case.xml" junit
    done
    run ./t --gtest_filter='SkipInSetUp.*' --gtest_output=xml:skip-in-setup.xml
    store googletest skip-in-setup skip-in-setup.xml junit blind
    run ./t --gtest_filter='Green.*' --gtest_also_run_disabled_tests --gtest_output=xml:disabled.xml
    store googletest disabled disabled.xml junit
    run ./t --gtest_filter='Red.*:Throws.*' --gtest_fail_fast --gtest_output=xml:fail-fast.xml
    store googletest fail-fast fail-fast.xml junit
    run ./t --gtest_filter='Once.*' --gtest_repeat=2 --gtest_output=xml:once.xml
    store googletest repeated-red-first once.xml junit passed 'the report is that of the last of two runs'
    run env GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=1 ./t --gtest_filter='Red.*' --gtest_output=xml:shard.xml
    store googletest shard shard.xml junit
    run g++ -O0 environment.cpp -o environment -lgtest -pthread
    run ./environment setup --gtest_output=xml:environment-setup.xml
    store googletest environment-setup environment-setup.xml junit
    run ./environment teardown --gtest_output=xml:environment-teardown.xml
    store googletest environment-teardown environment-teardown.xml junit
}

tool_doctest() {
    local case
    project doctest
    cat >t.cpp <<'END'
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <csignal>
#include <doctest/doctest.h>
#include <stdexcept>
TEST_CASE("green") { CHECK(1 == 1); }
TEST_CASE("red") { CHECK_MESSAGE(1 == 2, "<one> & two"); }
TEST_CASE("throws") { throw std::runtime_error("out"); }
TEST_CASE("nested") { SUBCASE("a") { CHECK(true); } SUBCASE("b") { REQUIRE(false); } }
TEST_CASE("shouldfail" * doctest::should_fail()) { CHECK(true); }
TEST_CASE("known" * doctest::may_fail()) { CHECK(false); }
TEST_CASE("fails as it should" * doctest::should_fail()) { CHECK(false); }
TEST_CASE("two failures" * doctest::expected_failures(2)) { CHECK(false); CHECK(false); }
TEST_CASE("one of two failures" * doctest::expected_failures(2)) { CHECK(false); }
TEST_CASE("skipped" * doctest::skip()) { CHECK(false); }
TEST_CASE("slow" * doctest::timeout(0.01)) { volatile long n = 0; while (n < 200000000) n = n + 1; CHECK(true); }
TEST_CASE_TEMPLATE("of types", T, char, int) { CHECK(sizeof(T) == 1); }
TEST_CASE("warns") { WARN(1 == 2); }
struct Setup { Setup() { throw std::runtime_error("set-up"); } };
TEST_CASE_FIXTURE(Setup, "setup") { CHECK(true); }
struct Teardown { ~Teardown() { CHECK(false); } };
TEST_CASE_FIXTURE(Teardown, "teardown") { CHECK(true); }
TEST_CASE("crash") { raise(SIGSEGV); }
END
    run g++ -O0 t.cpp -o t
    for case in green red throws nested; do
        run ./t -r=junit -o="$case.xml" -tc="$case"
        store doctest "$case" "$case.xml" junit
    done
    run ./t -r=junit -o=shouldfail.xml -tc=shouldfail
    store doctest shouldfail shouldfail.xml junit passed 'the report does not tell that a failure was missed'
    run ./t -r=junit -o=known.xml -tc=known
    store doctest known known.xml junit failed 'the report does not tell that the failure is expected'
    run ./t -r=junit -o=slow.xml -tc=slow
    store doctest slow slow.xml junit passed 'the report does not tell that a test took too long'
    for case in 'of types*' warns setup teardown crash; do
        run ./t -r=junit -o=case.xml -tc="$case"
        store doctest "${case//[ *]/-}" case.xml junit
    done
    run ./t -r=junit -o=should.xml -tc='fails as it should'
    store doctest should should.xml junit failed 'the report does not tell that the failure is expected'
    run ./t -r=junit -o=two-failures.xml -tc='two failures'
    store doctest two-failures two-failures.xml junit failed 'the report does not tell that the failures are expected'
    run ./t -r=junit -o=one-of-two.xml -tc='one of two failures'
    store doctest one-of-two one-of-two.xml junit
    run ./t -r=junit -o=skipped.xml -tc=skipped
    store doctest skipped skipped.xml junit blind
    run ./t -r=junit -o=empty.xml -tc=nothing
    store doctest empty empty.xml junit blind 'nothing was tested'
}

tool_bats() {
    local case
    project bats
    printf '@test "adds" { true; }\n@test "not here" { skip; }\n' >green.bats
    printf '@test "wrong" { echo "<one> & two"; false; }\n@test "right" { true; }\n' >red.bats
    printf 'setup_file() { false; }\n@test "right" { true; }\n' >setup.bats
    printf 'teardown_file() { false; }\n@test "right" { true; }\n' >teardown.bats
    printf 'teardown() { false; }\n@test "right" { true; }\n' >teardown-each.bats
    printf '@test "not here" { skip; }\n' >skipped.bats
    printf '@test "broken" { \n' >broken.bats
    printf 'BATS_TEST_RETRIES=2\n@test "flaky" { [ "$BATS_TEST_TRY_NUMBER" = 2 ]; }\n' >flaky.bats
    printf 'BATS_TEST_RETRIES=1\n@test "always" { false; }\n' >always.bats
    printf '@test "same" { false; }\n@test "same" { true; }\n' >same-name.bats
    printf '@test "right" { true; }\n@test "ends" { exit 3; }\n' >exit.bats
    printf '@test "right" { true; }\n@test "killed" { kill -9 $$; }\n@test "last" { true; }\n' >killed.bats
    printf 'setup() { false; }\n@test "right" { true; }\n' >setup-each.bats
    printf 'nothing_of_this_name\n@test "right" { true; }\n' >outside.bats
    printf '# Nothing.\n' >empty.bats
    for case in always same-name exit killed setup-each outside; do
        run_to "$case.xml" bats --formatter junit "$case.bats"
        store bats "$case" "$case.xml" junit
    done
    run_to empty.xml bats --formatter junit empty.bats
    store bats empty empty.xml junit blind
    run_to several.xml bats --formatter junit green.bats broken.bats
    store bats several several.xml junit
    run_to filtered.xml bats --formatter junit --filter nothing green.bats
    store bats filtered filtered.xml junit blind
    for case in green red setup teardown teardown-each skipped broken flaky; do
        run_to "$case.xml" bats --formatter junit "$case.bats"
        if [[ $case == skipped ]]; then
            store bats "$case" "$case.xml" junit blind 'nothing was tested'
        else
            store bats "$case" "$case.xml" junit
        fi
    done
}

tool_phpunit() {
    local case
    project phpunit
    php_test() {
        printf '<?php\nuse PHPUnit\\Framework\\TestCase;\nclass %sTest extends TestCase {\n%s\n}\n' "$1" "$2" >"$1Test.php"
    }
    php_test Green 'public function testAdds() { $this->assertSame(2, 1 + 1); } public function testSkipped() { $this->markTestSkipped("not here"); }'
    php_test Red 'public function testWrong() { $this->assertSame(1, 2); } public function testRight() { $this->assertTrue(true); }'
    php_test Throws 'public function testOut() { throw new Exception("<out> & gone"); }'
    php_test Setup 'public static function setUpBeforeClass(): void { throw new Exception("set-up"); } public function testRight() { $this->assertTrue(true); }'
    php_test Warning 'public function testWarning() { trigger_error("careful", E_USER_WARNING); }'
    php_test Incomplete 'public function testLater() { $this->markTestIncomplete(); } public function testRight() { $this->assertTrue(true); }'
    php_test Each '/** @dataProvider each */ public function testEach($n) { $this->assertSame(1, $n); } public static function each(): array { return [[1], [2]]; }'
    php_test Empty ''
    for case in Green Red Throws Setup Warning Each Incomplete; do
        run phpunit --no-configuration --log-junit "$case.xml" "${case}Test.php"
        store phpunit "${case,,}" "$case.xml" junit
    done
    php_test AfterClass 'public static function tearDownAfterClass(): void { throw new Exception("tear-down"); } public function testRight() { $this->assertTrue(true); }'
    php_test After 'protected function tearDown(): void { throw new Exception("tear-down"); } public function testRight() { $this->assertTrue(true); }'
    php_test Depends 'public function testFirst() { $this->fail(); } /** @depends testFirst */ public function testSecond() { $this->assertTrue(true); }'
    php_test Provider '/** @dataProvider none */ public function testEach($n) { $this->assertTrue(true); } public static function none(): array { throw new Exception("no data"); }'
    php_test Expected 'public function testOut() { $this->expectException(Exception::class); throw new Exception("out"); }'
    php_test Unexpected 'public function testOut() { $this->expectException(Exception::class); }'
    php_test Risky 'public function testNothing() {}'
    php_test Once 'private static $tries = 0; public function testOnce() { $this->assertGreaterThan(1, ++self::$tries); }'
    php_test Skipped 'public function testSkipped() { $this->markTestSkipped("not here"); }'
    php_test Isolated '/** @runInSeparateProcess */ public function testEnds() { exit(3); }'
    for case in AfterClass After Depends Provider Expected Unexpected Isolated; do
        run phpunit --no-configuration --log-junit "$case.xml" "${case}Test.php"
        store phpunit "${case,,}" "$case.xml" junit
    done
    run phpunit --no-configuration --log-junit Risky.xml RiskyTest.php
    store phpunit risky Risky.xml junit failed 'PHPUnit writes the same with --fail-on-risky, where the run fails'
    run phpunit --no-configuration --log-junit Skipped.xml SkippedTest.php
    store phpunit skipped Skipped.xml junit blind
    run phpunit --no-configuration --repeat 2 --log-junit Once.xml OnceTest.php
    store phpunit repeated Once.xml junit
    run phpunit --no-configuration --stop-on-failure --log-junit stop.xml RedTest.php
    store phpunit stop stop.xml junit
    run phpunit --no-configuration --fail-on-skipped --log-junit strict-skipped.xml GreenTest.php
    store phpunit strict-skipped strict-skipped.xml junit passed 'what is skipped on purpose is green here'
    for case in Risky Incomplete Empty; do
        run phpunit --no-configuration --fail-on-risky --fail-on-incomplete --fail-on-warning --log-junit "strict-$case.xml" "${case}Test.php"
        if [[ $case == Incomplete ]]; then
            store phpunit strict-incomplete "strict-$case.xml" junit passed 'what is incomplete is written as skipped'
        else
            store phpunit "strict-${case,,}" "strict-$case.xml" junit
        fi
    done
}


# Perl's: apt-get install libtap-formatter-junit-perl.
tool_prove() {
    local case
    project prove
    mkdir t
    printf 'print "1..3\\nok 1 - adds\\nok 2 - not here # SKIP not here\\nnot ok 3 - known # TODO later\\n";\n' >t/green.t
    printf 'print "1..2\\nnot ok 1 - <one> & two\\nok 2 - right\\n"; exit 1;\n' >t/red.t
    printf 'print "1..3\\nok 1 - right\\n";\n' >t/short.t
    printf 'print "1..1\\nok 1 - right\\nok 2 - more\\n";\n' >t/long.t
    printf 'print "1..2\\nok 1 - right\\nBail out! broken\\n";\n' >t/bail.t
    printf 'print "1..1\\nok 1 - right\\n"; exit 3;\n' >t/exit.t
    printf 'print "1..1\\nok 1 - right\\n"; kill 9, $$;\n' >t/killed.t
    printf 'print "1..1\\nok 1 - unexpected # TODO later\\n";\n' >t/unexpected.t
    printf 'print "1..0 # SKIP not here\\n";\n' >t/skipped.t
    printf 'use Nowhere;\n' >t/load.t
    printf '' >t/empty.t
    for case in green red short long bail exit killed unexpected skipped load empty; do
        run_to "$case.xml" prove --formatter TAP::Formatter::JUnit "t/$case.t"
        case $case in
        skipped) store prove "$case" "$case.xml" junit blind ;;
        *) store prove "$case" "$case.xml" junit ;;
        esac
    done
}
