//! What GitLab says of a merge request (REST API v4, "Merge requests").

use serde_json::Value;

use super::{Proposed, PullRequest, PullRequestState};

/// Reads a merge request.
#[must_use]
pub fn merge_request(answer: &Value) -> Option<PullRequest> {
    let text = |key: &str| answer[key].as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let state = match answer["state"].as_str()? {
        // Locked is what is being merged right now.
        "opened" | "locked" => PullRequestState::Open,
        // Without a merge commit the branch was forwarded: to what was squashed, else to the head of the request.
        "merged" => {
            let commit = text("merge_commit_sha").or_else(|| text("squash_commit_sha")).or_else(|| text("sha"));
            PullRequestState::Merged { commit }
        }
        "closed" => {
            let by = answer["closed_by"]["username"].as_str().map(ToOwned::to_owned);
            PullRequestState::Closed { by, at: text("closed_at") }
        }
        _ => return None,
    };
    Some(PullRequest { number: answer["iid"].as_u64()?, url: text("web_url")?, state, hindrance: hindrance(answer) })
}

/// Reads a list; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn list(answer: &Value) -> Option<Vec<PullRequest>> {
    answer.as_array()?.iter().map(merge_request).collect()
}

/// Reads a list with what each proposes.
#[must_use]
pub fn proposed(answer: &Value) -> Option<Vec<Proposed>> {
    let read = |entry: &Value| {
        let branch = entry["source_branch"].as_str()?.to_owned();
        let body = entry["description"].as_str().unwrap_or_default().to_owned();
        Some(Proposed { request: merge_request(entry)?, branch, body })
    };
    answer.as_array()?.iter().map(read).collect()
}

/// Reads the commit of a branch.
#[must_use]
pub fn head(answer: &Value) -> Option<String> {
    answer["commit"]["id"].as_str().map(ToOwned::to_owned)
}

/// Reads why a request was refused.
#[must_use]
pub fn refusal(answer: &Value) -> Option<String> {
    let told = [&answer["message"], &answer["error_description"], &answer["error"]];
    let told = told.into_iter().find(|told| !told.is_null())?;
    let texts = match told {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect(),
        // What is wrong, by the field that it is in.
        Value::Object(fields) => fields.iter().map(|(field, what)| format!("{field} {what}")).collect(),
        _ => return None,
    };
    Some(texts.join("; "))
}

fn hindrance(answer: &Value) -> Option<String> {
    if answer["has_conflicts"] == true {
        return Some("it has conflicts".to_owned());
    }
    let words = match answer["detailed_merge_status"].as_str()? {
        "mergeable" | "checking" | "unchecked" | "preparing" | "approvals_syncing" | "not_open" => return None,
        "conflict" => "it has conflicts",
        "ci_must_pass" => "its pipeline has to pass",
        "ci_still_running" => "its pipeline is running",
        "not_approved" => "an approval is missing",
        "requested_changes" => "a reviewer wants changes",
        "discussions_not_resolved" => "a discussion is not resolved",
        "need_rebase" => "it has to be rebased",
        "draft_status" => "it is a draft",
        "merge_request_blocked" => "another merge request has to be merged first",
        other => return Some(other.replace('_', " ")),
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merged_is_told_by_the_state_and_by_any_of_three_commits() {
        let mut answer = json!({
            "iid": 5, "web_url": "https://gitlab.example/shop/config/-/merge_requests/5", "state": "opened",
            "sha": "aaaa", "merge_commit_sha": null, "squash_commit_sha": null, "has_conflicts": false,
            "detailed_merge_status": "ci_still_running",
        });
        let read = merge_request(&answer).unwrap();
        assert_eq!((read.number, read.state), (5, PullRequestState::Open));
        assert_eq!(read.hindrance.as_deref(), Some("its pipeline is running"));
        answer["state"] = json!("merged");
        let merged = |answer: &Value| match merge_request(answer).unwrap().state {
            PullRequestState::Merged { commit } => commit,
            other => panic!("{other:?}"),
        };
        assert_eq!(merged(&answer).as_deref(), Some("aaaa"));
        answer["squash_commit_sha"] = json!("bbbb");
        assert_eq!(merged(&answer).as_deref(), Some("bbbb"));
        answer["merge_commit_sha"] = json!("cccc");
        assert_eq!(merged(&answer).as_deref(), Some("cccc"));
    }

    #[test]
    fn a_closed_one_says_who_closed_it() {
        let answer = json!({
            "iid": 5, "web_url": "u", "state": "closed", "closed_by": {"username": "ada"},
            "closed_at": "2018-09-07T11:16:17.520Z",
        });
        let closed =
            PullRequestState::Closed { by: Some("ada".to_owned()), at: Some("2018-09-07T11:16:17.520Z".to_owned()) };
        assert_eq!(merge_request(&answer).unwrap().state, closed);
        assert_eq!(list(&json!([answer, {"iid": 6}])), None);
    }

    #[test]
    fn a_refusal_is_told_in_its_words() {
        let exists = "Another open merge request already exists for this source branch: !5";
        assert_eq!(refusal(&json!({"message": [exists]})).as_deref(), Some(exists));
        assert_eq!(refusal(&json!({"message": "404 Project Not Found"})).as_deref(), Some("404 Project Not Found"));
        assert_eq!(refusal(&json!({"error": "insufficient_scope"})).as_deref(), Some("insufficient_scope"));
    }
}
