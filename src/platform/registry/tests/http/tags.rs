//! Tags: what they name, and how one is moved.

use super::*;
use crate::domain::facts::registry::Repository;
use crate::platform::registry::tag::{StoredManifest, TagError};

const BASIC: &str = "Basic realm=\"r\"";

fn repository() -> Repository {
    Repository::parse("r.example/api")
}

fn manifest() -> StoredManifest {
    let media_type = "application/vnd.oci.image.manifest.v1+json".to_owned();
    StoredManifest { media_type, bytes: IMAGE.as_bytes().to_vec() }
}

async fn move_tag(client: &Registry) -> Result<(), TagError> {
    client.move_tag(&repository(), "stable", &manifest()).await
}

fn methods(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().iter().map(|(method, ..)| method.clone()).collect()
}

#[tokio::test]
async fn what_a_tag_names_is_told_by_the_header_or_else_by_the_manifest() {
    let told = digest("told");
    let header = told.clone();
    let (url, seen) = serve(move |_, _| (200, vec![("docker-content-digest", header.clone())], String::new())).await;
    assert_eq!(client(&url, ada()).named_by(&repository(), "stable").await, Ok(Some(told)));
    assert_eq!(methods(&seen), ["HEAD"]);
    let (url, seen) = serve(|_, _| ok(IMAGE)).await;
    assert_eq!(client(&url, ada()).named_by(&repository(), "stable").await, Ok(Some(digest(IMAGE))));
    assert_eq!(methods(&seen), ["HEAD", "GET"]);
    let (url, _) = serve(|_, _| (404, vec![], NOT_FOUND.to_owned())).await;
    assert_eq!(client(&url, ada()).named_by(&repository(), "stable").await, Ok(None));
    // A page that is not there says nothing of a tag.
    let (url, _) = serve(|_, _| (404, vec![], "<html>".to_owned())).await;
    client(&url, ada()).named_by(&repository(), "stable").await.unwrap_err();
}

#[tokio::test]
async fn only_what_moves_tags_asks_for_the_right_to_push() {
    let own = Arc::new(Mutex::new(String::new()));
    let place = Arc::clone(&own);
    let (url, seen) = serve(move |path, authorization| match authorization {
        Some("Bearer a-planted-token") => ok(IMAGE),
        _ if path.starts_with("/token") => (200, vec![], r#"{"token":"a-planted-token","expires_in":300}"#.to_owned()),
        _ => {
            let challenge = format!("Bearer realm=\"{}/token\",service=\"s\"", place.lock().unwrap());
            (401, vec![("www-authenticate", challenge)], String::new())
        }
    })
    .await;
    own.lock().unwrap().clone_from(&url);
    let reads = client(&url, ada());
    assert!(matches!(look(&reads, &image(IMAGE)).await, Ok(Stored::Present(_))));
    let pushes = reads.that_pushes();
    assert_eq!(pushes.manifest_of(&repository(), &digest(IMAGE)).await, Ok(Some(manifest())));
    assert_eq!(move_tag(&pushes).await, Ok(()));
    let seen = seen.lock().unwrap();
    let tokens: Vec<&str> = seen.iter().map(|one| one.1.as_str()).filter(|path| path.starts_with("/token")).collect();
    let [pull, push] =
        ["pull", "pull%2Cpush"].map(|actions| format!("/token?service=s&scope=repository%3Aapi%3A{actions}"));
    assert_eq!(tokens, [pull, push]);
    // It is known by then who pushes.
    assert_eq!(seen.iter().filter(|(method, ..)| method == "PUT").count(), 1);
}

#[tokio::test]
async fn a_manifest_is_not_sent_to_be_asked_who_sends_it() {
    let (url, seen) = serve(|_, authorization| match authorization {
        Some(_) => ok(IMAGE),
        None => (401, vec![("www-authenticate", BASIC.to_owned())], String::new()),
    })
    .await;
    let pushes = client(&url, ada()).that_pushes();
    pushes.named_by(&repository(), "stable").await.unwrap();
    assert_eq!(move_tag(&pushes).await, Ok(()));
    assert_eq!(seen.lock().unwrap().iter().filter(|(method, ..)| method == "PUT").count(), 1);
}

/// What a registry answers in place of taking it is a clear no, or proves nothing; it is sent once in either case.
#[tokio::test]
async fn each_no_says_what_to_do_and_a_failure_proves_nothing() {
    const IMMUTABLE: &str = r#"{"errors":[{"code":"TAG_INVALID","message":"the repository is immutable"}]}"#;
    const DENIED: &str = r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
    let login = "; the login for r.example needs the right to push to api";
    let kept = "; where the registry keeps tags from being moved, except this one from that";
    let cases = [
        (401, "", true, format!("401: the login of ada is not accepted{login}")),
        (
            403,
            DENIED,
            true,
            format!("403: no right to pull and push: DENIED: requested access to the resource is denied{login}"),
        ),
        (
            404,
            NOT_FOUND,
            true,
            "404: MANIFEST_UNKNOWN: manifest unknown; is api there, and may this login push to it?".to_owned(),
        ),
        (400, IMMUTABLE, true, format!("400: TAG_INVALID: the repository is immutable{kept}")),
        (405, "", true, format!("405: Method Not Allowed{kept}")),
        (429, "", true, "429: too many requests, again in 7 s".to_owned()),
        (307, "", true, "307: Temporary Redirect".to_owned()),
        (408, "", false, "408: Request Timeout".to_owned()),
        (502, "<html>", false, "502: Bad Gateway".to_owned()),
    ];
    for (status, body, is_no, expected) in cases {
        let headers = || vec![("retry-after", "7".to_owned()), ("location", "/elsewhere".to_owned())];
        let (url, seen) = serve(move |_, _| (status, headers(), body.to_owned())).await;
        let error = move_tag(&client(&url, ada()).that_pushes()).await.unwrap_err();
        let wanted = if is_no { TagError::Refused(expected) } else { TagError::Unknown(expected) };
        assert_eq!(error, wanted);
        assert_eq!(methods(&seen), ["PUT"], "{status}");
    }
    // Nobody is there: nothing was sent.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = move_tag(&client(&url, ada()).that_pushes()).await.unwrap_err();
    assert!(matches!(error, TagError::Refused(_)), "{error:?}");
}
