//! `logout`: forget what was signed in with, and say what still works.

use super::args::Logout;
use super::target::Target;
use super::{Room, print};
use crate::azure::{Organization, Scheme, token_list_url};
use crate::broker::{Forgotten, Kept, PatKey, SessionKey, forget, sessions, would_use};
use crate::clock;
use crate::entra::Issuer;
use crate::integration::{HostKey, Integration, Integrations};
use crate::report::{Failure, Message};
use crate::vault::{Pat, Pats, Session, VaultError};

/// Where people see the apps they have let in, and take back what they allowed them ("Edit or
/// revoke application permissions in the My Apps portal").
const MY_APPS: &str = "https://myapps.microsoft.com";

/// The one sign-in host that portal is known to belong to; national clouds have others.
const LOGIN_HOST: &str = "login.microsoftonline.com";

pub(super) fn run(args: Logout) -> Result<(), Failure> {
    let room = Room::enter()?;
    if args.all {
        return forget_all(&room);
    }
    let integrations = room.integrations()?;
    let target = Target::of(args.url.as_deref(), &integrations)?;
    let host = target.host();
    // The only integration of the host stands for all of it.
    let whole = args.url.is_none() && integrations.on(&host).count() == 1;
    let organization = target.organization.as_ref().filter(|_| !whole);
    let what =
        What { host: &host, organization, spared: Vec::new(), integration: &target.integration };
    if what.forget(&room)?.is_nothing() {
        print::line(&format!("Nothing was kept for {}.", target.url()))?;
    }
    if let Some(organization) = &target.organization {
        let of = target.pat_key();
        tell_what_still_serves(&room, &integrations, &of, organization);
    }
    Ok(())
}

/// Forgets everything, also what cannot be read; names what can.
fn forget_all(room: &Room) -> Result<(), Failure> {
    // Under the lock, so that what is named is what goes.
    let writer = room.vault.write()?;
    let mut gone =
        Gone { sessions: sessions(&room.vault, None).unwrap_or_default(), ..Gone::default() };
    // Which host tokens are of, only the integrations tell.
    let integrations = room.integrations().unwrap_or_default();
    for found in integrations.all() {
        let host = &found.integration.host.key;
        for of in pat_keys(host) {
            let pats = room.vault.read::<Pats>(&of.to_string()).ok().flatten();
            let pats = pats.unwrap_or_default().pats.into_iter();
            let spec = &found.integration.host;
            let pats = pats.filter(|pat| integrations.serves(spec, pat.organization.as_ref()));
            gone.pats.extend(pats.map(|pat| GonePat::of(pat, of.scheme, &found.integration)));
        }
    }
    let any = writer.remove_all()?;
    drop(writer);
    gone.say()?;
    print::line(if any {
        "Every sign-in and personal access token is forgotten."
    } else {
        "Nothing was kept: no sign-in, and no personal access token."
    })?;
    gone.note();
    Ok(())
}

/// Forgets all of a host whose integration was just removed.
pub(super) fn forget_host(
    room: &Room,
    integration: &Integration,
    left: &Integrations,
) -> Result<(), Failure> {
    if !room.vault.dir().exists() {
        return Ok(());
    }
    let host = &integration.host.key;
    // Beside other integrations of the host, only what is served by none of them.
    let beside = left.on(host).next().is_some();
    let organization = integration.host.organization.as_ref().filter(|_| beside);
    let others = left.on(host).filter_map(|found| found.integration.host.organization.clone());
    let spared = others.collect();
    let what = What { host, organization, spared, integration };
    what.forget(room).map(drop)
}

fn pat_keys(host: &HostKey) -> [PatKey; 2] {
    [Scheme::Https, Scheme::Http].map(|scheme| PatKey { scheme, host: host.clone() })
}

/// A host, or one organization of it.
struct What<'a> {
    host: &'a HostKey,
    organization: Option<&'a Organization>,
    /// Organizations of the host that are not meant.
    spared: Vec<Organization>,
    integration: &'a Integration,
}

impl What<'_> {
    /// Forgets, and says what.
    fn forget(&self, room: &Room) -> Result<Gone, Failure> {
        let mut gone = Gone::default();
        let done =
            self.forget_sessions(room, &mut gone).and_then(|()| self.forget_pats(room, &mut gone));
        // What is gone is gone, also where the rest could not be reached.
        gone.say()?;
        gone.note();
        done.map(|()| gone)
    }

    fn is_meant(&self, organization: Option<&Organization>) -> bool {
        match self.organization {
            Some(only) => organization == Some(only),
            None => !organization.is_some_and(|one| self.spared.contains(one)),
        }
    }

    fn forget_sessions(&self, room: &Room, gone: &mut Gone) -> Result<(), Failure> {
        // A vault that does not open lists nothing, and is still rid of what has a known name.
        let listed = sessions(&room.vault, Some(self.host)).unwrap_or_default();
        let known =
            SessionKey { host: self.host.clone(), organization: self.organization.cloned() };
        let keys = listed
            .into_iter()
            .map(|session| SessionKey {
                host: self.host.clone(),
                organization: session.organization,
            })
            .filter(|key| self.is_meant(key.organization.as_ref()))
            .filter(|key| *key != known);
        for key in std::iter::once(known.clone()).chain(keys) {
            match forget(&room.vault, &key, |_| true)? {
                Some(Forgotten { session: Some(session) }) => gone.sessions.push(session),
                Some(Forgotten { session: None }) => {
                    gone.damaged.push(format!("A damaged sign-in to {key} is forgotten."));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn forget_pats(&self, room: &Room, gone: &mut Gone) -> Result<(), Failure> {
        for key in pat_keys(self.host) {
            let of = key.to_string();
            let damaged = matches!(room.vault.read::<Pats>(&of), Err(VaultError::Corrupt { .. }));
            // Under the lock at once, which sets a damaged entry aside.
            let goes = room.vault.write()?.update(&of, |kept: &mut Option<Pats>| {
                let kept = &mut kept.as_mut()?.pats;
                let (goes, stays) = std::mem::take(kept)
                    .into_iter()
                    .partition(|pat| self.is_meant(pat.organization.as_ref()));
                *kept = stays;
                Some::<Vec<Pat>>(goes)
            })?;
            let Some(goes) = goes else {
                if damaged {
                    gone.damaged.push(format!("Damaged tokens for {} are set aside.", self.host));
                }
                continue;
            };
            gone.pats
                .extend(goes.into_iter().map(|pat| GonePat::of(pat, key.scheme, self.integration)));
        }
        Ok(())
    }
}

/// What was forgotten.
#[derive(Default)]
struct Gone {
    sessions: Vec<Session>,
    pats: Vec<GonePat>,
    /// What could not be read, a sentence each.
    damaged: Vec<String>,
}

/// A token that was forgotten, with where it can be revoked.
struct GonePat {
    pat: Pat,
    host: HostKey,
    page: String,
}

impl GonePat {
    fn of(pat: Pat, scheme: Scheme, integration: &Integration) -> Self {
        let host = integration.host.key.clone();
        let directory = &integration.virtual_directory;
        let page = token_list_url(scheme, &host.place(), directory, pat.organization.as_ref());
        Self { pat, host, page }
    }

    fn sentence(&self) -> String {
        let place = match &self.pat.organization {
            Some(organization) => format!("{}/{organization}", self.host),
            None => format!("the whole of {}", self.host),
        };
        // Azure DevOps Services takes any name; a Server's users are told apart.
        let name = self.pat.username.as_deref().filter(|name| !name.is_empty());
        let of = match name.filter(|_| self.host != HostKey::Cloud) {
            Some(name) => format!(" of {}", String::from_utf8_lossy(name)),
            None => String::new(),
        };
        format!("The personal access token{of} for {place} is forgotten.")
    }
}

impl Gone {
    fn is_nothing(&self) -> bool {
        self.sessions.is_empty() && self.pats.is_empty() && self.damaged.is_empty()
    }

    /// Says what was forgotten.
    fn say(&self) -> Result<(), Failure> {
        for session in &self.sessions {
            let Session { account, host, organization, .. } = session;
            print::line(&match organization {
                Some(organization) => format!("{account} is signed out of {host}/{organization}."),
                None => format!("{account} is signed out of {host}, for every organization."),
            })?;
        }
        self.pats.iter().try_for_each(|gone| print::line(&gone.sentence()))?;
        self.damaged.iter().try_for_each(|sentence| print::line(sentence))
    }

    /// Says that the services know nothing of it, where something is left to revoke.
    fn note(&self) {
        let alive: Vec<_> =
            self.sessions.iter().filter(|session| session.refresh_token.is_some()).collect();
        let many = alive.len() > 1;
        if let Some(session) = alive.first() {
            let is = if many { "sign-ins are" } else { "sign-in is" };
            Message::note(format!(
                "the {is} forgotten here, but not by the issuer: a copy of the tokens works until they end \
                 or are revoked"
            ))
            .hint(how_to_revoke(&session.issuer, many))
            .print();
        }
        let now = clock::now();
        let alive: Vec<_> =
            self.pats.iter().filter(|gone| gone.pat.expires_at.is_none_or(|at| at > now)).collect();
        let (is, it) = match alive.len() {
            0 => return,
            1 => ("token is", "it ends or is"),
            _ => ("tokens are", "they end or are"),
        };
        let mut pages: Vec<_> = alive.iter().map(|gone| &*gone.page).collect();
        pages.dedup();
        Message::note(format!(
            "the personal access {is} forgotten here, but not by Azure DevOps: a copy works until {it} revoked"
        ))
        .hint(format!(
            "to revoke {}: {}",
            if alive.len() == 1 { "it" } else { "them" },
            pages.join(", ")
        ))
        .print();
    }
}

/// How a person has a sign-in revoked.
fn how_to_revoke(issuer: &str, many: bool) -> String {
    let it = if many { "them" } else { "it" };
    // Entra's own are known; any other was trusted by name when it was signed in to.
    match Issuer::parse(issuer, &[]).or_else(|_| Issuer::parse(issuer, &[issuer.to_owned()])) {
        Ok(issuer) if issuer.is_entra() && issuer.host() == LOGIN_HOST => format!(
            "to revoke {it}: {MY_APPS} → the app → Manage your application → Revoke permissions; what an \
             administrator consented to, only an administrator can revoke"
        ),
        Ok(issuer) if issuer.is_entra() => {
            format!("to revoke {it}: ask an administrator of the tenant to revoke your sessions")
        }
        Ok(issuer) => format!("to revoke {it}: ask those who run {}", issuer.host()),
        Err(_) => format!("to revoke {it}: ask those who run the issuer"),
    }
}

/// What an organization is served with that has nothing of its own any more.
fn tell_what_still_serves(
    room: &Room,
    integrations: &Integrations,
    host: &PatKey,
    organization: &Organization,
) {
    let found = would_use(host, organization, integrations, &room.vault, clock::now());
    let host = &host.host;
    let what = match found.credential {
        Some(Kept::OAuth { account }) => format!("the sign-in of {account} to all of {host}"),
        Some(Kept::Pat { .. }) => format!("the personal access token for the whole of {host}"),
        None => return,
    };
    Message::note(format!("{what} still serves it"))
        .hint(format!("to end that too: git-credential-ona-azure logout https://{host}"))
        .print();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_only_named_where_it_is_known_to_be_the_issuers() {
        for (issuer, said) in [
            ("https://login.microsoftonline.com/contoso.com/v2.0", MY_APPS),
            (
                "https://login.microsoftonline.us/contoso.com/v2.0",
                "ask an administrator of the tenant",
            ),
            ("https://idp.corp.example/realms/dev", "ask those who run idp.corp.example"),
            ("", "ask those who run the issuer"),
        ] {
            for (many, them) in [(false, "it"), (true, "them")] {
                let hint = how_to_revoke(issuer, many);
                assert!(hint.starts_with(&format!("to revoke {them}: {said}")), "{issuer}: {hint}");
            }
        }
    }
}
