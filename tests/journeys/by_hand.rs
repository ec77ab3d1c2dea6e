//! What a person does with the program: a command, or keys on the screen.

use support::check::{same, says};
use support::program::Run;
use support::{Checked, Program, Pty};

use super::bed::{Bed, How};

impl Bed<'_> {
    /// Alice rolls back, and it is done when the program says so.
    pub async fn roll_back(&self) -> Checked {
        self.roll_back_with(&self.alice).await
    }

    /// The same with another config.
    pub async fn roll_back_with(&self, program: &Program) -> Checked {
        match self.how {
            How::Command => {
                let run = program.run_async(&["rollback", "--yes"]).await;
                done(&run)
            }
            How::Key => {
                on_screen(program, |pty| {
                    pty.wait_text("R roll back to");
                    confirmed(pty, "R", "Roll back");
                    // What owns the manifest is suspended along with it, and done sooner.
                    let is_done = |line: &str| line.contains("done:") && !line.contains("done: suspended");
                    pty.wait("the rollback is done", |screen| screen.contents().lines().any(is_done));
                })
                .await
            }
        }
    }

    /// Alice asks for another rollback: there is nothing to do.
    pub async fn roll_back_again(&self) -> Checked {
        match self.how {
            How::Command => {
                let run = self.alice.run_async(&["rollback", "--yes"]).await;
                says(&run.said(), "already back on 1.0.0")?;
                same("exit code", &run.code(), &0)
            }
            How::Key => {
                on_screen(&self.alice, |pty| {
                    pty.wait_text("rolled back");
                    pty.send("R");
                    pty.wait_text("cannot roll back");
                    pty.send("w");
                    pty.wait("it is closed", |screen| !screen.contents().contains("cannot roll back"));
                })
                .await
            }
        }
    }

    /// Alice runs a command; returns how it ended.
    pub async fn command(&self, arguments: &[&str]) -> Run {
        self.alice.run_async(arguments).await
    }
}

/// The command ended well, and says that it is done.
pub fn done(run: &Run) -> Checked {
    if run.code() != 0 {
        return Err(format!("exit code {}: {}", run.code(), run.said()).into());
    }
    says(&run.out(), "done:")
}

/// Opens the screen, uses it, and leaves. On a thread of its own: a simulator may answer on this one.
pub async fn on_screen(program: &Program, work: impl FnOnce(&mut Pty) + Send + 'static) -> Checked {
    let program = program.clone();
    let leave = move || {
        let mut pty = program.screen(&[], (140, 40));
        work(&mut pty);
        pty.send("q");
        pty.exit()
    };
    same("exit code", &tokio::task::spawn_blocking(leave).await?, &0)
}

/// Presses a key and confirms the question.
#[track_caller]
pub fn confirmed(pty: &mut Pty, keys: &str, title: &str) {
    for key in keys.chars() {
        pty.send(&key.to_string());
    }
    pty.confirm(title);
}
