# shellcheck shell=bash disable=SC2154
# Tools of Rust.

# Begins a package whose tests are in tests/CASE.rs.
rust_project() {
    project "$1"
    mkdir src tests
    printf '[package]\nname = "m"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n' >Cargo.toml
    : >src/lib.rs
    printf '#[test]\nfn adds() {}\n#[test]\n#[ignore]\nfn not_here() { panic!() }\n#[test]\n#[should_panic]\nfn known() { panic!("known") }\n' >tests/green.rs
    printf '#[test]\nfn wrong() { assert_eq!("<one> & two", "x"); }\n#[test]\nfn right() {}\n' >tests/red.rs
    printf '#[test]\n#[should_panic]\nfn unexpected() {}\n' >tests/unexpected.rs
    printf '#[test]\n#[ignore]\nfn not_here() { panic!() }\n' >tests/skipped.rs
    printf '#[test]\nfn broken() -> Result<(), String> { Err("broken".into()) }\n' >tests/result.rs
    printf '#[test]\nfn slow() { std::thread::sleep(std::time::Duration::from_secs(20)) }\n' >tests/slow.rs
    printf '#[test]\nfn crash() { std::process::abort() }\n#[test]\nfn right() {}\n' >tests/crash.rs
    printf '#[test]\nfn ends() { std::process::exit(3) }\n#[test]\nfn right() {}\n' >tests/exit.rs
    printf 'mod a { #[test]\nfn same() { panic!("wrong") } }\nmod b { #[test]\nfn same() {} }\n' >tests/same.rs
    printf '#[test]\nfn flaky() {\n    let tried = std::path::Path::new("tried");\n    if !tried.exists() {\n        std::fs::write(tried, "").unwrap();\n        panic!("once");\n    }\n}\n#[test]\nfn right() {}\n' >tests/flaky.rs
    printf '#[test]\nfn leaks() { std::process::Command::new("sleep").arg("20").spawn().unwrap(); }\n' >tests/leak.rs
    printf '// Nothing.\n' >tests/empty.rs
}

tool_nextest() {
    local case
    [[ -x $cache/cargo/bin/cargo-nextest ]] || CARGO_TARGET_DIR=$cache/cargo-target cargo install --quiet --locked --debug --no-default-features --features default-no-update \
        --root "$cache/cargo" cargo-nextest@0.9.151
    rust_project nextest
    mkdir .config
    cat >.config/nextest.toml <<'END'
experimental = ["setup-scripts"]
[profile.default]
fail-fast = false
slow-timeout = { period = "1s", terminate-after = 1 }
[profile.default.junit]
path = "junit.xml"
[profile.again]
retries = 1
[profile.again.junit]
path = "junit.xml"
[profile.strict]
retries = 1
flaky-result = "fail"
[profile.strict.junit]
path = "junit.xml"
[profile.leaks]
leak-timeout = { period = "500ms", result = "fail" }
[profile.leaks.junit]
path = "junit.xml"
[profile.passing-timeout]
slow-timeout = { period = "1s", terminate-after = 1, on-timeout = "pass" }
[profile.passing-timeout.junit]
path = "junit.xml"
[scripts.setup.broken]
command = "false"
junit = { store-success-output = true, store-failure-output = true }
[profile.setup.junit]
path = "junit.xml"
[[profile.setup.scripts]]
filter = "all()"
setup = "broken"
END
    for case in green red unexpected skipped result slow crash exit same leak empty; do
        nextest default --test "$case"
        case $case in
        skipped | empty) store nextest "$case" report.xml junit blind ;;
        *) store nextest "$case" report.xml junit ;;
        esac
    done
    nextest default --test red --fail-fast
    store nextest fail-fast report.xml junit
    nextest default --test green --stress-count 2
    store nextest stress report.xml junit
    nextest default --test flaky --stress-count 2
    store nextest stress-flaky report.xml junit
    nextest leaks --test leak
    store nextest leak-fails report.xml junit
    nextest passing-timeout --test slow
    store nextest slow-passes report.xml junit
    nextest setup --test green
    store nextest setup report.xml junit
    for case in again strict; do
        rm -f tried
        nextest "$case" --test flaky
        store nextest "flaky-$case" report.xml junit
        nextest "$case" --test red
        store nextest "red-$case" report.xml junit
    done
}

# Runs tests of the package in a profile, whose report is report.xml then.
nextest() {
    local profile=$1
    shift
    rm -f "target/nextest/$profile/junit.xml" report.xml
    run env RUST_BACKTRACE=0 CARGO_TARGET_DIR=target PATH="$cache/cargo/bin:$PATH" cargo nextest run --offline --profile "$profile" "$@"
    mv "target/nextest/$profile/junit.xml" report.xml || true
}

tool_libtest() {
    local case
    rust_project libtest
    for case in green red unexpected skipped result same exit empty; do
        # Its JUnit is not stable yet.
        RUST_BACKTRACE=0 RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=target run_to "$case.xml" cargo test --offline --quiet --test "$case" -- -Z unstable-options --format junit
        case $case in
        skipped | empty) store libtest "$case" "$case.xml" junit blind ;;
        *) store libtest "$case" "$case.xml" junit ;;
        esac
    done
}
