//! `login`: OAuth in the browser, or a personal access token.

use std::io::{IsTerminal as _, stdin};
use std::time::Duration;

use super::args::Login;
use super::interaction::{Forbidden, Step, forbidden};
use super::target::Target;
use super::{Room, input, print, when};
use crate::azure::{
    DEFAULT_LIFETIME_DAYS, RemoteUrl, SCOPE_TO_TICK, looks_like_jwt, token_page_url,
};
use crate::broker::{SignIn, keep_pat, open_to_others, sign_in_with_browser};
use crate::clock;
use crate::entra::{Allows, allow};
use crate::integration::Integrations;
use crate::net::Network;
use crate::report::{Exit, Failure, Message, stderr};
use crate::secret::Secret;
use crate::vault::{Pat, PatLogin};

/// How long the browser may take.
const BROWSER_WAIT: Duration = Duration::from_secs(5 * 60);

pub(super) fn run(args: Login) -> Result<(), Failure> {
    let room = Room::enter()?;
    let integrations = room.integrations()?;
    if args.pat && args.url.as_deref().is_some_and(|url| is_no_address(url, &integrations)) {
        return Err(Failure::new("a token goes on standard input, and what stands after --pat is the URL it is for")
            .hint("if it was the token, revoke it; then: git-credential-ona-azure login <URL> --pat < file")
            .exit(Exit::Usage));
    }
    let target = Target::of(args.url.as_deref(), &integrations)?;
    target.refuse_plain_http()?;
    let done = if args.pat {
        with_pat(&args, &room, &target)
    } else {
        with_browser(&args, &room, &target)
    };
    if let Some(warning) = open_to_others(&room.vault).filter(|_| done.is_ok()) {
        warning.print();
    }
    done
}

/// Whether a "URL" is a mere word and no Server's name: it may be the token, which no message is to
/// repeat.
fn is_no_address(text: &str, integrations: &Integrations) -> bool {
    let known = |url: RemoteUrl| integrations.of_place(&url.place).is_some();
    !text.contains(['.', ':', '/']) && !RemoteUrl::parse(text).is_ok_and(known)
}

fn with_browser(args: &Login, room: &Room, target: &Target) -> Result<(), Failure> {
    let key = target.session_key();
    if let Some(why) = forbidden(Step::Browser { asked: args.browser }) {
        let (why, instead) = match why {
            Forbidden::Never => ("ONA_AZURE_INTERACTIVE is never", "unset it"),
            Forbidden::NobodyThere => {
                ("this is a CI job without a terminal", "say --browser if somebody waits for it")
            }
        };
        return Err(Failure::new(format!("signing in with OAuth needs a person, and {why}"))
            .hint(format!(
                "{instead}, or pass a personal access token: git-credential-ona-azure login {} --pat < file",
                target.url()
            ))
            .exit(Exit::SignIn));
    }
    let sign_in = SignIn {
        key: &key,
        integration: &target.integration,
        login_hint: args.login_hint.as_deref(),
        wait: BROWSER_WAIT,
    };
    let session = sign_in_with_browser(sign_in, &room.vault, &Network, &stderr)?;
    if allow(&session.scopes) == Allows::Read {
        Message::warning("the sign-in allows to clone and fetch, but not to push: vso.code_write is not granted")
            .hint("step 4 (API permissions): add Azure DevOps → Delegated → vso.code_write, then sign in again")
            .print();
    }
    let only = match &key.organization {
        Some(organization) => format!(", for organization {organization} only"),
        None => String::new(),
    };
    print::line(&format!("{} is signed in to {}{only}.", session.account, key.host))?;
    print::line(&format!(
        "The refresh token is sealed in {}; git needs no further sign-in.",
        room.vault.dir().display()
    ))
}

fn with_pat(args: &Login, room: &Room, target: &Target) -> Result<(), Failure> {
    let host = target.host();
    if !target.integration.pat {
        return Err(Failure::new(format!("personal access tokens are not on for {host}"))
            .hint(format!("git-credential-ona-azure integration add --host {host} --pat")));
    }
    let organization =
        target.organization.clone().or_else(|| target.integration.host.organization.clone());
    if organization.is_none() && target.place.is_cloud() {
        return Err(Failure::new(
            "a personal access token is for one organization, and none is named",
        )
        .hint("git-credential-ona-azure login https://dev.azure.com/<organization> --pat")
        .exit(Exit::Usage));
    }
    let now = clock::now();
    let expires_at = match &args.expires {
        Some(text) => when::parse_end(text, now).ok_or_else(|| {
            Failure::new(format!("--expires {text:?} is neither a span nor a date"))
                .hint("write 30d, 12w or 2027-01-31")
                .exit(Exit::Usage)
        })?,
        None => now + u64::from(DEFAULT_LIFETIME_DAYS) * 24 * 60 * 60,
    };
    if expires_at <= now {
        return Err(Failure::new("that token has run out already")
            .hint("give --expires the end that the page shows")
            .exit(Exit::Usage));
    }
    let page = token_page_url(
        target.scheme,
        &target.place,
        &target.integration.virtual_directory,
        organization.as_ref(),
    );
    if forbidden(Step::Secret).is_some() {
        return Err(Failure::new(
            "a token would have to be typed, and ONA_AZURE_INTERACTIVE is never",
        )
        .hint(format!(
            "pass it on standard input: git-credential-ona-azure login {} --pat < file",
            target.url()
        ))
        .exit(Exit::SignIn));
    }
    let password = read_pat(&page)?;
    let pat = Pat {
        organization: organization.clone(),
        username: Some(args.username.clone().unwrap_or_default().into_bytes()),
        login: PatLogin::Password(password),
        expires_at: Some(expires_at),
        oauth_refresh_token: None,
        kept_at: now,
    };
    keep_pat(&room.vault, &target.pat_key(), pat)?;
    // Azure DevOps Services has that from setup-git.
    let one_collection = organization.is_some() && !target.place.is_cloud();
    let place =
        organization.map_or_else(|| host.to_string(), |organization| organization.to_string());
    print::line(&format!(
        "The personal access token for {place} is kept until {}.",
        when::moment(expires_at, now)
    ))?;
    if one_collection {
        Message::note(format!("git has to say which collection of {host} it asks for"))
            .hint("have it send the path (credential.useHttpPath): git-credential-ona-azure setup-git")
            .print();
    }
    Ok(())
}

fn read_pat(page: &str) -> Result<Secret, Failure> {
    if stdin().is_terminal() {
        stderr(&format!(
            "Make a personal access token with the scope {SCOPE_TO_TICK} at\n\n  {page}\n\n"
        ));
    }
    let pat = input::typed("Personal access token: ")?;
    if pat.is_empty() {
        return Err(Failure::new("no personal access token was given")
            .hint(format!("make one at {page} and pass it on standard input"))
            .exit(Exit::Usage));
    }
    if pat.iter().any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace()) {
        return Err(Failure::new("a personal access token is one word, and this is more")
            .hint("pass the token alone, as the page shows it")
            .exit(Exit::Usage));
    }
    if looks_like_jwt(&pat) {
        return Err(Failure::new("that is an OAuth access token, which ends within the hour")
            .hint(format!("make a personal access token at {page}"))
            .exit(Exit::Usage));
    }
    Ok(Secret::new(pat.as_slice()))
}
