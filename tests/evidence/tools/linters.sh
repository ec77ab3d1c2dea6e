# shellcheck shell=bash disable=SC2154
# Linters of styles, pages, workflows and queries.

tool_stylelint() {
    local case kind
    project stylelint
    node_packages stylelint@17.16.0 stylelint-junit-formatter@0.2.2 stylelint-sarif-formatter@1.0.7
    printf '{"rules": {"color-no-invalid-hex": true, "property-no-unknown": [true, {"severity": "warning"}]}}\n' >.stylelintrc.json
    printf 'a { color: red; }\n' >green.css
    printf 'a { color: #ggg; colr: red; }\n' >red.css
    printf 'a { colr: red; }\n' >warning.css
    printf 'a { color: red;\n' >broken.css
    for case in green red warning broken; do
        for kind in junit sarif; do
            # It reports on standard error.
            run npx stylelint --custom-formatter "stylelint-$kind-formatter" "$case.css"
            cp "$cache/output.txt" "$case.${kind/junit/xml}"
        done
        store stylelint "$case" "$case.sarif" sarif
        if [[ $case == warning ]]; then
            store stylelint "$case" "$case.xml" junit failed 'it writes a warning as a failure'
        else
            store stylelint "$case" "$case.xml" junit
        fi
    done
}

tool_htmlhint() {
    local case
    project htmlhint
    node_packages htmlhint@1.9.2
    printf '<!doctype html><html lang="en"><head><title>a</title></head><body></body></html>\n' >green.html
    printf '<html><body><p id="x"></p><p id="x"></p></body></html>\n' >red.html
    for case in green red; do
        run_to "$case.sarif" npx htmlhint -f sarif "$case.html"
        store htmlhint "$case" "$case.sarif" sarif
        run_to "$case.xml" npx htmlhint -f junit "$case.html"
        if [[ $case == green ]]; then
            store htmlhint "$case" "$case.xml" junit blind 'it announces a test and lists none'
        else
            store htmlhint "$case" "$case.xml" junit
        fi
    done
}

tool_zizmor() {
    local case
    python_packages zizmor zizmor==1.32.0
    project zizmor
    printf 'name: a\non: push\npermissions: {}\njobs:\n  a:\n    name: a\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo a\n' >green.yml
    # shellcheck disable=SC2016
    printf 'on: pull_request_target\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.event.pull_request.title }}\n' >red.yml
    for case in green red; do
        run_to "$case.sarif" "$bin/zizmor" --offline --no-progress --format sarif "$case.yml"
        # With SARIF it ends with 0 whatever it finds.
        run "$bin/zizmor" --offline --no-progress "$case.yml"
        store zizmor "$case" "$case.sarif" "sarif, level = 'note'"
    done
}

tool_sqlfluff() {
    local case
    python_packages sqlfluff sqlfluff==4.5.0
    project sqlfluff
    printf 'SELECT a\nFROM b;\n' >green.sql
    printf 'SELECT a  from b\n' >red.sql
    printf 'SELECT FROM FROM (\n' >broken.sql
    for case in green red broken; do
        run_to "$case.sarif" "$bin/sqlfluff" lint --dialect ansi --format sarif "$case.sql"
        store sqlfluff "$case" "$case.sarif" "sarif, level = 'note'"
    done
}
