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
