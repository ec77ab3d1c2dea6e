# shellcheck shell=bash disable=SC2154
# Tools of the JVM.

java_test() {
    printf 'import static org.junit.jupiter.api.Assertions.*;\nimport org.junit.jupiter.api.*;\n\nclass %s {\n    %s\n}\n' "$1" "$2" >"src/test/java/$1.java"
}

tool_surefire() {
    local case
    project surefire
    mkdir -p src/test/java
    cat >pom.xml <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>m</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>org.junit.jupiter</groupId>
      <artifactId>junit-jupiter</artifactId>
      <version>5.11.4</version>
      <scope>test</scope>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.4</version></plugin>
    </plugins>
  </build>
</project>
END
    java_test GreenTest '@Test void adds() {} @Test @Disabled("not here") void skipped() {}'
    java_test RedTest '@Test void wrong() { assertEquals(1, 2, "<one> & two"); } @Test void right() {}'
    java_test ThrowsTest '@Test void out() { throw new IllegalStateException("out"); }'
    java_test SetupTest '@BeforeAll static void before() { throw new IllegalStateException("set-up"); } @Test void right() {}'
    java_test TeardownTest '@AfterAll static void after() { throw new IllegalStateException("tear-down"); } @Test void right() {}'
    java_test SkippedTest '@Test @Disabled("not here") void skipped() {}'
    java_test AssumedTest '@Test void assumed() { Assumptions.assumeTrue(false); } @Test void right() {}'
    java_test FlakyTest 'static int tries = 0; @Test void flaky() { assertTrue(++tries > 1); }'
    java_test AlwaysTest '@Test void always() { fail(); }'
    java_test EachTest '@TestFactory java.util.List<DynamicTest> each() { return java.util.List.of(DynamicTest.dynamicTest("a", () -> {}), DynamicTest.dynamicTest("b", () -> fail())); }'
    for case in Green Red Throws Setup Teardown Skipped Assumed Flaky Always Each; do
        rm -rf target/surefire-reports
        run mvn -q -B -Dmaven.repo.local="$cache/maven" -Dtest="${case}Test" -DtrimStackTrace=true \
            -Dsurefire.rerunFailingTestsCount="$([[ $case == Flaky || $case == Always ]] && echo 2 || echo 0)" test
        # The properties tell of the machine, and nothing of the tests.
        sed -i '/<properties>/,/<\/properties>/d' "target/surefire-reports/TEST-${case}Test.xml" || true
        mv "target/surefire-reports/TEST-${case}Test.xml" "${case,,}.xml" || true
        if [[ $case == Skipped ]]; then
            store surefire skipped skipped.xml junit blind 'nothing was tested'
        else
            store surefire "${case,,}" "${case,,}.xml" junit
        fi
    done
}

# Begins a project of TestNG, with classes of tests written by testng_class.
testng_class() {
    printf 'import static org.testng.Assert.*;\nimport org.testng.*;\nimport org.testng.annotations.*;\n\npublic class %s {\n    %s\n}\n' "$1" "$2" >"src/test/java/$1.java"
}

tool_testng() {
    local case report
    project testng
    mkdir -p src/test/java
    cat >pom.xml <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>m</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>org.testng</groupId><artifactId>testng</artifactId><version>7.11.0</version><scope>test</scope></dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.4</version></plugin>
    </plugins>
  </build>
</project>
END
    testng_class GreenTest '@Test public void adds() {} @Test(enabled = false) public void off() { fail(); }'
    testng_class RedTest '@Test public void wrong() { assertEquals(1, 2, "<one> & two"); } @Test public void right() {}'
    testng_class ClassTest '@BeforeClass public void before() { fail("set-up"); } @Test public void right() {}'
    testng_class MethodTest '@BeforeMethod public void before() { fail("set-up"); } @Test public void right() {}'
    testng_class SuiteTest '@BeforeSuite public void before() { fail("set-up"); } @Test public void right() {}'
    testng_class AfterTest '@AfterClass public void after() { fail("tear-down"); } @Test public void right() {}'
    testng_class EachTest '@AfterMethod public void after() { fail("tear-down"); } @Test public void right() {} @Test public void second() {}'
    testng_class AfterSuiteTest '@AfterSuite public void after() { fail("tear-down"); } @Test public void right() {}'
    testng_class DependsTest '@Test public void first() { fail(); } @Test(dependsOnMethods = "first") public void second() {}'
    testng_class SkipTest '@Test public void skipped() { throw new SkipException("not here"); }'
    testng_class ExpectedTest '@Test(expectedExceptions = IllegalStateException.class) public void known() { throw new IllegalStateException(); }'
    testng_class UnexpectedTest '@Test(expectedExceptions = IllegalStateException.class) public void missing() {}'
    testng_class DataTest '@DataProvider public Object[][] numbers() { return new Object[][] {{1}, {2}}; } @Test(dataProvider = "numbers") public void odd(int n) { assertEquals(n % 2, 1); }'
    testng_class BrokenDataTest '@DataProvider public Object[][] numbers() { throw new IllegalStateException("no data"); } @Test(dataProvider = "numbers") public void odd(int n) {}'
    testng_class SlowTest '@Test(timeOut = 200) public void slow() throws Exception { Thread.sleep(9000); }'
    testng_class MostTest 'static int tries = 0; @Test(invocationCount = 4, successPercentage = 50) public void most() { assertTrue(++tries > 1); }'
    testng_class CountTest 'static int tries = 0; @Test(invocationCount = 2) public void twice() { assertTrue(++tries > 1); }'
    testng_class RetryTest 'static int tries = 0; public static class Again implements IRetryAnalyzer { int n = 0; public boolean retry(ITestResult r) { return n++ < 2; } } @Test(retryAnalyzer = Again.class) public void flaky() { assertTrue(++tries > 1); }'
    testng_class AlwaysTest 'public static class Again implements IRetryAnalyzer { int n = 0; public boolean retry(ITestResult r) { return n++ < 2; } } @Test(retryAnalyzer = Again.class) public void always() { fail(); } @Test public void right() {}'
    for case in Green Red Class Method Suite After Each AfterSuite Depends Skip Expected Unexpected Data BrokenData Slow Most Count Retry Always; do
        rm -rf target/surefire-reports
        run mvn -q -o -B -Dmaven.repo.local="$cache/maven" -Dtest="${case}Test" -DtrimStackTrace=true test
        [[ $case != Green || $code == 0 ]] || run mvn -q -B -Dmaven.repo.local="$cache/maven" -Dtest="${case}Test" -DtrimStackTrace=true test
        sed -i '/<properties>/,/<\/properties>/d' "target/surefire-reports/TEST-${case}Test.xml" || true
        report=${case,,}.xml
        mv "target/surefire-reports/TEST-${case}Test.xml" "$report" || true
        testng_case surefire-testng
        # TestNG writes a report of its own for each class.
        [[ -e target/surefire-reports/junitreports/TEST-${case}Test.xml ]] || continue
        mv "target/surefire-reports/junitreports/TEST-${case}Test.xml" "$report"
        testng_case testng
    done
}

testng_case() {
    case $case in
    Skip) store "$1" skip "$report" junit blind ;;
    *) store "$1" "${case,,}" "$report" junit ;;
    esac
}
