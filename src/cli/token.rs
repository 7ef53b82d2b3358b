//! `token`: what `get` would give git, for other tools. Nobody is ever asked for anything.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::Token as Arguments;
use super::target::Target;
use super::{Room, print};
use crate::azure::{Organization, RemoteUrl, organization_in_username};
use crate::broker::{self, Outcome, VaultShelf, others_have_a_hand};
use crate::clock;
use crate::net::Network;
use crate::protocol::{Answer, Capabilities, Credential, Login, Request};
use crate::report::{Exit, Failure, Message, word};
use crate::secret::Secret;
use crate::trace;

pub(super) fn run(args: &Arguments) -> Result<Exit, Failure> {
    let room = Room::enter()?;
    let integrations = room.integrations()?;
    let mut target = Target::of(args.url.as_deref(), &integrations)?;
    target.refuse_plain_http()?;
    if args.pat && !target.integration.pat {
        let host = target.host();
        return Err(Failure::new(format!("personal access tokens are not on for {host}"))
            .hint(format!("git-credential-ona-azure integration add --host {host} --pat")));
    }
    let request = request(args.url.as_deref(), &mut target);
    let integrations = integrations.with(&target.host(), |integration| {
        if args.pat {
            integration.oauth = None;
        }
        // Whether git takes headers is no matter here.
        integration.bearer = false;
    });
    let shelf = VaultShelf::new(&room.vault, &Network);
    let outcome = broker::get(&request, || Ok(integrations), &shelf, clock::now());
    trace::event("answer", |words| outcome.told(words));
    let Answer::Credential(credential) = outcome.answer else {
        return nothing(args, &outcome, &target, &request);
    };
    outcome.messages.iter().chain(&others_have_a_hand(&room.vault)).for_each(Message::print);
    let text = Token::of(credential, &target)?.text(args)?;
    print::bytes(&text).map(|()| Exit::Done)
}

/// What git would ask for that URL. A header that was kept is only given to who takes one, and
/// `state` tells where a credential is from.
fn request(url: Option<&str>, target: &mut Target) -> Request {
    let url = url.and_then(|url| RemoteUrl::parse(url).ok());
    let (path, username) = url.map_or((None, None), |url| (url.path, url.username));
    let mut path = path.filter(|path| !path.is_empty());
    let mut username = username.filter(|username| !username.is_empty());
    // https://contoso@dev.azure.com: not a user.
    if path.is_none()
        && let Some(organization) = username
            .as_deref()
            .and_then(|name| organization_in_username(&target.place, name.as_bytes()))
    {
        path = Some(organization.to_string());
        target.organization = Some(organization);
        username = None;
    }
    Request {
        protocol: Some(target.scheme.as_str().into()),
        host: Some(target.place.authority().to_string().into_bytes()),
        path: path.map(String::into_bytes),
        username: username.map(String::into_bytes),
        capabilities: Capabilities { authtype: true, state: true },
        ..Request::default()
    }
}

/// Says why there is no token; where git would go on to ask a person itself, that there is none.
fn nothing(
    args: &Arguments,
    outcome: &Outcome,
    target: &Target,
    request: &Request,
) -> Result<Exit, Failure> {
    let host = target.host();
    let flag = if args.pat { " --pat" } else { "" };
    if outcome.lacks_organization() {
        let what = if target.place.is_cloud() { "organization" } else { "collection" };
        return Err(Failure::new(format!(
            "a personal access token is for one {what} of {host}, and none is named"
        ))
        .hint(format!(
            "git-credential-ona-azure token{flag} {}/{}",
            target.url(),
            what.to_uppercase()
        ))
        .exit(Exit::Usage));
    }
    if !outcome.messages.is_empty() {
        outcome.messages.iter().for_each(Message::print);
        return Ok(match outcome.exit {
            Exit::Done => Exit::SignIn,
            exit => exit,
        });
    }
    if !target.integration.has_method() {
        return Err(Failure::new(format!("no way to sign in to {host} is on"))
            .hint(format!("git-credential-ona-azure integration add --host {host} --pat"))
            .exit(Exit::NotConfigured));
    }
    let url = word(&target.url());
    if let Some(name) = &request.username {
        let name = String::from_utf8_lossy(name);
        let hint = if target.place.is_cloud() {
            format!("leave the user out of the URL: git-credential-ona-azure token{flag} {url}")
        } else {
            let name = word(&name);
            format!("git-credential-ona-azure login {url} --pat --username {name}")
        };
        return Err(Failure::new(format!("nothing is kept for {name} on {host}"))
            .hint(hint)
            .exit(Exit::SignIn));
    }
    let whose = organization(target).map_or_else(|| host.to_string(), ToString::to_string);
    Err(Failure::new(format!("no personal access token is kept for {whose}"))
        .hint(format!("git-credential-ona-azure login {url} --pat"))
        .exit(Exit::SignIn))
}

/// The organization the token is for; a URL that names none means the host's default.
fn organization(target: &Target) -> Option<&Organization> {
    target.organization.as_ref().or(target.integration.host.organization.as_ref())
}

/// What is printed.
struct Token {
    kind: &'static str,
    host: String,
    organization: Option<String>,
    username: Option<String>,
    secret: Secret,
    header: Secret,
    expires_at: Option<u64>,
}

/// The document of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u8,
    host: &'a str,
    organization: Option<&'a str>,
    kind: &'a str,
    username: Option<&'a str>,
    token: &'a str,
    header: &'a str,
    expires_at: Option<u64>,
}

impl Token {
    fn of(credential: Credential, target: &Target) -> Result<Self, Failure> {
        let is_oauth = credential.state == Some(broker::STATE);
        let (username, secret, header) = match credential.login {
            Login::Password { username, password } => {
                let header = if is_oauth {
                    header(b"Bearer", password.expose())
                } else {
                    // Azure DevOps Services takes any name; a Server's users are told apart.
                    let user = if target.place.is_cloud() { &b""[..] } else { &username };
                    header(b"Basic", basic(user, password.expose()).as_bytes())
                };
                (Some(username), password, header)
            }
            Login::Header { authtype, credential, username } => {
                let header = header(&authtype, credential.expose());
                (username, credential, header)
            }
        };
        for kept in [&secret, &header] {
            // Another line would be another header, of somebody else's choosing.
            if kept.expose().iter().any(|byte| b"\r\n\0".contains(byte)) {
                return Err(unprintable(target, "has a line break or a NUL in it"));
            }
            if kept.expose_str().is_none() {
                return Err(unprintable(target, "is not text"));
            }
        }
        Ok(Self {
            kind: if is_oauth { "oauth" } else { "pat" },
            host: target.host().to_string(),
            organization: organization(target).map(ToString::to_string),
            username: username.map(|name| String::from_utf8_lossy(&name).into_owned()),
            secret,
            header,
            expires_at: credential.password_expiry_utc,
        })
    }

    /// In the form that is asked for, with its line end.
    fn text(&self, args: &Arguments) -> Result<Zeroizing<Vec<u8>>, Failure> {
        // Large enough for any token, so that no copy is left behind by a growing buffer.
        let mut text = Zeroizing::new(Vec::with_capacity(64 * 1024));
        if args.json {
            let document = Document {
                version: 1,
                host: &self.host,
                organization: self.organization.as_deref(),
                kind: self.kind,
                username: self.username.as_deref(),
                token: self.secret.expose_str().unwrap_or_default(),
                header: self.header.expose_str().unwrap_or_default(),
                expires_at: self.expires_at,
            };
            serde_json::to_writer_pretty(&mut *text, &document)
                .context("the document cannot be written")?;
        } else if args.header {
            text.extend_from_slice(self.header.expose());
        } else {
            text.extend_from_slice(self.secret.expose());
        }
        text.push(b'\n');
        Ok(text)
    }
}

fn unprintable(target: &Target, why: &str) -> Failure {
    let url = word(&target.url());
    Failure::new(format!("the credential kept for {url} {why}, and is not printed"))
        .hint(format!("forget it and sign in again: git-credential-ona-azure logout {url}"))
}

fn header(scheme: &[u8], credential: &[u8]) -> Secret {
    Secret::new([&b"Authorization: "[..], scheme, b" ", credential].concat())
}

/// RFC 7617.
fn basic(username: &[u8], password: &[u8]) -> Zeroizing<String> {
    let pair = Zeroizing::new([username, b":", password].concat());
    Zeroizing::new(STANDARD.encode(&*pair))
}
