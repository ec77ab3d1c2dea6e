//! Child processes in a process group of their own, so that what they started can be ended with them.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A process group. Dropped, it is killed, unless it was released before.
pub(crate) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// Takes over the group that a child leads, by the child's process id.
    pub(crate) fn of(child: Option<u32>) -> Self {
        Self(child.and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Asks all of the group to end.
    pub(crate) fn terminate(&self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::TERM);
        }
    }

    /// Ends all of the group.
    pub(crate) fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // Fails only where no one of the group is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Leaves alone what the leader left behind.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }

    /// Waits until the leader has ended, and leaves it uncollected, so that the group cannot be another's by now.
    pub(crate) async fn leader_ended(&self) -> io::Result<()> {
        let Some(pid) = self.0 else { return Ok(()) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut pause = Duration::from_millis(1);
        // A thread that waits could not be called off; asking costs next to nothing.
        while waitid(WaitId::Pid(pid), options)?.is_none() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
