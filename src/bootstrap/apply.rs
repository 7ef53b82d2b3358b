//! One host made as it is given. What can be proved is proved before anything is written, so that
//! what does not work leaves everything as it was.

use std::sync::Arc;

use super::compose::Composed;
use super::given::{GivenHost, GivenToken};
use super::patience::Patient;
use super::planned::{Fate, Planned};
use super::prove::for_a_script;
use super::report::{Change, HostReport, TokenReport};
use super::source::Source;
use crate::azure::{Organization, Place};
use crate::broker::SessionKey;
use crate::clock;
use crate::doctor::prove;
use crate::integration::{Found, HostSpec, Integration, Integrations, IntegrationsFile};
use crate::paths::Paths;
use crate::person::Person;
use crate::report::{Exit, Failure};
use crate::secret::Secret;
use crate::sign_in::{NewPat, SignIn};
use crate::trace;
use crate::vault::{
    Access, ClientMode, Imported, ImportedHost, ImportedToken, Session, SignInMethod, Vault,
};

/// Where everything goes, and how it is proved.
pub(super) struct Bench<'a> {
    /// What applies now.
    pub(super) integrations: &'a Integrations,
    /// The file that is written.
    pub(super) file: &'a std::path::Path,
    /// Where tokens are kept.
    pub(super) vault: &'a Vault,
    /// How Entra ID and Azure DevOps are asked.
    pub(super) network: &'a Patient,
    /// Where everything is.
    pub(super) paths: &'a Paths,
    /// Prove nothing.
    pub(super) offline: bool,
    /// What is no longer given goes.
    pub(super) prune: bool,
    /// What an earlier bootstrap brought.
    pub(super) imported: &'a Imported,
    /// Whether that is damaged: then nothing is known of it.
    pub(super) forgotten: bool,
}

impl Bench<'_> {
    /// Whether what is given for a host makes sense. Asks nobody, writes nothing.
    ///
    /// # Errors
    /// What does not.
    pub(super) fn check(&self, given: &GivenHost) -> Result<(), Failure> {
        self.compose(given).map(drop)
    }

    /// Makes a host so.
    pub(super) fn host(&self, given: &GivenHost) -> HostReport {
        let mut report = HostReport::of(given.spec.to_string());
        if let Err(failure) = self.try_host(given, &mut report) {
            report.failure = Some(failure);
        }
        trace::event("bootstrap", |words| report.told(words));
        report
    }

    fn compose<'g>(&self, given: &'g GivenHost) -> Result<Composed<'g>, Failure> {
        let spec = &given.spec;
        let found = self.integrations.exactly(spec);
        // With what a person changed since, the rest is the person's too.
        let anew = self.prune
            && found.is_some_and(|found| {
                found.file == self.file && is_own(self.imported, spec, &found.integration)
            });
        Composed::of(found.map(|found| &found.integration), given, anew, self.vault)
    }

    fn try_host(&self, given: &GivenHost, report: &mut HostReport) -> Result<(), Failure> {
        let composed = self.compose(given)?;
        let found = self.integrations.exactly(&given.spec);
        let old = found.map(|found| &found.integration);
        let mut tokens = self.tokens(composed.integration(), given)?;
        for token in &mut tokens {
            self.bring_back(token, composed.integration());
        }
        // Tokens first that can be tried without using them up.
        for token in &tokens {
            self.try_token(token, composed.integration())?;
        }
        let is_sealed_elsewhere = composed.is_sealed_elsewhere();
        let new = composed.sealed(self.vault)?;
        if is_sealed_elsewhere {
            report.warning = Some(sealed_elsewhere(&new));
        }
        let client_is_new =
            new.oauth.is_some() && old.and_then(|old| old.oauth.as_ref()) != new.oauth.as_ref();
        // To redeem a refresh token proves issuer, client ID and client secret too.
        let redeems = tokens.iter().any(|token| token.is_refresh() && token.fate == Fate::New);
        // Nothing is proved with a secret that cannot be opened: its integration serves tokens only.
        if !self.offline
            && !is_sealed_elsewhere
            && (tokens.is_empty() || (client_is_new && !redeems))
        {
            let found = Found { integration: new.clone(), file: self.file.to_owned() };
            prove(self.paths, &found, Arc::new(*self.network)).map_err(for_a_script)?;
        }
        // A refresh token that is redeemed is spent, whatever comes after it: so those come first, and
        // what became of them is remembered where a later one fails.
        let (refresh, pats): (Vec<_>, Vec<_>) = tokens.iter().partition(|token| token.is_refresh());
        let tokens: Vec<&Planned<'_>> = refresh.into_iter().chain(pats).collect();
        for (at, token) in tokens.iter().enumerate() {
            match self.token(token, &new, report) {
                Ok(done) => report.tokens.push(done),
                Err(failure) => {
                    self.remember(&new, false, true, &tokens[..at])?;
                    return Err(failure);
                }
            }
        }
        report.verified = (!self.offline).then_some(true);
        report.integration = match old {
            Some(old) if *old == new => Change::Unchanged,
            Some(_) => Change::Changed,
            None => Change::Added,
        };
        // Before it is written: killed in between, it is still known for bootstrap's own.
        let writes = report.integration != Change::Unchanged;
        let is_there = found.is_some_and(|found| found.file == self.file);
        self.remember(&new, writes, is_there, &tokens)?;
        if writes {
            let before = old.filter(|_| is_there);
            IntegrationsFile::edit(self.file, &given.spec, |now| {
                // It was laid over what was there before, and a person's change must not be lost.
                if now.as_ref() != before {
                    return Err(changed_meanwhile(given));
                }
                Ok(Some(new))
            })?;
        }
        Ok(())
    }

    fn token(
        &self,
        planned: &Planned<'_>,
        integration: &Integration,
        report: &mut HostReport,
    ) -> Result<TokenReport, Failure> {
        let change = match (planned.fate, planned.replaces) {
            (Fate::New, false) => Change::Added,
            (Fate::New, true) => Change::Changed,
            _ => Change::Unchanged,
        };
        match (planned.token, &planned.source) {
            (GivenToken::Refresh { secret, public, .. }, Source::Refresh(key)) => {
                if planned.fate == Fate::New {
                    self.import(key, integration, secret, *public)?;
                } else {
                    self.still_signed_in(key, integration)?;
                }
                let session = self.vault.read::<Session>(&key.to_string())?;
                let account = session.map(|session| session.account);
                report.account = account.filter(|account| !account.is_empty());
                Ok(TokenReport { kind: "oauth", organization: key.organization.clone(), change })
            }
            (
                GivenToken::Pat { secret, username, expires_at, .. },
                Source::Pat(key, organization),
            ) => {
                if planned.fate == Fate::New {
                    let place = key.place();
                    self.new_pat(integration, &place, organization.as_ref(), username, *expires_at)
                        .keep_as_given(secret.clone(), false, self.vault, self.network)?;
                }
                Ok(TokenReport { kind: "pat", organization: organization.clone(), change })
            }
            _ => unreachable!("BUG: a source is of its token's kind"),
        }
    }

    pub(super) fn new_pat<'p>(
        &self,
        integration: &'p Integration,
        place: &'p Place,
        organization: Option<&'p Organization>,
        username: &'p str,
        expires_at: Option<u64>,
    ) -> NewPat<'p> {
        let username = username.as_bytes();
        let scheme = integration.scheme();
        NewPat { scheme, place, organization, integration, username, expires_at }
    }

    fn import(
        &self,
        key: &SessionKey,
        integration: &Integration,
        secret: &Secret,
        public: bool,
    ) -> Result<(), Failure> {
        if self.offline {
            return self.keep_unproved(key, integration, secret, public);
        }
        let sign_in = SignIn {
            key,
            organization: None,
            insist: false,
            integration,
            login_hint: None,
            challenges: &[],
            wait: None,
            vault: self.vault,
            network: self.network,
            person: &Person::at_command(),
        };
        sign_in.import(secret, public).map(drop).map_err(for_a_script)
    }

    /// Without the network nothing is known of the account until git first asks.
    fn keep_unproved(
        &self,
        key: &SessionKey,
        integration: &Integration,
        secret: &Secret,
        public: bool,
    ) -> Result<(), Failure> {
        let Some(oauth) = &integration.oauth else { return Ok(()) };
        let mode =
            if public || oauth.is_public() { ClientMode::Public } else { ClientMode::Confidential };
        let issuer = crate::entra::Issuer::parse(&oauth.issuer_url, &integration.trusted_issuers)
            .map_err(|error| {
            let failure = Failure::new(error.to_string()).exit(Exit::Usage);
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
        let session = Session {
            id: oauth2::CsrfToken::new_random().into_secret(),
            host: key.host.to_string(),
            organization: key.organization.clone(),
            account: String::new(),
            subject: None,
            tenant: None,
            issuer: issuer.to_string(),
            client_id: oauth.client_id.clone(),
            mode,
            method: SignInMethod::Imported,
            scopes: Vec::new(),
            refresh_token: Some(secret.clone()),
            signed_in_at: clock::now(),
            ended: None,
            imported: Some(secret.digest()),
        };
        let writer = self.vault.write()?;
        writer.remove::<Access>(&key.to_string())?;
        writer.update(&key.to_string(), |kept| *kept = Some(session))?;
        Ok(())
    }

    /// Remembers what came from here, unless that is known. An integration that was there before
    /// is not bootstrap's own, whatever it changes in it.
    fn remember(
        &self,
        new: &Integration,
        writes: bool,
        is_there: bool,
        tokens: &[&Planned<'_>],
    ) -> Result<(), Failure> {
        let host = new.host.to_string();
        self.vault.update("all", |kept: &mut Option<Imported>| {
            let mut imported = kept.clone().unwrap_or_default();
            let known = imported.hosts.iter().any(|known| known.host == host);
            if writes && (known || !is_there) {
                imported.hosts.retain(|known| known.host != host);
                let integration = new.fingerprint();
                imported.hosts.push(ImportedHost { host: host.clone(), integration });
                imported.hosts.sort_by(|a, b| a.host.cmp(&b.host));
            }
            for token in tokens {
                let (source, digest) = (token.source.to_string(), token.token.secret().digest());
                imported.tokens.retain(|known| known.source != source);
                imported.tokens.push(ImportedToken { host: host.clone(), source, digest });
            }
            imported.tokens.sort_by(|a, b| a.source.cmp(&b.source));
            if kept.is_some() || imported != Imported::default() {
                *kept = Some(imported);
            }
        })?;
        Ok(())
    }
}

fn sealed_elsewhere(integration: &Integration) -> Failure {
    Failure::new(format!(
        "the client secret for {0} is sealed to Ona's own runner key and cannot be opened here, so nobody can sign in with OAuth",
        integration.host
    ))
    .hint(format!(
        "give the secret itself (ONA_AZURE_CLIENT_SECRET, or: git-credential-ona-azure integration add --host {} --client-secret-stdin)",
        integration.host
    ))
}

fn changed_meanwhile(given: &GivenHost) -> Failure {
    Failure::new(format!("the integration for {} was changed here meanwhile", given.spec))
        .hint("run it again: git-credential-ona-azure bootstrap")
        .exit(Exit::Unavailable)
}

/// Whether an integration is one that bootstrap wrote, and is still as it wrote it.
pub(super) fn is_own(imported: &Imported, host: &HostSpec, integration: &Integration) -> bool {
    let host = host.to_string();
    imported
        .hosts
        .iter()
        .any(|known| known.host == host && known.integration == integration.fingerprint())
}
