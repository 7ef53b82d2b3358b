//! What a trace tells of requests, of what is kept, and of answers. Pure.

use super::get::Outcome;
use super::subject::{PatKey, SessionKey, Subject};
use crate::integration::{FileError, Integrations};
use crate::protocol::{Answer, Login, Request};
use crate::trace::Words;
use crate::vault::{Access, Pats};

/// A request of git's, without its secrets: of those, which it was, so that what was rejected can be
/// held against what was given.
pub fn request(words: Words, request: &Request) -> Words {
    let text = |value: &Option<Vec<u8>>| {
        value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let capabilities =
        [("authtype", request.capabilities.authtype), ("state", request.capabilities.state)];
    let capabilities: Vec<_> =
        capabilities.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    let secret = request.credential.as_ref().or(request.password.as_ref());
    let words = words
        .maybe("protocol", text(&request.protocol))
        .maybe("host", text(&request.host).map(|host| after_user(&host).to_owned()))
        .maybe("path", text(&request.path).map(|path| before_query(&path).to_owned()))
        .flag("username", request.username.is_some())
        .maybe("capabilities", Some(capabilities.join(",")).filter(|known| !known.is_empty()))
        .with("challenges", request.wwwauth.len());
    match secret {
        Some(secret) => words.secret("secret", secret),
        None => words,
    }
}

/// Whoever writes a user into a host means a password with it.
fn after_user(host: &str) -> &str {
    host.rsplit('@').next().unwrap_or_default()
}

fn before_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

/// The integration that a request is answered by.
pub fn integration(
    words: Words,
    request: &Request,
    loaded: &Result<Integrations, FileError>,
) -> Words {
    let Some(subject) = Subject::of(request) else { return words.flag("found", false) };
    let words = words.with("host", subject.host());
    match loaded {
        Err(error) => words.with("error", error),
        Ok(integrations) => match subject.found(request, integrations) {
            None => words.flag("found", false),
            Some(found) => words
                .flag("found", true)
                .with("file", found.file.display())
                .flag("oauth", found.integration.oauth.is_some())
                .flag("pat", found.integration.pat),
        },
    }
}

/// What is kept of a session for handing out.
pub(super) fn session(words: Words, key: &SessionKey, access: Option<&Access>, now: u64) -> Words {
    let words = words.with("key", key);
    let Some(access) = access else { return words.with("access_token", "none") };
    let left = |until: u64| i128::from(until) - i128::from(now);
    let words = words
        .maybe("account", Some(&access.account).filter(|account| !account.is_empty()))
        .maybe_secret("access_token", access.token.as_ref())
        .maybe("ends_in", access.token.as_ref().map(|_| left(access.expires_at)));
    let refusing: Vec<_> = access
        .refusals
        .iter()
        .filter(|refusal| refusal.until > now)
        .map(|refusal| refusal.organization.to_string())
        .collect();
    let words = words.maybe("refused_by", Some(refusing.join(",")).filter(|by| !by.is_empty()));
    match &access.hold_off {
        Some(hold_off) => words
            .with("last_failure", format!("{:?}", hold_off.kind))
            .with("not_again_for", left(hold_off.until).max(0)),
        None => words,
    }
}

/// The personal access tokens of a host.
pub(super) fn pats(words: Words, key: &PatKey, kept: &Pats) -> Words {
    kept.pats.iter().fold(words.with("key", key).with("kept", kept.pats.len()), |words, pat| {
        let of = pat.organization.as_ref().map_or("all", |organization| organization.as_str());
        words.with("for", of).secret("secret", pat.login.secret())
    })
}

impl Outcome {
    /// The answer, and why it is that.
    pub fn told(&self, words: Words) -> Words {
        let why = self.messages.first().map_or(self.reason, |message| message.text.as_str());
        let words = match &self.answer {
            Answer::Nothing => words.with("gives", "nothing").with("why", why),
            Answer::Quit => words.with("gives", "quit").with("why", why),
            Answer::Credential(credential) => {
                let (secret, form) = match &credential.login {
                    Login::Password { password, .. } => (password, "password"),
                    Login::Header { credential, .. } => (credential, "header"),
                };
                words
                    .with("gives", form)
                    .with("of", self.reason)
                    .secret("secret", secret)
                    .maybe("expires_at", credential.password_expiry_utc)
                    .maybe("why", self.messages.first().map(|message| &message.text))
            }
        };
        words
            .maybe("may_ask", self.offer.as_ref().map(|offer| &offer.key))
            .with("exit", self.exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_request_neither_secrets_nor_queries_nor_users_are_told() {
        let text = "protocol=https\nhost=ada:hunter2@dev.azure.com\npath=contoso/_git/app?token=hunter2\n\
                    username=ada\npassword=a-token-of-more-than-twenty-bytes\ncapability[]=state\n";
        let read = Request::read(&mut text.as_bytes()).expect("a request");
        let told = format!("{:?}", request(Words::new(), &read));
        assert!(told.contains(
            " protocol=https host=dev.azure.com path=contoso/_git/app username=yes capabilities=state"
        ));
        assert!(told.contains("secret=secret:"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains("a-token"), "{told}");
    }
}
