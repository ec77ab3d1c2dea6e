//! Cobertura XML, piece by piece.

use std::collections::HashMap;
use std::io::Read;

use super::Measured;
use crate::sources::checks::xml::{Element, Piece, Xml};

/// A class that is open.
struct Class {
    depth: usize,
    file: String,
    has_lines: bool,
    /// Where its methods are open.
    methods: Option<usize>,
    /// Lines of its methods: Istanbul names the lines of declarations there, other tools repeat those of the class.
    of_methods: Vec<(u32, bool)>,
}

/// Reads what comes after the beginning of the element `first`, the first in `coverage`: every `line` of a `class`, and
/// of its methods only where the class has none.
///
/// coverage.py lists files of one name in several source folders once: then fewer lines are listed than `lines-valid` says.
pub(super) fn read(
    xml: &mut Xml<impl Read>,
    first: &str,
    lines_valid: Option<u64>,
    measured: &mut Measured,
) -> Result<(), String> {
    if !matches!(first, "sources" | "packages" | "properties") {
        return Err(format!("is no Cobertura report: <{}> stands first in it", measured.redactor.cut(first, 40)));
    }
    let mut depth = 1_usize;
    let mut class: Option<Class> = None;
    let mut sources: Vec<String> = Vec::new();
    let mut is_source = first == "source";
    loop {
        match xml.next()? {
            Piece::Open(element) => {
                depth += 1;
                known(element.name(), measured)?;
                match (element.name(), &mut class) {
                    ("source", _) => {
                        is_source = true;
                        sources.push(String::new());
                    }
                    ("class", _) => {
                        let [file] = element.attributes(["filename"])?;
                        let file = file.ok_or("is no Cobertura report: a class has no `filename`")?;
                        let file = measured.redactor.cut(&rooted(&sources, &file), 500);
                        class = Some(Class { depth, file, has_lines: false, methods: None, of_methods: Vec::new() });
                    }
                    ("methods", Some(class)) => class.methods = Some(depth),
                    ("line", Some(class)) => {
                        let (number, hit) = line(&element)?.ok_or_else(|| {
                            let file = measured.redactor.cut(&class.file, 100);
                            format!("a line of {file} has no `number` and `hits`, or is no number")
                        })?;
                        if class.methods.is_some() {
                            class.of_methods.push((number, hit));
                        } else {
                            class.has_lines = true;
                            measured.line(&class.file, number, hit)?;
                        }
                    }
                    _ => {}
                }
            }
            Piece::Text(text) => {
                if let Some(source) = sources.last_mut().filter(|_| is_source) {
                    source.extend(text.chars().take(500));
                }
            }
            Piece::Close => {
                is_source = false;
                if class.as_ref().is_some_and(|class| class.depth == depth) {
                    if let Some(class) = class.take().filter(|class| !class.has_lines) {
                        for (number, hit) in class.of_methods {
                            measured.line(&class.file, number, hit)?;
                        }
                    }
                } else if let Some(class) = class.as_mut().filter(|class| class.methods == Some(depth)) {
                    class.methods = None;
                }
                depth = depth.saturating_sub(1);
            }
            Piece::End => break,
        }
    }
    let listed: usize = measured.files.values().map(HashMap::len).sum();
    match lines_valid {
        Some(valid) if sources.len() > 1 && valid > listed as u64 => Err(format!(
            "counts {valid} lines and lists {listed}: files of one name in several source folders stand in it once; set \
             relative_files = true, or measure each folder apart"
        )),
        _ => Ok(()),
    }
}

fn known(element: &str, measured: &Measured) -> Result<(), String> {
    match element {
        "sources" | "source" | "packages" | "package" | "classes" | "class" | "methods" | "method" | "lines"
        | "line" | "conditions" | "condition" | "properties" | "property" => Ok(()),
        other => Err(format!("is no Cobertura report: <{}> is not known", measured.redactor.cut(other, 40))),
    }
}

/// Returns a file with the folder that it is relative to, where there is only one.
fn rooted(sources: &[String], file: &str) -> String {
    match sources {
        [one] if one.trim().starts_with('/') && !file.starts_with('/') => {
            format!("{}/{file}", one.trim().trim_end_matches('/'))
        }
        _ => file.to_owned(),
    }
}

fn line(element: &Element<'_>) -> Result<Option<(u32, bool)>, String> {
    let [number, hits] = element.attributes(["number", "hits"])?;
    let hits = hits.and_then(|hits| hits.trim().parse().ok()).filter(|hits: &f64| hits.is_finite());
    Ok(number.and_then(|number| number.trim().parse().ok()).zip(hits.map(|hits| hits > 0.0)))
}

#[cfg(test)]
mod tests {
    use super::super::read_xml;
    use super::*;
    use crate::platform::Redactor;

    fn read(text: &str) -> Result<Measured, String> {
        let mut measured = Measured::new(Redactor::default());
        read_xml(text.as_bytes(), &mut measured).map(|()| measured)
    }

    #[test]
    fn lines_of_methods_count_only_where_the_class_has_none() {
        let class = |methods: &str, lines: &str| {
            let text = format!(
                "<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>\
                 <coverage line-rate='1'><sources><source>/src</source></sources><packages><package><classes>\
                 <class name='A' filename='a.py'><methods><method><lines>{methods}</lines></method></methods>\
                 <lines>{lines}</lines></class>\
                 </classes></package></packages><lines><line number='9' hits='9'/></lines></coverage>"
            );
            let lines = read(&text).unwrap().files.remove("/src/a.py").unwrap();
            (lines.values().filter(|line| line.1).count(), lines.len())
        };
        let one = "<line number='1' hits='1'/>";
        assert_eq!(class(one, "<line number='2' hits='3'/><line number='3' hits='0'/>"), (1, 2));
        assert_eq!(class(one, ""), (1, 1));
    }

    /// As coverage.py 7 writes it for two folders that both have a `main.py`.
    #[test]
    fn files_that_are_listed_once_for_several_are_not_all() {
        let text = |sources: &str, valid: u64| {
            format!(
                "<coverage lines-valid='{valid}'><sources>{sources}</sources><packages><package><classes>\
                 <class filename='main.py'><lines><line number='1' hits='1'/></lines></class>\
                 </classes></package></packages></coverage>"
            )
        };
        let two = "<source>/r/worker</source><source>/r/zapi</source>";
        let error = read(&text(two, 8)).map(|_| ()).unwrap_err();
        assert!(error.contains("counts 8 lines and lists 1"), "{error}");
        assert!(read(&text(two, 1)).is_ok() && read(&text("<source>/r</source>", 8)).is_ok());
    }

    #[test]
    fn invalid_report_is_refused() {
        for (text, words) in [
            ("<coverage><class/></coverage>", "<class> stands first"),
            ("<coverage><packages><class/></packages></coverage>", "has no `filename`"),
            (
                "<coverage><packages><class filename='a'><line number='x' hits='1'/></class></packages></coverage>",
                "`number` and `hits`",
            ),
            (
                "<coverage><packages><class filename='a'><line number='1' hits='inf'/></class></packages></coverage>",
                "`number` and `hits`",
            ),
            ("<coverage><packages><class filename='a'><odd/></class></packages></coverage>", "<odd> is not known"),
            ("<!DOCTYPE c [<!ENTITY a 'b'>]><coverage/>", "declares entities"),
        ] {
            let Err(error) = read(text) else { panic!("{text}") };
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
