//! The screens: snapshots, and laws that hold for every size and every text.

mod common;

use std::path::PathBuf;

use common::{picture, scenes};
use release_cockpit::app::Model;
use release_cockpit::view::theme::{Palette, Theme};

/// With `COCKPIT_PICTURES=FOLDER` the screens are written there as ANSI text, to be looked at.
#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("COCKPIT_PICTURES").map(PathBuf::from) else { return };
    let scenes: [(&str, fn() -> Model); 13] = [
        ("main", scenes::main),
        ("spike", scenes::spike),
        ("crashing", scenes::crashing),
        ("no-metrics", scenes::no_metrics),
        ("no-api-server", scenes::no_api_server),
        ("blue-green", scenes::blue_green),
        ("deployment", scenes::deployment),
        ("aborted", scenes::aborted),
        ("nothing-yet", scenes::nothing_yet),
        ("in-flight", scenes::in_flight),
        ("read-only", scenes::read_only),
        ("many", scenes::many),
        ("crowd", scenes::crowd),
    ];
    for (name, scene) in scenes {
        let model = scene();
        for (width, height) in [(80, 24), (120, 30), (120, 40), (200, 60)] {
            let (buffer, cursor) = picture::drawn(&model, &Theme::new(Palette::Dark, false), width, height);
            let file = folder.join(format!("{name}-{width}.{height}.ansi"));
            std::fs::write(file, picture::ansi(&buffer, cursor)).unwrap();
        }
    }
}
