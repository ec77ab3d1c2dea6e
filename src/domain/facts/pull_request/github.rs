//! What GitHub says of a pull request (REST API 2022-11-28, "Pulls").

use serde_json::Value;

use super::{Proposed, PullRequest, PullRequestState};

/// Reads a pull request: an entry of a list, what opening one answers, or one that was asked for by its number. Only the
/// last says whether it can be merged.
#[must_use]
pub fn pull_request(answer: &Value) -> Option<PullRequest> {
    let text = |key: &str| answer[key].as_str().map(ToOwned::to_owned);
    // While it is open `merge_commit_sha` is that of a merge that GitHub tried.
    let state = match (answer["state"].as_str()?, text("merged_at")) {
        (_, Some(_)) => PullRequestState::Merged { commit: text("merge_commit_sha") },
        ("open", None) => PullRequestState::Open,
        ("closed", None) => PullRequestState::Closed { by: None, at: text("closed_at") },
        _ => return None,
    };
    Some(PullRequest {
        number: answer["number"].as_u64()?,
        url: text("html_url")?,
        state,
        hindrance: hindrance(answer),
    })
}

/// Reads a list; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn list(answer: &Value) -> Option<Vec<PullRequest>> {
    answer.as_array()?.iter().map(pull_request).collect()
}

/// Reads a list with what each proposes.
#[must_use]
pub fn proposed(answer: &Value) -> Option<Vec<Proposed>> {
    let read = |entry: &Value| {
        let branch = entry["head"]["ref"].as_str()?.to_owned();
        Some(Proposed {
            request: pull_request(entry)?,
            branch,
            body: entry["body"].as_str().unwrap_or_default().to_owned(),
        })
    };
    answer.as_array()?.iter().map(read).collect()
}

/// Reads the commit of a branch.
#[must_use]
pub fn head(answer: &Value) -> Option<String> {
    answer["commit"]["sha"].as_str().map(ToOwned::to_owned)
}

/// Reads why a request was refused.
#[must_use]
pub fn refusal(answer: &Value) -> Option<String> {
    let message = answer["message"].as_str()?;
    let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let details = errors.iter().filter_map(|error| {
        let own = error["message"].as_str().or(error.as_str()).map(ToOwned::to_owned);
        own.or_else(|| Some(format!("{} {}", error["field"].as_str()?, error["code"].as_str()?)))
    });
    let details: Vec<String> = details.collect();
    Some(if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) })
}

fn hindrance(answer: &Value) -> Option<String> {
    if answer["draft"] == true {
        return Some("it is a draft".to_owned());
    }
    let words = match answer["mergeable_state"].as_str()? {
        "dirty" => "it has conflicts",
        "blocked" => "a review or a check that the branch wants is missing",
        "unstable" => "a check has failed, or is running",
        "behind" => "it is behind the branch",
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_merge_is_no_merge() {
        let mut answer = json!({
            "number": 1347, "html_url": "https://github.com/octocat/Hello-World/pull/1347", "state": "open",
            "merged_at": null, "closed_at": null, "merge_commit_sha": "e5bd3914", "draft": false,
            "mergeable": false, "mergeable_state": "dirty",
        });
        let read = pull_request(&answer).unwrap();
        assert_eq!((read.number, read.state), (1347, PullRequestState::Open));
        assert_eq!(read.hindrance.as_deref(), Some("it has conflicts"));
        answer["state"] = json!("closed");
        answer["closed_at"] = json!("2011-01-26T19:01:12Z");
        let closed = PullRequestState::Closed { by: None, at: Some("2011-01-26T19:01:12Z".to_owned()) };
        assert_eq!(pull_request(&answer).unwrap().state, closed);
        answer["merged_at"] = json!("2011-01-26T19:01:12Z");
        let merged = PullRequestState::Merged { commit: Some("e5bd3914".to_owned()) };
        assert_eq!(pull_request(&answer).unwrap().state, merged);
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        assert_eq!(list(&json!([])), Some(Vec::new()));
        assert_eq!(list(&json!([{"number": 1}])), None);
        assert_eq!(list(&json!({"message": "Not Found"})), None);
        assert_eq!(pull_request(&json!({"number": 1, "html_url": "u", "state": "new"})), None);
    }

    #[test]
    fn a_refusal_is_told_in_its_words() {
        let answer = json!({"message": "Validation Failed", "errors": [
            {"resource": "PullRequest", "field": "head", "code": "invalid"},
            {"resource": "PullRequest", "code": "custom", "message": "No commits between main and topic"},
        ]});
        let said = "Validation Failed: head invalid; No commits between main and topic";
        assert_eq!(refusal(&answer).as_deref(), Some(said));
        assert_eq!(refusal(&json!({"message": "Bad credentials"})).as_deref(), Some("Bad credentials"));
    }
}
