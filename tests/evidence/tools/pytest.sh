# shellcheck shell=bash disable=SC2154
# pytest, with and without its plugins.

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
    pytest_more "$tool"
    run "$bin/pytest" "${quiet[@]}" --junitxml=deselected.xml -k nothing_has_this_name test_green.py
    store "$tool" deselected deselected.xml junit
}

# Failures of several parts of one test, of plugins, and in several processes.
pytest_more() {
    local tool=$1 case
    local -a quiet=(-p no:cacheprovider -q)
    printf 'import pytest\n\n@pytest.fixture\ndef broken():\n    yield\n    raise RuntimeError("tear-down breaks")\n\ndef test_it(broken):\n    assert False\n' >test_both.py
    printf 'import pytest\n\n@pytest.fixture\ndef broken():\n    yield\n    raise RuntimeError("tear-down breaks")\n\ndef test_it(broken):\n    pytest.skip("not here")\n' >test_skipped_teardown.py
    printf 'import pytest\n\n@pytest.fixture(scope="session")\ndef broken():\n    raise RuntimeError("set-up breaks")\n\ndef test_one(broken):\n    pass\n\ndef test_two(broken):\n    pass\n' >test_session.py
    printf 'import pytest\n\n@pytest.mark.xfail(raises=ValueError)\ndef test_other():\n    raise KeyError("x")\n' >test_xfail_other.py
    printf 'import pytest\n\npytest.skip("not here", allow_module_level=True)\n' >test_skip_module.py
    printf 'def test_same():\n    assert False\n\ndef test_same():\n    pass\n' >test_same.py
    printf 'import pytest\n\n@pytest.mark.parametrize("n", [1, 1])\ndef test_n(n):\n    pass\n\nclass TestA:\n    def test_n(self):\n        assert False\n' >test_names.py
    printf 'import warnings\n\ndef test_warns():\n    warnings.warn("careful")\n' >test_warns.py
    for case in both skipped_teardown session xfail_other names same; do
        run "$bin/pytest" "${quiet[@]}" --junitxml="$case.xml" "test_$case.py"
        store "$tool" "${case//_/-}" "$case.xml" junit
    done
    run "$bin/pytest" "${quiet[@]}" --junitxml=skip-module.xml test_skip_module.py
    store "$tool" skip-module skip-module.xml junit
    run "$bin/pytest" "${quiet[@]}" -W error --junitxml=warns.xml test_warns.py
    store "$tool" warns warns.xml junit
    # One file of several cannot be read.
    run "$bin/pytest" "${quiet[@]}" --junitxml=import-and-green.xml test_import.py test_xfail.py test_warns.py
    store "$tool" import-and-green import-and-green.xml junit
    run "$bin/pytest" "${quiet[@]}" --continue-on-collection-errors --junitxml=import-continued.xml test_import.py test_warns.py
    store "$tool" import-continued import-continued.xml junit
    run "$bin/pytest" "${quiet[@]}" -n 2 --junitxml=xdist-flaky.xml --reruns 1 test_flaky.py test_warns.py
    store "$tool" xdist-flaky xdist-flaky.xml junit
    run "$bin/pytest" "${quiet[@]}" --reruns 1 --junitxml=rerun-setup.xml test_setup.py
    store "$tool" rerun-setup rerun-setup.xml junit
    run "$bin/pytest" "${quiet[@]}" -n 2 --maxfail 1 --junitxml=xdist-maxfail.xml test_red.py test_green.py
    store "$tool" xdist-maxfail xdist-maxfail.xml junit
    printf 'def pytest_runtest_logreport(report):\n    raise RuntimeError("internal")\n' >conftest.py
    run "$bin/pytest" "${quiet[@]}" --junitxml=internal.xml test_warns.py
    store "$tool" internal internal.xml junit
    printf 'def pytest_sessionfinish(session):\n    session.exitstatus = 1\n' >conftest.py
    run "$bin/pytest" "${quiet[@]}" --junitxml=session-finish.xml test_warns.py
    store "$tool" session-finish session-finish.xml junit passed 'the report does not tell of an exit code that a plugin sets'
    rm conftest.py
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
