//! Why git did not send a secret that the service accepts. For a message only: nothing that this
//! finds decides where a secret goes.

use super::subject::Subject;
use crate::azure::repository_url;
use crate::git::Git;
use crate::git::setup::{Origin, PROACTIVE_SINCE, examine};
use crate::protocol::Request;

/// What stands in the way, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) what: String,
    pub(super) fix: String,
}

/// Looks with git's own eyes: in the directory and the environment that git started this program
/// in.
pub(super) fn in_the_way(request: &Request, subject: &Subject) -> Obstacle {
    header(request, subject)
        .or_else(|| bearer(request))
        .or_else(|| windows(request, subject))
        .unwrap_or_else(|| Obstacle {
            what: "git did not send it, or somebody in between refused it".to_owned(),
            fix: format!("git-credential-ona-azure doctor {}", address(request, subject)),
        })
}

fn address(request: &Request, subject: &Subject) -> String {
    let path = request.path.as_deref().unwrap_or_default();
    repository_url(subject.scheme, &subject.place, path).unwrap_or_else(|| subject.url())
}

/// An `Authorization` header of git's own goes out in place of what a helper gives
/// (git-config(1), `http.extraHeader`).
fn header(request: &Request, subject: &Subject) -> Option<Obstacle> {
    let git = Git::find()?.with_callers_repository();
    let program = std::env::current_exe().ok()?;
    let found = examine(&git, true, &program, &address(request, subject)).ok()?;
    let header = found.authorization?;
    Some(Obstacle {
        what: format!(
            "git did not send it: http.extraHeader in {} sends another Authorization",
            header.place()
        ),
        fix: removal(&header),
    })
}

/// The command that takes a header away. The value is a secret, so it cannot be named.
fn removal(header: &Origin) -> String {
    if !header.is_of_environment() {
        return header.unset();
    }
    match std::env::var_os("GIT_CONFIG_COUNT") {
        Some(_) => "unset GIT_CONFIG_COUNT".to_owned(),
        None => format!("run git without -c {}", header.key),
    }
}

/// git 2.46 to 2.53 leave the header out of a push that is larger than `http.postBuffer` (fixed in
/// 2.54 by ed0f7a62f7).
fn bearer(request: &Request) -> Option<Obstacle> {
    request.credential.as_ref()?;
    Some(Obstacle {
        what: "git did not send it: before 2.54 it leaves a Bearer header out of a large push"
            .to_owned(),
        fix: "git -c http.postBuffer=1g push, or switch bearer off in the integrations file"
            .to_owned(),
    })
}

/// libcurl takes NTLM before Basic, and a git that cannot send a token at once leaves it to libcurl.
/// Before 2.41 git does not say what the server offers.
fn windows(request: &Request, subject: &Subject) -> Option<Obstacle> {
    if subject.place.is_cloud() {
        return None;
    }
    let version = Git::find().and_then(|git| git.version())?;
    let old = version < PROACTIVE_SINCE;
    let what = match (request.offers_windows_authentication(), old) {
        (true, false) => {
            "git did not send it: the server offers NTLM or Negotiate, which git tries in its place"
        }
        (true, true) => {
            "git did not send it: the server offers NTLM, which git before 2.46 takes in its place"
        }
        (false, true) if request.wwwauth.is_empty() => {
            "git did not send it: where a server offers NTLM, git before 2.46 takes that in its place"
        }
        _ => return None,
    };
    Some(Obstacle {
        what: what.to_owned(),
        fix: match old {
            false => {
                "have git send it at once (http.proactiveAuth): git-credential-ona-azure setup-git"
                    .to_owned()
            }
            // What to do with an older git depends on more.
            true => format!("git-credential-ona-azure doctor {}", address(request, subject)),
        },
    })
}
