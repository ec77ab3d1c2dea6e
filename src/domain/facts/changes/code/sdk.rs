//! How the SDKs of feature flags are called, by language, as their documentation writes it.

use super::files::Language;

/// Whose library it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sdk {
    Unleash,
    LaunchDarkly,
    OpenFeature,
}

/// The name of a flag in quotes, which is all of the argument. What is put together of parts has no name that could be read.
const NAME: &str = r#"["'`](?<name>[A-Za-z0-9][A-Za-z0-9._~:/@-]*)["'`]"#;
/// What follows the argument.
const END: &str = r"\s*[,)]";
/// An argument before it: a variable, its fields, or what a function without arguments returns.
const ARGUMENT: &str = r"\s*&?[A-Za-z_][A-Za-z0-9_.]*(?:\(\s*\))?\s*,";

impl Sdk {
    pub const ALL: [Self; 3] = [Self::Unleash, Self::LaunchDarkly, Self::OpenFeature];

    /// Returns a regular expression for what a file mentions that uses it, such as its package or its client; case does not count.
    /// Others have methods of the same names.
    #[must_use]
    pub fn mention(self) -> &'static str {
        match self {
            Self::Unleash => "unleash",
            Self::LaunchDarkly => "launch[-_]?darkly|ld[-_]?client",
            Self::OpenFeature => "open[-_]?feature",
        }
    }

    /// Returns a regular expression for its calls in a language. The group `name` is the name of the flag.
    pub(super) fn calls(self, language: Language) -> String {
        let method = self.method(language);
        let named = match language {
            Language::Jvm | Language::Python => r"(?:[A-Za-z_]+\s*=\s*)?",
            Language::CSharp | Language::Php => r"(?:[A-Za-z_]+:\s*)?",
            _ => "",
        };
        let generic = if language == Language::Script { r"(?:<[^<>()]*>)?" } else { "" };
        match (self, language) {
            // Parentheses are left out, and words such as `then` follow.
            (_, Language::Ruby) => {
                let end = r"[ \t]*(?:[,)\]}?;]|&&|\|\||(?:do|then|and|or)\b|$)";
                format!(r"\b(?:{method})(?:[ \t]*\(\s*|[ \t]+)(?:flag_key:\s*)?{NAME}{end}")
            }
            (Self::OpenFeature, Language::Go) => format!(r"\.(?:{method})\s*\({ARGUMENT}\s*{NAME}\s*,"),
            (Self::LaunchDarkly, Language::Go) => {
                format!(r"\.(?:{method})(?:Ctx\s*\({ARGUMENT}|\s*\()\s*{NAME}{END}")
            }
            (Self::LaunchDarkly, Language::Rust) => format!(r"\b(?:{method})\s*\({ARGUMENT}\s*{NAME}{END}"),
            (Self::LaunchDarkly, Language::Swift) => format!(r"\b(?:{method})\s*\(\s*forKey:\s*{NAME}{END}"),
            (Self::Unleash, Language::Swift) => format!(r"\b(?:{method})\s*\(\s*name:\s*{NAME}{END}"),
            (Self::OpenFeature, Language::Swift) => format!(r"\b(?:{method})\s*\(\s*key:\s*{NAME}{END}"),
            (Self::LaunchDarkly, Language::Script) => {
                let hook = format!(r"\buseFlags\s*\(\s*\)\s*(?:\?\.)?\[\s*{}\s*\]", NAME.replace("<name>", "<hook>"));
                format!(r"\b(?:{method}){generic}\s*\(\s*{NAME}{END}|{hook}")
            }
            _ => format!(r"\b(?:{method}){generic}\s*\(\s*{named}{NAME}{END}"),
        }
    }

    fn method(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Unleash, Language::Script) => {
                "isEnabled|getVariant|forceGetVariant|useFlag|useVariant|useUnleashFlag"
            }
            (Self::Unleash, Language::Jvm | Language::Php | Language::Swift) => "isEnabled|getVariant",
            (Self::Unleash, Language::Go | Language::CSharp) => "IsEnabled|GetVariant",
            (Self::Unleash, Language::Python) => "is_enabled|get_variant",
            (Self::Unleash, Language::Ruby) => {
                r"is_enabled\?|is_disabled\?|enabled\?|disabled\?|if_enabled|if_disabled|get_variant"
            }
            (Self::Unleash, Language::Rust) => "is_enabled_str|get_variant_str",
            (Self::LaunchDarkly, Language::Script) => {
                "(?:variation|(?:bool|string|number|json)Variation|use(?:Bool|String|Number|Json)Variation)(?:Detail)?|migration"
            }
            (Self::LaunchDarkly, Language::Jvm) => {
                "(?:bool|int|double|float|string|json|jsonValue)Variation(?:Detail)?|migrationVariation"
            }
            (Self::LaunchDarkly, Language::Go) => {
                "(?:Bool|Int|Float64|String|JSON)Variation(?:Detail)?|MigrationVariation"
            }
            (Self::LaunchDarkly, Language::Python | Language::Ruby) => {
                "(?:(?:bool|string|int|float|json)_)?variation(?:_detail)?|migration_variation"
            }
            (Self::LaunchDarkly, Language::CSharp) => {
                "(?:Bool|Int|Float|Double|String|Json)Variation(?:Detail)?|MigrationVariation"
            }
            (Self::LaunchDarkly, Language::Php) => "variation(?:Detail)?|migrationVariation",
            (Self::LaunchDarkly, Language::Rust) => "(?:bool|str|int|float|json)_variation(?:_detail)?",
            (Self::LaunchDarkly, Language::Swift) => "(?:bool|int|double|string|json)Variation(?:Detail)?",
            (Self::OpenFeature, Language::Script) => {
                "get(?:Boolean|String|Number|Object)(?:Value|Details)|use(?:Suspense)?Flag\
                 |use(?:Boolean|String|Number|Object)Flag(?:Value|Details)"
            }
            (Self::OpenFeature, Language::Jvm | Language::Swift) => {
                "get(?:Boolean|String|Integer|Double|Object)(?:Value|Details)"
            }
            (Self::OpenFeature, Language::Php) => "get(?:Boolean|String|Integer|Float|Object)(?:Value|Details)",
            (Self::OpenFeature, Language::Go) => "(?:Boolean|String|Float|Int|Object)(?:Value(?:Details)?)?",
            (Self::OpenFeature, Language::Python) => {
                "get_(?:boolean|string|integer|float|object)_(?:value|details)(?:_async)?"
            }
            (Self::OpenFeature, Language::Ruby) => {
                "fetch_(?:boolean|string|number|integer|float|object)_(?:value|details)"
            }
            (Self::OpenFeature, Language::CSharp) => {
                "Get(?:Boolean|String|Integer|Double|Object)(?:Value|Details)(?:Async)?"
            }
            (Self::OpenFeature, Language::Rust) => "get_(?:bool|int|float|string|struct)_(?:value|details)",
        }
    }
}
