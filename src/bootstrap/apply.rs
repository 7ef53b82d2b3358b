//! One host made as it is given. What can be proved is proved before anything is written, so that
//! what does not work leaves everything as it was.

use super::given::{GivenHost, GivenSecret, GivenToken};
use super::report::{Change, HostReport, TokenReport};
use super::source::Source;
use crate::azure::Organization;
use crate::broker::{PatKey, SessionKey, Shelf as _, VaultShelf};
use crate::clock;
use crate::devops::{Site, try_pat};
use crate::integration::{
    HostKey, Integration, Integrations, IntegrationsFile, OAuth, open_client_secret, probe,
    seal_client_secret,
};
use crate::net::Send;
use crate::person::Person;
use crate::report::{Exit, Failure};
use crate::secret::{Digest, Secret};
use crate::sign_in::{NewPat, SignIn};
use crate::vault::{
    Access, ClientMode, Imported, ImportedToken, Pats, Session, SignInMethod, Vault,
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
    pub(super) network: &'a dyn Send,
    /// Prove nothing.
    pub(super) offline: bool,
}

impl Bench<'_> {
    /// Makes a host so.
    pub(super) fn host(&self, given: &GivenHost) -> HostReport {
        let mut report = HostReport::of(given.spec.to_string());
        if let Err(failure) = self.try_host(given, &mut report) {
            report.failure = Some(failure);
        }
        report
    }

    fn try_host(&self, given: &GivenHost, report: &mut HostReport) -> Result<(), Failure> {
        given.check()?;
        let key = &given.spec.key;
        let old = self.integrations.by_key(key).map(|found| &found.integration);
        let new = self.integration(old, given)?;
        let imported = self.vault.read::<Imported>("all")?.unwrap_or_default();
        // A refresh token proves issuer, client ID and client secret too.
        let refreshes =
            given.tokens.iter().any(|token| matches!(token, GivenToken::Refresh { .. }));
        let client_is_new = old.map(|old| &old.oauth) != Some(&new.oauth);
        if !self.offline && (given.tokens.is_empty() || (client_is_new && !refreshes)) {
            probe(&new, self.vault, self.network, &mut |_| {})?;
        }
        for token in &given.tokens {
            let token_report = match token {
                GivenToken::Refresh { secret, organization, public } => self.refresh_token(
                    &new,
                    organization.as_ref(),
                    secret,
                    *public,
                    &imported,
                    report,
                )?,
                GivenToken::Pat { secret, organization, username, expires_at } => {
                    let organization =
                        organization.clone().or_else(|| new.host.organization.clone());
                    let given = PatGiven { secret, username, expires_at: *expires_at };
                    self.pat(&new, organization.as_ref(), &given, &imported)?
                }
            };
            report.tokens.push(token_report);
        }
        report.verified = (!self.offline).then_some(true);
        report.integration = match old {
            Some(old) if *old == new => Change::Unchanged,
            Some(_) => Change::Changed,
            None => Change::Added,
        };
        if report.integration != Change::Unchanged {
            IntegrationsFile::edit(self.file, key, |_| Ok::<_, Failure>(Some(new)))?;
        }
        self.remember(given)
    }

    /// What is given laid over what is there.
    fn integration(
        &self,
        old: Option<&Integration>,
        given: &GivenHost,
    ) -> Result<Integration, Failure> {
        let mut new = old.cloned().unwrap_or_else(|| Integration {
            scm_id: given.scm_id,
            host: given.spec.clone(),
            oauth: None,
            pat: false,
            pat_url: None,
            virtual_directory: Default::default(),
            bearer: false,
            allow_http: false,
            trusted_issuers: Vec::new(),
        });
        new.scm_id = given.scm_id;
        if given.spec.organization.is_some() {
            new.host = given.spec.clone();
        }
        if let Some(directory) = &given.virtual_directory {
            new.virtual_directory = directory.clone();
        }
        if !given.trusted_issuers.is_empty() {
            new.trusted_issuers.clone_from(&given.trusted_issuers);
        }
        new.pat = given.wants_pat().unwrap_or(new.pat);
        if let Some(oauth) = &given.oauth {
            let kept = new.oauth.take().filter(|kept| {
                kept.client_id == oauth.client_id && kept.issuer_url == oauth.issuer_url
            });
            new.oauth = Some(match &oauth.secret {
                Some(secret) => {
                    self.with_secret(&oauth.client_id, &oauth.issuer_url, kept, secret, given)?
                }
                // What is not given stays as it is.
                None => kept.unwrap_or_else(|| public(&oauth.client_id, &oauth.issuer_url)),
            });
        }
        if !new.has_method() {
            return Err(Failure::new(format!("no way to sign in to {} is given", given.spec))
                .hint("give ONA_AZURE_ISSUER_URL and ONA_AZURE_CLIENT_ID, or ONA_AZURE_PAT")
                .exit(Exit::Usage));
        }
        new.check().map_err(|error| Failure::from(error).exit(Exit::Usage))?;
        Ok(new)
    }

    /// A secret that is the one sealed already is left as it lies: sealed anew it would look other.
    fn with_secret(
        &self,
        client_id: &str,
        issuer_url: &str,
        kept: Option<OAuth>,
        secret: &GivenSecret,
        given: &GivenHost,
    ) -> Result<OAuth, Failure> {
        let mut new = public(client_id, issuer_url);
        match secret {
            GivenSecret::Sealed(sealed) => {
                if let Some(kept) = kept
                    && kept.encrypted_client_secret.as_deref().map(str::trim) == Some(sealed)
                {
                    return Ok(kept);
                }
                new.encrypted_client_secret = Some(sealed.clone());
            }
            GivenSecret::Plain(plain) => {
                if let Some(kept) = kept
                    && matches!(open_client_secret(&kept, self.vault), Ok(Some(open)) if open == *plain)
                {
                    return Ok(kept);
                }
                let (sealed, recipients) =
                    seal_client_secret(plain, &[], || self.vault.runner_key_or_new()).map_err(
                        |error| {
                            let host = given.spec.key.to_string();
                            Failure::new(error.to_string()).hint(error.hint(&host))
                        },
                    )?;
                new.encrypted_client_secret = Some(sealed);
                new.recipients = recipients;
                new.secret_set_at = Some(clock::now());
            }
        }
        Ok(new)
    }

    fn refresh_token(
        &self,
        integration: &Integration,
        organization: Option<&Organization>,
        secret: &Secret,
        public: bool,
        imported: &Imported,
        report: &mut HostReport,
    ) -> Result<TokenReport, Failure> {
        let key = SessionKey {
            host: integration.host.key.clone(),
            organization: organization.filter(|_| integration.host.organization.is_none()).cloned(),
        };
        let source = Source::Refresh(&key).to_string();
        let kept = self.vault.read::<Session>(&key.to_string())?;
        let digest = secret.digest();
        let known = imported_before(imported, &source, digest)
            || kept.as_ref().is_some_and(|kept| kept.imported == Some(digest));
        let change = if known {
            self.still_signed_in(&key, integration, kept.as_ref())?;
            Change::Unchanged
        } else {
            self.import(&key, integration, secret, public)?;
            if kept.is_some() { Change::Changed } else { Change::Added }
        };
        let session = self.vault.read::<Session>(&key.to_string())?;
        report.account =
            session.map(|session| session.account).filter(|account| !account.is_empty());
        Ok(TokenReport { kind: "oauth", organization: key.organization, change })
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
        sign_in.import(secret, public).map(drop)
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
        writer.put(&key.to_string(), &session)?;
        Ok(())
    }

    /// Whether the sign-in that came of it still works.
    fn still_signed_in(
        &self,
        key: &SessionKey,
        integration: &Integration,
        kept: Option<&Session>,
    ) -> Result<(), Failure> {
        let given_again = "hand over a new refresh token: the one given was used already";
        let Some(session) = kept else {
            return Err(Failure::new(format!("the sign-in to {key} was forgotten here"))
                .hint(given_again)
                .exit(Exit::SignIn));
        };
        if let Some(ended) = &session.ended {
            return Err(Failure::new(format!(
                "the sign-in of {} to {key} has ended: {}",
                session.account, ended.reason
            ))
            .hint(given_again)
            .exit(Exit::SignIn));
        }
        if self.offline {
            return Ok(());
        }
        VaultShelf::new(self.vault, self.network).refresh(key, integration).map(drop).map_err(
            |failure| {
                use crate::vault::HoldOffKind::{Client, ForNow, SignIn, Vault};
                let exit = match failure.kind {
                    ForNow => Exit::Unavailable,
                    SignIn => Exit::SignIn,
                    Client | Vault => Exit::Failed,
                };
                Failure::new(failure.text).hint(failure.hint).exit(exit)
            },
        )
    }

    fn pat(
        &self,
        integration: &Integration,
        organization: Option<&Organization>,
        given: &PatGiven<'_>,
        imported: &Imported,
    ) -> Result<TokenReport, Failure> {
        let place = integration.host.key.place();
        let source = Source::Pat(&integration.host.key, organization).to_string();
        let new = NewPat {
            scheme: crate::azure::Scheme::Https,
            place: &place,
            organization,
            integration,
            username: given.username.as_bytes(),
            expires_at: given.expires_at,
        };
        let kept = self.kept_pats(&integration.host.key)?;
        let of_same = |pat: &&crate::vault::Pat| pat.organization.as_ref() == organization;
        let known = imported_before(imported, &source, given.secret.digest());
        let is_kept = kept.pats.iter().any(|pat| pat.login.secret() == given.secret);
        let change = match (known, is_kept) {
            // Somebody gave another one here since: that counts.
            (true, false) if kept.pats.iter().any(|pat| of_same(&pat)) => Change::Unchanged,
            (true, false) => {
                return Err(Failure::new(format!(
                    "the personal access token given for {} was refused by Azure DevOps, or forgotten here",
                    new.name()
                ))
                .hint("hand over a new one")
                .exit(Exit::SignIn));
            }
            (_, true) => {
                if !self.offline {
                    let site = Site {
                        scheme: new.scheme,
                        place: &place,
                        virtual_directory: &integration.virtual_directory,
                        organization,
                    };
                    let trial = try_pat(self.network, site, new.username, given.secret);
                    if let Some(failure) = trial.failure(site, &new.page()) {
                        return Err(failure);
                    }
                }
                Change::Unchanged
            }
            (false, false) => {
                new.keep_as_given(given.secret.clone(), !self.offline, self.vault, self.network)?;
                if kept.pats.iter().any(|pat| of_same(&pat)) {
                    Change::Changed
                } else {
                    Change::Added
                }
            }
        };
        Ok(TokenReport { kind: "pat", organization: organization.cloned(), change })
    }

    fn kept_pats(&self, host: &HostKey) -> Result<Pats, Failure> {
        let key = PatKey { scheme: crate::azure::Scheme::Https, host: host.clone() };
        Ok(self.vault.read::<Pats>(&key.to_string())?.unwrap_or_default())
    }

    /// Remembers what came from here, unless that is known.
    fn remember(&self, given: &GivenHost) -> Result<(), Failure> {
        let add = |imported: &mut Imported| {
            let host = given.spec.key.to_string();
            if !imported.hosts.contains(&host) {
                imported.hosts.push(host);
            }
            for token in &given.tokens {
                let (source, digest) = Source::of(&given.spec, token);
                imported.tokens.retain(|known| known.source != source);
                imported.tokens.push(ImportedToken { source, digest });
            }
            imported.tokens.sort_by(|a, b| a.source.cmp(&b.source));
        };
        let before = self.vault.read::<Imported>("all")?.unwrap_or_default();
        let mut after = before.clone();
        add(&mut after);
        if after != before {
            let writer = self.vault.write()?;
            let mut now = writer.read::<Imported>("all")?.unwrap_or_default();
            add(&mut now);
            writer.put("all", &now)?;
        }
        Ok(())
    }
}

struct PatGiven<'a> {
    secret: &'a Secret,
    username: &'a str,
    expires_at: Option<u64>,
}

fn imported_before(imported: &Imported, source: &str, digest: Digest) -> bool {
    imported.tokens.iter().any(|known| known.source == source && known.digest == digest)
}

fn public(client_id: &str, issuer_url: &str) -> OAuth {
    OAuth {
        client_id: client_id.to_owned(),
        issuer_url: issuer_url.to_owned(),
        encrypted_client_secret: None,
        recipients: Vec::new(),
        secret_set_at: None,
    }
}
