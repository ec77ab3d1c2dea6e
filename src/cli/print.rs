//! Completions and man page, both from [`Args`].

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Exit;
use super::args::Args;

/// Returns the completion script for a shell.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "cockpit", &mut out);
    out
}

/// Returns the man page: one page for the program with all its commands.
pub fn man() -> io::Result<Vec<u8>> {
    let mut command = Args::command();
    command.build();
    let page = Man::new(command.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    for inner in command.get_subcommands() {
        commands(inner, "cockpit", &mut out)?;
    }
    out.extend_from_slice(b".SH \"EXIT STATUS\"\n");
    for (exit, means) in Exit::ALL {
        out.extend_from_slice(format!(".TP\n{}\n{means}\n", exit.code()).as_bytes());
    }
    page.render_extra_section(&mut out)?;
    page.render_version_section(&mut out)?;
    Ok(out)
}

/// Writes a command and those below it as sections of the page.
fn commands(command: &Command, parent: &str, out: &mut Vec<u8>) -> io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    let name = format!("{parent} {}", command.get_name());
    // What holds for every command stands on the page once.
    let own = command.clone().mut_args(|arg| {
        let everywhere = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(everywhere)
    });
    let page = Man::new(own);
    out.extend_from_slice(format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes());
    if let Some(about) = command.get_about() {
        out.extend_from_slice(format!("{about}.\n").as_bytes());
    }
    let mut section = Vec::new();
    page.render_synopsis_section(&mut section)?;
    page.render_options_section(&mut section)?;
    let text = String::from_utf8_lossy(&section).replace(".SH SYNOPSIS", ".SS Synopsis");
    out.extend_from_slice(text.replace(".SH OPTIONS", ".SS Options").as_bytes());
    for inner in command.get_subcommands() {
        commands(inner, &name, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(command: &mut Command, name: &str, found: &mut Vec<(String, String)>) {
        found.push((name.to_owned(), command.render_long_help().to_string()));
        let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        for inner in names.iter().filter(|inner| *inner != "help") {
            help(command.find_subcommand_mut(inner).unwrap(), &format!("{name}-{inner}"), found);
        }
    }

    #[test]
    fn help_of_every_command() {
        let mut command = Args::command();
        command.build();
        let mut found = Vec::new();
        help(&mut command, "cockpit", &mut found);
        assert!(found.len() > 20);
        for (name, text) in found {
            insta::assert_snapshot!(format!("help-{name}"), text);
        }
    }

    #[test]
    fn man_page_lists_every_command_and_exit_code() {
        let page = String::from_utf8(man().unwrap()).unwrap();
        insta::assert_snapshot!(page.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }

    #[test]
    fn completions_know_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(shell)).unwrap();
            for inner in Args::command().get_subcommands() {
                assert!(script.contains(inner.get_name()), "{shell}: {}", inner.get_name());
            }
            assert!(script.contains("read-only"), "{shell}");
        }
    }
}
