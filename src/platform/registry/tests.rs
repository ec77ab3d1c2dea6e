use super::*;
use crate::domain::facts::registry::challenge::TokenPlace;

fn registry(url: &str) -> Registry {
    let place = RegistryPlace { host: "registry.example".to_owned(), url: url.parse().unwrap(), ca: None };
    Registry::new(place, Credentials::Anonymous, Redactor::default()).unwrap()
}

#[test]
fn a_hostile_name_reaches_no_other_path() {
    let registry = registry("https://registry.example/prefix/");
    let at = |name: &str, reference: &str| {
        let repository = Repository { host: "registry.example".to_owned(), name: name.to_owned() };
        registry.url(&repository, &["manifests", reference]).map(|url| url.to_string())
    };
    let start = "https://registry.example/prefix/v2/team/api/manifests/";
    assert_eq!(at("team/api", "1.5.0"), Ok(format!("{start}1.5.0")));
    assert_eq!(at("team/api", "a/b?c#d"), Ok(format!("{start}a%2Fb%3Fc%23d")));
    for (name, reference) in [("../api", "1"), ("team/api", ".."), ("team/api", ""), ("a?b", "1")] {
        assert!(at(name, reference).is_err(), "{name} {reference}");
    }
}

#[test]
fn a_request_goes_on_to_no_place_that_can_be_read_on_the_way() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    assert!(may_follow(&url("https://a/"), &url("https://b/")));
    assert!(may_follow(&url("http://a/"), &url("http://b/")));
    assert!(!may_follow(&url("https://a/"), &url("http://a/")));
    assert!(!may_follow(&url("https://a/"), &url("file:///etc/passwd")));
}

#[tokio::test]
async fn a_password_goes_to_no_server_for_tokens_that_can_be_read_on_the_way() {
    let place = TokenPlace { realm: "http://elsewhere.example/token".to_owned(), ..TokenPlace::default() };
    let error = registry("https://registry.example/").fetch_token(&place, "repository:a:pull").await.unwrap_err();
    assert!(error.to_string().contains("it is not https"), "{error}");
}

#[test]
fn the_docker_hub_is_asked_where_its_registry_is() {
    assert_eq!(default_url(DOCKER_HUB).unwrap().as_str(), "https://registry-1.docker.io/");
    assert_eq!(default_url("registry.example:5000").unwrap().as_str(), "https://registry.example:5000/");
}

mod http {
    mod tags;

    use std::sync::Mutex;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::response::Response;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::domain::facts::registry::{Signatures, Stored, StoredImage};
    use crate::domain::record::journal::hex;
    use crate::platform::registry::look::LookFor;

    const IMAGE: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    const NOT_FOUND: &str = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;

    fn digest(text: &str) -> String {
        format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
    }

    fn image(text: &str) -> StoredImage {
        StoredImage::of(&format!("r.example/api@{}", digest(text))).unwrap()
    }

    /// Method, path with query, and `Authorization` of each request.
    type Seen = Arc<Mutex<Vec<(String, String, Option<String>)>>>;
    type Said = (u16, Vec<(&'static str, String)>, String);

    /// A server on loopback that notes what it is asked.
    async fn serve(answer: impl Fn(&str, Option<&str>) -> Said + Clone + Send + Sync + 'static) -> (String, Seen) {
        let seen = Seen::default();
        let noted = Arc::clone(&seen);
        let app = Router::new().fallback(move |request: Request| {
            let (noted, answer) = (Arc::clone(&noted), answer.clone());
            async move {
                let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                let authorization = header.map(str::to_owned);
                let path = request.uri().to_string();
                let (status, headers, body) = answer(&path, authorization.as_deref());
                noted.lock().unwrap().push((request.method().to_string(), path, authorization));
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, seen)
    }

    fn client(url: &str, credentials: Credentials) -> Registry {
        let place = RegistryPlace { host: "r.example".to_owned(), url: url.parse().unwrap(), ca: None };
        Registry::new(place, credentials, Redactor::default()).unwrap()
    }

    fn ada() -> Credentials {
        Credentials::Basic { username: "ada".to_owned(), password: "a-planted-secret".to_owned() }
    }

    async fn look(client: &Registry, image: &StoredImage) -> Result<Stored, RegistryError> {
        client.look(image, &mut None, LookFor::Image).await
    }

    fn ok(body: &str) -> Said {
        (200, vec![("content-type", "application/vnd.oci.image.manifest.v1+json".to_owned())], body.to_owned())
    }

    #[tokio::test]
    async fn a_password_goes_to_no_other_host_that_is_not_https() {
        let (other, seen) = serve(|_, _| (200, vec![], r#"{"token":"t"}"#.to_owned())).await;
        let (url, asked) = serve(move |_, _| {
            let challenge = format!("Bearer realm=\"{other}/token\"");
            (401, vec![("www-authenticate", challenge)], String::new())
        })
        .await;
        let error = look(&client(&url, ada()), &image(IMAGE)).await.unwrap_err();
        assert!(error.to_string().contains("it is not https"), "{error}");
        assert!(seen.lock().unwrap().is_empty());
        assert!(asked.lock().unwrap().iter().all(|(.., authorization)| authorization.is_none()));
    }

    #[tokio::test]
    async fn a_registry_that_gives_out_its_own_tokens_is_asked_with_one() {
        let own = Arc::new(Mutex::new(String::new()));
        let place = Arc::clone(&own);
        let (url, seen) = serve(move |path, authorization| match authorization {
            Some(basic) if path.starts_with("/token") && basic.starts_with("Basic ") => {
                (200, vec![], r#"{"access_token":"a-planted-token","expires_in":300}"#.to_owned())
            }
            Some("Bearer a-planted-token") => ok(IMAGE),
            _ => {
                let challenge = format!("Bearer realm=\"{}/token\",service=\"s\"", place.lock().unwrap());
                (401, vec![("www-authenticate", challenge)], String::new())
            }
        })
        .await;
        own.lock().unwrap().clone_from(&url);
        let client = client(&url, ada());
        for _ in 0..2 {
            assert!(matches!(look(&client, &image(IMAGE)).await, Ok(Stored::Present(_))));
        }
        let tokens: Vec<String> = seen
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, path, _)| path.starts_with("/token"))
            .map(|one| one.1.clone())
            .collect();
        assert_eq!(tokens, ["/token?service=s&scope=repository%3Aapi%3Apull"]);
    }

    #[tokio::test]
    async fn a_redirect_takes_no_password_to_another_host() {
        let (other, seen) = serve(|_, _| ok(IMAGE)).await;
        let (url, _) = serve(move |path, authorization| match authorization {
            Some(basic) if basic.starts_with("Basic ") => {
                (307, vec![("location", format!("{other}{path}"))], String::new())
            }
            _ => (401, vec![("www-authenticate", "Basic realm=\"r\"".to_owned())], String::new()),
        })
        .await;
        assert!(matches!(look(&client(&url, ada()), &image(IMAGE)).await, Ok(Stored::Present(_))));
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].2, None);
    }

    #[tokio::test]
    async fn each_status_is_told_apart_and_nothing_is_asked_again() {
        let cases: [(u16, &str, &str); 6] = [
            (401, "", "401: the login of ada is not accepted"),
            (403, r#"{"errors":[{"message":"denied"}]}"#, "403: no right to pull: denied"),
            (404, "<html>", "404: that is not how a registry says that it has no such image"),
            (429, "", "429: too many requests, again in 7 s"),
            (503, "", "503: Service Unavailable"),
            (200, "<html>", "it answers with another manifest than that of sha256:"),
        ];
        for (status, body, expected) in cases {
            let (url, seen) = serve(move |_, _| (status, vec![("retry-after", "7".to_owned())], body.to_owned())).await;
            let error = look(&client(&url, ada()), &image(IMAGE)).await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(seen.lock().unwrap().len(), 1, "{status}");
        }
        let (url, _) = serve(|_, _| (404, vec![], NOT_FOUND.to_owned())).await;
        assert_eq!(look(&client(&url, ada()), &image(IMAGE)).await, Ok(Stored::Absent));
        let (url, _) = serve(|_, _| (200, vec![], " ".repeat(MAX_MANIFEST_BYTES + 1))).await;
        let error = look(&client(&url, ada()), &image(IMAGE)).await.unwrap_err().to_string();
        assert!(error.contains("longer than 4096 KiB"), "{error}");
    }

    #[tokio::test]
    async fn what_is_known_of_a_digest_is_asked_for_and_not_read_again() {
        let (url, seen) = serve(|_, _| ok(IMAGE)).await;
        let (client, image, mut known) = (client(&url, ada()), image(IMAGE), None);
        for _ in 0..2 {
            client.look(&image, &mut known, LookFor::Image).await.unwrap();
        }
        let methods: Vec<String> = seen.lock().unwrap().iter().map(|(method, ..)| method.clone()).collect();
        assert_eq!(methods, ["GET", "HEAD"]);
    }

    #[tokio::test]
    async fn signatures_are_found_by_the_api_by_the_tag_and_by_cosigns_tags() {
        let list = r#"{"schemaVersion":2,"manifests":[{"artifactType":"application/vnd.cncf.notary.signature"}]}"#;
        let tag = digest(IMAGE).replace(':', "-");
        let cases = [
            ("/referrers/".to_owned(), list, "application/vnd.cncf.notary.signature"),
            (format!("/manifests/{tag}"), list, "application/vnd.cncf.notary.signature"),
            (format!("/manifests/{tag}.sig"), IMAGE, "cosign signature"),
        ];
        for (place, body, kind) in cases {
            let own = digest(IMAGE);
            let (url, _) = serve(move |path, _| {
                let is_it = if place.starts_with("/ref") { path.contains(&place) } else { path.ends_with(&place) };
                match path {
                    _ if path.ends_with(&format!("/manifests/{own}")) => ok(IMAGE),
                    _ if is_it => ok(body),
                    _ => (404, vec![], NOT_FOUND.to_owned()),
                }
            })
            .await;
            let found = client(&url, ada()).look(&image(IMAGE), &mut None, LookFor::Signatures).await.unwrap();
            let Stored::Present(contents) = found else { panic!("{found:?}") };
            assert_eq!(contents.signatures, Signatures::Listed(vec![kind.to_owned()]));
        }
    }
}
