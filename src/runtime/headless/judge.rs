//! `cockpit judge`: the analysis of numbers from a file or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use color_eyre::eyre::{Result, WrapErr};

use super::{complain, usage};
use crate::cli::Exit;
use crate::cli::args::{JudgeArgs, JudgeOutput};
use crate::cli::judge::{exit, json, read, text};
use crate::platform::Redactor;
use analysis::{AnalysisStatus, CanaryAnalyzer, Look};

/// Bytes of a line, and of what is read and written at once.
const MAX_LINE_BYTES: u64 = 1 << 20;
const BUFFER_BYTES: usize = 1 << 16;

pub(in crate::runtime) fn run(what: &JudgeArgs, redactor: &Redactor) -> Result<Exit> {
    let rules = match what.rules() {
        Ok(rules) => rules,
        Err(error) => return Ok(usage(redactor, &error)),
    };
    let file = what.file.as_ref().filter(|file| file.as_os_str() != "-");
    let ended = match file {
        None => lines(
            &mut BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock()),
            CanaryAnalyzer::new(rules),
            what.output,
            redactor,
        ),
        Some(path) => match File::open(path) {
            Ok(file) => lines(
                &mut BufReader::with_capacity(BUFFER_BYTES, file),
                CanaryAnalyzer::new(rules),
                what.output,
                redactor,
            ),
            Err(error) => {
                complain(redactor, &format!("{}: {error}", path.display()));
                return Ok(Exit::Error);
            }
        },
    };
    match ended {
        // A reader that has gone away (`| head`) is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        ended => ended.wrap_err("cannot write to standard output"),
    }
}

/// Answers each line; fails where answers cannot be written.
fn lines<R: io::Read>(
    from: &mut BufReader<R>,
    mut judge: CanaryAnalyzer,
    output: JudgeOutput,
    redactor: &Redactor,
) -> io::Result<Exit> {
    let mut stdout = io::stdout().lock();
    let mut out = Vec::with_capacity(2 * BUFFER_BYTES);
    let mut line = Vec::new();
    let mut last: Option<AnalysisStatus> = None;
    for number in 1_u64.. {
        line.clear();
        let read_one = from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let told = match read_one {
            Ok(0) => break,
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(bytes) if bytes as u64 == MAX_LINE_BYTES => Err("it is longer than 1 MiB".to_owned()),
            Ok(_) => read(line.trim_ascii_end()),
            Err(error) => Err(format!("it cannot be read: {error}")),
        };
        let told = match told {
            Ok(told) => told,
            Err(why) => {
                stdout.write_all(&out)?;
                stdout.flush()?;
                complain(redactor, &format!("line {number}: {why}"));
                return Ok(Exit::Error);
            }
        };
        if told.weight.is_some() {
            judge.set_weight(told.weight);
        }
        judge.take(&told.look);
        if told.look == Look::Reset {
            last = None;
        } else {
            let report = judge.report();
            last = Some(report.opinion);
            match output {
                JudgeOutput::Json => json(&report, &mut out),
                JudgeOutput::Text => text(&report, &mut out),
            }
        }
        // Whoever feeds line by line gets answers line by line.
        if out.len() > BUFFER_BYTES || !from.buffer().contains(&b'\n') {
            stdout.write_all(&out)?;
            stdout.flush()?;
            out.clear();
        }
    }
    stdout.write_all(&out)?;
    stdout.flush()?;
    Ok(exit(last))
}
