//! Which files are code, of which language, and which are not looked at.

use glob::{MatchOptions, Pattern};

/// A language, or some that call an SDK by the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    Script,
    Jvm,
    Go,
    Python,
    Ruby,
    CSharp,
    Php,
    Rust,
    Swift,
}

impl Language {
    pub const ALL: [Self; 9] =
        [Self::Script, Self::Jvm, Self::Go, Self::Python, Self::Ruby, Self::CSharp, Self::Php, Self::Rust, Self::Swift];

    /// Returns how the names of its files end.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Script => &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"],
            Self::Jvm => &["java", "kt", "kts"],
            Self::Go => &["go"],
            Self::Python => &["py"],
            Self::Ruby => &["rb", "erb", "rake"],
            Self::CSharp => &["cs", "cshtml", "razor"],
            Self::Php => &["php"],
            Self::Rust => &["rs"],
            Self::Swift => &["swift"],
        }
    }

    /// Returns the language of a file by its name.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
        Self::ALL.into_iter().find(|language| language.extensions().contains(&extension))
    }

    /// Whether a line says something to people alone.
    pub(super) fn is_comment(self, line: &str) -> bool {
        let line = line.trim_start();
        match self {
            Self::Python | Self::Ruby => line.starts_with('#'),
            // A `*` alone goes on with a comment; one before a name follows a pointer.
            Self::Php => ["#", "//", "/*", "* "].into_iter().any(|begin| line.starts_with(begin)),
            _ => ["//", "/*", "* ", "<!--"].into_iter().any(|begin| line.starts_with(begin)),
        }
    }
}

/// Files that are not looked at: of others, written by programs, and tests, which users never run.
pub const SKIPPED: [&str; 50] = [
    "**/node_modules/**",
    "**/bower_components/**",
    "**/vendor/**",
    "**/third_party/**",
    "**/Pods/**",
    "**/.yarn/**",
    "**/dist/**",
    "**/generated/**",
    "**/__generated__/**",
    "**/*.generated.*",
    "**/*.gen.*",
    "**/*.min.js",
    "**/*.min.mjs",
    "**/*.bundle.js",
    "**/*.d.ts",
    "**/*.pb.go",
    "**/*_gen.go",
    "**/*_pb2.py",
    "**/*_pb2_grpc.py",
    "**/*.g.cs",
    "**/*.Designer.cs",
    "**/test/**",
    "**/tests/**",
    "**/Tests/**",
    "**/__tests__/**",
    "**/__mocks__/**",
    "**/spec/**",
    "**/e2e/**",
    "**/cypress/**",
    "**/testdata/**",
    "**/src/androidTest/**",
    "**/*.test.*",
    "**/*.spec.*",
    "**/*.cy.*",
    "**/*.stories.*",
    "**/*_test.go",
    "**/test_*.py",
    "**/*_test.py",
    "**/conftest.py",
    "**/*_spec.rb",
    "**/*_test.rb",
    "**/*Test.java",
    "**/*Tests.java",
    "**/*IT.java",
    "**/*Test.kt",
    "**/*Tests.kt",
    "**/*Test.cs",
    "**/*Tests.cs",
    "**/*Test.php",
    "**/*Tests.swift",
];

/// `*` stays within a folder; only `**` crosses them.
const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Patterns of files.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Vec<Pattern>);

impl Files {
    /// # Errors
    /// What is no pattern.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let read = |text: &str| Pattern::new(text).map_err(|error| format!("`{text}` is no pattern: {}", error.msg));
        patterns.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn have(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches_with(path, MATCH))
    }
}

/// Whether a file is not looked at in any case.
#[must_use]
pub fn is_skipped(path: &str) -> bool {
    Files::new(SKIPPED).is_ok_and(|skipped| skipped.have(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_others_of_programs_and_of_tests_is_skipped() {
        for path in [
            "node_modules/x/index.js",
            "web/node_modules/@a/b/c.ts",
            "vendor/github.com/a/b.go",
            "public/app.min.js",
            "api/v1/a.pb.go",
            "src/test/java/com/shop/PayTest.java",
            "web/pay.test.tsx",
            "pay_test.go",
            "test_pay.py",
            "app/tests/pay.py",
        ] {
            assert!(is_skipped(path), "{path}");
        }
        for path in ["src/pay.ts", "pay.go", "latest/pay.py", "src/contest.rb", "src/Testing.java", "distance/a.rs"] {
            assert!(!is_skipped(path), "{path}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_end_of_the_name() {
        assert_eq!(Language::of("web/Pay.tsx"), Some(Language::Script));
        assert_eq!(Language::of("a.go/b.kt"), Some(Language::Jvm));
        assert_eq!(Language::of("go"), None);
        assert_eq!(Language::of("package-lock.json"), None);
    }
}
