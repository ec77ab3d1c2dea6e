# shellcheck shell=bash disable=SC2154
# Tools of Python.

# Installs packages into an environment of their own, and sets `bin`.
python_packages() {
    bin=$cache/$1/bin
    shift
    [[ -x $bin/python ]] || python3 -m venv "${bin%/bin}"
    "$bin/pip" install --quiet --disable-pip-version-check "$@"
}

unittest_project() {
    project "$1"
    mkdir green red setup class_setup xpass skipped sub import module_teardown
    cat >green/test_a.py <<'END'
import unittest

class T(unittest.TestCase):
    def test_a(self):
        pass

    @unittest.skip("not here")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()
END
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 2)\n\n    def test_b(self):\n        pass\n' >red/test_a.py
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    def setUp(self):\n        raise OSError("set-up")\n\n    def test_a(self):\n        pass\n' >setup/test_a.py
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        raise OSError("set-up")\n\n    def test_a(self):\n        pass\n' >class_setup/test_a.py
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_a(self):\n        pass\n' >xpass/test_a.py
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.skipTest("not here")\n' >skipped/test_a.py
    printf 'import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        for i in range(3):\n            with self.subTest(i=i):\n                self.assertNotEqual(i, 1)\n' >sub/test_a.py
    printf 'import nowhere\n' >import/test_a.py
    printf 'import unittest\n\ndef tearDownModule():\n    raise OSError("tear-down")\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n' >module_teardown/test_a.py
}

tool_unittest_xml_reporting() {
    local case exception
    python_packages unittest-xml unittest-xml-reporting==3.2.0
    unittest_project unittest-xml
    for case in green red setup class_setup xpass skipped sub import module_teardown; do
        run "$bin/python" -m xmlrunner discover -s "$case" --output-file "$case.xml"
        exception=-
        [[ $case != skipped ]] || exception=blind
        store unittest-xml-reporting "${case//_/-}" "$case.xml" junit "$exception"
    done
}

tool_nose2() {
    local case exception
    python_packages nose2 nose2==0.15.1
    unittest_project nose2
    for case in green red setup class_setup xpass skipped sub import module_teardown; do
        printf '[unittest]\nplugins = nose2.plugins.junitxml\n[junit-xml]\nalways-on = True\npath = %s.xml\n' \
            "$project/$case" >"$case/nose2.cfg"
        run "$bin/nose2" -s "$case" -c "$case/nose2.cfg"
        exception=-
        [[ $case != skipped && $case != xpass ]] || exception=blind
        store nose2 "${case//_/-}" "$case.xml" junit "$exception"
    done
}

tool_robot() {
    python_packages robot robotframework==7.3.2
    project robot
    printf '*** Test Cases ***\nAdds\n    Should Be Equal    a    a\nSkipped\n    Skip    not here\n' >green.robot
    printf '*** Test Cases ***\nWrong\n    Should Be Equal    a    b\nRight\n    No Operation\n' >red.robot
    printf '*** Settings ***\nSuite Setup    Fail    set-up breaks\n*** Test Cases ***\nRight\n    No Operation\n' >setup.robot
    printf '*** Settings ***\nSuite Teardown    Fail    tear-down breaks\n*** Test Cases ***\nRight\n    No Operation\n' >teardown.robot
    printf '*** Test Cases ***\nSkipped\n    Skip    not here\n' >skipped.robot
    printf '*** Test Cases ***\nRight\n    No Operation\n    [Teardown]    Fail    tear-down breaks\n' >each.robot
    printf '*** Test Cases ***\nSame\n    Fail    wrong\nSame\n    No Operation\n' >same-name.robot
    printf '*** Test Cases ***\nSlow\n    [Timeout]    300 ms\n    Sleep    9 s\n' >timeout.robot
    printf '*** Test Cases ***\nUnknown\n    Nobody Knows This\n' >unknown.robot
    printf '*** Test Cases ***\nTemplated\n    [Template]    Should Be Equal\n    a    a\n    a    b\n' >template.robot
    printf '*** Test Cases ***\nWrong\n    [Tags]    later\n    Fail    wrong\nRight\n    No Operation\n' >skip-on-failure.robot
    printf '*** Test Cases ***\nWrong\n    Run Keyword And Continue On Failure    Fail    one\n    Fail    two\nFatal\n    Fatal Error    the end\nNot Run\n    No Operation\n' >fatal.robot
    printf '*** Settings ***\nSuite Setup    Skip    not here\n*** Test Cases ***\nRight\n    No Operation\n' >skip-suite.robot
    printf '*** Test Cases ***\nFlaky\n    Should Not Be Empty    %%{TRIED=}\n' >flaky.robot
    printf '*** Settings ***\nLibrary    Nowhere\n*** Test Cases ***\nRight\n    No Operation\n' >import.robot
    printf '*** Settings ***\nSuite Setup    Fail    set-up breaks\nSuite Teardown    Fail    tear-down breaks\n*** Test Cases ***\nRight\n    No Operation\n' >both.robot
    robot_cases
}

robot_cases() {
    local case
    local -a quiet=(--output NONE --log NONE --report NONE)
    for case in green red setup teardown skipped each same-name timeout unknown template fatal skip-suite import both; do
        run "$bin/robot" "${quiet[@]}" --xunit "$case.xml" "$case.robot"
        case $case in
        skipped | skip-suite) store robot "$case" "$case.xml" junit blind ;;
        *) store robot "$case" "$case.xml" junit ;;
        esac
    done
    run "$bin/robot" "${quiet[@]}" --skiponfailure later --xunit skip-on-failure.xml skip-on-failure.robot
    store robot skip-on-failure skip-on-failure.xml junit
    run "$bin/robot" "${quiet[@]}" --exitonfailure --xunit exit-on-failure.xml red.robot
    store robot exit-on-failure exit-on-failure.xml junit
    run "$bin/robot" "${quiet[@]}" --dryrun --xunit dry-run.xml red.robot
    store robot dry-run dry-run.xml junit - 'the report does not tell of a dry run'
    run "$bin/robot" "${quiet[@]}" --nostatusrc --xunit no-status.xml red.robot
    store robot no-status no-status.xml junit failed 'Robot was told to end well whatever fails'
    run "$bin/robot" "${quiet[@]}" --include nothing --runemptysuite --xunit empty.xml red.robot
    store robot empty empty.xml junit blind
    # A suite of files: one has a broken set-up.
    run "$bin/robot" "${quiet[@]}" --name all --xunit several.xml green.robot setup.robot
    store robot several several.xml junit
    # What failed is run again, and the results are laid over each other.
    run "$bin/robot" --name all --output first.xml --log NONE --report NONE flaky.robot red.robot
    TRIED=yes run "$bin/robot" --name all --output second.xml --log NONE --report NONE --rerunfailed first.xml flaky.robot red.robot
    run "$bin/rebot" --output NONE --log NONE --report NONE --merge --xunit merged.xml first.xml second.xml
    store robot merged merged.xml junit
    run "$bin/robot" --name all --output first.xml --log NONE --report NONE flaky.robot green.robot
    TRIED=yes run "$bin/robot" --name all --output second.xml --log NONE --report NONE --rerunfailed first.xml flaky.robot green.robot
    run "$bin/rebot" --output NONE --log NONE --report NONE --merge --xunit merged-green.xml first.xml second.xml
    store robot merged-green merged-green.xml junit
}

tool_behave() {
    python_packages behave behave==1.3.3
    project behave
    mkdir -p features/steps
    cat >features/steps/steps.py <<'END'
from behave import given

@given("it works")
def works(context):
    pass

@given("it breaks")
def breaks(context):
    assert False, "broken"

@given("it crashes")
def crashes(context):
    raise OSError("crash")

tries = []

@given("it works the second time")
def works_later(context):
    tries.append(1)
    assert len(tries) > 1
END
    printf 'Feature: green\n  Scenario: a\n    Given it works\n\n  @skip\n  Scenario: b\n    Given it breaks\n' >features/green.feature
    printf 'Feature: red\n  Scenario: a\n    Given it breaks\n  Scenario: b\n    Given it works\n' >features/red.feature
    printf 'Feature: right\n  Scenario: a\n    Given it works\n' >features/right.feature
    printf 'Feature: flaky\n  Scenario: a\n    Given it works the second time\n' >features/flaky.feature
    printf 'Feature: error\n  Scenario: a\n    Given it crashes\n' >features/error.feature
    printf 'Feature: undefined\n  Scenario: a\n    Given nobody knows this\n' >features/undefined.feature
    printf 'Feature: outline\n  Scenario Outline: a\n    Given it <what>\n    Examples:\n      | what |\n      | works |\n      | breaks |\n' >features/outline.feature
    local case
    for case in green red error undefined outline; do
        run "$bin/behave" --junit --junit-directory "out-$case" --tags=-skip "features/$case.feature"
        store behave "$case" "out-$case/TESTS-$case.xml" junit
    done
    cat >features/environment.py <<'END'
def after_scenario(context, scenario):
    raise OSError("tear-down breaks")
END
    run "$bin/behave" --junit --junit-directory out-hook --tags=-skip features/green.feature
    store behave hook out-hook/TESTS-green.xml junit
    behave_more
}

# Hooks that break, and scenarios that are left out, repeated or not run.
behave_more() {
    local hook
    for hook in 'before_all(context)' 'after_all(context)' 'before_feature(context, feature)' \
        'after_feature(context, feature)' 'before_scenario(context, scenario)' 'after_step(context, step)'; do
        printf 'def %s:\n    raise OSError("hook breaks")\n' "$hook" >features/environment.py
        hook=${hook%%(*}
        run "$bin/behave" --junit --junit-directory "out-$hook" features/right.feature
        case $hook in
        after_all | after_feature) store behave "${hook//_/-}" "out-$hook/TESTS-right.xml" junit passed 'the report does not tell of errors after all tests' ;;
        *) store behave "${hook//_/-}" "out-$hook/TESTS-right.xml" junit ;;
        esac
    done
    rm features/environment.py
    printf 'Feature: background\n  Background:\n    Given it breaks\n  Scenario: a\n    Given it works\n' >features/background.feature
    printf 'Feature: same\n  Scenario: a\n    Given it breaks\n  Scenario: a\n    Given it works\n' >features/same.feature
    printf 'Feature: skipped\n  @skip\n  Scenario: a\n    Given it works\n' >features/skipped.feature
    for hook in background same skipped; do
        run "$bin/behave" --junit --junit-directory "out-$hook" --tags='not @skip' "features/$hook.feature"
        case $hook in
        skipped) store behave "$hook" "out-$hook/TESTS-$hook.xml" junit blind ;;
        *) store behave "$hook" "out-$hook/TESTS-$hook.xml" junit ;;
        esac
    done
    run "$bin/behave" --junit --junit-directory out-stop --stop features/red.feature
    store behave stop out-stop/TESTS-red.xml junit
    run "$bin/behave" --junit --junit-directory out-dry --dry-run features/red.feature
    store behave dry-run out-dry/TESTS-red.xml junit blind
    cat >features/environment.py <<'END'
from behave.contrib.scenario_autoretry import patch_scenario_with_autoretry

def before_feature(context, feature):
    for scenario in feature.scenarios:
        patch_scenario_with_autoretry(scenario, max_attempts=2)
END
    run "$bin/behave" --junit --junit-directory out-retry features/flaky.feature
    store behave flaky out-retry/TESTS-flaky.xml junit
    run "$bin/behave" --junit --junit-directory out-always features/red.feature
    store behave retried-red out-always/TESTS-red.xml junit
}

coverage_source() {
    cat >calc.py <<'END'
def add(a, b):
    return a + b

def sub(a, b):
    c = a - b
    return c
END
}

tool_coverage_py() {
    local case least format
    python_packages coverage coverage==7.11.3
    project coverage
    coverage_source
    printf 'import calc\nassert calc.add(1, 1) == 2\n' >half.py
    printf 'import calc\nassert calc.add(1, 1) == 2\nassert calc.sub(1, 1) == 0\n' >whole.py
    for case in half whole; do
        run "$bin/coverage" run --include=calc.py "$case.py"
        for least in 60 80; do
            for format in xml lcov; do
                run "$bin/coverage" "$format" -o "$case.$format" --fail-under "$least"
                store coverage-py "$case-$least" "$case.$format" "coverage, at_least = $least"
            done
        done
    done
}

# Several folders of sources, files that were never run, and branches.
tool_coverage_py_more() {
    local case format least
    python_packages coverage coverage==7.11.3
    project coverage-py-more
    mkdir -p one two
    cp ../coverage/calc.py one/calc.py 2>/dev/null || coverage_source
    [[ -e one/calc.py ]] || mv calc.py one/calc.py
    cp one/calc.py two/calc.py
    printf 'def never():\n    return 1\n' >two/never.py
    printf 'def sign(n):\n    if n > 0:\n        n = 1\n    if n < 2:\n        n = n + 1\n    return n\n' >one/sign.py
    printf 'import sys\nsys.path[:0] = ["one"]\nimport calc, sign\nassert calc.add(1, 1) == 2 and calc.sub(1, 1) == 0 and sign.sign(1) == 2\n' >run.py
    # 11 of 18 lines, and 2 of 4 branches.
    for case in lines branches; do
        run "$bin/coverage" run "$([[ $case == branches ]] && echo --branch || echo --timid)" --source=one,two run.py
        for least in 50 60 70; do
            for format in xml lcov; do
                run "$bin/coverage" "$format" -o "$case.$format" --fail-under "$least"
                if [[ $case-$least == branches-60 ]]; then
                    store coverage-py-more "$case-$least" "$case.$format" "coverage, at_least = $least" passed 'with --branch the tool counts branches as well, and the check lines'
                else
                    store coverage-py-more "$case-$least" "$case.$format" "coverage, at_least = $least"
                fi
            done
        done
    done
    printf 'raise SystemExit(0)\n' >nothing.py
    run "$bin/coverage" run --source=two nothing.py
    run "$bin/coverage" xml -o nothing.xml --fail-under 50
    store coverage-py-more nothing nothing.xml 'coverage, at_least = 50'
    # Parts that ran in several processes, put together.
    run "$bin/coverage" run --parallel-mode --source=one,two run.py
    run "$bin/coverage" run --parallel-mode --source=one,two run.py
    run "$bin/coverage" combine
    run "$bin/coverage" xml -o combined.xml --fail-under 50
    store coverage-py-more combined combined.xml 'coverage, at_least = 50'
}

tool_mypy() {
    local case
    python_packages mypy mypy==1.18.2
    project mypy
    printf 'x: int = 1\n' >green.py
    printf 'x: int = "<one> & two"\n' >red.py
    printf 'def (:\n' >broken.py
    printf 'import nowhere\n' >import.py
    for case in green red broken import; do
        run "$bin/mypy" --cache-dir cache --junit-xml "$case.xml" "$case.py"
        store mypy "$case" "$case.xml" junit
    done
    run "$bin/mypy" --cache-dir cache --junit-format per_file --junit-xml per-file.xml green.py red.py
    store mypy per-file per-file.xml junit
    run "$bin/mypy" --cache-dir cache --junit-xml missing.xml nowhere.py
    store mypy missing missing.xml junit
}

tool_ruff() {
    python_packages ruff ruff==0.14.5
    project ruff
    printf 'import os\nx = eval("1")\n' >red.py
    printf 'x = 1\n' >green.py
    printf 'def (:\n' >broken.py
    local case
    for case in red green broken; do
        run "$bin/ruff" check --no-cache --isolated --select E,F,S --output-format sarif -o "$case.sarif" "$case.py"
        store ruff "$case" "$case.sarif" sarif
        run "$bin/ruff" check --no-cache --isolated --select E,F,S --output-format junit -o "$case.xml" "$case.py"
        store ruff "$case" "$case.xml" junit
    done
}

tool_bandit() {
    python_packages bandit 'bandit[sarif]==1.9.1'
    project bandit
    printf 'import subprocess\nsubprocess.call("ls", shell=True)\n' >red.py
    printf 'x = 1\n' >green.py
    printf 'assert 1\n' >low.py
    printf 'def (:\n' >broken.py
    local case
    for case in red green low broken; do
        run "$bin/bandit" -q -f sarif -o "$case.sarif" "$case.py"
        store bandit "$case" "$case.sarif" "sarif, level = 'note'"
    done
}

tool_gcovr() {
    local least
    python_packages gcovr gcovr==8.4
    project gcovr
    printf 'int add(int a, int b) {\n    return a + b;\n}\nint sub(int a, int b) {\n    int c = a - b;\n    return c;\n}\nint main(void) {\n    return add(1, -1);\n}\n' >calc.c
    run gcc --coverage -O0 -o calc calc.c
    run ./calc
    for least in 60 80; do
        run "$bin/gcovr" --fail-under-line "$least" --cobertura "$least.xml" --lcov "$least.lcov" --clover "clover-$least.xml"
        store gcovr "cobertura-$least" "$least.xml" "coverage, at_least = $least"
        store gcovr "lcov-$least" "$least.lcov" "coverage, at_least = $least"
        store gcovr "clover-$least" "clover-$least.xml" "coverage, at_least = $least"
    done
}

tool_green() {
    local case
    python_packages green green==4.0.2
    unittest_project green
    for case in green red setup class_setup xpass skipped sub import module_teardown; do
        run "$bin/green" -s 1 -j "$case.xml" "$case"
        case $case in
            skipped) store green "$case" "$case.xml" junit blind ;;
            *) store green "${case//_/-}" "$case.xml" junit ;;
        esac
    done
}

tool_subunit() {
    local case
    python_packages subunit python-subunit==1.4.6 testtools==2.9.1 junitxml==0.7
    unittest_project subunit
    for case in green red setup class_setup xpass skipped sub import module_teardown; do
        (cd "$case" && "$bin/python" -m subunit.run test_a) >"$case.subunit" 2>"$cache/output.txt" || true
        # The converter's exit code says how the tests went.
        # shellcheck disable=SC2034
        code=0
        # shellcheck disable=SC2034
        "$bin/subunit2junitxml" <"$case.subunit" >"$case.xml" 2>"$cache/output.txt" || code=$?
        case $case in
            skipped) store subunit "$case" "$case.xml" junit blind ;;
            *) store subunit "${case//_/-}" "$case.xml" junit ;;
        esac
    done
}

tool_avocado() {
    local case
    python_packages avocado avocado-framework==113.0
    unittest_project avocado
    for case in green red setup class_setup skipped sub; do
        cp "$case/test_a.py" "$case.py"
        run "$bin/avocado" run --xunit "$case.xml" --job-results-dir results "$case.py"
        case $case in
            skipped) store avocado "$case" "$case.xml" junit blind ;;
            *) store avocado "${case//_/-}" "$case.xml" junit ;;
        esac
    done
    printf '#!/bin/sh\nexit 1\n' >fails.sh
    printf '#!/bin/sh\nsleep 30\n' >slow.sh
    chmod +x fails.sh slow.sh
    run "$bin/avocado" run --xunit fails.xml --job-results-dir results ./fails.sh
    store avocado fails fails.xml junit
    run "$bin/avocado" run --job-timeout 3 --xunit timeout.xml --job-results-dir results ./slow.sh ./fails.sh
    store avocado timeout timeout.xml junit
}
