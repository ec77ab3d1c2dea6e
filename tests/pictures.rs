//! Writes every screen as ANSI text, to be looked at: `cargo run --example pictures -- FOLDER`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "without its folder it has nothing to do")]

use std::fmt::Write as _;
use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};
use release_cockpit::view::theme::{Palette, Theme};

#[path = "it/build/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod build;

use build::{picture, shots};

const SIZES: [(u16, u16); 5] = [(60, 16), (80, 24), (120, 30), (120, 40), (200, 60)];

fn main() {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: cargo run --example pictures -- FOLDER");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&folder).unwrap();
    for (name, model) in shots::main().into_iter().chain(shots::others()) {
        for (width, height) in SIZES {
            for palette in Palette::ALL {
                let (buffer, cursor) = picture::drawn(&model, &Theme::new(palette, false), width, height);
                let file = folder.join(format!("{name}-{width}x{height}-{}.ansi", palette.as_str()));
                std::fs::write(file, ansi(&buffer, cursor)).unwrap();
            }
        }
    }
}

/// The screen as ANSI text.
fn ansi(buffer: &Buffer, cursor: Option<Position>) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        for cell in picture::cells(buffer, y) {
            let mut codes = vec!["0".to_owned()];
            let style = cell.style();
            for (modifier, code) in [
                (Modifier::BOLD, "1"),
                (Modifier::DIM, "2"),
                (Modifier::ITALIC, "3"),
                (Modifier::UNDERLINED, "4"),
                (Modifier::REVERSED, "7"),
            ] {
                if style.add_modifier.contains(modifier) {
                    codes.push(code.to_owned());
                }
            }
            if cursor == Some(Position { x, y }) {
                codes.push("7".to_owned());
            }
            codes.extend(style.fg.and_then(|colour| code(colour, 30)));
            codes.extend(style.bg.and_then(|colour| code(colour, 40)));
            write!(out, "\x1b[{}m{}", codes.join(";"), cell.symbol()).unwrap();
            x += (unicode_width::UnicodeWidthStr::width(cell.symbol()) as u16).max(1);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

fn code(colour: Color, base: u8) -> Option<String> {
    Some(match colour {
        Color::Reset => return None,
        Color::Red => (base + 1).to_string(),
        Color::Green => (base + 2).to_string(),
        Color::Yellow => (base + 3).to_string(),
        Color::Blue => (base + 4).to_string(),
        Color::Magenta => (base + 5).to_string(),
        Color::Cyan => (base + 6).to_string(),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        other => panic!("no code for {other:?}"),
    })
}
