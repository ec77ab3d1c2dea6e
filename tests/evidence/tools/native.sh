# shellcheck shell=bash disable=SC2154,SC2016
# Tools of C and C++, of the shell, of PHP and of Ruby. They are Debian's: apt-get install cmake g++ libgtest-dev catch2
# doctest-dev bats phpunit ruby-rspec.

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
    run ctest --test-dir build --no-tests=error --output-junit "$project/empty.xml" -R nothing
    store ctest empty empty.xml junit
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
END
    run g++ -O0 t.cpp -o t -lgtest_main -lgtest -pthread
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

tool_doctest() {
    local case
    project doctest
    cat >t.cpp <<'END'
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <stdexcept>
TEST_CASE("green") { CHECK(1 == 1); }
TEST_CASE("red") { CHECK_MESSAGE(1 == 2, "<one> & two"); }
TEST_CASE("throws") { throw std::runtime_error("out"); }
TEST_CASE("nested") { SUBCASE("a") { CHECK(true); } SUBCASE("b") { REQUIRE(false); } }
TEST_CASE("shouldfail" * doctest::should_fail()) { CHECK(true); }
TEST_CASE("known" * doctest::may_fail()) { CHECK(false); }
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
    php_test Risky 'public function testNothing() {}'
    php_test Warning 'public function testWarning() { trigger_error("careful", E_USER_WARNING); }'
    php_test Incomplete 'public function testLater() { $this->markTestIncomplete(); } public function testRight() { $this->assertTrue(true); }'
    php_test Each '/** @dataProvider each */ public function testEach($n) { $this->assertSame(1, $n); } public static function each(): array { return [[1], [2]]; }'
    php_test Empty ''
    for case in Green Red Throws Setup Warning Each Incomplete; do
        run phpunit --no-configuration --log-junit "$case.xml" "${case}Test.php"
        store phpunit "${case,,}" "$case.xml" junit
    done
    for case in Risky Incomplete Empty; do
        run phpunit --no-configuration --fail-on-risky --fail-on-incomplete --fail-on-warning --log-junit "strict-$case.xml" "${case}Test.php"
        if [[ $case == Incomplete ]]; then
            store phpunit strict-incomplete "strict-$case.xml" junit passed 'what is incomplete is written as skipped'
        else
            store phpunit "strict-${case,,}" "strict-$case.xml" junit
        fi
    done
}

