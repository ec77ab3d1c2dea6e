//! `command`: runs a program and takes its exit code as the answer.

use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;

use super::wording::{MAX_LINE_CHARS, figure};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Command;
use crate::domain::facts::text::duration;
use crate::platform::Redactor;
use crate::platform::process_group::ProcessGroup;
use crate::platform::program::{OUTPUT_GRACE, Program, ending};

/// How many of the last lines are kept.
const MAX_TAIL_LINES: usize = 40;

pub(super) async fn look(asked: &Command, scene: &CheckInput, tools: &Tools) -> Evidence {
    let variables = variables(scene);
    let program = Program { argv: &asked.argv, dir: &asked.dir, variables: &variables };
    let Some(mut process) = program.command() else {
        return Evidence::blind("there is no program to run: set `argv`");
    };
    let name = tools.redactor.cut(asked.argv.first().map_or("", String::as_str), 100);
    let began = Instant::now();
    let mut child = match process.spawn() {
        Ok(child) => child,
        Err(error) => return Evidence::blind(program.not_started(&name, &error)),
    };
    let mut tail = Tail { redactor: tools.redactor.clone(), ..Tail::default() };
    let ended = run(&mut child, &mut tail).await;
    let took = took(began.elapsed());
    let lines = tail.finish();
    let last = lines.last().map_or_else(String::new, |line| format!(": {}", tools.redactor.cut(line, 120)));
    match ended {
        Ok(status) if status.success() => Evidence::passed(format!("exit code 0 after {took}{last}")).with(lines),
        Ok(status) => {
            Evidence::failed(format!("{} after {took}{last}", ending(status)), format!("{name} ends with exit code 0"))
                .with(lines)
        }
        Err(error) => Evidence::blind(format!("{name}: how it ended is unknown: {error}")).with(lines),
    }
}

/// Returns what it is told of what it looks at.
fn variables(scene: &CheckInput) -> [(&'static str, String); 5] {
    let env = scene.env.as_ref().map(ToString::to_string);
    [
        ("COCKPIT_ENV", env.unwrap_or_default()),
        ("COCKPIT_SERVICE", scene.service.clone()),
        ("COCKPIT_VERSION", scene.version.clone()),
        ("COCKPIT_COMMIT", scene.commit.as_ref().map(|built| built.commit.clone()).unwrap_or_default()),
        ("COCKPIT_IMAGES", scene.images.join(" ")),
    ]
}

fn took(time: Duration) -> String {
    let time = jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX);
    if time < jiff::SignedDuration::from_secs(1) { format!("{} ms", time.as_millis()) } else { duration(time) }
}

/// Reads what it says until it ends, and ends whatever it left behind.
async fn run(child: &mut Child, tail: &mut Tail) -> io::Result<ExitStatus> {
    let mut group = ProcessGroup::of(child.id());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let [mut first, mut second] = [Partial::default(), Partial::default()];
    {
        let reading = async {
            let mut tails = (&mut *tail, &mut first, &mut second);
            read_both(out, err, &mut tails).await;
        };
        tokio::pin!(reading);
        let ended = group.leader_ended();
        tokio::pin!(ended);
        tokio::select! {
            () = &mut reading => { ended.await?; }
            result = &mut ended => {
                result?;
                let _ = tokio::time::timeout(OUTPUT_GRACE, &mut reading).await;
            }
        }
    }
    tail.close(&mut first);
    tail.close(&mut second);
    group.kill();
    child.wait().await
}

/// Reads both outputs to their end.
async fn read_both(
    out: Option<impl AsyncRead + Unpin>,
    err: Option<impl AsyncRead + Unpin>,
    (tail, first, second): &mut (&mut Tail, &mut Partial, &mut Partial),
) {
    let (mut out, mut err) = (out, err);
    let (mut of_out, mut of_err) = (vec![0; 8192], vec![0; 8192]);
    while out.is_some() || err.is_some() {
        tokio::select! {
            count = read(&mut out, &mut of_out), if out.is_some() => match count {
                0 => out = None,
                count => tail.take(first, &of_out[..count]),
            },
            count = read(&mut err, &mut of_err), if err.is_some() => match count {
                0 => err = None,
                count => tail.take(second, &of_err[..count]),
            },
        }
    }
}

/// Reads some; what fails has ended.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

/// A line that is not complete.
#[derive(Default)]
struct Partial(Vec<u8>);

/// The last lines of an output without end.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    dropped: u64,
    redactor: Redactor,
}

impl Tail {
    /// No more of a line is kept.
    const MAX_LINE_BYTES: usize = MAX_LINE_CHARS * 4;

    fn take(&mut self, partial: &mut Partial, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = Self::MAX_LINE_BYTES.saturating_sub(partial.0.len());
            partial.0.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let line = std::mem::take(&mut partial.0);
                self.push(&line);
            }
        }
    }

    /// Takes what is left of an output that ended without a line break.
    fn close(&mut self, partial: &mut Partial) {
        if !partial.0.is_empty() {
            let line = std::mem::take(&mut partial.0);
            self.push(&line);
        }
    }

    fn push(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        let line = self.redactor.redact(&line).into_owned();
        let line = match line.char_indices().nth(MAX_LINE_CHARS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        };
        if self.lines.len() == MAX_TAIL_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    fn finish(self) -> Vec<String> {
        let dropped = (self.dropped > 0).then(|| format!("… {} before", figure(self.dropped)));
        dropped.into_iter().chain(self.lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::record::checklist::CheckOutcome;
    use crate::platform::program::INHERITED_VARIABLES;

    fn command(argv: &[&str]) -> Command {
        Command { argv: argv.iter().map(|word| (*word).to_owned()).collect(), dir: "/".into() }
    }

    async fn run(argv: &[&str]) -> Evidence {
        look(&command(argv), &CheckInput::default(), &Tools::default()).await
    }

    #[tokio::test]
    async fn the_exit_code_is_the_answer() {
        let evidence = run(&["sh", "-c", "echo fine"]).await;
        assert_eq!(evidence.found, CheckOutcome::Passed);
        assert!(evidence.summary.starts_with("exit code 0 after ") && evidence.summary.ends_with(": fine"));
        let evidence = run(&["sh", "-c", "echo out; echo err >&2; exit 3"]).await;
        assert_eq!(evidence.found, CheckOutcome::Failed);
        assert!(evidence.summary.starts_with("exit code 3 after "), "{}", evidence.summary);
        let mut lines = evidence.lines.clone();
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
        let evidence = run(&["sh", "-c", "kill -9 $$"]).await;
        assert!(evidence.summary.starts_with("killed by signal 9"), "{}", evidence.summary);
        assert_eq!(evidence.found, CheckOutcome::Failed);
    }

    #[tokio::test]
    async fn command_that_cannot_start_is_blind() {
        let evidence = run(&["no-such-program"]).await;
        assert_eq!(evidence.found, CheckOutcome::Blind);
        assert_eq!(evidence.summary, "cannot run no-such-program: there is no such program");
        assert_eq!(run(&["/etc/passwd"]).await.summary, "cannot run /etc/passwd: it may not be executed (chmod +x?)");
        let lost = Command { dir: "/no/such".into(), ..command(&["true"]) };
        let evidence = look(&lost, &CheckInput::default(), &Tools::default()).await;
        assert_eq!(evidence.summary, "cannot run true in /no/such: there is no such folder");
    }

    #[tokio::test]
    async fn no_shell_no_input_and_no_secret_reaches_it() {
        let evidence = run(&["printf", "%s\n", "$HOME; echo x", ""]).await;
        assert_eq!(evidence.lines, ["$HOME; echo x", ""]);
        assert_eq!(run(&["cat"]).await.found, CheckOutcome::Passed);
        // Cargo sets variables of its own for tests: they stand for whatever secrets are about.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let scene = CheckInput {
            env: Some(EnvName::new("prod")),
            service: "payments".into(),
            version: "1.5.0\0".into(),
            images: vec!["a:1".into(), "b:2".into()],
            ..CheckInput::default()
        };
        let evidence = look(&command(&["env"]), &scene, &Tools::default()).await;
        let allowed = |line: &String| {
            let name = line.split('=').next().unwrap();
            INHERITED_VARIABLES.contains(&name) || name == "TERM" || name.starts_with("COCKPIT_")
        };
        assert!(evidence.lines.iter().all(allowed), "{:?}", evidence.lines);
        for line in ["TERM=dumb", "COCKPIT_ENV=prod", "COCKPIT_VERSION=1.5.0", "COCKPIT_IMAGES=a:1 b:2"] {
            assert!(evidence.lines.iter().any(|told| told == line), "{line}: {:?}", evidence.lines);
        }
    }

    #[tokio::test]
    async fn output_is_bounded_and_keeps_its_control_characters() {
        let evidence =
            run(&["sh", "-c", "seq 1 1000; printf '\\033[2Jx'; head -c 100000 /dev/zero | tr '\\0' y"]).await;
        assert_eq!(evidence.lines.len(), MAX_TAIL_LINES + 1);
        assert_eq!(evidence.lines[0], "… 961 before");
        let last = &evidence.lines[MAX_TAIL_LINES];
        assert!(last.starts_with("\u{1b}[2Jxy") && last.chars().count() == MAX_LINE_CHARS + 1);
    }

    /// Says whether a process still runs; one that has ended and was not collected does not.
    fn runs(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
    }

    async fn is_gone(pid: &str) -> bool {
        for _ in 0..200 {
            if !runs(pid) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn child_processes_end_with_the_command() {
        let evidence = run(&["sh", "-c", "sleep 600 & echo $!"]).await;
        assert_eq!(evidence.found, CheckOutcome::Passed);
        assert!(is_gone(&evidence.lines[0]).await);
    }

    #[tokio::test]
    async fn cancelling_ends_command_and_children() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            format!("sleep 600 & echo $! $$ > {0}/pids.new; mv {0}/pids.new {0}/pids; yes", folder.path().display());
        let asked = command(&["sh", "-c", &script]);
        let (scene, tools) = (CheckInput::default(), Tools::default());
        let pids = folder.path().join("pids");
        {
            let looking = look(&asked, &scene, &tools);
            tokio::pin!(looking);
            while !pids.exists() {
                assert!(tokio::time::timeout(Duration::from_millis(20), &mut looking).await.is_err());
            }
        }
        for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
            assert!(is_gone(pid).await, "{pid}");
        }
    }
}
