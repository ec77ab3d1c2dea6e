//! JaCoCo's XML (`report.dtd` 1.1): `line` of a `sourcefile`, covered if any of its instructions is.

use std::io::Read;

use super::Measured;
use crate::sources::checks::xml::{Element, Piece, Xml};

/// Reads what is in `report`.
pub(super) fn read(xml: &mut Xml<impl Read>, measured: &mut Measured) -> Result<(), String> {
    // Names of the groups, the package and the source file that are open; other elements have none.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut is_source = false;
    loop {
        match xml.next()? {
            Piece::Open(element) => {
                let name = match element.name() {
                    "group" | "package" | "sourcefile" => {
                        is_source = element.name() == "sourcefile";
                        let [name] = element.attributes(["name"])?;
                        Some(name.unwrap_or_default())
                    }
                    "line" if is_source => {
                        let names: Vec<&str> = open.iter().flatten().map(String::as_str).collect();
                        let file = measured.redactor.cut(&names.join("/"), 500);
                        let (line, hit) = line(&element)?
                            .ok_or_else(|| format!("a line of {file} has no `nr` and `ci`, or is no number"))?;
                        measured.line(&file, line, hit)?;
                        None
                    }
                    "sessioninfo" | "class" | "method" | "counter" => None,
                    other => {
                        return Err(format!(
                            "is no JaCoCo report: <{}> is not known",
                            measured.redactor.cut(other, 40)
                        ));
                    }
                };
                open.push(name);
            }
            Piece::Text(_) => {}
            Piece::Close => {
                is_source &= open.pop().flatten().is_none();
            }
            Piece::End => return Ok(()),
        }
    }
}

fn line(element: &Element<'_>) -> Result<Option<(u32, bool)>, String> {
    let [number, instructions] = element.attributes(["nr", "ci"])?;
    let number = number.and_then(|number| number.trim().parse().ok());
    let instructions: Option<u64> = instructions.and_then(|count| count.trim().parse().ok());
    Ok(number.zip(instructions.map(|count| count > 0)))
}
