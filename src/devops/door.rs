//! What keeps a token from reaching an Azure DevOps Server: its web server, which is somebody's to
//! configure.

use super::answer::Answer;
use crate::report::Failure;

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Basic authentication is not offered, the only way to give a token.
    NoBasic,
    /// IIS takes Basic authentication for itself, and refuses before Azure DevOps sees the token.
    WebServer,
}

impl Door {
    /// What stands in the way, if something does. The Services always offer Basic, and a refusal
    /// of theirs is about the token.
    pub fn of(answer: &Answer, cloud: bool) -> Option<Self> {
        match (answer.status, answer.offers_basic) {
            _ if cloud => None,
            (401, Some(false)) => Some(Self::NoBasic),
            (401, Some(true)) if !answer.by_azure => Some(Self::WebServer),
            _ => None,
        }
    }

    /// The way out: `name` and `url` are the Server's, `quoted` what it said.
    pub fn failure(self, name: &str, url: &str, quoted: &str) -> Failure {
        match self {
            Self::NoBasic => Failure::new(format!(
                "{name} takes no personal access tokens: it does not offer Basic authentication"
            ))
            .hint(format!(
                "ask its administrator to allow them, or see whether this is the Server: {url}"
            )),
            Self::WebServer => Failure::new(format!(
                "the web server of {name} refuses the personal access token before Azure DevOps sees it{quoted}"
            ))
            .hint(
                "ask its administrator to turn off IIS Basic Authentication, which takes no tokens: \
                 https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/iis-basic-auth",
            ),
        }
    }
}
