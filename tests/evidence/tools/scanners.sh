# shellcheck shell=bash disable=SC2154
# Scanners of several languages, whose reports are SARIF.

# Stores findings that are written as failed tests: where there are none, no test is listed.
store_findings() {
    if grep -q '<testcase' "$2.xml"; then
        store "$1" "$2" "$2.xml" junit
    else
        store "$1" "$2" "$2.xml" junit blind
    fi
}

tool_semgrep() {
    local case severity
    python_packages semgrep semgrep==1.185.0
    project semgrep
    for severity in ERROR WARNING INFO; do
        printf 'rules:\n  - id: no-eval\n    languages: [python]\n    message: no eval\n    pattern: eval(...)\n    severity: %s\n' "$severity" >"${severity,,}.yaml"
    done
    printf 'rules:\n  - id: no-eval\n    languages: [python]\n    pattern: [\n' >bad.yaml
    printf 'x = eval("1")\n' >red.py
    printf 'x = 1\n' >green.py
    printf 'def (:\n' >broken.py
    printf 'x = eval("1")  # nosemgrep\n' >suppressed.py
    semgrep() {
        run env SEMGREP_SEND_METRICS=off SEMGREP_ENABLE_VERSION_CHECK=0 "$bin/semgrep" scan --quiet --no-git-ignore --disable-version-check "$@"
    }
    for severity in error warning info; do
        semgrep --config "$severity.yaml" --error --sarif-output "$severity.sarif" --junit-xml-output "$severity.xml" red.py
        store semgrep "$severity" "$severity.sarif" "sarif, level = 'note'"
        store semgrep "$severity" "$severity.xml" junit
    done
    for case in green broken suppressed; do
        semgrep --config error.yaml --error --sarif-output "$case.sarif" --junit-xml-output "$case.xml" "$case.py"
        store semgrep "$case" "$case.sarif" "sarif, level = 'note'"
        store_findings semgrep "$case"
    done
    semgrep --config error.yaml --error --strict --sarif-output strict-broken.sarif broken.py
    store semgrep strict-broken strict-broken.sarif "sarif, level = 'note'"
    semgrep --config bad.yaml --error --sarif-output bad-rule.sarif red.py
    store semgrep bad-rule bad-rule.sarif "sarif, level = 'note'"
    semgrep --config error.yaml --sarif-output no-error.sarif red.py
    store semgrep no-error no-error.sarif "sarif, level = 'note'" failed 'Semgrep fails a run for its findings only with --error'
}

# Begins a module of Go with something to be found in red.
go_findings() {
    project "$1"
    printf 'module example.org/m\n\ngo 1.24\n' >go.mod
    mkdir green red broken suppressed
    printf 'package p\n\nfunc add(a, b int) int { return a + b }\n\nvar _ = add\n' >green/a.go
    printf 'package p\n\nimport (\n\t"crypto/md5"\n\t"os/exec"\n)\n\nfunc run(name string) error {\n\tx := 1\n\tx = 2\n\tmd5.Sum(nil)\n\treturn exec.Command("sh", "-c", name).Run()\n}\n\nvar _ = run\n' >red/a.go
    printf 'package p\n\nfunc broken( {\n' >broken/a.go
    printf 'package p\n\nimport "crypto/md5"\n\nvar _ = md5.Sum(nil) // #nosec\n' >suppressed/a.go
}

tool_gosec() {
    local case
    go_program github.com/securego/gosec/v2/cmd/gosec@v2.22.10
    go_findings gosec
    for case in green red broken suppressed; do
        run "$bin/gosec" -fmt sarif -out "$case.sarif" "./$case/..."
        if [[ $case == broken ]]; then
            store gosec "$case" "$case.sarif" "sarif, level = 'note'" passed 'the report does not tell that a file was not read'
        else
            store gosec "$case" "$case.sarif" "sarif, level = 'note'"
        fi
        run "$bin/gosec" -fmt junit-xml -out "$case.xml" "./$case/..."
        store_findings gosec "$case"
    done
    run "$bin/gosec" -track-suppressions -fmt sarif -out tracked.sarif ./suppressed/...
    store gosec tracked tracked.sarif "sarif, level = 'note'"
}
