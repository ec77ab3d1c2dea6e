//! A server of the tests' own, on a free port of this machine.

use axum::Router;
use tokio::task::JoinHandle;

use crate::Checked;

/// It ends when dropped.
#[derive(Debug)]
pub struct LocalServer {
    /// Its address, without a path.
    pub url: String,
    task: JoinHandle<()>,
}

impl LocalServer {
    /// Serves routes from now on.
    pub async fn start(routes: Router) -> Checked<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, task })
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
