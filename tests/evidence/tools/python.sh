# shellcheck shell=bash disable=SC2154
# Tools of Python.

# Installs packages into an environment of their own, and sets `bin`.
python_packages() {
    bin=$cache/$1/bin
    shift
    [[ -x $bin/python ]] || python3 -m venv "${bin%/bin}"
    "$bin/pip" install --quiet --disable-pip-version-check "$@"
}

pytest_project() {
    project "$1"
    cat >test_green.py <<'END'
import pytest

def test_adds():
    assert 1 + 1 == 2

@pytest.mark.parametrize("n", [1, 2])
def test_each(n):
    assert n

@pytest.mark.skip(reason="not here")
def test_skipped():
    assert False

@pytest.mark.xfail
def test_expected():
    assert False
END
    cat >test_red.py <<'END'
def test_right():
    assert True

def test_wrong():
    assert 1 == 2, "<one> & two"
END
    cat >test_setup.py <<'END'
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("set-up breaks")

def test_it(broken):
    pass
END
    cat >test_teardown.py <<'END'
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError("tear-down breaks")

def test_it(broken):
    pass
END
    cat >test_teardown_of_module.py <<'END'
def teardown_module():
    raise RuntimeError("tear-down of the module breaks")

def test_it():
    pass
END
    cat >test_xpass.py <<'END'
import pytest

@pytest.mark.xfail(strict=True)
def test_unexpected():
    pass
END
    cat >test_xfail.py <<'END'
import pytest

@pytest.mark.xfail
def test_expected():
    assert False
END
    printf 'import nowhere\n' >test_import.py
    printf 'x = 1\n' >test_empty.py
    cat >test_exit.py <<'END'
import pytest

def test_first():
    pass

def test_ends_the_run():
    pytest.exit("stop", returncode=3)

def test_last():
    assert False
END
    cat >test_interrupted.py <<'END'
def test_first():
    pass

def test_interrupted():
    raise KeyboardInterrupt
END
    cat >test_flaky.py <<'END'
tries = []

def test_flaky():
    tries.append(1)
    assert len(tries) > 1
END
    cat >test_crash.py <<'END'
import os

def test_first():
    pass

def test_crash():
    os._exit(7)
END
    cat >test_slow.py <<'END'
import time

def test_slow():
    time.sleep(30)
END
    cat >test_sub.py <<'END'
import unittest

class T(unittest.TestCase):
    def test_red(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)

    def test_green(self):
        with self.subTest("a"):
            pass
END
}

pytest_cases() {
    local tool=$1 family case
    local -a quiet=(-p no:cacheprovider -q)
    for family in xunit1 xunit2; do
        for case in green red setup teardown teardown_of_module xpass import sub; do
            run "$bin/pytest" "${quiet[@]}" -o "junit_family=$family" --junitxml="$case.xml" "test_$case.py"
            store "$tool" "$family-${case//_/-}" "$case.xml" junit
        done
    done
    run "$bin/pytest" "${quiet[@]}" --junitxml=xfail.xml test_xfail.py
    store "$tool" xfail xfail.xml junit blind 'nothing was held to pass: expected failures only'
    run "$bin/pytest" "${quiet[@]}" --junitxml=empty.xml test_empty.py
    store "$tool" empty empty.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=exit.xml test_exit.py
    store "$tool" ended-by-exit exit.xml junit blind 'the test in which the run was ended has neither name nor outcome'
    run "$bin/pytest" "${quiet[@]}" --junitxml=interrupted.xml test_interrupted.py
    store "$tool" interrupted interrupted.xml junit blind 'the test in which the run was interrupted has neither name nor outcome'
    run "$bin/pytest" "${quiet[@]}" --junitxml=maxfail.xml --maxfail=1 test_red.py test_green.py
    store "$tool" maxfail maxfail.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=rerun.xml --reruns 2 test_flaky.py
    store "$tool" rerun rerun.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=rerun-red.xml --reruns 1 test_red.py
    store "$tool" rerun-red rerun-red.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=xdist.xml -n 2 test_green.py test_red.py
    store "$tool" xdist xdist.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=xdist-crash.xml -n 2 test_crash.py
    store "$tool" xdist-crash xdist-crash.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=timeout.xml --timeout 1 test_slow.py
    store "$tool" timeout timeout.xml junit
    run "$bin/pytest" "${quiet[@]}" --junitxml=deselected.xml -k nothing_has_this_name test_green.py
    store "$tool" deselected deselected.xml junit
}

tool_pytest_8() {
    python_packages pytest-8 pytest==8.4.2 pytest-rerunfailures==15.1 pytest-subtests==0.14.2 pytest-xdist==3.8.0 \
        pytest-timeout==2.4.0
    pytest_project pytest-8
    pytest_cases pytest-8
}

tool_pytest_9() {
    python_packages pytest-9 pytest==9.0.1 pytest-rerunfailures==16.1 pytest-xdist==3.8.0 pytest-timeout==2.4.0
    pytest_project pytest-9
    pytest_cases pytest-9
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
    local case exception
    for case in green red setup teardown skipped; do
        run "$bin/robot" --output NONE --log NONE --report NONE --xunit "$case.xml" "$case.robot"
        exception=-
        [[ $case != skipped ]] || exception=blind
        store robot "$case" "$case.xml" junit "$exception"
    done
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
END
    printf 'Feature: green\n  Scenario: a\n    Given it works\n\n  @skip\n  Scenario: b\n    Given it breaks\n' >features/green.feature
    printf 'Feature: red\n  Scenario: a\n    Given it breaks\n  Scenario: b\n    Given it works\n' >features/red.feature
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
