//! Profiles of Go (`go test -coverprofile`, golang.org/x/tools/cover): `NAME:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT`.

use std::io::BufRead;

use super::Measured;

pub(super) fn read(text: impl BufRead, measured: &mut Measured) -> Result<(), String> {
    measured.has_statements = true;
    let redactor = measured.redactor.clone();
    for (i, line) in text.lines().enumerate() {
        let line = line.map_err(|error| error.to_string())?;
        let said = line.trim_matches(['\u{feff}', ' ', '\t', '\r']);
        let bad = |what: &str| format!("is no profile of Go in line {} (`{}`): {what}", i + 1, redactor.cut(said, 60));
        if said.is_empty() {
            continue;
        }
        // Several profiles may be joined.
        if let Some(mode) = said.strip_prefix("mode:") {
            match mode.trim() {
                "set" | "count" | "atomic" => continue,
                other => return Err(bad(&format!("the mode `{}` is not known", redactor.cut(other, 20)))),
            }
        }
        let block = block(said).ok_or_else(|| bad("a line is NAME:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT"))?;
        measured.block(&redactor.cut(block.file, 500), block.place, block.statements, block.hit)?;
    }
    Ok(())
}

struct Block<'a> {
    file: &'a str,
    /// Line and column where it begins.
    place: u64,
    statements: u32,
    hit: bool,
}

fn block(line: &str) -> Option<Block<'_>> {
    let (file, rest) = line.rsplit_once(':')?;
    let mut parts = rest.split_ascii_whitespace();
    let (begin, end) = parts.next()?.split_once(',')?;
    let place = |text: &str| -> Option<(u32, u32)> {
        let (line, column) = text.split_once('.')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    };
    let (begin, _) = (place(begin)?, place(end)?);
    let statements = parts.next()?.parse().ok()?;
    let count: u64 = parts.next()?.parse().ok()?;
    let is_whole = parts.next().is_none() && !file.is_empty();
    let place = u64::from(begin.0) << 32 | u64::from(begin.1);
    is_whole.then_some(Block { file, place, statements, hit: count > 0 })
}
