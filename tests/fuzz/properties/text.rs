//! Text from outside: what is made visible stays visible, what is escaped says the same, and frames hold.

use release_cockpit::app::model::Screen;
use release_cockpit::cli::output::{json_line, json_pretty};
use release_cockpit::cli::status;
use release_cockpit::domain::facts::changes::markdown::{escape, line};
use release_cockpit::domain::facts::text::{is_unsafe, sanitize};
use release_cockpit::platform::Redactor;
use release_cockpit::sources::prometheus::trouble::tidy;
use serde_json::{Value, json};

use super::safe;
use crate::build::{hostile, parts};

/// Four bytes choose what is drawn and where; the rest is text.
pub fn check(data: &[u8]) {
    let Some((choice, rest)) = data.split_at_checked(4) else { return };
    let text = String::from_utf8_lossy(rest);
    check_text(&text);
    // Most texts are not worth a frame, which costs a hundred times as much.
    if choice[0] < 64 {
        return;
    }
    let mut model = hostile::model_of(&text);
    model.ui.screen = Screen::TABS[usize::from(choice[0]) % Screen::TABS.len()].2;
    model.ui.scroll = usize::from(choice[1]);
    if choice[1] % 2 == 1 {
        model.ui.filter = text.into_owned();
        return safe::frame(&model, u16::from(choice[2]), u16::from(choice[3]) % 90, choice[1] > 127);
    }
    safe::frame(&model, u16::from(choice[2]), u16::from(choice[3]) % 90, choice[1] > 127);
    safe::lines(&status::text(&model.core.world, Some(&text), parts::now()));
}

fn check_text(text: &str) {
    let shown = sanitize(text);
    assert!(!shown.chars().any(is_unsafe), "{shown:?}");
    assert_eq!(sanitize(&shown), shown);
    assert_eq!(shown == text, !text.chars().any(is_unsafe));

    let value = json!({ "text": text, text: [text] });
    for written in [json_line(&value), json_pretty(&value)] {
        safe::lines(&written);
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
    }
    for written in [escape(text), line(text), tidy(text, &Redactor::default())] {
        assert!(!written.chars().any(is_unsafe), "{written:?}");
    }
}
