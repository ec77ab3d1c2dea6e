//! What Jenkins says of a job, its queue and its builds (Remote Access API).

use serde_json::Value;

/// A job, as far as it matters whether it can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JenkinsJob {
    /// Not where it is disabled.
    pub is_buildable: bool,
    /// The names of its parameters.
    pub parameters: Vec<String>,
}

impl JenkinsJob {
    /// Returns why a build of it would not be told what it is to be told. Jenkins takes no notice of a parameter that the job
    /// does not have, and builds with its defaults.
    #[must_use]
    pub fn unfit<'a>(&self, mut names: impl Iterator<Item = &'a String>) -> Option<String> {
        if !self.is_buildable {
            return Some("the job is disabled, or never saved".to_owned());
        }
        let missing = names.find(|name| !self.parameters.contains(name))?;
        Some(if self.parameters.is_empty() {
            format!(
                "the job has no parameters, and would not be told `{missing}`: see \"This project is parameterized\""
            )
        } else {
            let has = self.parameters.join(", ");
            format!("the job has no parameter `{missing}`, and would be built without it: it has {has}")
        })
    }
}

/// A build that was asked for, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JenkinsRun {
    /// The number of what waits in the queue.
    pub item: u64,
    /// The number of the build, once it has begun.
    pub build: Option<u64>,
    /// Its page, where that is known.
    pub url: String,
    /// `SUCCESS`, `FAILURE` and others; why it waits; or how else it stands.
    pub state: String,
}

impl JenkinsRun {
    /// Says how it stands.
    #[must_use]
    pub fn describe(&self) -> String {
        let (what, number) = match self.build {
            Some(build) => ("build", build),
            None => ("queue item", self.item),
        };
        let page = if self.url.is_empty() { String::new() } else { format!(": {}", self.url) };
        format!("{what} {number} {}{page}", self.state)
    }
}

/// Reads a job.
#[must_use]
pub fn job(answer: &Value) -> Option<JenkinsJob> {
    let properties = answer["property"].as_array()?;
    let defined = properties.iter().filter_map(|property| property["parameterDefinitions"].as_array()).flatten();
    let names = defined.map(|parameter| parameter["name"].as_str().map(ToOwned::to_owned));
    Some(JenkinsJob { is_buildable: answer["buildable"].as_bool()?, parameters: names.collect::<Option<_>>()? })
}

/// Reads the number of what waits in the queue from the address at which it can be asked for. Nothing else of the address
/// counts: it is as Jenkins thinks that it is reached.
#[must_use]
pub fn queue_item(location: &str) -> Option<u64> {
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let (before, number) = path.rsplit_once('/')?;
    before.ends_with("/queue/item").then(|| number.parse().ok()).flatten()
}

/// Reads what waits in the queue, or waited there.
#[must_use]
pub fn queued(item: u64, answer: &Value) -> Option<JenkinsRun> {
    let executable = &answer["executable"];
    if let Some(build) = executable["number"].as_u64() {
        let url = executable["url"].as_str().unwrap_or_default().to_owned();
        return Some(JenkinsRun { item, build: Some(build), url, state: "begun".to_owned() });
    }
    let state = if answer["cancelled"] == true {
        "cancelled".to_owned()
    } else {
        let why = answer["why"].as_str().filter(|why| !why.is_empty());
        why.map_or_else(|| "waits".to_owned(), |why| format!("waits ({why})"))
    };
    answer["id"].as_u64().map(|_| JenkinsRun { item, build: None, url: String::new(), state })
}

/// Reads a build.
#[must_use]
pub fn build(item: u64, answer: &Value) -> Option<JenkinsRun> {
    let state = match answer["result"].as_str() {
        Some(result) if answer["building"] != true => result,
        _ => "running",
    };
    let url = answer["url"].as_str().unwrap_or_default().to_owned();
    Some(JenkinsRun { item, build: Some(answer["number"].as_u64()?), url, state: state.to_owned() })
}

/// Reads why a request was refused: what is no JSON is a page, whose title says it.
#[must_use]
pub fn refusal(answer: &Value) -> Option<String> {
    let Value::String(page) = answer else { return answer["message"].as_str().map(ToOwned::to_owned) };
    let (_, rest) = page.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    (!title.trim().is_empty()).then(|| title.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_built_only_with_all_that_it_is_to_be_told() {
        let answer = json!({"_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "buildable": true, "property": [
            {"_class": "jenkins.model.BuildDiscarderProperty"},
            {"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": [
                {"_class": "hudson.model.StringParameterDefinition", "name": "IMAGE"}, {"name": "ENVIRONMENT"},
            ]},
        ]});
        let told = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            job(&answer).unwrap().unfit(names.iter())
        };
        assert_eq!(told(&["ENVIRONMENT", "IMAGE"]), None);
        let why = told(&["image"]).unwrap();
        assert_eq!(why, "the job has no parameter `image`, and would be built without it: it has IMAGE, ENVIRONMENT");
        let plain = job(&json!({"buildable": true, "property": []})).unwrap();
        assert!(plain.unfit(["IMAGE".to_owned()].iter()).unwrap().contains("has no parameters"));
        let disabled = job(&json!({"buildable": false, "property": []})).unwrap();
        assert!(disabled.unfit([].iter()).unwrap().contains("disabled"));
        assert_eq!(job(&json!({})), None);
    }

    #[test]
    fn of_an_address_only_the_number_counts() {
        for (location, item) in [
            ("http://jenkins.example/queue/item/3901/", Some(3901)),
            ("https://jenkins.example/ci/queue/item/7", Some(7)),
            ("/queue/item/8/", Some(8)),
            ("https://jenkins.example/job/deploy/", None),
            ("https://jenkins.example/queue/item/", None),
            ("https://jenkins.example/queue/item/../../x", None),
            ("queue", None),
            ("", None),
        ] {
            assert_eq!(queue_item(location), item, "{location}");
        }
    }

    #[test]
    fn a_build_is_read_as_the_api_says_it() {
        let waiting = json!({"_class": "hudson.model.Queue$BlockedItem", "id": 12, "why": "In the quiet period"});
        assert_eq!(queued(12, &waiting).unwrap().describe(), "queue item 12 waits (In the quiet period)");
        let gone = json!({"_class": "hudson.model.Queue$LeftItem", "id": 12, "cancelled": true, "executable": null});
        assert_eq!(queued(12, &gone).unwrap().describe(), "queue item 12 cancelled");
        let left = json!({"id": 12, "cancelled": false, "executable": {"number": 7, "url": "https://j.example/7/"}});
        assert_eq!(queued(12, &left).unwrap().describe(), "build 7 begun: https://j.example/7/");
        assert_eq!(queued(12, &json!({})), None);
        let mut answer = json!({"number": 7, "url": "https://j.example/7/", "building": true, "result": null});
        assert_eq!(build(12, &answer).unwrap().describe(), "build 7 running: https://j.example/7/");
        (answer["building"], answer["result"]) = (json!(false), json!("FAILURE"));
        assert_eq!(build(12, &answer).unwrap().describe(), "build 7 FAILURE: https://j.example/7/");
        assert_eq!(build(12, &json!([])), None);
    }

    #[test]
    fn a_refusal_is_the_title_of_its_page() {
        let page = "<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>";
        let said = refusal(&Value::String(page.to_owned()));
        assert_eq!(said.as_deref(), Some("Error 403 No valid crumb was included in the request"));
        assert_eq!(refusal(&Value::String("<title></title> <title>x".to_owned())), None);
        assert_eq!(refusal(&Value::Null), None);
    }
}
