# shellcheck shell=bash disable=SC2154
# Tools of Ruby. They are Debian's: apt-get install ruby-rspec ruby-rspec-junit-formatter ruby-minitest
# ruby-minitest-reporters.

tool_rspec() {
    local case
    project rspec
    printf 'RSpec.describe "green" do\n  it("adds") { expect(1 + 1).to eq 2 }\n  it("is not here", skip: "not here") { raise }\n  it("is known", pending: "later") { raise "known" }\nend\n' >green_spec.rb
    printf 'RSpec.describe "red" do\n  it("is wrong") { expect("<one> & two").to eq 2 }\n  it("is right") {}\nend\n' >red_spec.rb
    printf 'RSpec.describe "setup" do\n  before(:all) { raise "set-up" }\n  it("is right") {}\nend\n' >setup_spec.rb
    printf 'RSpec.describe "teardown" do\n  after(:all) { raise "tear-down" }\n  it("is right") {}\nend\n' >teardown_spec.rb
    printf 'RSpec.describe "each" do\n  after { raise "tear-down" }\n  it("is right") {}\nend\n' >teardown-each_spec.rb
    printf 'RSpec.configure { |c| c.after(:suite) { raise "tear-down" } }\nRSpec.describe("all") { it("is right") {} }\n' >teardown-suite_spec.rb
    printf 'RSpec.configure { |c| c.before(:suite) { raise "set-up" } }\nRSpec.describe("all") { it("is right") {} }\n' >setup-suite_spec.rb
    printf 'RSpec.describe("unexpected") { it("passes", pending: "later") {} }\n' >unexpected_spec.rb
    printf 'RSpec.describe("pending") { it("is known", pending: "later") { raise "known" } }\n' >pending_spec.rb
    printf 'RSpec.describe("skipped") { it("is not here", skip: "not here") {} }\n' >skipped_spec.rb
    printf 'require "nowhere"\nRSpec.describe("load") { it("is right") {} }\n' >load_spec.rb
    printf 'RSpec.describe("broken" do\n' >broken_spec.rb
    printf 'RSpec.describe("same") do\n  it("same") { raise "wrong" }\n  it("same") {}\nend\n' >same-name_spec.rb
    printf 'RSpec.describe("parameters") { [1, 2].each { |n| it("is odd: #{n}") { expect(n).to be_odd } } }\n' >parameters_spec.rb
    printf 'RSpec.describe("several", :aggregate_failures) { it("is wrong") { expect(1).to eq 2; expect(3).to eq 4 } }\n' >several_spec.rb
    printf 'RSpec.describe("first") { it("is right") {} }\nRSpec.describe("exit") { it("ends") { exit 3 } }\n' >exit_spec.rb
    printf '' >empty_spec.rb
    printf 'require "timeout"\nRSpec.describe("slow") { around { |one| Timeout.timeout(0.2) { one.run } }\n it("sleeps") { sleep 9 } }\n' >timeout_spec.rb
    for case in green red setup teardown teardown-each teardown-suite setup-suite unexpected pending skipped load broken \
        same-name parameters several exit empty timeout; do
        run rspec --no-color --format RspecJunitFormatter --out "$case.xml" "./${case}_spec.rb"
        case $case in
        empty | pending | skipped) store rspec "$case" "$case.xml" junit blind ;;
        exit) store rspec "$case" "$case.xml" junit passed 'a test that ends the process is written as passed' ;;
        teardown | teardown-suite) store rspec "$case" "$case.xml" junit passed 'the report does not tell of errors after all tests' ;;
        *) store rspec "$case" "$case.xml" junit ;;
        esac
    done
    run rspec --no-color --fail-fast --order defined --format RspecJunitFormatter --out fail-fast.xml ./red_spec.rb ./green_spec.rb
    store rspec fail-fast fail-fast.xml junit
    # One file cannot be read, and another is green.
    run rspec --no-color --format RspecJunitFormatter --out load-and-green.xml ./load_spec.rb ./parameters_spec.rb
    store rspec load-and-green load-and-green.xml junit
}

tool_minitest() {
    local case
    project minitest
    minitest_case() {
        printf 'require "minitest/autorun"\nrequire "minitest/reporters"\nMinitest::Reporters.use! Minitest::Reporters::JUnitReporter.new("out-%s")\n%s\n' "$1" "$2" >"$1.rb"
    }
    minitest_case green 'class Green < Minitest::Test
  def test_adds = assert_equal(2, 1 + 1)
  def test_skipped = skip("not here")
end'
    minitest_case red 'class Red < Minitest::Test
  def test_wrong = assert_equal("<one> & two", 2)
  def test_right = assert(true)
end'
    minitest_case throws 'class Throws < Minitest::Test
  def test_out = raise("out")
end'
    minitest_case setup 'class Setup < Minitest::Test
  def setup = raise("set-up")
  def test_right = assert(true)
end'
    minitest_case teardown 'class Teardown < Minitest::Test
  def teardown = raise("tear-down")
  def test_right = assert(true)
end'
    minitest_case both 'class Both < Minitest::Test
  def teardown = raise("tear-down")
  def test_wrong = assert(false)
end'
    minitest_case after-run 'Minitest.after_run { exit 3 }
class AfterRun < Minitest::Test
  def test_right = assert(true)
end'
    minitest_case skipped 'class Skipped < Minitest::Test
  def test_skipped = skip("not here")
end'
    minitest_case same-name '%w[A B].each { |n| describe("Same") { it("same") { assert_equal("B", n) } } }'
    for case in green red throws setup teardown both after-run skipped same-name; do
        run ruby "$case.rb"
        case $case in
        skipped) store minitest "$case" "$(find "out-$case" -name '*.xml')" junit blind ;;
        after-run) store minitest "$case" "$(find "out-$case" -name '*.xml')" junit passed 'the report does not tell of errors after all tests' ;;
        *) store minitest "$case" "$(find "out-$case" -name '*.xml')" junit ;;
        esac
    done
}
