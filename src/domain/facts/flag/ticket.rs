//! The ticket of a flag: what a field or a tag of its own says, else the first that a text names.

use crate::domain::facts::changes::tickets::tickets;

/// Tags that name it, as `ticket:PAY-123`.
const TICKET: &str = "ticket";
/// Longest that is kept, in characters.
const MAX_CHARS: usize = 100;

/// Returns what a field of its own says, as it stands there.
#[must_use]
pub fn of_field(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_CHARS).collect())
}

/// Returns what a tag says; between the word and the ticket stands whatever the provider allows in tags.
#[must_use]
pub fn of_tags(tags: &[String]) -> Option<String> {
    let rest = |tag: &String| {
        let rest = tag.trim().strip_prefix(TICKET)?;
        of_field(rest.strip_prefix([':', '=', '-', '/', '_'])?)
    };
    tags.iter().find_map(rest)
}

/// Returns the first ticket that a text names.
#[must_use]
pub fn of_text(text: &str) -> Option<String> {
    tickets(text).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_ticket() {
        let of = |tags: &[&str]| of_tags(&tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["web", "ticket:PAY-123"]).as_deref(), Some("PAY-123"));
        assert_eq!(of(&["ticket-PAY-123"]).as_deref(), Some("PAY-123"));
        assert_eq!(of(&["ticket: 4711 "]).as_deref(), Some("4711"));
        assert_eq!(of(&["tickets:PAY-1", "ticketing-v2x"]), None);
        assert_eq!(of(&["ticket:", "ticket", "my-ticket:PAY-1"]), None);
    }

    #[test]
    fn a_link_names_the_ticket_that_it_leads_to() {
        assert_eq!(of_text("https://jira.example/browse/PAY-123?x=1").as_deref(), Some("PAY-123"));
        assert_eq!(of_text("the new checkout, of UTF-8"), None);
    }
}
