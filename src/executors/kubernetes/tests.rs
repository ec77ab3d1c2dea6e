use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::workload::kind::WorkloadKind;

/// Asks a server that ends the connection as soon as a byte of anything has come.
async fn hung_up_on(scheme: &str) -> SendError {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
        }
    });
    let executor = Kubernetes::new(kube::Config::new(url.parse().unwrap()), "shop", Redactor::default()).unwrap();
    executor.get("Rollout", "api").await.unwrap_err()
}

/// Takes requests and answers each with the next of `answers`; returns the first line of each request.
async fn answered(listener: tokio::net::TcpListener, answers: [(u16, Value); 2]) -> Vec<String> {
    let mut asked = Vec::new();
    for (status, body) in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            stream.read_buf(&mut request).await.unwrap();
        }
        asked.push(String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned());
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
    asked
}

/// The kube-apiserver says 403 to those who may write to the status alone.
#[tokio::test]
async fn nudge_of_who_may_write_to_the_status_alone_goes_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let executor = Kubernetes::new(kube::Config::new(url.parse().unwrap()), "shop", Redactor::default()).unwrap();
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "api", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "template": {}}});
    let denied = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 403,
        "reason": "Forbidden", "message": "rollouts.argoproj.io \"api\" is forbidden"});
    let server = tokio::spawn(answered(listener, [(403, denied), (200, rollout.clone())]));
    let workload_id = WorkloadId { kind: WorkloadKind::Rollout, name: "api".to_owned() };
    let target = Target::Workload(WorkloadKey { env: EnvName("prod".to_owned()), workload: workload_id });
    executor.nudge(&target, &workload(&rollout).unwrap()).await.unwrap();
    let paths = server.await.unwrap();
    assert!(paths[0].contains("/rollouts/api?"), "{paths:?}");
    assert!(paths[1].contains("/rollouts/api/status?"), "{paths:?}");
}

#[tokio::test]
async fn failed_handshake_sent_nothing_but_a_failed_answer_is_unknown() {
    let SendError::Refused(why) = hung_up_on("https").await else { panic!("the request cannot have been sent") };
    assert!(why.starts_with("not sent"), "{why}");
    assert!(matches!(hung_up_on("http").await, SendError::Unknown(_)));
}
