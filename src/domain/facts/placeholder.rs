//! Values put into words that the user wrote, such as `{image}` or `--flag={flag}`.

/// Puts values in place of `{name}`, each once: a placeholder in a value is part of the value.
///
/// # Errors
/// The value that cannot stand there: it is empty, has control characters, or would make an option of the word.
pub fn fill(word: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), word);
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = values.iter().find_map(|(name, value)| {
            let after = rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
            Some((*value, after))
        });
        let Some((value, after)) = found else {
            filled.push('{');
            rest = &rest[1..];
            continue;
        };
        let is_option = filled.is_empty() && value.starts_with('-');
        if value.is_empty() || value.contains(char::is_control) || is_option {
            return Err(value.to_owned());
        }
        filled.push_str(value);
        rest = after;
    }
    Ok(filled + rest)
}

/// Returns the names of the placeholders in a word.
pub fn names(word: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    word.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_and_no_option() {
        let values = [("image", "shop/api@sha256:0"), ("odd", "{image} b; $(c)"), ("option", "--all"), ("none", "")];
        let filled = |word: &str| fill(word, &values);
        assert_eq!(filled("--to={image}").as_deref(), Ok("--to=shop/api@sha256:0"));
        assert_eq!(filled("{odd} {image}{image").as_deref(), Ok("{image} b; $(c) shop/api@sha256:0{image"));
        assert_eq!(filled("{\"a\": {other}}").as_deref(), Ok("{\"a\": {other}}"));
        assert_eq!(filled("{option}"), Err("--all".to_owned()));
        assert_eq!(filled("x{option}").as_deref(), Ok("x--all"));
        assert_eq!(filled("{none}"), Err(String::new()));
        for hostile in ["a\nb", "a\0b", "\u{1b}[2J"] {
            assert!(fill("{image}", &[("image", hostile)]).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn names_are_what_looks_like_a_placeholder() {
        let found: Vec<&str> = names("{image}-{a b}{}{tag} {\"x\"} {Upper} {open").collect();
        assert_eq!(found, ["image", "tag"]);
    }
}
