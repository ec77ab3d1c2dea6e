//! Tickets that a text names: `PAY-123`, `#123`, `CVE-2026-1234`.

/// Words that stand before a number without being a project.
const NOT_PROJECT_KEYS: [&str; 16] =
    ["AES", "ARM", "EC", "ES", "GPT", "HTTP", "ISO", "IPV", "MD", "PEP", "RFC", "RSA", "SHA", "TLS", "UTF", "X"];

/// Returns the tickets in the order of the text, each once.
#[must_use]
pub fn tickets(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // A ticket has no white space in it, and no bracket around it.
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '#' | '_')));
    for word in words {
        if let Some(ticket) = hash_ticket(word).or_else(|| keyed_ticket(word)) {
            if !found.iter().any(|known| known == ticket) {
                found.push(ticket.to_owned());
            }
        }
    }
    found
}

/// `#123`.
fn hash_ticket(word: &str) -> Option<&str> {
    word.strip_prefix('#').filter(|digits| is_number(digits)).map(|_| word)
}

/// `PAY-123`: a project of capitals and digits, and a number.
fn keyed_ticket(word: &str) -> Option<&str> {
    let (project, number) = word.split_once('-')?;
    if project == "CVE" {
        let (year, number) = number.split_once('-')?;
        return (is_number(year) && is_number(number)).then_some(word);
    }
    let is_project = project.len() >= 2
        && project.starts_with(|c: char| c.is_ascii_uppercase())
        && project.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (is_project && is_number(number) && !NOT_PROJECT_KEYS.contains(&project)).then_some(word)
}

fn is_number(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticket_ids_are_recognised() {
        for (text, wanted) in [
            ("PAY-12: queue (#7), PAY-12 and #8.", &["PAY-12", "#7", "#8"][..]),
            ("fixes [PAY2_X-1], closes #1/#2", &["PAY2_X-1", "#1", "#2"]),
            ("CVE-2026-1234 in libx", &["CVE-2026-1234"]),
            ("UTF-8, SHA-256, A-1, pay-12, PAY-12a, 2026-01-02, #, #x, a#1, PAY-1-2", &[]),
            ("", &[]),
        ] {
            assert_eq!(tickets(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_ticket_occurs_in_the_text(text in any::<String>()) {
            for ticket in tickets(&text) {
                prop_assert!(text.contains(&ticket));
            }
        }
    }
}
