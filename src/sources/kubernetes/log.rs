//! The end of a failing pod's log.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Api;
use kube::api::LogParams;

use super::ReadClient;
use crate::domain::facts::pod::Pod;

/// How many lines are kept.
const MAX_LINES: i64 = 50;
/// How long the answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes asked for at most: a line may be endless.
const MAX_BYTES: i64 = 64 * 1024;

/// Returns the last lines of the pod's failing container, of its previous instance when it was restarted. Secrets in them are
/// hidden, as far as they are known or shaped like one.
///
/// # Errors
/// Why there are none, in words.
pub async fn tail(client: &ReadClient, namespace: &str, pod: &Pod) -> Result<Vec<String>, String> {
    let api: Api<KubePod> = Api::namespaced(client.kube.clone(), namespace);
    let params = LogParams {
        container: pod.failing_container.clone(),
        tail_lines: Some(MAX_LINES),
        limit_bytes: Some(MAX_BYTES),
        previous: pod.restarted,
        ..LogParams::default()
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, api.logs(&pod.name, &params)).await {
        Ok(Ok(text)) if text.trim().is_empty() => Err("the log is empty".to_owned()),
        Ok(Ok(text)) => Ok(text.lines().map(|line| client.redactor().redact(line).into_owned()).collect()),
        Ok(Err(error)) => Err(client.explain(&error)),
        Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::platform::Redactor;

    #[tokio::test]
    async fn secrets_in_a_log_are_hidden() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let text = "starting\nlogin with s3cr3t-of-ours failed\n";
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let redactor = Redactor::default();
        redactor.add_secret("s3cr3t-of-ours");
        let client = ReadClient::new(kube::Config::new(url.parse().unwrap()), &redactor).unwrap();
        let lines = tail(&client, "shop", &Pod { name: "api-0".to_owned(), ..Pod::default() }).await.unwrap();
        assert_eq!(lines.len(), 2);
        assert!(!lines[1].contains("s3cr3t"), "{lines:?}");
    }
}
