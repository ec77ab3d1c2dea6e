//! Reports of what went wrong, to standard error: nothing in them moves a cursor or is secret.

use std::io::Write as _;

use color_eyre::config::{HookBuilder, Theme};
use color_eyre::eyre::{Report, Result};

use crate::domain::facts::text::sanitize_lines;
use crate::platform::Redactor;

/// Makes errors and panics be reported without what they quote doing harm.
///
/// # Errors
/// Something else reports already.
pub fn install(redactor: &Redactor) -> Result<()> {
    // Colours would be control characters like those of the text.
    let (panics, errors) = HookBuilder::default().display_env_section(false).theme(Theme::new()).into_hooks();
    errors.install()?;
    let redactor = redactor.clone();
    std::panic::set_hook(Box::new(move |panic| say(&panics.panic_report(panic).to_string(), &redactor)));
    Ok(())
}

/// Reports an error that ends the program.
pub fn failed(error: &Report, redactor: &Redactor) {
    say(&format!("Error: {error:?}"), redactor);
}

/// Reports a command line that is none; what it quotes may be a password.
pub fn misused(error: &clap::Error, redactor: &Redactor) -> ! {
    let text = error.render().to_string();
    let shown = redactor.redact(&text);
    if shown == text {
        error.exit();
    }
    say(shown.trim_end(), redactor);
    std::process::exit(error.exit_code());
}

fn say(text: &str, redactor: &Redactor) {
    // No one is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}", redact_and_sanitize(text, redactor));
}

/// Makes text of several lines safe to be shown.
pub(super) fn redact_and_sanitize(text: &str, redactor: &Redactor) -> String {
    sanitize_lines(&redactor.redact(text)).into_owned()
}
