//! The API as its clients use it.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{ADMIN_TOKEN, ALICE_TOKEN, Unleash, VIEWER_TOKEN};
use crate::clock::{Clock, later};

struct Client {
    url: String,
    _ends: DropGuard,
}

impl Client {
    async fn of(unleash: &Unleash) -> Self {
        let shutdown = CancellationToken::new();
        let address = unleash.serve(&shutdown).await.unwrap();
        Self { url: format!("http://{address}/api/admin/"), _ends: shutdown.drop_guard() }
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = support::http_client().request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = if token.is_empty() { request } else { request.header("Authorization", token) };
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }
}

const FLAG: &str = "projects/default/features/checkout";

#[tokio::test]
async fn what_is_refused_is_refused_as_by_the_real_server() {
    let unleash = Unleash::new(["staging", "prod"]);
    let client = Client::of(&unleash).await;
    let features = "projects/default/features";
    let new = json!({"name": "checkout", "type": "release"});
    assert_eq!(client.ask(ADMIN_TOKEN, "POST", features, new.clone()).await.0, 201);
    let cases = [
        (ADMIN_TOKEN, "POST", features.to_owned(), 409, "NameExistsError"),
        ("", "GET", features.to_owned(), 401, "AuthenticationRequired"),
        ("*:*.wrong", "GET", features.to_owned(), 401, "UnauthorizedError"),
        (VIEWER_TOKEN, "POST", format!("{FLAG}/environments/prod/on"), 403, "PermissionError"),
        (ALICE_TOKEN, "POST", format!("{FLAG}/environments/nowhere/on"), 404, "NotFoundError"),
        (ALICE_TOKEN, "POST", format!("{features}/nothing/environments/prod/off"), 404, "NotFoundError"),
        (ALICE_TOKEN, "GET", "projects/other/features/checkout".to_owned(), 404, "NotFoundError"),
        (ALICE_TOKEN, "GET", "nothing".to_owned(), 404, "NotFoundError"),
    ];
    for (token, method, path, status, name) in cases {
        let (answered, body) = client.ask(token, method, &path, new.clone()).await;
        assert_eq!((answered, body["name"].as_str()), (status, Some(name)), "{method} {path}: {body}");
        assert_eq!(body["details"][0]["message"], body["message"], "{body}");
    }
    assert_eq!(client.ask(ALICE_TOKEN, "DELETE", FLAG, Value::Null).await.0, 202);
    let (status, body) = client.ask(ALICE_TOKEN, "POST", &format!("{FLAG}/environments/prod/off"), Value::Null).await;
    assert_eq!((status, body["name"].as_str()), (400, Some("ArchivedFeatureError")));
    assert_eq!(client.ask(ALICE_TOKEN, "GET", FLAG, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_log_has_each_turn_once_with_who_and_where() {
    let unleash = Unleash::new(["staging", "prod"]);
    let client = Client::of(&unleash).await;
    client.ask(ADMIN_TOKEN, "POST", "projects/default/features", json!({"name": "checkout"})).await;
    let on = format!("{FLAG}/environments/prod/on");
    for _ in 0..2 {
        assert_eq!(client.ask(ALICE_TOKEN, "POST", &on, Value::Null).await, (200, Value::Null));
    }
    let (_, log) = client.ask(ALICE_TOKEN, "GET", "search/events?feature=IS:checkout&limit=9", Value::Null).await;
    let told = log["events"].as_array().unwrap().iter().map(|event| {
        [&event["type"], &event["environment"], &event["createdBy"]]
            .map(|value| value.as_str().unwrap_or("").to_owned())
    });
    let expected = [
        ["feature-environment-enabled", "prod", "alice"],
        ["feature-strategy-add", "prod", "alice"],
        ["feature-created", "", "admin"],
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let (_, feature) = client.ask(ALICE_TOKEN, "GET", FLAG, Value::Null).await;
    assert_eq!(feature["environments"][1]["strategies"][0]["parameters"]["rollout"], "100");
    assert_eq!(feature["environments"][0]["enabled"], false);
}

#[test]
fn users_get_a_flag_as_clients_ask_again() {
    let clock = Clock::stopped_at(Timestamp::UNIX_EPOCH, 1.0);
    let unleash = Unleash::with_clock(["prod"], clock.clone());
    let flag = super::NewFlag {
        name: "checkout".to_owned(),
        kind: "release".to_owned(),
        by: "ada".to_owned(),
        at: clock.now(),
    };
    unleash.create(flag);
    let reach = |seconds| {
        clock.stop_at(later(clock.now(), std::time::Duration::from_secs(seconds)));
        format!("{:.0} %", unleash.reach("checkout", "prod") * 100.0)
    };
    assert_eq!(reach(5), "0 %");
    unleash.turn("checkout", "prod", true, "ada");
    assert_eq!([reach(0), reach(4), reach(6), reach(9)], ["0 %", "40 %", "100 %", "100 %"]);
    unleash.turn("checkout", "prod", false, "ada");
    assert_eq!([reach(5), reach(5), reach(5)], ["50 %", "0 %", "0 %"]);
    assert!(unleash.reach("checkout", "nowhere").abs() < 1e-9);
}
