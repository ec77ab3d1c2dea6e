//! Against servers that answer as the REST APIs are documented.

mod circleci;
mod github;
mod gitlab;
mod jenkins;

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::*;
use crate::config::Secret;
use crate::domain::record::checklist::CheckOutcome;
use crate::sources::checks::Built;

const SHA: &str = "ce587453ced02b1526dfb4cb910479d431683101";

type Answers = HashMap<String, (u16, Value)>;

/// Answers by path and page; notes the headers of each request.
async fn serve(answers: Answers) -> (reqwest::Url, Arc<Mutex<Vec<String>>>) {
    type Shared = (Arc<Answers>, Arc<Mutex<Vec<String>>>);
    async fn answer(
        State((answers, seen)): State<Shared>,
        Query(query): Query<HashMap<String, String>>,
        request: Request,
    ) -> Response {
        let page = query.get("page").or(query.get("page-token")).map_or(String::new(), |page| format!("?page={page}"));
        let path = request.uri().path().to_owned();
        let secrets: Vec<String> = ["authorization", "private-token", "circle-token"]
            .iter()
            .filter_map(|name| Some(request.headers().get(*name)?.to_str().unwrap().to_owned()))
            .collect();
        seen.lock().unwrap().push(format!("{} {}", request.uri(), secrets.join(",")));
        let found = answers.get(&format!("{path}{page}")).or_else(|| answers.get(&path));
        match found {
            Some((status, json)) => (StatusCode::from_u16(*status).unwrap(), Json(json.clone())).into_response(),
            None => (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response(),
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let state = (Arc::new(answers), seen.clone());
    let router = Router::new().fallback(any(answer)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen)
}

fn asked(provider: Provider, url: reqwest::Url, project: &str, checks: &[&str]) -> Ci {
    let token = Some(Secret::Command(vec!["printf".into(), "s3cret".into()]));
    let checks = checks.iter().map(|name| (*name).to_owned()).collect();
    Ci {
        provider,
        url,
        project: project.to_owned(),
        user: Some("ada".into()),
        token,
        checks,
        parameters: BTreeMap::new(),
    }
}

async fn look_at(asked: &Ci, commit: &str) -> Evidence {
    let scene = CheckInput {
        version: "1.5.0".into(),
        commit: Some(Built { commit: commit.to_owned(), told_by: "a label".to_owned() }),
        ..CheckInput::default()
    };
    let evidence = look(asked, &scene, &Tools::default()).await;
    assert!(!format!("{evidence:?}").contains("s3cret"));
    evidence
}

#[tokio::test]
async fn refusals_and_other_commits_are_blind_with_a_reason() {
    let path = format!("/repos/shop/payments/commits/{SHA}/check-runs");
    let mut other = github::check_run("build", "completed", Some("success"));
    other["head_sha"] = json!("0000000000000000000000000000000000000000");
    for (status, json, words) in [
        (401, json!({"message": "Bad credentials"}), "denies access (401: Bad credentials): check `project`"),
        (404, json!({"message": "Not Found"}), "is not there (404: Not Found)"),
        (403, json!({"message": "API rate limit exceeded"}), "denies access (403: API rate limit exceeded)"),
        (500, json!(null), "cannot answer now (500)"),
        (200, json!([1]), "JSON of another shape"),
        (200, json!({"total_count": "1", "check_runs": []}), "JSON of another shape"),
        (200, json!({"total_count": 1, "check_runs": [other]}), "GitHub answers for another commit"),
        (301, json!({"message": "Moved Permanently"}), "redirects to"),
    ] {
        let (url, _) = serve([(path.clone(), (status, json))].into()).await;
        let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
        assert_eq!(evidence.found, CheckOutcome::Blind);
        assert!(evidence.summary.contains(words), "{}", evidence.summary);
    }
}

#[test]
fn unknown_words_of_ci_servers_are_never_green() {
    use proptest::prelude::*;
    proptest!(|(word in "[a-z_]{1,12}")| {
        prop_assume!(!matches!(word.as_str(), "success" | "neutral"));
        prop_assert_ne!(super::circleci::outcome(&word), Outcome::Passed);
        prop_assert_ne!(super::gitlab::outcome(&word), Outcome::Passed);
        prop_assert_ne!(super::github::outcome("completed", Some(&word)), Outcome::Passed);
        prop_assert_ne!(super::github::outcome(&word, None), Outcome::Passed);
        prop_assert_ne!(super::github::outcome_of_status(&word), Outcome::Passed);
        prop_assert_ne!(super::jenkins::outcome(&word), Outcome::Passed);
    });
}

#[tokio::test]
async fn missing_commit_is_blind_and_names_a_remedy() {
    let nowhere = "http://127.0.0.1:1/".parse().unwrap();
    let asking = asked(Provider::GitHub, nowhere, "shop/payments", &[]);
    let scene = CheckInput { version: "1.5.0".into(), ..CheckInput::default() };
    let evidence = look(&asking, &scene, &Tools::default()).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("org.opencontainers.image.revision"), "{}", evidence.summary);
    let doubted = CheckInput { commit_doubt: Some("cannot read replicaset/api-1: 403".into()), ..scene };
    let why = "the commit that 1.5.0 was built from is unknown: cannot read replicaset/api-1: 403";
    assert_eq!(look(&asking, &doubted, &Tools::default()).await.summary, why);
    for commit in ["main", "ce5874", "../../user"] {
        assert!(look_at(&asking, commit).await.summary.contains("is not a commit hash"));
    }
    assert!(look_at(&asking, SHA).await.summary.starts_with("cannot reach http://127.0.0.1:1/repos"));
}
