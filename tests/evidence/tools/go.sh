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
