# shellcheck shell=bash disable=SC2154
# Tools of Go.

# Installs a program into a folder of its own, and sets `bin`.
go_program() {
    bin=$cache/go-bin
    GOBIN=$bin GOFLAGS=-mod=mod nice -n 5 go install "$1" >"$cache/output.txt" 2>&1
}

go_project() {
    project "$1"
    printf 'module example.org/m\n\ngo 1.24\n' >go.mod
    mkdir green red sub panic build setup skipped empty timeout exit
    printf 'package p\n\nimport "testing"\n\nfunc TestAdds(t *testing.T) {}\n\nfunc TestSkipped(t *testing.T) { t.Skip("not here") }\n' >green/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestWrong(t *testing.T) { t.Error("<one> & two") }\n\nfunc TestRight(t *testing.T) {}\n' >red/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestSub(t *testing.T) {\n\tt.Run("a", func(t *testing.T) {})\n\tt.Run("b", func(t *testing.T) { t.Fatal("b") })\n}\n' >sub/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestFirst(t *testing.T) {}\n\nfunc TestPanic(t *testing.T) { panic("out") }\n' >panic/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestBuild(t *testing.T) { nothing() }\n' >build/a_test.go
    printf 'package p\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(3) }\n\nfunc TestRight(t *testing.T) {}\n' >setup/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestSkipped(t *testing.T) { t.Skip("not here") }\n' >skipped/a_test.go
    printf 'package p\n' >empty/a_test.go
    printf 'package p\n\nimport (\n\t"testing"\n\t"time"\n)\n\nfunc TestSlow(t *testing.T) { time.Sleep(time.Minute) }\n' >timeout/a_test.go
    printf 'package p\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestFirst(t *testing.T) {}\n\nfunc TestExit(t *testing.T) { os.Exit(1) }\n' >exit/a_test.go
}

go_case() {
    if [[ $code == 0 && ($2 == skipped || $2 == empty) ]]; then
        store "$1" "$2" "$2.xml" junit blind 'nothing was tested'
    else
        store "$1" "$2" "$2.xml" junit
    fi
}

tool_gotestsum() {
    local case
    go_program gotest.tools/gotestsum@v1.13.0
    go_project gotestsum
    for case in green red sub panic build setup skipped empty timeout exit; do
        run "$bin/gotestsum" --junitfile "$case.xml" -- -timeout 2s "./$case"
        go_case gotestsum "$case"
    done
    printf 'package p\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestFlaky(t *testing.T) {\n\tif _, err := os.Stat("tried"); err != nil {\n\t\tos.WriteFile("tried", nil, 0o600)\n\t\tt.Fatal("once")\n\t}\n}\n' >green/b_test.go
    run "$bin/gotestsum" --rerun-fails --packages ./green --junitfile flaky.xml
    store gotestsum flaky flaky.xml junit
    gotestsum_again
}

# Tests that are run again: because they failed, or because they are asked for twice.
gotestsum_again() {
    local short
    mkdir once again counted others unstable
    # Fails when it is run for the first time in a process, or in a folder.
    printf 'package p\n\nimport "testing"\n\nvar tries int\n\nfunc TestOnce(t *testing.T) {\n\ttries++\n\tif tries == 1 {\n\t\tt.Fatal("first")\n\t}\n}\n' >once/a_test.go
    printf 'package p\n\nimport "testing"\n\nvar tries int\n\nfunc TestLater(t *testing.T) {\n\ttries++\n\tif tries == 2 {\n\t\tt.Fatal("second")\n\t}\n}\n' >again/a_test.go
    printf 'package p\n\nimport "testing"\n\nvar tries int\n\nfunc TestSub(t *testing.T) {\n\ttries++\n\tt.Run("a", func(t *testing.T) {\n\t\tif tries == 1 {\n\t\t\tt.Fatal("first")\n\t\t}\n\t})\n}\n' >counted/a_test.go
    printf 'package p\n\nimport "testing"\n\nfunc TestRight(t *testing.T) {}\n' >others/a_test.go
    printf 'package p\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestSub(t *testing.T) {\n\tt.Run("a", func(t *testing.T) {\n\t\tif _, err := os.Stat("tried"); err != nil {\n\t\t\tos.WriteFile("tried", nil, 0o600)\n\t\t\tt.Fatal("once")\n\t\t}\n\t})\n\tt.Run("b", func(t *testing.T) {})\n}\n' >unstable/a_test.go
    # Tests that are red at first and green then, in one run: `go test` fails.
    run "$bin/gotestsum" --junitfile count-first.xml -- -count=2 ./once
    store gotestsum count-first count-first.xml junit
    run "$bin/gotestsum" --junitfile count-second.xml -- -count=2 ./again
    store gotestsum count-second count-second.xml junit
    run "$bin/gotestsum" --junitfile count-sub.xml -- -count=2 ./counted
    store gotestsum count-sub count-sub.xml junit
    run "$bin/gotestsum" --junitfile count-three.xml -- -count=3 ./once ./others
    store gotestsum count-three count-three.xml junit
    # Examples are run once whatever the count, and what is skipped is skipped twice.
    printf 'package p\n\nimport "fmt"\n\nfunc ExampleOf() {\n\tfmt.Println(1)\n\t// Output: 1\n}\n' >once/b_test.go
    run "$bin/gotestsum" --junitfile count-example.xml -- -count=2 ./once
    store gotestsum count-example count-example.xml junit
    printf 'package p\n\nimport "testing"\n\nfunc TestSkipped(t *testing.T) { t.Skip("not here") }\n' >once/b_test.go
    run "$bin/gotestsum" --junitfile count-skipped.xml -- -count=2 ./once
    store gotestsum count-skipped count-skipped.xml junit
    rm once/b_test.go
    run "$bin/gotestsum" --junitfile cpu.xml -- -cpu=1,2 ./once
    store gotestsum cpu cpu.xml junit
    run "$bin/gotestsum" --junitfile count-green.xml -- -count=2 ./others
    store gotestsum count-green count-green.xml junit
    run "$bin/gotestsum" --rerun-fails --packages './others ./unstable' --junitfile flaky-sub.xml
    store gotestsum flaky-sub flaky-sub.xml junit
    # Nothing but the test that was run again: the same report as that of two runs.
    rm unstable/tried
    run "$bin/gotestsum" --rerun-fails --packages ./unstable --junitfile flaky-alone.xml
    store gotestsum flaky-alone flaky-alone.xml junit blind 'nothing tells that the test was run again, and not asked for twice'
    rm unstable/tried
    sed -i 's/t.Run("b", func(t \*testing.T) {})/t.Run("b", func(t *testing.T) {\n\t\tif _, err := os.Stat("other"); err != nil {\n\t\t\tos.WriteFile("other", nil, 0o600)\n\t\t\tt.Fatal("once")\n\t\t}\n\t})/' unstable/a_test.go
    run "$bin/gotestsum" --rerun-fails --packages './others ./unstable' --junitfile flaky-two-subs.xml
    store gotestsum flaky-two-subs flaky-two-subs.xml junit
    run "$bin/gotestsum" --rerun-fails=2 --packages './others ./red' --junitfile rerun-red.xml
    store gotestsum rerun-red rerun-red.xml junit
    # A run in which a test was not run again, because too many failed.
    run "$bin/gotestsum" --rerun-fails --rerun-fails-max-failures=1 --packages './red ./sub' --junitfile rerun-none.xml
    store gotestsum rerun-none rerun-none.xml junit
    for short in short relative; do
        rm -f green/tried
        run "$bin/gotestsum" --rerun-fails --packages ./green --junitfile "flaky-$short.xml" \
            --junitfile-testsuite-name "$short" --junitfile-testcase-classname "$short"
        store gotestsum "flaky-$short" "flaky-$short.xml" junit
        run "$bin/gotestsum" --junitfile "count-$short.xml" \
            --junitfile-testsuite-name "$short" --junitfile-testcase-classname "$short" -- -count=2 ./once
        store gotestsum "count-$short" "count-$short.xml" junit
    done
}

tool_go_junit_report() {
    local case
    go_program github.com/jstemmer/go-junit-report/v2@v2.1.0
    go_project go-junit-report
    for case in green red sub panic build setup skipped empty timeout exit; do
        # shellcheck disable=SC2016
        run bash -c 'set -o pipefail; go test -v -timeout 2s "./$1" 2>&1 | "$2" -set-exit-code >"$1.xml"' - "$case" "$bin/go-junit-report"
        go_case go-junit-report "$case"
    done
    mkdir once
    printf 'package p\n\nimport "testing"\n\nvar tries int\n\nfunc TestOnce(t *testing.T) {\n\ttries++\n\tif tries == 1 {\n\t\tt.Fatal("first")\n\t}\n}\n' >once/a_test.go
    run bash -c 'set -o pipefail; go test -v -count 2 ./once 2>&1 | "$1" -set-exit-code >count.xml' - "$bin/go-junit-report"
    store go-junit-report count count.xml junit
}

tool_go_cover() {
    project go-cover
    printf 'module example.org/m\n\ngo 1.24\n' >go.mod
    printf 'package m\n\nfunc add(a, b int) int {\n\treturn a + b\n}\n\nfunc sub(a, b int) int {\n\tc := a - b\n\treturn c\n}\n' >calc.go
    printf 'package m\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) { add(1, 1) }\n' >calc_test.go
    local mode
    for mode in set count atomic; do
        run go test -covermode "$mode" -coverprofile "$mode.out" .
        # Go has no threshold: what it prints (33.3 %) is the word of the tool.
        grep -q 'coverage: 33.3%' "$cache/output.txt" || continue
        code=0
        store go-cover "$mode-33" "$mode.out" 'coverage, at_least = 33'
        cp "$mode.out" "again-$mode.out"
        code=1
        store go-cover "$mode-34" "again-$mode.out" 'coverage, at_least = 34' - 'Go has no threshold: it prints 33.3 %'
    done
}

# Begins a package of specs: NAME BODY [TOP].
ginkgo_specs() {
    mkdir -p "$1"
    printf 'package p\n\nimport (\n\t"os"\n\t"testing"\n\t"time"\n\n\t. "github.com/onsi/ginkgo/v2"\n)\n\nvar _ = os.Args\nvar _ = time.Now\nvar tries int\n\nfunc TestAll(t *testing.T) { RunSpecs(t, "all") }\n\n%s\n\nvar _ = Describe("a", func() {\n%s\n})\n' "${3:-}" "$2" >"$1/a_test.go"
}

tool_ginkgo() {
    local case version=v2.34.0
    go_program "github.com/onsi/ginkgo/v2/ginkgo@$version"
    project ginkgo
    printf 'module example.org/m\n\ngo 1.24\n\nrequire github.com/onsi/ginkgo/v2 %s\n' "$version" >go.mod
    ginkgo_specs green 'It("adds", func() {})
PIt("is pending", func() {})
It("is skipped", func() { Skip("not here") })'
    ginkgo_specs red 'It("is wrong", func() { Fail("<one> & two") })
It("is right", func() {})'
    ginkgo_specs panic 'It("panics", func() { panic("out") })
It("is right", func() {})'
    ginkgo_specs setup 'It("is right", func() {})' 'var _ = BeforeSuite(func() { Fail("set-up") })'
    ginkgo_specs teardown 'It("is right", func() {})' 'var _ = AfterSuite(func() { Fail("tear-down") })'
    ginkgo_specs cleanup 'It("is right", func() { DeferCleanup(func() { Fail("tear-down") }) })'
    ginkgo_specs each 'AfterEach(func() { Fail("tear-down") })
It("is right", func() {})'
    ginkgo_specs all 'Context("ordered", Ordered, func() { BeforeAll(func() { Fail("set-up") }); It("is right", func() {}); It("is right too", func() {}) })'
    ginkgo_specs focused 'FIt("is right", func() {})
It("is wrong", func() { Fail("wrong") })'
    ginkgo_specs pending 'PIt("is pending", func() {})'
    ginkgo_specs skipped 'It("is skipped", func() { Skip("not here") })'
    ginkgo_specs empty ''
    ginkgo_specs flaky 'It("is flaky", FlakeAttempts(2), func() { tries++; if tries < 2 { Fail("once") } })
It("is right", func() {})'
    ginkgo_specs always 'It("is wrong", FlakeAttempts(2), func() { Fail("always") })'
    ginkgo_specs must 'It("is right twice", MustPassRepeatedly(2), func() { tries++; if tries == 2 { Fail("second") } })'
    ginkgo_specs timeout 'It("is slow", SpecTimeout(100*time.Millisecond), func(c SpecContext) { <-c.Done() })'
    ginkgo_specs same-name 'It("same", func() { Fail("wrong") })
It("same", func() {})'
    ginkgo_specs table 'DescribeTable("odd", func(n int) { if n%2 == 0 { Fail("even") } }, Entry("one", 1), Entry("two", 2))'
    ginkgo_specs exit 'It("is right", func() {})
It("ends", func() { os.Exit(3) })'
    ginkgo_specs goroutine 'It("fails elsewhere", func() { go func() { defer GinkgoRecover(); Fail("elsewhere") }(); time.Sleep(100 * time.Millisecond) })'
    run go mod tidy
    for case in green red panic setup teardown cleanup each all focused pending skipped empty flaky always must timeout same-name \
        table exit goroutine; do
        run "$bin/ginkgo" run --no-color --junit-report "$case.xml" "./$case"
        ginkgo_case "$case" "$case.xml"
    done
    run "$bin/ginkgo" run --no-color --procs 2 --junit-report procs-setup.xml ./setup
    ginkgo_case procs-setup procs-setup.xml
    run "$bin/ginkgo" run --no-color --procs 2 --junit-report procs-exit.xml ./exit
    ginkgo_case procs-exit procs-exit.xml
    run "$bin/ginkgo" run --no-color --fail-on-pending --junit-report strict-pending.xml ./green
    ginkgo_case strict-pending strict-pending.xml
    run "$bin/ginkgo" run --no-color --dry-run --junit-report dry-run.xml ./red
    ginkgo_case dry-run dry-run.xml
    run "$bin/ginkgo" run --no-color --fail-fast --junit-report fail-fast.xml ./red
    ginkgo_case fail-fast fail-fast.xml
    run "$bin/ginkgo" run --no-color --label-filter nothing --junit-report filtered.xml ./red
    ginkgo_case filtered filtered.xml
}

ginkgo_case() {
    local report=report-$1.xml
    # What led to it is long, and names where Go is installed.
    sed -e 's#/[^ ]*/pkg/mod/#/modules/#g' "$2" >"$report" || true
    case $1 in
    pending | skipped | empty | filtered | dry-run) store ginkgo "$1" "$report" junit blind ;;
    *) store ginkgo "$1" "$report" junit ;;
    esac
}
