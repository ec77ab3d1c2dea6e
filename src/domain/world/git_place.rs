//! Where git names what runs in an environment.

use serde::{Deserialize, Serialize};

use crate::domain::facts::manifest::ManifestFormat;
use crate::domain::facts::pull_request::PullRequestPlace;

/// The file of a config repository that names the images of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitPlace {
    /// Its address; empty where promotions do not go by git.
    pub repository: String,
    pub branch: String,
    /// The file, relative to the root of the repository; empty where promotions do not go by git.
    pub path: String,
    pub format: ManifestFormat,
    /// Where the values of a chart name the image.
    pub value: String,
    /// Who commits; `None` is who git's own config says.
    pub author_name: Option<String>,
    pub author_mail: Option<String>,
    /// Where a pull request is opened for each commit; `None` where they go onto the branch itself.
    #[serde(default)]
    pub pull_request: Option<PullRequestPlace>,
    /// Whether it is configured by a file that nobody trusts: nothing is committed, and nothing is released past it.
    #[serde(default)]
    pub is_withheld: bool,
}

impl GitPlace {
    /// Whether promotions go by git.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.repository.is_empty() && !self.path.is_empty()
    }
}

impl Default for GitPlace {
    fn default() -> Self {
        Self {
            repository: String::new(),
            branch: "main".to_owned(),
            path: String::new(),
            format: ManifestFormat::default(),
            value: "image".to_owned(),
            author_name: None,
            author_mail: None,
            pull_request: None,
            is_withheld: false,
        }
    }
}
