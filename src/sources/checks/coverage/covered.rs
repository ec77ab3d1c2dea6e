//! What reports measured, file by file, and which of them are about the same file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::platform::Redactor;
use crate::sources::checks::wording::figure;

/// Most lines that are kept, over all files.
const MAX_LINES: usize = 20_000_000;
/// A file is looked for in at most so many folders around a report.
const MAX_FOLDERS: usize = 8;

/// What one report says of each file.
pub(super) struct Measured {
    pub files: BTreeMap<String, Lines>,
    /// Whether it counts statements, as Go does.
    pub has_statements: bool,
    pub redactor: Redactor,
    kept: usize,
}

/// By its place in the file: what a line or block weighs, and whether it is covered.
pub(super) type Lines = HashMap<u64, (u32, bool)>;

impl Measured {
    pub fn new(redactor: Redactor) -> Self {
        Self { files: BTreeMap::new(), has_statements: false, redactor, kept: 0 }
    }

    /// Adds a line. Within a report a line is covered if anything says so.
    pub fn line(&mut self, file: &str, line: u32, hit: bool) -> Result<(), String> {
        self.block(file, u64::from(line), 1, hit)
    }

    /// Adds a block of some statements, by its place.
    pub fn block(&mut self, file: &str, place: u64, weight: u32, hit: bool) -> Result<(), String> {
        if !self.files.contains_key(file) {
            self.files.insert(file.to_owned(), HashMap::new());
        }
        let Some(lines) = self.files.get_mut(file) else { return Ok(()) };
        let before = lines.len();
        let own = lines.entry(place).or_insert((weight, hit));
        if own.0 != weight {
            return Err(format!("contradicts itself about a block of {}", self.redactor.cut(file, 100)));
        }
        own.1 |= hit;
        self.kept += lines.len() - before;
        check_size(self.kept)
    }
}

fn check_size(lines: usize) -> Result<(), String> {
    if lines > MAX_LINES {
        return Err(format!("more than {} lines of code are not taken in", figure(MAX_LINES as u64)));
    }
    Ok(())
}

/// What all reports say.
///
/// Two reports are about the same file if they name it alike, from the same place, and know the same lines in it, or if
/// it can be seen on the disk. Otherwise both count: parts of a repository have files of one name.
#[derive(Default)]
pub(super) struct Covered {
    files: BTreeMap<String, Vec<Source>>,
    pub has_statements: bool,
    kept: usize,
}

/// A file of source code.
struct Source {
    place: PathBuf,
    /// Whether it was seen on the disk.
    exists: bool,
    /// The report that told of it first.
    report: String,
    lines: Lines,
}

impl Covered {
    /// Adds a report that lies at a path.
    pub fn add(&mut self, path: &Path, name: &str, measured: Measured) -> Result<(), String> {
        self.has_statements |= measured.has_statements;
        let folder = path.parent().unwrap_or(Path::new(""));
        for (file, lines) in measured.files.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            // Go names files by the path of their module, which is the same everywhere.
            let (place, exists) =
                if measured.has_statements { (PathBuf::from(&file), false) } else { place(folder, &file) };
            let known = self.files.entry(file).or_default();
            let same = known
                .iter_mut()
                .find(|known| known.place == place && (exists && known.exists || has_same_lines(&known.lines, &lines)));
            if let Some(same) = same {
                let before = same.lines.len();
                for (place, (weight, hit)) in lines {
                    same.lines.entry(place).or_insert((weight, false)).1 |= hit;
                }
                self.kept += same.lines.len() - before;
            } else {
                self.kept += lines.len();
                known.push(Source { place, exists, report: name.to_owned(), lines });
            }
            check_size(self.kept)?;
        }
        Ok(())
    }

    /// Returns each file with what is covered of it, and what there is.
    pub fn files(&self) -> Vec<(String, u64, u64)> {
        let sums = |lines: &Lines| {
            let weight = |(weight, _): &(u32, bool)| u64::from(*weight);
            (lines.values().filter(|line| line.1).map(weight).sum(), lines.values().map(weight).sum())
        };
        let mut files = Vec::new();
        for (file, sources) in &self.files {
            for source in sources {
                let (hit, all): (u64, u64) = sums(&source.lines);
                if all > 0 {
                    let name = if sources.len() > 1 { format!("{file} ({})", source.report) } else { file.clone() };
                    files.push((name, hit, all));
                }
            }
        }
        files
    }
}

fn has_same_lines(a: &Lines, b: &Lines) -> bool {
    a.len() == b.len() && a.iter().all(|(place, (weight, _))| b.get(place).is_some_and(|other| other.0 == *weight))
}

/// Returns where a file is, and whether it can be seen there: a path is relative to the folder of its report or to one
/// around it; where no such file is seen, to that of the report.
fn place(folder: &Path, file: &str) -> (PathBuf, bool) {
    let path = Path::new(file);
    if path.is_absolute() {
        return (path.to_owned(), path.is_file());
    }
    let around = folder.ancestors().take(MAX_FOLDERS).map(|folder| folder.join(path));
    match around.into_iter().find(|path| path.is_file()) {
        Some(seen) => (seen, true),
        None => (folder.join(path), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn report(file: &str, lines: &[(u32, bool)]) -> Measured {
        let mut measured = Measured::new(Redactor::default());
        for (line, hit) in lines {
            measured.line(file, *line, *hit).unwrap();
        }
        measured
    }

    /// Adds two reports about a file of one name; returns what is covered, and what there is.
    fn both(a: (&Path, &[(u32, bool)]), b: (&Path, &[(u32, bool)]), file: &str) -> (u64, u64) {
        let mut covered = Covered::default();
        for (path, lines) in [a, b] {
            covered.add(path, &path.display().to_string(), report(file, lines)).unwrap();
        }
        covered.files().iter().fold((0, 0), |(hit, all), file| (hit + file.1, all + file.2))
    }

    #[test]
    fn equal_names_in_different_places_add_up() {
        let (hit, miss, more) = ([(1, true), (2, false)], [(1, false), (2, true)], [(1, true), (3, true)]);
        let (a, b, c) = (Path::new("/r/a/lcov.info"), Path::new("/r/b/lcov.info"), Path::new("/r/a/other.info"));
        assert_eq!(both((a, &hit), (b, &miss), "src/a.ts"), (2, 4), "two parts of a repository");
        assert_eq!(both((a, &hit), (c, &miss), "src/a.ts"), (2, 2), "two runs over one file");
        assert_eq!(both((a, &hit), (c, &more), "src/a.ts"), (3, 4), "other lines: another file");
        assert_eq!(both((a, &hit), (b, &miss), "/r/a.ts"), (2, 2), "one absolute path");
        assert_eq!(both((a, &hit), (b, &more), "/r/a.ts"), (3, 4), "the same path in two containers");
    }

    #[test]
    fn files_on_the_disk_are_told_apart_by_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/src")).unwrap();
        fs::create_dir(root.join("src")).unwrap();
        fs::write(root.join("src/a.ts"), "").unwrap();
        let (hit, more) = ([(1, true), (2, false)], [(1, true), (3, true)]);
        let unit = root.join("coverage/unit/lcov.info");
        let whole = root.join("coverage/whole/lcov.info");
        assert_eq!(both((&unit, &hit), (&whole, &more), "src/a.ts"), (2, 3), "one file, seen from both");
        fs::write(root.join("b/src/a.ts"), "").unwrap();
        assert_eq!(both((&unit, &hit), (&root.join("b/lcov.info"), &hit), "src/a.ts"), (2, 4));
    }
}
