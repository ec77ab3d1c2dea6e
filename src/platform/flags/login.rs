//! Who we are to a provider of feature flags: a token, which may be replaced while the program runs.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use reqwest::header::HeaderValue;

/// Reads the token as it is now; the redactor knows it then.
pub type RevealToken = Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// A token and where it comes from. Cheap to clone; all clones have the same token.
#[derive(Clone)]
pub struct Login {
    token: Arc<Mutex<HeaderValue>>,
    reveal: RevealToken,
}

impl Login {
    /// Makes it with the token as it is now.
    ///
    /// # Errors
    /// Why the token cannot stand in a header.
    pub fn new(token: &str, reveal: RevealToken) -> Result<Self, String> {
        Ok(Self { token: Arc::new(Mutex::new(header(token)?)), reveal })
    }

    pub(super) fn token(&self) -> HeaderValue {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns another token than the one that was refused; `None` where there is none.
    pub(super) async fn instead_of(&self, refused: &HeaderValue) -> Option<HeaderValue> {
        let known = self.token();
        if known != refused {
            return Some(known);
        }
        let token = header(&(self.reveal)().await.ok()?).ok().filter(|token| token != refused)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        Some(token)
    }
}

fn header(token: &str) -> Result<HeaderValue, String> {
    let mut header = HeaderValue::try_from(token.trim())
        .map_err(|_| "the token has characters that are not allowed in a header".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
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
        let login = Login::new("first", now(&source)).unwrap();
        let first = login.token();
        assert_eq!(login.instead_of(&first).await, None);
        for unusable in [Err("no login".to_owned()), Ok("line\nbreak".to_owned())] {
            *source.lock().unwrap() = unusable;
            assert_eq!(login.instead_of(&first).await, None);
        }
        *source.lock().unwrap() = Ok("second\n".to_owned());
        let second = login.clone().instead_of(&first).await.unwrap();
        assert_eq!((second.to_str().unwrap(), second.is_sensitive()), ("second", true));
        // Another request was refused with the first as well: nobody reads it once more.
        *source.lock().unwrap() = Err("asked again".to_owned());
        assert_eq!((login.instead_of(&first).await, login.token()), (Some(second.clone()), second));
    }
}
