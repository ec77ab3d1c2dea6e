//! Checks that fail with words, and waiting for what is to come.

use std::fmt::Debug;
use std::time::Duration;

use libtest_mimic::Failed;

/// What a check gives: a failure says in words what is not as it must be.
pub type Checked<T = ()> = Result<T, Failed>;

/// How long anything may take that is waited for. Far more than it ever takes: it only ends what hangs.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Asks again until there is an answer.
///
/// # Errors
/// What did not come.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> Checked<T> {
    let polled = async {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        loop {
            ticks.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    Ok(tokio::time::timeout(WAIT_TIMEOUT, polled).await.map_err(|_| format!("{what} never came"))?)
}

/// Fails unless two things are the same.
pub fn same<T: PartialEq + Debug>(what: &str, got: &T, wanted: &T) -> Checked {
    if got == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, wanted {wanted:?}").into()) }
}

pub fn holds(what: &str, it_does: bool) -> Checked {
    if it_does { Ok(()) } else { Err(format!("it does not hold that {what}").into()) }
}

/// Fails unless a text contains another.
pub fn says(text: &str, wanted: &str) -> Checked {
    if text.contains(wanted) { Ok(()) } else { Err(format!("{text:?} does not say {wanted:?}").into()) }
}
