//! LCOV tracefiles, line by line.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead, Read as _};

use super::Measured;
use crate::platform::Redactor;

/// Longest line, in bytes: mangled names of functions are long.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// A record: what is known of one source file.
struct Record {
    file: String,
    lines: u64,
    /// How many lines its summary says there are.
    promised: u64,
    /// Which lines there are, in whatever order: the sum of their hashes.
    fingerprint: u64,
}

pub(super) fn read(mut text: impl BufRead, measured: &mut Measured) -> Result<(), String> {
    let redactor = measured.redactor.clone();
    let mut line = Vec::new();
    let mut record: Option<Record> = None;
    let mut number = 0_u64;
    let mut records = 0_u64;
    // By the name of the test, which is the same where files were only joined, and of the file.
    let mut known: HashMap<(String, String), u64> = HashMap::new();
    let mut test = String::new();
    loop {
        line.clear();
        let count =
            text.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        if count == 0 {
            break;
        }
        number += 1;
        if count as u64 == MAX_LINE_BYTES {
            return Err(format!("line {number} is longer than {} MiB", MAX_LINE_BYTES >> 20));
        }
        let text = String::from_utf8_lossy(&line);
        let said = text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let bad = |what: &str| format!("is not LCOV in line {number} (`{}`): {what}", redactor.cut(said, 60));
        if said.is_empty() || said.starts_with('#') {
            continue;
        }
        if said == "end_of_record" {
            let Some(done) = record.take() else { return Err(bad("no file before it")) };
            done.check(&redactor)?;
            // `cat packages/*/lcov.info`: files of one name, of which one would hide what the other lacks.
            let fingerprint = known.entry((test.clone(), done.file.clone())).or_insert(done.fingerprint);
            if *fingerprint != done.fingerprint {
                let file = redactor.cut(&done.file, 100);
                return Err(format!(
                    "names {file} twice, with other lines: give the reports of packages apart, not joined"
                ));
            }
            records += 1;
            continue;
        }
        let Some((key, value)) = said.split_once(':').filter(|(key, _)| is_key(key)) else {
            return Err(bad("a line is KEY:value"));
        };
        match (key, &mut record) {
            ("TN", _) => test = redactor.cut(value, 200),
            ("SF", Some(open)) => {
                return Err(bad(&format!("the record of {} has no end", redactor.cut(&open.file, 80))));
            }
            ("SF", none) => {
                *none = Some(Record { file: redactor.cut(value, 500), lines: 0, promised: 0, fingerprint: 0 });
            }
            ("DA", Some(open)) => {
                let (line, hit) = line_of(value).ok_or_else(|| bad("DA is line,hits"))?;
                open.lines += 1;
                open.fingerprint = open.fingerprint.wrapping_add(hash_of(line));
                measured.line(&open.file, line, hit)?;
            }
            ("LF", Some(open)) => open.promised = value.parse().map_err(|_| bad("a count is a whole number"))?,
            ("DA" | "LF", None) => return Err(bad("it is outside of a record")),
            // Functions and branches, names of tests, versions.
            (
                "VER" | "FN" | "FNDA" | "FNF" | "FNH" | "FNL" | "FNA" | "BRDA" | "BRF" | "BRH" | "BA" | "LH" | "MCDC"
                | "MCF" | "MCH" | "MRF" | "MRH",
                _,
            ) => {}
            (other, _) => return Err(bad(&format!("`{}` is not known", redactor.cut(other, 20)))),
        }
    }
    match record {
        Some(open) => Err(format!("breaks off in the record of {}", redactor.cut(&open.file, 100))),
        None if records == 0 => Err("is not LCOV: there is no record in it".to_owned()),
        None => Ok(()),
    }
}

fn hash_of(line: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

impl Record {
    /// Checks that it holds lines where its summary says so. How many is not compared: llvm-cov counts them otherwise
    /// where code is generic.
    fn check(&self, redactor: &Redactor) -> Result<(), String> {
        if self.lines == 0 && self.promised > 0 {
            let file = redactor.cut(&self.file, 100);
            return Err(format!("the record of {file} announces {} lines and has none", self.promised));
        }
        Ok(())
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= 10 && key.chars().all(|c| c.is_ascii_uppercase())
}

/// Reads `line,hits[,checksum]`. Some tools write hits below zero, or large ones with an exponent.
fn line_of(value: &str) -> Option<(u32, bool)> {
    let mut parts = value.split(',');
    let line = parts.next()?.trim().parse().ok()?;
    let hits: f64 = parts.next()?.trim().parse().ok().filter(|hits: &f64| hits.is_finite())?;
    Some((line, hits > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Result<Measured, String> {
        let mut measured = Measured::new(Redactor::default());
        read(text.as_bytes(), &mut measured).map(|()| measured)
    }

    #[test]
    fn records_of_one_file_are_merged() {
        let text = "TN:unit\nSF:a.c\nFN:1,main\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\n\
                    TN:more\r\nSF:a.c\r\nDA:2,1e+3,abc\r\nend_of_record\r\n";
        let lines = measured(text).unwrap().files.remove("a.c").unwrap();
        assert_eq!((lines.values().filter(|line| line.1).count(), lines.len()), (2, 2));
    }

    /// `cat packages/*/coverage/lcov.info`
    #[test]
    fn joined_reports_of_packages_do_not_hide_each_other() {
        let text =
            "SF:src/index.ts\nDA:1,1\nDA:2,1\nend_of_record\nSF:src/index.ts\nDA:1,1\nDA:2,0\nDA:3,0\nend_of_record\n";
        let Err(error) = measured(text) else { panic!("it passed") };
        assert!(error.starts_with("names src/index.ts twice, with other lines"), "{error}");
    }

    #[test]
    fn invalid_tracefile_is_refused() {
        for (text, words) in [
            ("hello\n", "a line is KEY:value"),
            ("TN:\n", "no record"),
            ("SF:a\nDA:1,1\n", "breaks off in the record of a"),
            ("SF:a\nDA:1,1\nSF:b\n", "has no end"),
            ("SF:a\nDA:1\nend_of_record\n", "DA is line,hits"),
            ("SF:a\nDA:1,NaN\nend_of_record\n", "DA is line,hits"),
            ("SF:a\nLF:3\nLH:3\nend_of_record\n", "announces 3 lines and has none"),
            ("DA:1,1\nend_of_record\n", "outside of a record"),
            ("SF:a\nXY:1,1\nend_of_record\n", "`XY` is not known"),
        ] {
            let Err(error) = measured(text) else { panic!("{text}") };
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
