//! Who we are to a provider of feature flags: a token or password, which may be replaced while the program runs.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

/// Reads the token as it is now; the redactor knows it then.
pub type RevealToken = Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// A token and where it comes from. Cheap to clone; all clones have the same token.
#[derive(Clone)]
pub struct Login {
    token: Arc<Mutex<String>>,
    reveal: RevealToken,
}

impl Login {
    /// Makes it with the token as it is now.
    #[must_use]
    pub fn new(token: String, reveal: RevealToken) -> Self {
        Self { token: Arc::new(Mutex::new(token)), reveal }
    }

    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns another token than the one that was refused; `None` where there is none.
    pub(super) async fn instead_of(&self, refused: &str) -> Option<String> {
        let known = self.token();
        if known != refused {
            return Some(known);
        }
        let (reveal, own) = ((self.reveal)(), Arc::clone(&self.token));
        // Whoever waits may give up before a slow command is done: the next one has what it said.
        let read = tokio::spawn(async move {
            let token = reveal.await.ok()?;
            own.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token);
            Some(token)
        });
        read.await.ok().flatten().filter(|token| token != refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(token: &Arc<Mutex<Result<String, String>>>) -> RevealToken {
        let token = Arc::clone(token);
        Arc::new(move || {
            let now = token.lock().unwrap().clone();
            Box::pin(async move { now })
        })
    }

    #[tokio::test]
    async fn a_token_that_was_refused_is_read_again_and_no_token_is_tried_twice() {
        let source = Arc::new(Mutex::new(Ok("first".to_owned())));
        let login = Login::new("first".to_owned(), now(&source));
        let first = login.token();
        assert_eq!(login.instead_of(&first).await, None);
        *source.lock().unwrap() = Err("no login".to_owned());
        assert_eq!(login.instead_of(&first).await, None);
        *source.lock().unwrap() = Ok("second".to_owned());
        let second = login.clone().instead_of(&first).await.unwrap();
        assert_eq!(second, "second");
        // Another request was refused with the first as well: nobody reads it once more.
        *source.lock().unwrap() = Err("asked again".to_owned());
        assert_eq!((login.instead_of(&first).await, login.token()), (Some(second.clone()), second));
    }
}
