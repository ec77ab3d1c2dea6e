//! Workloads that come into a namespace while it is watched.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};
use support::process::Process;

use crate::cockpit;

/// Creates an object at a simulator, whose addresses are plain HTTP.
fn create(server: &str, path: &str, object: &Value) {
    let host = server.trim_start_matches("http://").split('/').next().unwrap();
    let body = object.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer admin-token\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn workload_that_is_made_later_is_found() {
    let demo = cockpit().serve_demo("canary", "20");
    let text = std::fs::read_to_string(&demo.kubeconfig).unwrap();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server: ")).unwrap();
    let program = cockpit().env("KUBECONFIG", &demo.kubeconfig);
    let context = text.lines().find_map(|line| line.trim().strip_prefix("- name: ")).unwrap();
    let mut command = program.command(&["--context", context, "-n", "payments", "status", "--watch"]);
    let mut process = Process::start(command.stdout(Stdio::piped())).unwrap();
    let mut lines = BufReader::new(process.child().stdout.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(lines.any(|line| line.contains("payments-api")));
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "late-arrival", "namespace": "payments"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "late"}},
                 "template": {"metadata": {"labels": {"app": "late"}},
                              "spec": {"containers": [{"name": "app", "image": "registry.test/late:1.0.0"}]}}},
    });
    create(server, "/apis/apps/v1/namespaces/payments/deployments", &object);
    assert!(lines.any(|line| line.contains("late-arrival")));
}
