# shellcheck shell=bash disable=SC2154
# Tools of Node.

# Installs packages for the project that is begun.
node_packages() {
    mkdir -p "$cache/npm"
    npm install --silent --no-audit --no-fund --no-package-lock --cache "$cache/npm" "$@" >"$cache/output.txt" 2>&1
}

# Writes tests for runners with `describe` and `it`.
spec_files() {
    local folder=$1 ending=$2 head=${3:-} flaky=${4:-}
    mkdir -p "$folder"
    printf '%s\ndescribe("a", () => { it("adds", () => {}); it.skip("not here", () => {}); });\n' \
        "$head" >"$folder/green$ending"
    printf '%s\ndescribe("a", () => { it("wrong", () => { throw new Error("<one> & two"); }); it("right", () => {}); });\n' \
        "$head" >"$folder/red$ending"
    printf '%s\ndescribe("a", () => { beforeAll(() => { throw new Error("set-up"); }); it("right", () => {}); });\n' \
        "$head" >"$folder/setup$ending"
    printf '%s\ndescribe("a", () => { afterAll(() => { throw new Error("tear-down"); }); it("right", () => {}); });\n' \
        "$head" >"$folder/teardown$ending"
    printf '%s\ndescribe("a", () => { afterEach(() => { throw new Error("tear-down"); }); it("right", () => {}); });\n' \
        "$head" >"$folder/teardown-each$ending"
    printf '%s\ndescribe("a", () => { it.skip("not here", () => {}); });\n' "$head" >"$folder/skipped$ending"
    printf '%s\nthrow new Error("not loaded");\n' "$head" >"$folder/load$ending"
    printf '%s\n' "$head" >"$folder/empty$ending"
    printf '%s\nit("same", () => { throw new Error("wrong"); });\nit("same", () => {});\n' "$head" >"$folder/same-name$ending"
    printf '%s\nit("slow", () => new Promise(() => {}), 300);\n' "$head" >"$folder/timeout$ending"
    printf '%s\nit("unhandled", async () => { setTimeout(() => { throw new Error("late"); }, 1); await new Promise(done => setTimeout(done, 50)); });\n' \
        "$head" >"$folder/unhandled$ending"
    [[ -z $flaky ]] || printf '%s\nlet tries = 0;\n%s\n' "$head" "$flaky" >"$folder/flaky$ending"
}

# Says what the check finds in a case where nothing is tested.
spec_exception() {
    if [[ $1 == skipped && $code == 0 || $1 == empty && $code == 0 ]]; then
        store "$2" "$1" "$3" junit blind 'nothing was tested'
    elif [[ $2/$1 == jasmine/teardown || $2/$1 == node-test/teardown ]]; then
        store "$2" "$1" "$3" junit passed 'the report does not tell of errors after all tests'
    elif [[ $2/$1 == vitest/unhandled ]]; then
        store "$2" "$1" "$3" junit passed 'the report does not tell of errors outside of tests'
    else
        store "$2" "$1" "$3" junit
    fi
}

tool_jest() {
    local case
    project jest
    node_packages jest@30.2.0 jest-junit@16.0.0
    spec_files t .test.js '' 'jest.retryTimes(2); it("flaky", () => { if (++tries < 2) throw new Error("once"); });'
    printf 'it("right", () => {});\nit.todo("later");\nit.failing("known", () => { throw new Error("known"); });\n' >t/todo.test.js
    printf 'it.failing("known", () => {});\n' >t/unexpected.test.js
    printf 'jest.retryTimes(2);\nit("always", () => { throw new Error("always"); });\n' >t/always.test.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name flaky todo unexpected; do
        JEST_JUNIT_OUTPUT_FILE=$case.xml JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true run npx jest "t/$case.test.js" --ci --reporters=jest-junit
        spec_exception "$case" jest "$case.xml"
        [[ $case == load || $case == empty || $case == teardown ]] || continue
        JEST_JUNIT_OUTPUT_FILE=$case-plain.xml run npx jest "t/$case.test.js" --ci --reporters=jest-junit
        store jest "$case-plain" "$case-plain.xml" junit
    done
    jest_more
}

# Runs that are cut short, and what fails outside of tests.
jest_more() {
    jest() {
        local case=$1
        shift
        JEST_JUNIT_OUTPUT_FILE=$case.xml JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true run npx jest "$@" --ci --reporters=jest-junit
        case $case in
        filtered) store jest "$case" "$case.xml" junit blind ;;
        coverage) store jest "$case" "$case.xml" junit passed 'the report does not tell of coverage' ;;
        *) store jest "$case" "$case.xml" junit ;;
        esac
    }
    printf 'it.each([1, 2])("is odd: %%d", (n) => { expect(n %% 2).toBe(1); });\n' >t/each.test.js
    printf 'it("is as before", () => { expect({ a: 1 }).toMatchSnapshot(); });\n' >t/snapshot.test.js
    printf 'module.exports = () => { throw new Error("set-up"); };\n' >global.js
    printf 'it.only("right", () => {});\nit("wrong", () => { throw new Error("wrong"); });\n' >t/only.test.js
    printf 'it.concurrent("wrong", async () => { throw new Error("wrong"); });\nit.concurrent("right", async () => {});\n' >t/concurrent.test.js
    jest each t/each.test.js
    jest snapshot t/snapshot.test.js
    jest only t/only.test.js
    jest concurrent t/concurrent.test.js
    jest bail --bail --runInBand t/red.test.js t/green.test.js
    jest load-and-green t/load.test.js t/green.test.js
    jest same-file t/red.test.js t/green.test.js
    jest filtered -t 'nothing has this name' t/green.test.js
    jest red-retried t/always.test.js
    jest coverage --coverage --coverageThreshold '{"global": {"lines": 100}}' --collectCoverageFrom 'global.js' t/green.test.js
}

tool_vitest() {
    local case
    project vitest
    node_packages vitest@3.2.4 @vitest/coverage-v8@3.2.4
    printf '{"type": "module"}\n' >package.json
    spec_files t .test.js 'import { describe, it, beforeAll, afterAll, afterEach } from "vitest";' \
        'it("flaky", { retry: 2 }, () => { if (++tries < 2) throw new Error("once"); });'
    printf 'import { it } from "vitest";\nit("right", () => {});\nit.todo("later");\nit.fails("known", () => { throw new Error("known"); });\n' >t/todo.test.js
    printf 'import { it } from "vitest";\nit.fails("known", () => {});\n' >t/unexpected.test.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name flaky todo unexpected; do
        run npx vitest run --reporter=junit --outputFile="$case.xml" "t/$case.test.js"
        spec_exception "$case" vitest "$case.xml"
    done
    vitest_more
}

vitest_more() {
    local head='import { describe, expect, it, beforeEach } from "vitest";'
    vitest() {
        local case=$1
        shift
        run npx vitest run --reporter=junit --outputFile="$case.xml" "$@"
        store vitest "$case" "$case.xml" junit
    }
    printf '%s\nit("ends", () => { process.exit(3); });\n' "$head" >t/exit.test.js
    printf '%s\nit.each([1, 2])("is odd: %%d", (n) => { expect(n %% 2).toBe(1); });\n' "$head" >t/each.test.js
    printf '%s\nit("is wrong twice", () => { expect.soft(1).toBe(2); expect.soft(3).toBe(4); });\n' "$head" >t/soft.test.js
    printf '%s\nlet n = 0;\nit("passes, then fails", { repeats: 1 }, () => { if (++n === 2) throw new Error("second"); });\n' "$head" >t/repeats.test.js
    printf '%s\nlet n = 0;\nit("fails, then passes", { repeats: 1 }, () => { if (++n === 1) throw new Error("first"); });\n' "$head" >t/repeats-first.test.js
    printf '%s\nit("always", { retry: 2 }, () => { throw new Error("always"); });\n' "$head" >t/always.test.js
    printf '%s\nit.only("right", () => {});\n' "$head" >t/only.test.js
    printf '%s\nbeforeEach(() => { throw new Error("set-up"); });\nit("right", () => {});\n' "$head" >t/setup-each.test.js
    printf '%s\ndescribe.concurrent("a", () => { it("wrong", async () => { throw new Error("wrong"); }); it("right", async () => {}); });\n' "$head" >t/concurrent.test.js
    for case in exit each soft repeats repeats-first always only setup-each concurrent; do
        vitest "$case" "t/$case.test.js"
    done
    vitest only-allowed --allowOnly t/only.test.js
    vitest bail --bail 1 t/red.test.js t/green.test.js
    vitest load-and-green t/load.test.js t/green.test.js
}

tool_mocha() {
    local case
    project mocha
    node_packages mocha@11.7.5 mocha-junit-reporter@2.2.1
    spec_files t .js 'const beforeAll = before, afterAll = after;' \
        'it("flaky", function () { this.retries(2); if (++tries < 2) throw new Error("once"); });'
    printf 'it("right", () => {});\nit("later");\n' >t/todo.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name flaky todo; do
        MOCHA_FILE=$case.xml run npx mocha --timeout 300 --reporter mocha-junit-reporter "t/$case.js"
        spec_exception "$case" mocha "$case.xml"
        run npx mocha --timeout 300 --reporter xunit --reporter-option "output=xunit-$case.xml" "t/$case.js"
        spec_exception "$case" mocha-xunit "xunit-$case.xml"
    done
    mocha_more
}

mocha_more() {
    mocha() {
        local case=$1
        shift
        MOCHA_FILE=$case.xml run npx mocha --timeout 300 --reporter mocha-junit-reporter "$@"
        store mocha "$case" "$case.xml" junit
        run npx mocha --timeout 300 --reporter xunit --reporter-option "output=xunit-$case.xml" "$@"
        store mocha-xunit "$case" "xunit-$case.xml" junit
    }
    printf 'it("always", function () { this.retries(2); throw new Error("always"); });\n' >t/always.js
    printf 'before(() => { throw new Error("set-up"); });\nit("right", () => {});\n' >t/setup-root.js
    printf 'beforeEach(() => { throw new Error("set-up"); });\nit("right", () => {});\nit("right too", () => {});\n' >t/setup-each.js
    printf 'it("twice", (done) => { done(); done(new Error("again")); });\n' >t/done-twice.js
    for case in always setup-root setup-each done-twice; do
        mocha "$case" "t/$case.js"
    done
    mocha pending --forbid-pending t/green.js
    mocha bail --bail t/red.js t/green.js
    mocha several t/setup-root.js t/green.js
    mocha parallel --parallel --jobs 2 t/red.js t/green.js
}

tool_jasmine() {
    local case
    project jasmine
    node_packages jasmine@5.12.0 jasmine-reporters@2.5.2
    spec_files t .js
    sed -i 's/it\.skip/xit/' t/*.js
    printf 'const { JUnitXmlReporter } = require("jasmine-reporters");\njasmine.getEnv().addReporter(new JUnitXmlReporter({ savePath: ".", filePrefix: process.env.CASE, consolidateAll: true }));\n' >helper.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name; do
        CASE=$case run npx jasmine --helper=helper.js "t/$case.js"
        spec_exception "$case" jasmine "$case.xml"
    done
}

tool_node_test() {
    local case
    project node-test
    spec_files t .test.js 'const { describe, it, before: beforeAll, after: afterAll, afterEach } = require("node:test");'
    sed -i 's/=> new Promise(() => {}), 300/=> new Promise(done => setTimeout(done, 5000))/; s/it("slow", /it("slow", { timeout: 200 }, /' t/timeout.test.js
    printf 'const { it } = require("node:test");\nit("right", () => {});\nit("later", { todo: true }, () => { throw new Error("later"); });\n' >t/todo.test.js
    printf 'const test = require("node:test");\ntest("outer", async (t) => { await t.test("inner", () => { throw new Error("inner"); }); });\n' >t/nested.test.js
    printf 'const test = require("node:test");\nconst assert = require("node:assert");\ntest("checkout", async (t) => { await t.test("adds", () => {}); await t.test("pays", () => {}); assert.strictEqual(1, 2); });\n' >t/own.test.js
    printf 'const test = require("node:test");\ntest("late", async (t) => { await t.test("a", () => {}); t.after(() => { throw new Error("late"); }); });\n' >t/after.test.js
    printf 'process.exit(3);\n' >t/exit.test.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name nested own after exit todo; do
        run node --test --test-reporter=junit --test-reporter-destination="$case.xml" "t/$case.test.js"
        spec_exception "$case" node-test "$case.xml"
    done
}

tool_playwright() {
    local case
    project playwright
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 node_packages @playwright/test@1.56.1
    spec_files t .spec.js 'const { test } = require("@playwright/test"); const it = test, describe = test.describe, beforeAll = test.beforeAll, afterAll = test.afterAll, afterEach = test.afterEach;'
    sed -i 's/, 300);/);/' t/timeout.spec.js
    printf 'const { test } = require("@playwright/test");\ntest("flaky", ({}, info) => { if (info.retry < 1) throw new Error("once"); });\n' >t/flaky.spec.js
    printf 'const { test } = require("@playwright/test");\ntest("unexpected", () => { test.fail(); });\n' >t/unexpected.spec.js
    printf 'const { test } = require("@playwright/test");\ntest("right", () => {});\ntest("known", () => { test.fail(); throw new Error("known"); });\n' >t/todo.spec.js
    printf 'module.exports = { globalTeardown: "./teardown.js" };\n' >global.config.js
    printf 'module.exports = () => { throw new Error("global tear-down"); };\n' >teardown.js
    printf 'const { test } = require("@playwright/test");\ntest.describe.configure({ mode: "serial" });\ntest("wrong", () => { throw new Error("wrong"); });\ntest("not run", () => {});\n' >t/serial.spec.js
    for case in green red setup teardown teardown-each skipped load empty timeout unhandled same-name flaky unexpected todo serial; do
        PLAYWRIGHT_JUNIT_OUTPUT_NAME=$case.xml run npx playwright test --timeout 800 --retries "$([[ $case == flaky ]] && echo 1 || echo 0)" --reporter=junit "t/$case.spec.js"
        spec_exception "$case" playwright "$case.xml"
    done
    PLAYWRIGHT_JUNIT_OUTPUT_NAME=global.xml run npx playwright test --config global.config.js --reporter=junit t/green.spec.js
    store playwright global-teardown global.xml junit passed 'the report does not tell of errors outside of tests'
}

tool_cucumber() {
    local case
    project cucumber
    node_packages @cucumber/cucumber@12.2.0
    mkdir -p features/step_definitions
    printf 'const { Given } = require("@cucumber/cucumber");\nGiven("it works", () => {});\nGiven("it breaks", () => { throw new Error("broken"); });\nGiven("it waits", () => "pending");\nGiven("it is skipped", () => "skipped");\nGiven(/it is .*ambiguous/, () => {});\nGiven("it is very ambiguous", () => {});\n' >features/step_definitions/steps.js
    printf 'Feature: green\n  Scenario: a\n    Given it works\n' >features/green.feature
    printf 'Feature: red\n  Scenario: a\n    Given it breaks\n  Scenario: b\n    Given it works\n' >features/red.feature
    printf 'Feature: undefined\n  Scenario: a\n    Given nobody knows this\n' >features/undefined.feature
    printf 'Feature: pending\n  Scenario: a\n    Given it waits\n' >features/pending.feature
    printf 'Feature: ambiguous\n  Scenario: a\n    Given it is very ambiguous\n' >features/ambiguous.feature
    printf 'Feature: skipped\n  Scenario: a\n    Given it is skipped\n' >features/skipped.feature
    for case in green red undefined pending ambiguous skipped; do
        run npx cucumber-js --format "junit:$case.xml" "features/$case.feature"
        spec_exception "$case" cucumber "$case.xml"
    done
}

javascript_source() {
    printf 'exports.add = (a, b) => {\n  return a + b;\n};\nexports.sub = (a, b) => {\n  const c = a - b;\n  return c;\n};\n' >calc.js
    printf 'const { add } = require("./calc.js");\nif (add(1, 1) !== 2) process.exit(1);\n' >half.js
}

tool_nyc() {
    local least
    project nyc
    node_packages nyc@17.1.0
    javascript_source
    for least in 60 90; do
        run npx nyc --check-coverage --lines "$least" --branches 0 --functions 0 --statements 0 \
            --reporter cobertura --reporter lcovonly --reporter clover --report-dir "out-$least" node half.js
        store nyc "cobertura-$least" "out-$least/cobertura-coverage.xml" "coverage, at_least = $least"
        store nyc "lcov-$least" "out-$least/lcov.info" "coverage, at_least = $least"
        store nyc "clover-$least" "out-$least/clover.xml" "coverage, at_least = $least"
    done
}

tool_c8() {
    local least
    project c8
    node_packages c8@10.1.3
    javascript_source
    for least in 60 90; do
        run npx c8 --check-coverage --lines "$least" --reporter cobertura --reporter lcovonly --reporter clover \
            --report-dir "out-$least" node half.js
        store c8 "cobertura-$least" "out-$least/cobertura-coverage.xml" "coverage, at_least = $least"
        store c8 "lcov-$least" "out-$least/lcov.info" "coverage, at_least = $least"
        store c8 "clover-$least" "out-$least/clover.xml" "coverage, at_least = $least"
    done
}

tool_eslint() {
    local case
    project eslint
    node_packages eslint@9.39.1 @microsoft/eslint-formatter-sarif@3.1.0 eslint-junit@1.0.1
    printf 'module.exports = [{ rules: { "no-eval": "error", "no-debugger": "warn" } }];\n' >eslint.config.js
    printf 'eval("1");\n' >red.js
    printf 'debugger;\n' >warning.js
    printf 'const x = 1;\n' >green.js
    printf 'const = ;\n' >broken.js
    for case in red warning green broken; do
        run npx eslint -f @microsoft/eslint-formatter-sarif -o "$case.sarif" "$case.js"
        store eslint "$case" "$case.sarif" sarif
        run npx eslint -f junit -o "$case.xml" "$case.js"
        store eslint "$case" "$case.xml" junit
    done
}

tool_newman() {
    local case
    project newman
    node_packages newman@6.2.1
    for case in green red; do
        printf '{"info": {"name": "c", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}, "item": [{"name": "r", "event": [{"listen": "prerequest", "script": {"exec": ["pm.test(\\"a\\", () => { if (\\"%s\\" === \\"red\\") throw new Error(\\"wrong\\"); });"]}}], "request": {"method": "GET", "url": "http://127.0.0.1:9/"}}]}\n' "$case" >"$case.json"
        run npx newman run "$case.json" -r junit --reporter-junit-export "$case.xml"
        store newman "no-answer-$case" "$case.xml" junit
    done
}

tool_karma() {
    local case
    project karma
    node_packages karma@6.4.4 karma-jasmine@5.1.0 jasmine-core@7.0.2 karma-junit-reporter@2.0.1 \
        karma-jsdom-launcher@22.0.0 jsdom@29.1.1
    printf 'module.exports = c => c.set({ frameworks: ["jasmine"], browsers: ["jsdom"], files: [process.env.CASE + ".js"], reporters: ["junit"], singleRun: true, browserNoActivityTimeout: 9000, client: { jasmine: { random: false } }, junitReporter: { outputDir: ".", outputFile: process.env.CASE + ".xml", useBrowserName: false }, plugins: ["karma-jasmine", "karma-jsdom-launcher", "karma-junit-reporter"].map(name => require(name)) });\n' >karma.conf.js
    printf 'it("adds", () => expect(1).toBe(1));\nxit("not here", () => {});\n' >green.js
    printf 'it("wrong", () => expect(1).toBe(2));\nit("right", () => expect(1).toBe(1));\n' >red.js
    printf 'describe("a", () => { beforeAll(() => { throw new Error("set-up"); }); it("right", () => {}); });\n' >setup.js
    printf 'describe("a", () => { afterAll(() => { throw new Error("tear-down"); }); it("right", () => {}); });\n' >teardown.js
    printf 'throw new Error("not loaded");\n' >load.js
    printf 'fit("right", () => {});\nit("wrong", () => expect(1).toBe(2));\n' >focus.js
    printf 'it("later", () => pending("not yet"));\n' >pending.js
    printf 'it("slow", done => {}, 300);\n' >timeout.js
    printf 'it("late", done => { setTimeout(() => { throw new Error("late"); }, 0); setTimeout(done, 50); });\n' >late.js
    : >empty.js
    for case in green red setup teardown load focus pending timeout late empty; do
        CASE=$case run npx karma start karma.conf.js
        store karma "$case" "$case.xml" junit
    done
}

# TAP, as two programs turn it into JUnit.
tool_tape() {
    local case red
    project tape
    node_packages tape@5.10.2 tap-junit@5.0.4 tap-xunit@2.4.1
    printf 'test("adds", t => { t.equal(1, 1); t.end(); });\ntest.skip("not here", t => t.end());\n' >green.js
    printf 'test("wrong", t => { t.equal(1, 1, "right"); t.equal(1, 2, "wrong"); t.end(); });\n' >red.js
    printf 'test("throws", t => { t.ok(1, "right"); t.end(); });\ntest("then", t => { throw new Error("thrown"); });\n' >throws.js
    printf 'test("plan", t => { t.plan(2); t.ok(1, "one"); });\n' >plan.js
    printf 'test("todo", { todo: true }, t => { t.equal(1, 2, "wrong"); t.end(); });\ntest("b", t => { t.ok(1, "right"); t.end(); });\n' >todo.js
    printf 'test("ends", t => { t.ok(1, "right"); process.exit(3); });\n' >ends.js
    printf 'console.log("TAP version 13\\n1..3\\nok 1 - a\\nBail out! no database"); process.exit(1);\n' >bail-out.js
    for case in green red throws plan todo ends bail-out; do
        run_to "$case.tap" node -e 'const test = require("tape"); eval(require("fs").readFileSync(process.argv[1], "utf8"))' "$case.js"
        red=$code
        npx tap-junit <"$case.tap" >"tap-junit-$case.xml" 2>"$cache/output.txt" || true
        npx tap-xunit <"$case.tap" >"tap-xunit-$case.xml" 2>"$cache/output.txt" || true
        code=$red
        case $case in
            bail-out)
                store tap-junit "$case" "tap-junit-$case.xml" junit passed 'the report does not tell that it was given up'
                store tap-xunit "$case" "tap-xunit-$case.xml" junit passed 'the report does not tell that it was given up'
                ;;
            todo)
                store tap-junit "$case" "tap-junit-$case.xml" junit failed 'it writes a TODO as a failure'
                store tap-xunit "$case" "tap-xunit-$case.xml" junit
                ;;
            *)
                store tap-junit "$case" "tap-junit-$case.xml" junit
                store tap-xunit "$case" "tap-xunit-$case.xml" junit
                ;;
        esac
    done
}
