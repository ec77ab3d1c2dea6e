//! The screens: snapshots, and laws that hold for every size and every text.

mod common;

use std::path::PathBuf;

use common::{picture, shots};
use release_cockpit::view::theme::{Palette, Theme};

/// With `COCKPIT_PICTURES=FOLDER` the screens are written there as ANSI text, to be looked at.
#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("COCKPIT_PICTURES").map(PathBuf::from) else { return };
    for (name, model) in shots::main().into_iter().chain(shots::others()) {
        for (width, height) in [(80, 24), (120, 30), (120, 40), (200, 60)] {
            for palette in Palette::ALL {
                let (buffer, cursor) = picture::drawn(&model, &Theme::new(palette, false), width, height);
                let file = folder.join(format!("{name}-{width}-{}.ansi", palette.word()));
                let file = if height == 30 { folder.join(format!("{name}-30-{}.ansi", palette.word())) } else { file };
                std::fs::write(file, picture::ansi(&buffer, cursor)).unwrap();
            }
        }
    }
}
