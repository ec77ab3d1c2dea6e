//! Text with placeholders that the release fills.

use crate::config::reader::{At, Reader};
use crate::domain::facts::suggest::nearest;

/// What a text may leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckPlaceholder {
    Env,
    Namespace,
    /// The name of a workload; what has it is asked once for each of them.
    Workload,
    /// The name of the service.
    Service,
    /// The version that comes in.
    Version,
    /// The hash of the commit that it was built from.
    Commit,
}

impl CheckPlaceholder {
    pub const ALL: [Self; 6] = [Self::Env, Self::Namespace, Self::Workload, Self::Service, Self::Version, Self::Commit];

    /// Returns the name between the braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Service => "service",
            Self::Version => "version",
            Self::Commit => "commit",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<TemplatePart>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Placeholder(CheckPlaceholder),
}

impl Template {
    /// Takes a text apart; fails with the name of a placeholder that there is not. Single braces stay as they are, so
    /// that PromQL keeps its own.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let inner = &rest[at + 2..];
            let word = inner.find("}}").map(|end| &inner[..end]).filter(|word| is_name(word.trim()));
            let Some(word) = word else {
                // The first brace is the text's own; the next one may still open a placeholder.
                literal.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            };
            literal.push_str(&rest[..at]);
            let open = CheckPlaceholder::ALL.into_iter().find(|open| open.name() == word.trim());
            let open = open.ok_or_else(|| word.trim().to_owned())?;
            if !literal.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut literal)));
            }
            parts.push(TemplatePart::Placeholder(open));
            rest = &inner[word.len() + 2..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Text(literal));
        }
        Ok(Self(parts))
    }

    /// Returns whether it leaves this open.
    #[must_use]
    pub fn has(&self, open: CheckPlaceholder) -> bool {
        self.0.contains(&TemplatePart::Placeholder(open))
    }

    /// Returns the text, with what `value` gives in place of what is open; fails as `value` does.
    pub fn fill<E>(&self, value: impl Fn(CheckPlaceholder) -> Result<String, E>) -> Result<String, E> {
        self.0.iter().try_fold(String::new(), |out, part| match part {
            TemplatePart::Text(text) => Ok(out + text),
            TemplatePart::Placeholder(open) => Ok(out + &value(*open)?),
        })
    }
}

/// Makes a template of text, and notes a placeholder that there is not.
pub(super) fn read(reader: &mut Reader, text: &At<String>, key: &str) -> Option<Template> {
    let known = CheckPlaceholder::ALL.map(CheckPlaceholder::name);
    let template = Template::parse(&text.value);
    template
        .map_err(|name| {
            let near =
                nearest(&name, known).map_or_else(String::new, |near| format!("did you mean `{{{{{near}}}}}`? "));
            let all = known.map(|name| format!("`{{{{{name}}}}}`")).join(", ");
            let what = format!("in `{key}`: there is no placeholder `{{{{{name}}}}}`");
            reader.note(text.at, what, format!("{near}there are {all}"));
        })
        .ok()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let fill = |text: &str| {
            let filled = Template::parse(text).unwrap().fill(|open| Ok::<_, ()>(open.name().to_uppercase()));
            filled.unwrap()
        };
        assert_eq!(fill("up{job=\"{{ service }}\",{{version}}}"), "up{job=\"SERVICE\",VERSION}");
        assert_eq!(fill("up{{{namespace}}}"), "up{NAMESPACE}");
        assert_eq!(fill("x{{"), "x{{");
        assert_eq!(Template::parse("{{pods}}"), Err("pods".to_owned()));
    }
}
