//! Reports of what went wrong, to standard error: nothing in them moves a cursor or is secret.

use std::io::Write as _;

use color_eyre::config::{HookBuilder, Theme};
use color_eyre::eyre::{Report, Result};

use crate::domain::text::visible_lines;
use crate::platform::redact::hide;

/// Makes errors and panics be reported without what they quote doing harm.
///
/// # Errors
/// Something else reports already.
pub fn install() -> Result<()> {
    // Colours would be control characters like those of the text.
    let (panics, errors) = HookBuilder::default().display_env_section(false).theme(Theme::new()).into_hooks();
    errors.install()?;
    std::panic::set_hook(Box::new(move |panic| say(&panics.panic_report(panic).to_string())));
    Ok(())
}

/// Reports an error that ends the program.
pub fn failed(error: &Report) {
    say(&format!("Error: {error:?}"));
}

/// Reports a command line that is none; what it quotes may be a password.
pub fn misused(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let shown = hide(&text);
    if shown == text {
        error.exit();
    }
    say(shown.trim_end());
    std::process::exit(error.exit_code());
}

fn say(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{}", tame(text));
}

/// Makes text of several lines safe to be shown.
pub(super) fn tame(text: &str) -> String {
    visible_lines(&hide(text)).into_owned()
}
