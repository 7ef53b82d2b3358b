//! `login`: OAuth in a browser here or elsewhere, with a device code, or a personal access token.

use std::io::{IsTerminal as _, stdin};
use std::time::Duration;

use super::args::Login;
use super::interaction::{Forbidden, Step, forbidden};
use super::target::Target;
use super::{Room, input, print};
use crate::azure::RemoteUrl;
use crate::broker::others_have_a_hand;
use crate::clock;
use crate::integration::{HostKey, Integrations};
use crate::net::Network;
use crate::person::Person;
use crate::report::{Exit, Failure, Message};
use crate::sign_in::{Browser, NewPat, SignIn, Surroundings, read_pat, summary};
use crate::when;

pub(super) fn run(args: Login) -> Result<(), Failure> {
    let room = Room::enter()?;
    let integrations = room.integrations()?;
    if args.pat && args.url.as_deref().is_some_and(|url| is_no_address(url, &integrations)) {
        return Err(Failure::new(
            "a token goes on standard input, and what stands after --pat is the URL it is for",
        )
        .hint(
            "if it was the token, revoke it; then: git-credential-ona-azure login URL --pat < file",
        )
        .exit(Exit::Usage));
    }
    let target = Target::of(args.url.as_deref(), &integrations)?;
    target.refuse_plain_http()?;
    let done =
        if args.pat { with_pat(&args, &room, &target) } else { with_oauth(&args, &room, &target) };
    if done.is_ok() {
        others_have_a_hand(&room.vault).iter().for_each(Message::print);
    }
    done
}

/// Whether a "URL" is a mere word and no Server's name: it may be the token, which no message is to
/// repeat.
fn is_no_address(text: &str, integrations: &Integrations) -> bool {
    let known = |url: RemoteUrl| integrations.on(&HostKey::of_place(&url.place)).next().is_some();
    !text.contains(['.', ':', '/']) && !RemoteUrl::parse(text).is_ok_and(known)
}

fn with_oauth(args: &Login, room: &Room, target: &Target) -> Result<(), Failure> {
    if target.integration.oauth.is_none() {
        let failure = Failure::new(format!("OAuth is not on for {}", target.host()));
        return Err(pat_url(target).into_iter().fold(failure, |failure, url| {
            failure.hint(format!(
                "give a personal access token: git-credential-ona-azure login {url} --pat"
            ))
        }));
    }
    let key = target.session_key();
    let asked = args.browser || args.paste || args.device;
    if let Some(why) = forbidden(Step::Browser { asked }) {
        let (why, instead) = match why {
            Forbidden::Never => ("ONA_AZURE_INTERACTIVE is never", "unset it"),
            Forbidden::NobodyThere => (
                "this is a script without a terminal (CI, or GIT_TERMINAL_PROMPT=0)",
                "say --browser or --device if somebody waits for it",
            ),
        };
        let hint = match pat_url(target) {
            Some(url) => format!(
                "{instead}, or pass a personal access token: git-credential-ona-azure login {url} --pat < file"
            ),
            None => instead.to_owned(),
        };
        return Err(Failure::new(format!("signing in with OAuth needs a person, and {why}"))
            .hint(hint)
            .exit(Exit::SignIn));
    }
    let person = Person::at_command();
    let organization =
        target.organization.as_ref().or(target.integration.host.organization.as_ref());
    let sign_in = SignIn {
        key: &key,
        organization,
        insist: true,
        integration: &target.integration,
        login_hint: args.login_hint.as_deref(),
        challenges: &[],
        wait: args.timeout,
        vault: &room.vault,
        network: &Network,
        person: &person,
    };
    let session = if args.device {
        sign_in.with_device_code()
    } else {
        sign_in.with_browser(browser(args, Surroundings::here(), &person))
    }?;
    let (lines, warning) = summary(&session, room.vault.dir());
    warning.iter().for_each(Message::print);
    lines.iter().try_for_each(|line| print::line(line))?;
    if let Some(proposed) = &args.login_hint
        && !proposed.eq_ignore_ascii_case(&session.account)
    {
        Message::note(format!("{} signed in, not {proposed}", session.account)).print();
    }
    Ok(())
}

/// The address a token can be given for in place of a sign-in, if tokens are on.
fn pat_url(target: &Target) -> Option<String> {
    let named = target.organization.is_some() || target.integration.host.organization.is_some();
    let placeholder = if target.place.is_cloud() && !named { "/ORGANIZATION" } else { "" };
    target.integration.pat.then(|| format!("{}{placeholder}", target.url()))
}

/// Where the browser is: where the person says, else where it seems to be.
fn browser(args: &Login, surroundings: Surroundings, person: &Person) -> Browser {
    let Surroundings { elsewhere, browser } = surroundings;
    if args.browser {
        Browser { start: true, elsewhere: false, paste: false }
    } else if args.paste {
        Browser { start: false, elsewhere: true, paste: person.can_answer() }
    } else {
        Browser { start: browser || !elsewhere, elsewhere, paste: elsewhere && person.is_there() }
    }
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
        .hint("git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat")
        .exit(Exit::Usage));
    }
    let now = clock::now();
    let expires_at = match &args.expires {
        Some(text) => Some(when::parse_end(text, now).ok_or_else(|| {
            Failure::new(format!("--expires {text:?} is neither a span nor a date"))
                .hint("write 30d, 12w or 2027-01-31")
                .exit(Exit::Usage)
        })?),
        None => None,
    };
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
    let new = NewPat {
        scheme: target.scheme,
        place: &target.place,
        organization: organization.as_ref(),
        integration: &target.integration,
        username: args.username.as_deref().unwrap_or_default().as_bytes(),
        expires_at,
    };
    new.refuse_if_over(now)?;
    let at_terminal = stdin().is_terminal();
    if at_terminal {
        // Azure shows a token only once: nobody should make one that cannot be kept.
        room.vault.write().and_then(|writer| writer.rehearse())?;
        new.explain(&Person::at_command(), Surroundings::here().browser);
    }
    let typed = input::typed("\nPersonal access token (not shown): ")?;
    if typed.is_empty() && at_terminal {
        return Err(Failure::new("no personal access token was given")
            .hint("run the command again, and paste the token")
            .exit(Exit::Usage));
    }
    let pat = read_pat(&typed, &new.page())?;
    let expires_at = new.keep(pat, !args.no_test, &room.vault, &Network)?;
    print::line(&format!(
        "The personal access token for {} is kept until {}.",
        new.name(),
        when::moment(expires_at, now)
    ))?;
    // Azure DevOps Services has that from setup-git.
    if organization.is_some() && !target.place.is_cloud() {
        Message::note(format!("git has to say which collection of {host} it asks for"))
            .hint("have it send the path (credential.useHttpPath): git-credential-ona-azure setup-git")
            .print();
    }
    Ok(())
}

/// A span such as `90s`, `10m` or `1h`.
pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let wrong = || "write 90s, 10m or 1h".to_owned();
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span)
        .ok()
        .filter(|span| (1..=86_400).contains(&span.as_secs()))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_span_up_to_a_day() {
        for (text, seconds) in
            [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("24h", 86_400)]
        {
            assert_eq!(parse_timeout(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "0s", "-1m", "25h", "soon"] {
            assert!(parse_timeout(text).is_err(), "{text}");
        }
    }
}
