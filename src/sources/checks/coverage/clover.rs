//! Clover's XML: `line` of a `file`, of the types `stmt` and `cond`. Lines of the type `method` are declarations.

use std::io::Read;

use super::Measured;
use crate::sources::checks::xml::{Element, Piece, Xml};

/// Reads what comes after the beginning of the first project. Projects of tests are not measured.
pub(super) fn read(xml: &mut Xml<impl Read>, is_tests: bool, measured: &mut Measured) -> Result<(), String> {
    let mut depth = 1_usize;
    let mut tests = is_tests.then_some(1);
    // The file that is open, and how deep it stands.
    let mut file: Option<(usize, String)> = None;
    loop {
        match xml.next()? {
            Piece::Open(element) => {
                depth += 1;
                match element.name() {
                    "testproject" => tests = Some(depth),
                    "file" => {
                        // Istanbul's `name` has no folder.
                        let [name, path] = element.attributes(["name", "path"])?;
                        let name = path.or(name).ok_or("is no Clover report: a file has no `name`")?;
                        file = Some((depth, measured.redactor.cut(&name, 500)));
                    }
                    "line" => {
                        let Some((_, file)) = &file else { continue };
                        if let Some((line, hit)) = line(&element, file, measured)?.filter(|_| tests.is_none()) {
                            measured.line(file, line, hit)?;
                        }
                    }
                    "project" | "package" | "class" | "metrics" => {}
                    other => {
                        return Err(format!(
                            "is no Clover report: <{}> is not known",
                            measured.redactor.cut(other, 40)
                        ));
                    }
                }
            }
            Piece::Text(_) => {}
            Piece::Close => {
                if file.as_ref().is_some_and(|(at, _)| *at == depth) {
                    file = None;
                }
                if tests == Some(depth) {
                    tests = None;
                }
                depth = depth.saturating_sub(1);
            }
            Piece::End => return Ok(()),
        }
    }
}

fn line(element: &Element<'_>, file: &str, measured: &Measured) -> Result<Option<(u32, bool)>, String> {
    let [number, kind, count, yes, no] = element.attributes(["num", "type", "count", "truecount", "falsecount"])?;
    let cut = |text: &str| measured.redactor.cut(text, 100);
    let kind = kind.unwrap_or_default();
    match kind.as_str() {
        "method" => return Ok(None),
        "stmt" | "cond" => {}
        other => return Err(format!("a line of {} has the type `{}`, which is not known", cut(file), cut(other))),
    }
    let bad = || format!("a line of {} has no `num` and `count`, or is no number", cut(file));
    let number = number.and_then(|number| number.trim().parse().ok()).ok_or_else(bad)?;
    let counts: Vec<String> = [count, yes, no].into_iter().flatten().collect();
    let counts: Option<Vec<u64>> = counts.iter().map(|count| count.trim().parse().ok()).collect();
    let counts = counts.filter(|counts| !counts.is_empty()).ok_or_else(bad)?;
    Ok(Some((number, counts.iter().any(|count| *count > 0))))
}
