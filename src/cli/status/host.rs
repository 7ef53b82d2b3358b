//! What is kept for one host, read and told to scripts; `words` tells it to people.

use serde_json::{Value, json};

use super::words::{Allowed, PatState, words_of};
use super::{Room, joined, problem};
use crate::azure::{Organization, Scheme, home_url};
use crate::broker::{
    Kept, PatKey, RefreshFailure, SessionKey, Use, access, foresee_refresh, last_failure, sessions,
    why_over, would_use,
};
use crate::integration::{Found, Integration, Integrations};
use crate::report::Failure;
use crate::vault::{Access, HoldOff, Pat, Pats, Session, VaultError};

/// What can be read of a host, and why the rest cannot.
pub(super) struct Host {
    pub(super) found: Found,
    pub(super) sessions: Vec<SignIn>,
    pub(super) pats: Vec<KeptPat>,
    /// What `get` would do for every organization that is known here.
    pub(super) uses: Vec<OrganizationUse>,
    pub(super) errors: Vec<String>,
}

/// A session with what is known of its access token.
pub(super) struct SignIn {
    pub(super) session: Session,
    pub(super) access: Option<Access>,
    /// Why it gives no more tokens.
    pub(super) over: Option<String>,
    /// Why the next refresh would fail, where none has yet.
    pub(super) trouble: Option<RefreshFailure>,
    /// Whether what is known of the access token can be read.
    pub(super) readable: bool,
}

/// A personal access token, and over what it is given.
pub(super) struct KeptPat {
    pub(super) scheme: Scheme,
    pub(super) pat: Pat,
}

/// What `get` would do for one organization.
pub(super) struct OrganizationUse {
    pub(super) scheme: Scheme,
    pub(super) organization: Organization,
    pub(super) what: Use,
}

impl Host {
    pub(super) fn read(room: &Room, found: &Found, integrations: &Integrations, now: u64) -> Self {
        let key = &found.integration.host.key;
        let mut host = Self {
            found: found.clone(),
            sessions: Vec::new(),
            pats: Vec::new(),
            uses: Vec::new(),
            errors: Vec::new(),
        };
        // The list leaves out a damaged one; for the host as a whole it is known which it is.
        let spec = &found.integration.host;
        let is_its_own =
            |organization: Option<&Organization>| integrations.serves(spec, organization);
        if is_its_own(None) {
            let whole = SessionKey { host: key.clone(), organization: None }.to_string();
            host.noted(room.vault.read::<Session>(&whole));
        }
        for session in host.noted(sessions(&room.vault, Some(key))).unwrap_or_default() {
            if !is_its_own(session.organization.as_ref()) {
                continue;
            }
            let of = SessionKey { host: key.clone(), organization: session.organization.clone() };
            // Damaged, it is named; `get` makes it anew.
            let readable = host.noted(room.vault.read::<Access>(&of.to_string())).is_some();
            let access = access(&room.vault, &of, &found.integration).ok().flatten();
            let over = why_over(&session, &found.integration);
            let trouble = foresee_refresh(&of, &found.integration, &room.vault, now).err();
            // That something is damaged is said already.
            let trouble = trouble.filter(|_| readable && over.is_none());
            host.sessions.push(SignIn { session, access, over, trouble, readable });
        }
        for scheme in [Scheme::Https, Scheme::Http] {
            let of = PatKey { scheme, host: key.clone() }.to_string();
            let pats = host.noted(room.vault.read::<Pats>(&of)).flatten();
            let pats = pats.unwrap_or_default().pats.into_iter();
            let pats = pats.filter(|pat| is_its_own(pat.organization.as_ref()));
            host.pats.extend(pats.map(|pat| KeptPat { scheme, pat }));
        }
        host.pats.sort_by(|a, b| a.pat.organization.cmp(&b.pat.organization));
        host.uses = host
            .organizations(now)
            .into_iter()
            .map(|(scheme, organization)| {
                let host = PatKey { scheme, host: key.clone() };
                let what = would_use(&host, &organization, integrations, &room.vault, now);
                OrganizationUse { scheme, organization, what }
            })
            .collect();
        host
    }

    /// Every organization there is something to say of, in order, each once.
    fn organizations(&self, now: u64) -> Vec<(Scheme, Organization)> {
        let of_sessions = self.sessions.iter().filter_map(|one| one.session.organization.clone());
        let refusing = self.sessions.iter().flat_map(|one| one.refusing(now));
        let default = self.found.integration.host.organization.clone();
        let over_https = of_sessions.chain(refusing).chain(default).map(|one| (Scheme::Https, one));
        let of_pats = self.pats.iter().filter_map(|kept| {
            kept.pat.organization.clone().map(|organization| (kept.scheme, organization))
        });
        let mut all: Vec<_> = over_https.chain(of_pats).collect();
        all.sort();
        all.dedup();
        all
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

    pub(super) fn print(&self, now: u64) -> Result<(), Failure> {
        words_of(self, now).print()
    }

    pub(super) fn integration(&self) -> &Integration {
        &self.found.integration
    }

    /// The address of one of its organizations, or of the whole host.
    pub(super) fn url(&self, scheme: Scheme, organization: Option<&Organization>) -> String {
        let integration = self.integration();
        let place = integration.host.key.place();
        home_url(scheme, &place, &integration.virtual_directory, organization)
    }

    pub(super) fn json(&self, now: u64) -> Value {
        let integration = self.integration();
        let sessions: Vec<_> = self.sessions.iter().map(|one| one.json(integration, now)).collect();
        let pats: Vec<_> = self.pats.iter().map(|kept| kept.json(now)).collect();
        let uses: Vec<_> = self.uses.iter().map(|one| one.json(self)).collect();
        json!({
            "host": integration.host.to_string(),
            "file": self.found.file,
            "oauth": integration.oauth.is_some(),
            "pat": integration.pat,
            "sessions": sessions,
            "pats": pats,
            "uses": uses,
            "error": joined(&self.errors),
        })
    }
}

impl SignIn {
    /// The organizations that refuse the account for now.
    pub(super) fn refusing(&self, now: u64) -> impl Iterator<Item = Organization> {
        let refusals = self.access.iter().flat_map(|access| &access.refusals);
        refusals.filter(move |one| one.until > now).map(|one| one.organization.clone())
    }

    /// The failure of the last refresh; none where the session itself is over, which says it all.
    pub(super) fn last_failure(&self, integration: &Integration) -> Option<&HoldOff> {
        let access = self.access.as_ref().filter(|_| self.over.is_none())?;
        last_failure(access, integration)
    }

    fn json(&self, integration: &Integration, now: u64) -> Value {
        let Self { session, access, over, .. } = self;
        json!({
            "account": session.account,
            "organization": session.organization,
            "tenant": session.tenant,
            "method": session.method,
            "clientMode": session.mode,
            "scopes": session.scopes,
            "allows": Allowed::by(session).name(),
            "signedInAt": session.signed_in_at,
            "signedIn": session.refresh_token.is_some(),
            "ended": over,
            "accessTokenExpiresAt": access
                .as_ref()
                .filter(|access| access.token.is_some())
                .map(|access| access.expires_at),
            "refusedBy": access.as_ref().map(|access| {
                let believed = access.refusals.iter().filter(|refusal| refusal.until > now);
                believed.map(|refusal| &refusal.organization).collect::<Vec<_>>()
            }),
            "holdOff": self.last_failure(integration).map(|failure| json!({
                "failedAt": failure.failed_at_ms / 1000,
                "until": failure.until,
                "text": failure.text,
                "hint": failure.hint,
            })),
        })
    }
}

impl KeptPat {
    /// The user name it was given with, where there is one.
    pub(super) fn username(&self) -> Option<String> {
        let name = self.pat.username.as_deref().filter(|name| !name.is_empty())?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    fn json(&self, now: u64) -> Value {
        json!({
            "organization": self.pat.organization,
            "username": self.username(),
            "expiresAt": self.pat.expires_at,
            "state": PatState::of(&self.pat, now).name(),
            "keptAt": self.pat.kept_at,
        })
    }
}

impl OrganizationUse {
    fn json(&self, host: &Host) -> Value {
        let (with, account) = match &self.what.credential {
            Some(Kept::OAuth { account }) => (Some("oauth"), Some(account)),
            Some(Kept::Pat { .. }) => (Some("pat"), None),
            None => (None, None),
        };
        json!({
            "organization": self.organization,
            "url": host.url(self.scheme, Some(&self.organization)),
            "with": with,
            "account": account,
            "reason": self.what.reason,
        })
    }
}
