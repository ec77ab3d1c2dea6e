//! Cobertura XML, piece by piece.

use std::io::Read;

use super::Covered;
use crate::sources::checks::xml::{Piece, Xml};

/// Reads a report: every `line` within a `class`. Methods repeat lines of their class, which changes nothing.
pub(super) fn read(text: impl Read, covered: &mut Covered) -> Result<(), String> {
    let mut xml = Xml::new(text);
    let mut depth = 0_usize;
    // The class that is open, and how deep it stands.
    let mut class: Option<(usize, String)> = None;
    loop {
        match xml.next()? {
            Piece::Open(element) => {
                depth += 1;
                match element.name() {
                    "coverage" => {}
                    other if depth == 1 => {
                        return Err(format!(
                            "is no Cobertura report: it begins with <{}>",
                            covered.redactor.cut(other, 40)
                        ));
                    }
                    "class" => {
                        let [file] = element.attributes(["filename"])?;
                        let file = file.ok_or("is no Cobertura report: a class has no `filename`")?;
                        class = Some((depth, covered.redactor.cut(&file, 500)));
                    }
                    "line" => {
                        let Some((_, file)) = &class else { continue };
                        let [number, hits] = element.attributes(["number", "hits"])?;
                        let (number, hits) = number
                            .zip(hits)
                            .and_then(|(number, hits)| {
                                let hits: f64 = hits.trim().parse().ok()?;
                                Some((number.trim().parse().ok()?, hits))
                            })
                            .filter(|(_, hits)| hits.is_finite())
                            .ok_or_else(|| {
                                format!("a line of {} has no `number` and `hits`", covered.redactor.cut(file, 100))
                            })?;
                        covered.add(file, number, hits > 0.0)?;
                    }
                    _ => {}
                }
            }
            Piece::Text(_) => {}
            Piece::Close => {
                if class.as_ref().is_some_and(|(at, _)| *at == depth) {
                    class = None;
                }
                depth = depth.saturating_sub(1);
            }
            Piece::End => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_count_once() {
        let text = "<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>\
            <coverage line-rate='1'><packages><package><classes>\
            <class name='A' filename='a.py'><methods><method><lines><line number='1' hits='0'/></lines></method></methods>\
            <lines><line number='1' hits='3'/><line number='2' hits='0'/></lines></class>\
            </classes></package></packages><lines><line number='9' hits='9'/></lines></coverage>";
        let mut covered = Covered::default();
        read(text.as_bytes(), &mut covered).unwrap();
        assert_eq!(covered.kept, 2);
        assert_eq!(covered.files["a.py"].values().filter(|hit| **hit).count(), 1);
    }

    #[test]
    fn invalid_report_is_refused() {
        for (text, words) in [
            ("<html/>", "it begins with <html>"),
            ("<coverage><class/></coverage>", "has no `filename`"),
            ("<coverage><class filename='a'><line number='x' hits='1'/></class></coverage>", "`number` and `hits`"),
            ("<coverage><class filename='a'><line number='1' hits='inf'/></class></coverage>", "`number` and `hits`"),
            ("<!DOCTYPE c [<!ENTITY a 'b'>]><coverage/>", "declares entities"),
        ] {
            let error = read(text.as_bytes(), &mut Covered::default()).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
