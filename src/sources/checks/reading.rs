//! Runs the reading of files beside everything else, and ends it when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::incoming::Incoming;
use super::{CheckInput, Evidence, Tools};
use crate::platform::Redactor;

/// Says that the check was cancelled.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all reading for one look goes by.
pub(super) struct ReadContext {
    /// Says when to give up.
    pub stop: Cancelled,
    /// Redacts what is quoted of the files.
    pub redactor: Redactor,
    /// What fills the placeholders of paths.
    pub scene: CheckInput,
    /// What the files have to be about.
    pub incoming: Incoming,
}

impl ReadContext {
    /// For what does not compare files with what comes in.
    pub fn without_comparison(scene: &CheckInput, tools: &Tools) -> Self {
        Self {
            stop: Cancelled::default(),
            redactor: tools.redactor.clone(),
            scene: scene.clone(),
            incoming: Incoming::default(),
        }
    }
}

/// Turns the stop on when the one who waits is gone.
struct StopOnDrop(Cancelled);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Reads reports where it holds nothing up, with what they are compared with.
pub(super) async fn apart(
    scene: &CheckInput,
    tools: &Tools,
    work: impl FnOnce(&ReadContext) -> Evidence + Send + 'static,
) -> Evidence {
    let incoming = match Incoming::of(scene, tools).await {
        Ok(incoming) => incoming,
        Err(why) => return Evidence::blind(why),
    };
    let reading = ReadContext { incoming, ..ReadContext::without_comparison(scene, tools) };
    let done = in_background(reading, work).await;
    done.unwrap_or_else(|| Evidence::blind("reading failed inside the cockpit: see the log"))
}

/// Runs it where it holds nothing up. When the caller gives up, the next read fails. `None` where it panicked.
pub(super) async fn in_background<T: Send + 'static>(
    reading: ReadContext,
    work: impl FnOnce(&ReadContext) -> T + Send + 'static,
) -> Option<T> {
    let waiting = StopOnDrop(reading.stop.clone());
    let done = tokio::task::spawn_blocking(move || work(&reading)).await;
    drop(waiting);
    done.ok()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::reports::Text;
    use super::*;

    #[tokio::test]
    async fn cancelling_stops_reading() {
        let (seen, stopped) = std::sync::mpsc::channel();
        let tools = Tools::default();
        let scene = CheckInput::default();
        let work = apart(&scene, &tools, move |reading| {
            let mut endless = Text::new(io::repeat(b' '), reading.stop.clone());
            let error = io::copy(&mut endless, &mut io::sink()).unwrap_err();
            seen.send(error.to_string()).unwrap();
            Evidence::blind("")
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), work).await.is_err());
        assert_eq!(stopped.recv().unwrap(), "the check was cancelled");
    }
}
