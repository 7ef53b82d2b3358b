//! What is kept for a host, in words.

use super::host::{Host, KeptPat, OrganizationUse, SignIn};
use super::{Row, row};
use crate::azure::{Expiry, Organization, Scheme, expiry_warning};
use crate::broker::Kept;
use crate::cli::integration::methods;
use crate::cli::print;
use crate::entra::{Allows, allow};
use crate::integration::{HostKey, Integration, Integrations};
use crate::report::{Failure, word};
use crate::vault::{ClientMode, Pat, Session, SignInMethod};
use crate::when;

const WHAT_TO_DO: &str = "what to do";

/// What is said of a host: blocks with a blank line between them.
pub(super) struct Words(Vec<Block>);

struct Block {
    heading: String,
    rows: Vec<Row>,
    /// What could not be read.
    errors: Vec<String>,
}

impl Block {
    fn new(heading: impl Into<String>, rows: Vec<Row>) -> Self {
        Self { heading: heading.into(), rows, errors: Vec::new() }
    }
}

impl Words {
    pub(super) fn print(&self) -> Result<(), Failure> {
        for (index, block) in self.0.iter().enumerate() {
            if index > 0 {
                print::line("")?;
            }
            // Below the host, what is kept for it.
            let indent = if index == 0 { 0 } else { 2 };
            print::line(&format!("{:indent$}{}", "", block.heading))?;
            print::table(indent + 2, &block.rows)?;
            block.errors.iter().try_for_each(|error| print::line(&format!("  ! {error}")))?;
        }
        Ok(())
    }
}

/// All there is to say of a host.
pub(super) fn words_of(host: &Host, now: u64) -> Words {
    let integration = host.integration();
    let mut blocks = vec![Block {
        heading: integration.host.to_string(),
        rows: vec![
            row("methods", methods(integration)),
            row("file", host.found.file.display().to_string()),
        ],
        errors: host.errors.clone(),
    }];
    blocks.extend(host.sessions.iter().map(|one| one.block(host, now)));
    // Where something cannot be read, it may be what is missing.
    let whole = host.errors.is_empty();
    if integration.oauth.is_some() && host.sessions.is_empty() && whole {
        let login = format!("git-credential-ona-azure login {}", host.url(Scheme::Https, None));
        blocks.push(Block::new("nobody is signed in with OAuth", vec![row(WHAT_TO_DO, login)]));
    }
    blocks.extend(pats(host, now).filter(|_| whole || !host.pats.is_empty()));
    blocks.extend(uses(host, now));
    Words(blocks)
}

impl SignIn {
    fn block(&self, host: &Host, now: u64) -> Block {
        let Self { session, access, over, .. } = self;
        let integration = host.integration();
        let mut rows = vec![
            row("for", self.organizations(host, now)),
            row(
                "signed in",
                format!("{} ({})", when::distance(session.signed_in_at, now), how(session)),
            ),
        ];
        rows.extend(session.tenant.as_deref().map(|tenant| row("tenant", tenant)));
        if let Some(reason) = over {
            let when = session.ended.as_ref().map(|ended| when::distance(ended.at, now));
            let when = when.map(|when| format!("{when}: ")).unwrap_or_default();
            rows.push(row("ended", format!("{when}{reason}")));
            rows.push(row(WHAT_TO_DO, self.again(host)));
        }
        let failure = self.failure(integration, now);
        if let Some((text, hint)) = &failure {
            rows.push(row("renewal", &**text));
            rows.push(row(WHAT_TO_DO, &**hint));
        }
        let left = access.as_ref().filter(|access| access.token.is_some());
        let left =
            left.map(|access| access.expires_at.saturating_sub(now)).filter(|left| *left > 0);
        let good = left.map(|left| format!("good for {}", when::another(left)));
        let token = match (good, over, &failure) {
            (Some(good), Some(_), _) => Some(format!("{good}, and there is no next one")),
            (Some(good), None, Some(_)) => Some(good),
            (Some(good), None, None) => Some(format!("{good}, then renewed by itself")),
            (None, None, None) if self.readable => {
                Some("renewed by itself when git next asks".to_owned())
            }
            (None, _, _) => None,
        };
        let gives = over.is_none() || token.is_some();
        rows.extend(token.map(|token| row("access token", token)));
        if gives {
            rows.push(row("allows", Allowed::by(session).words()));
        }
        for refusal in access.iter().flat_map(|access| &access.refusals) {
            if refusal.until > now {
                rows.push(row(
                    "refused by",
                    format!(
                        "{}, as it said {}; it is asked again when git next needs it",
                        refusal.organization,
                        when::distance(refusal.asked_at, now)
                    ),
                ));
            }
        }
        let heading = match &*session.account {
            "" => "an account without a name",
            account => account,
        };
        Block::new(heading, rows)
    }

    /// What was or would be wrong with getting a new access token, and what to do about it.
    fn failure(&self, integration: &Integration, now: u64) -> Option<(String, String)> {
        if let Some(failure) = self.last_failure(integration) {
            let again = match failure.until {
                until if until > now => when::distance(until, now),
                _ => "when git next asks".to_owned(),
            };
            let failed = when::distance(failure.failed_at_ms / 1000, now);
            let text = format!("failed {failed}: {}; tried again {again}", failure.text);
            return Some((text, failure.hint.clone()));
        }
        let trouble = self.trouble.as_ref()?;
        Some((format!("will fail: {}", trouble.text), trouble.hint.clone()))
    }

    /// The organizations it serves.
    fn organizations(&self, host: &Host, now: u64) -> String {
        if let Some(organization) = &self.session.organization {
            return organization.to_string();
        }
        // One with a sign-in of its own uses that, be it over or not.
        let own = host.sessions.iter().filter_map(|one| one.session.organization.clone());
        let mut others: Vec<Organization> = own.chain(self.refusing(now)).collect();
        others.sort();
        others.dedup();
        let all = match self.session.tenant {
            Some(_) => "every organization of its tenant",
            None => "every organization",
        };
        if others.is_empty() { all.to_owned() } else { format!("{all} but {}", list(&others)) }
    }

    /// What mends a sign-in that is over.
    fn again(&self, host: &Host) -> String {
        let integration = host.integration();
        if integration.oauth.is_none() {
            return format!(
                "to turn OAuth on again: {}",
                Integrations::configure_command(&integration.host)
            );
        }
        let url = host.url(Scheme::Https, self.session.organization.as_ref());
        format!("git-credential-ona-azure login {}", word(&url))
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(organizations: &[Organization]) -> String {
    let names: Vec<_> = organizations.iter().map(Organization::as_str).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// How a person signed in.
fn how(session: &Session) -> String {
    let method = match session.method {
        SignInMethod::Browser => "browser",
        SignInMethod::Paste => "pasted address",
        SignInMethod::Device => "device code",
        SignInMethod::Imported => "brought by bootstrap",
    };
    let client = match session.mode {
        ClientMode::Confidential => "with the client secret",
        ClientMode::Public => "without the client secret",
    };
    format!("{method}, {client}")
}

/// What git may do with a sign-in.
pub(super) struct Allowed(Allows);

impl Allowed {
    pub(super) fn by(session: &Session) -> Self {
        Self(allow(&session.scopes))
    }

    pub(super) fn name(&self) -> &'static str {
        match self.0 {
            Allows::Write => "write",
            Allows::Read => "read",
            Allows::Nothing => "nothing",
        }
    }

    fn words(&self) -> &'static str {
        match self.0 {
            Allows::Write => "clone, fetch and push",
            Allows::Read => "clone and fetch, but no push: vso.code_write is not granted",
            Allows::Nothing => "nothing: neither vso.code nor vso.code_write is granted",
        }
    }
}

/// How near a token is to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PatState {
    Good,
    Soon,
    Over,
    Unknown,
}

impl PatState {
    pub(super) fn of(pat: &Pat, now: u64) -> Self {
        let seconds = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        match pat.expires_at {
            None => Self::Unknown,
            Some(at) => match expiry_warning(seconds(now), seconds(at)) {
                None => Self::Good,
                Some(Expiry::Soon { .. }) => Self::Soon,
                Some(Expiry::Over) => Self::Over,
            },
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Soon => "soon",
            Self::Over => "over",
            Self::Unknown => "unknown",
        }
    }
}

fn pats(host: &Host, now: u64) -> Option<Block> {
    let integration = host.integration();
    if host.pats.is_empty() {
        let mut rows = Vec::new();
        if integration.oauth.is_none() {
            let url = match &integration.host.key {
                HostKey::Cloud if integration.host.organization.is_none() => {
                    "https://dev.azure.com/ORGANIZATION".to_owned()
                }
                _ => host.url(integration.scheme(), integration.host.organization.as_ref()),
            };
            rows.push(row(WHAT_TO_DO, format!("git-credential-ona-azure login {url} --pat")));
        }
        return integration.pat.then(|| Block::new("no personal access token is kept", rows));
    }
    let heading = if integration.pat {
        "personal access tokens"
    } else {
        "personal access tokens, none of which is used: they are off for this host"
    };
    let rows = host.pats.iter().flat_map(|kept| kept.rows(host, now)).collect();
    Some(Block::new(heading, rows))
}

impl KeptPat {
    fn rows(&self, host: &Host, now: u64) -> Vec<Row> {
        let place = match &self.pat.organization {
            Some(organization) => organization.to_string(),
            None => "whole Server".to_owned(),
        };
        let state = PatState::of(&self.pat, now);
        let end = match (self.pat.expires_at, state) {
            (Some(at), PatState::Good) => {
                format!("ends {}, on {}", when::distance(at, now), when::day(at, now))
            }
            (Some(at), PatState::Soon) => {
                format!("ends soon: {}, on {}", when::distance(at, now), when::day(at, now))
            }
            (Some(at), _) => {
                format!("ran out {}, on {}", when::distance(at, now), when::day(at, now))
            }
            (None, _) => "its end is not known".to_owned(),
        };
        // Azure DevOps Services takes any name; a Server's users are told apart.
        let user = self.username().filter(|_| host.integration().host.key != HostKey::Cloud);
        let details = [
            Some(end),
            user.as_ref().map(|user| format!("user {user}")),
            (self.scheme == Scheme::Http).then(|| "over plain http".to_owned()),
            Some(format!("kept {}", when::distance(self.pat.kept_at, now))),
        ];
        let details: Vec<_> = details.into_iter().flatten().collect();
        let mut rows = vec![row(place, details.join("; "))];
        if matches!(state, PatState::Soon | PatState::Over) && host.integration().pat {
            let url = host.url(self.scheme, self.pat.organization.as_ref());
            let user = user.map(|user| format!(" --username {}", word(&user)));
            rows.push(row(
                WHAT_TO_DO,
                format!(
                    "make a new one: git-credential-ona-azure login {} --pat{}",
                    word(&url),
                    user.unwrap_or_default()
                ),
            ));
        }
        rows
    }
}

/// Which organization uses which; only where there is a choice to tell of.
fn uses(host: &Host, now: u64) -> Option<Block> {
    let refused = host.sessions.iter().any(|one| one.refusing(now).next().is_some());
    if host.uses.is_empty() || (host.sessions.len() + host.pats.len() < 2 && !refused) {
        return None;
    }
    let rows = host.uses.iter().map(OrganizationUse::row).collect();
    Some(Block::new("which organization uses which", rows))
}

impl OrganizationUse {
    fn row(&self) -> Row {
        let reason = self.what.reason.as_ref();
        let value = match &self.what.credential {
            Some(Kept::OAuth { account }) => account.clone(),
            Some(Kept::Pat { organization }) => {
                let which = match organization {
                    Some(_) => "its personal access token",
                    None => "the personal access token of the whole Server",
                };
                reason.map_or_else(|| which.to_owned(), |reason| format!("{which}: {reason}"))
            }
            None => reason.map_or_else(|| "nothing".to_owned(), |why| format!("nothing: {why}")),
        };
        let place = match self.scheme {
            Scheme::Https => self.organization.to_string(),
            Scheme::Http => format!("{} (http)", self.organization),
        };
        row(place, value)
    }
}
