//! `status`: what is configured, who is signed in, and where secrets are kept.

use serde_json::{Value, json};

use super::args::Status;
use super::integration::methods;
use super::{Room, print, when};
use crate::azure::Scheme;
use crate::broker::{PatKey, SessionKey, sessions, why_over};
use crate::clock;
use crate::integration::{Found, HostKey};
use crate::report::{Failure, Message};
use crate::vault::{Access, KeySource, Pat, Pats, Session, VaultError};

pub(super) fn run(args: Status) -> Result<(), Failure> {
    let room = Room::enter()?;
    let integrations = room.integrations()?;
    let hosts: Vec<_> = integrations.all().iter().map(|found| Host::read(&room, found)).collect();
    let left = left_over(&room, &hosts);
    let store = Store::read(&room, &hosts);
    if args.json {
        print::document(json!({
            "hosts": hosts.iter().map(Host::json).collect::<Vec<_>>(),
            "withoutIntegration": left.iter().map(|session| json!({
                "host": session.host,
                "organization": session.organization,
                "account": session.account,
            })).collect::<Vec<_>>(),
            "store": store.json(),
        }))?;
    } else {
        if hosts.is_empty() {
            print::line(
                "No integration is configured. Add one with: git-credential-ona-azure integration add --help",
            )?;
        }
        for host in &hosts {
            host.print()?;
        }
        for session in &left {
            print::line(&format!(
                "{}  no integration any more: {} is still signed in; forget it with: \
                 git-credential-ona-azure logout --all",
                session.host, session.account
            ))?;
        }
        store.print()?;
    }
    if hosts.iter().any(|host| !host.errors.is_empty()) || !store.errors.is_empty() {
        return Err(Failure::new("not everything that is kept can be read"));
    }
    Ok(())
}

/// The sessions of hosts that have no integration any more.
fn left_over(room: &Room, hosts: &[Host]) -> Vec<Session> {
    let configured = |session: &Session| {
        hosts.iter().any(|host| host.found.integration.host.key.to_string() == session.host)
    };
    // Where they cannot be read, the store says so.
    let mut all = sessions(&room.vault, None).unwrap_or_default();
    all.retain(|session| !configured(session));
    all
}

/// What went wrong and what to do about it, as a line of its own.
fn problem(error: impl Into<Failure>) -> String {
    let Message { text, hint, .. } = error.into().message;
    match hint {
        Some(hint) => format!("{text}; {hint}"),
        None => text,
    }
}

/// What can be read of a host, and why the rest cannot.
struct Host {
    found: Found,
    sessions: Vec<(Session, Option<Access>)>,
    pats: Vec<Pat>,
    errors: Vec<String>,
}

impl Host {
    fn read(room: &Room, found: &Found) -> Self {
        let key = &found.integration.host.key;
        let mut host = Self {
            found: found.clone(),
            sessions: Vec::new(),
            pats: Vec::new(),
            errors: Vec::new(),
        };
        // The list leaves out a damaged one; for the host as a whole it is known which it is.
        let whole = SessionKey { host: key.clone(), organization: None }.to_string();
        host.noted(room.vault.read::<Session>(&whole));
        for session in host.noted(sessions(&room.vault, Some(key))).unwrap_or_default() {
            let of = SessionKey { host: key.clone(), organization: session.organization.clone() };
            let access = host.noted(room.vault.read::<Access>(&of.to_string())).flatten();
            host.sessions.push((session, access));
        }
        for scheme in [Scheme::Https, Scheme::Http] {
            let of = PatKey { scheme, host: key.clone() }.to_string();
            let pats = host.noted(room.vault.read::<Pats>(&of)).flatten();
            host.pats.extend(pats.unwrap_or_default().pats);
        }
        host
    }

    /// Keeps why something cannot be read, once: a key that does not fit is met at every entry.
    fn noted<T>(&mut self, read: Result<T, VaultError>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(error) => {
                let problem = problem(error);
                if !self.errors.contains(&problem) {
                    self.errors.push(problem);
                }
                None
            }
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let now = clock::now();
        let integration = &self.found.integration;
        print::line(&format!(
            "{}  ({}; {})",
            integration.host,
            methods(integration),
            self.found.file.display()
        ))?;
        for (session, access) in &self.sessions {
            let scope = match &session.organization {
                Some(organization) => format!(" for {organization}"),
                None => String::new(),
            };
            print::line(&format!(
                "  OAuth  {}{scope}: signed in since {}",
                session.account,
                when::moment(session.signed_in_at, now)
            ))?;
            let over = why_over(session, integration);
            if let Some(reason) = &over {
                let when = session.ended.as_ref().map(|ended| when::moment(ended.at, now));
                let when = when.map(|when| format!(" {when}")).unwrap_or_default();
                print::line(&format!("         ended{when}: {reason}"))?;
            }
            if let Some(access) = access {
                print_access(access, over.is_none(), now)?;
            }
            if over.is_some() && integration.oauth.is_some() {
                print::line(&format!(
                    "         sign in again: git-credential-ona-azure login {}",
                    login_url(session)
                ))?;
            }
        }
        for error in &self.errors {
            print::line(&format!("  ! {error}"))?;
        }
        let whole = self.errors.is_empty();
        if integration.oauth.is_some() && self.sessions.is_empty() && whole {
            print::line(&format!(
                "  OAuth  nobody is signed in: git-credential-ona-azure login https://{}",
                integration.host.key
            ))?;
        }
        for pat in &self.pats {
            print::line(&format!(
                "  PAT    {}: {}",
                place(pat, &integration.host.key),
                end(pat, now)
            ))?;
        }
        if integration.pat && self.pats.is_empty() && whole {
            print::line("  PAT    none is kept")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let sessions: Vec<_> = self
            .sessions
            .iter()
            .map(|(session, access)| {
                json!({
                    "account": session.account,
                    "organization": session.organization,
                    "tenant": session.tenant,
                    "clientMode": session.mode,
                    "scopes": session.scopes,
                    "signedInAt": session.signed_in_at,
                    "signedIn": session.refresh_token.is_some(),
                    "ended": why_over(session, &self.found.integration),
                    "accessTokenExpiresAt": access
                        .as_ref()
                        .filter(|access| access.token.is_some())
                        .map(|access| access.expires_at),
                    "refusedBy": access.as_ref().map(|access| {
                        access.refusals.iter().map(|refusal| &refusal.organization).collect::<Vec<_>>()
                    }),
                })
            })
            .collect();
        let pats: Vec<_> = self
            .pats
            .iter()
            .map(|pat| json!({ "organization": pat.organization, "expiresAt": pat.expires_at, "keptAt": pat.kept_at }))
            .collect();
        json!({
            "host": self.found.integration.host.to_string(),
            "file": self.found.file,
            "oauth": self.found.integration.oauth.is_some(),
            "pat": self.found.integration.pat,
            "sessions": sessions,
            "pats": pats,
            "error": joined(&self.errors),
        })
    }
}

fn joined(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; "))
}

/// What `login` is to be given for the same session again.
fn login_url(session: &Session) -> String {
    match &session.organization {
        Some(organization) => format!("https://{}/{organization}", session.host),
        None => format!("https://{}", session.host),
    }
}

fn print_access(access: &Access, renewable: bool, now: u64) -> Result<(), Failure> {
    let good = access.token.is_some() && access.expires_at > now;
    let until = when::moment(access.expires_at, now);
    match (good, renewable) {
        (true, true) => print::line(&format!(
            "         access token until {until}; the next one is fetched by itself"
        ))?,
        (true, false) => {
            print::line(&format!("         access token until {until}; there is no next one"))?;
        }
        (false, true) => print::line("         access token is fetched when git next asks")?,
        (false, false) => {}
    }
    for refusal in access.refusals.iter().filter(|refusal| refusal.until > now) {
        print::line(&format!(
            "         {} refused this account; not tried again before {}",
            refusal.organization,
            when::moment(refusal.until, now)
        ))?;
    }
    Ok(())
}

fn place(pat: &Pat, host: &HostKey) -> String {
    match (&pat.organization, host) {
        (Some(organization), _) => organization.to_string(),
        (None, _) => "the whole Server".to_owned(),
    }
}

fn end(pat: &Pat, now: u64) -> String {
    match pat.expires_at {
        Some(at) if at <= now => format!("ran out {}", when::moment(at, now)),
        Some(at) => format!("until {}", when::moment(at, now)),
        None => "its end is not known".to_owned(),
    }
}

/// Where secrets are, and what protects them.
struct Store {
    dir: std::path::PathBuf,
    key: Option<(String, KeySource)>,
    set_aside: Vec<std::path::PathBuf>,
    open_to_others: Option<std::path::PathBuf>,
    /// What no host has said already.
    errors: Vec<String>,
}

impl Store {
    fn read(room: &Room, hosts: &[Host]) -> Self {
        let mut errors: Vec<_> = room.vault.unreadable().into_iter().map(problem).collect();
        let key = room.vault.runner_key().unwrap_or_else(|error| {
            let error = problem(error);
            if !errors.contains(&error) {
                errors.push(error);
            }
            None
        });
        errors.retain(|error| !hosts.iter().any(|host| host.errors.contains(error)));
        Self {
            dir: room.vault.dir().to_owned(),
            key: key.map(|key| (key.public(), key.source().clone())),
            set_aside: room.vault.set_aside(),
            open_to_others: room.vault.open_to_others(),
            errors,
        }
    }

    fn protection(&self) -> String {
        match &self.key {
            None => "no runner key yet: it is made on first need".to_owned(),
            Some((_, KeySource::Mounted(path))) => {
                format!("sealed to the runner key in {} (ONA_AZURE_KEY_FILE)", path.display())
            }
            Some((_, KeySource::Beside(path))) => format!(
                "sealed to the runner key in {}; it lies beside the vault, so whoever copies that directory can open it: \
                 mount a key and name it in ONA_AZURE_KEY_FILE",
                path.display()
            ),
        }
    }

    fn print(&self) -> Result<(), Failure> {
        print::line(&format!("Secrets are kept in {}", self.dir.display()))?;
        print::line(&format!("  {}", self.protection()))?;
        if let Some((public, _)) = &self.key {
            print::line(&format!("  public key {public}"))?;
        }
        if let Some(path) = &self.open_to_others {
            print::line(&format!("  other accounts may change or read {}", path.display()))?;
        }
        for error in &self.errors {
            print::line(&format!("  ! {error}"))?;
        }
        for path in &self.set_aside {
            print::line(&format!("  damaged and set aside: {}", path.display()))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        json!({
            "directory": self.dir,
            "publicKey": self.key.as_ref().map(|(public, _)| public),
            "keyFile": self.key.as_ref().map(|(_, source)| source.path()),
            "keyBesideVault": matches!(self.key, Some((_, KeySource::Beside(_)))),
            "protection": self.protection(),
            "setAside": self.set_aside,
            "openToOthers": self.open_to_others,
            "error": joined(&self.errors),
        })
    }
}
