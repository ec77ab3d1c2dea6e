//! "Did you mean …?" for names that do not exist.

/// Returns the candidate nearest to `text` by edit distance, if near enough to be a typing error.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typo_suggests_its_name_and_another_word_does_not() {
        let known = ["promote", "abort", "ab"];
        assert_eq!(nearest("promot", known), Some("promote"));
        assert_eq!(nearest("aboort", known), Some("abort"));
        assert_eq!(nearest("rollback", known), None);
    }
}
