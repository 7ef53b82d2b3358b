//! What is given laid over what is there. Asks nobody and writes nothing, so that all of it can be
//! judged before any of it is done.

use super::given::{GivenHost, GivenOAuth, GivenSecret, GivenToken};
use super::source::Source;
use crate::azure::somebody_elses;
use crate::clock;
use crate::integration::{
    HostKey, Integration, OAuth, ScmId, open_client_secret, seal_client_secret,
};
use crate::report::{Exit, Failure};
use crate::secret::Secret;
use crate::vault::Vault;

/// An integration as it is to be.
pub(super) struct Composed<'g> {
    integration: Integration,
    /// The client secret that is yet to be sealed in it.
    secret: Option<&'g Secret>,
}

impl<'g> Composed<'g> {
    /// Lays `given` over `old`, or over nothing if what is not given is to go.
    ///
    /// # Errors
    /// What makes no sense.
    pub(super) fn of(
        old: Option<&Integration>,
        given: &'g GivenHost,
        anew: bool,
        vault: &Vault,
    ) -> Result<Self, Failure> {
        let base = old.filter(|_| !anew);
        let mut new = base.cloned().unwrap_or_else(|| Integration {
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
        new.allow_http = given.allow_http.unwrap_or(new.allow_http);
        if let Some(directory) = &given.virtual_directory {
            new.virtual_directory = directory.clone();
        }
        new.allow_http = given.allow_http.unwrap_or(new.allow_http);
        if !given.trusted_issuers.is_empty() {
            new.trusted_issuers.clone_from(&given.trusted_issuers);
        }
        new.pat = given.wants_pat().unwrap_or(new.pat);
        let mut secret = None;
        if let Some(oauth) = &given.oauth {
            let same = |kept: &&OAuth| {
                kept.client_id == oauth.client_id && kept.issuer_url == oauth.issuer_url
            };
            let kept = old.and_then(|old| old.oauth.as_ref()).filter(same);
            let (oauth, to_seal) = with_secret(oauth, kept, anew, vault);
            new.oauth = Some(oauth);
            secret = to_seal;
        }
        check(&new, given)?;
        Ok(Self { integration: new, secret })
    }

    /// As it stands, but for a client secret that is yet to be sealed.
    pub(super) fn integration(&self) -> &Integration {
        &self.integration
    }

    /// Whether its client secret is sealed in a way that only Ona's own runner can open.
    pub(super) fn is_sealed_elsewhere(&self) -> bool {
        let sealed = self.integration.oauth.as_ref();
        sealed.is_some_and(OAuth::is_sealed_elsewhere) && self.secret.is_none()
    }

    /// With the client secret sealed, for which the runner key is made if there is none.
    ///
    /// # Errors
    /// If there is no key and none can be made.
    pub(super) fn sealed(mut self, vault: &Vault) -> Result<Integration, Failure> {
        if let (Some(secret), Some(oauth)) = (self.secret, &mut self.integration.oauth) {
            let (sealed, recipients) =
                seal_client_secret(secret, &[], || vault.runner_key_or_new()).map_err(|error| {
                    let host = self.integration.host.to_string();
                    Failure::new(error.to_string()).hint(error.hint(&host))
                })?;
            oauth.encrypted_client_secret = Some(sealed);
            oauth.recipients = recipients;
            oauth.secret_set_at = Some(clock::now());
        }
        Ok(self.integration)
    }
}

/// A secret that is the one sealed already is left as it lies: sealed anew it would look other.
fn with_secret<'g>(
    given: &'g GivenOAuth,
    kept: Option<&OAuth>,
    anew: bool,
    vault: &Vault,
) -> (OAuth, Option<&'g Secret>) {
    let mut new = OAuth {
        client_id: given.client_id.clone(),
        issuer_url: given.issuer_url.clone(),
        encrypted_client_secret: None,
        recipients: Vec::new(),
        secret_set_at: None,
    };
    match (&given.secret, kept) {
        // What is not given stays as it is.
        (None, Some(kept)) if !anew => (kept.clone(), None),
        (None, _) => (new, None),
        (Some(GivenSecret::Sealed(sealed)), Some(kept))
            if kept.encrypted_client_secret.as_deref().map(str::trim) == Some(sealed) =>
        {
            (kept.clone(), None)
        }
        // What can be opened here goes before what cannot.
        (Some(GivenSecret::SealedElsewhere(_)), Some(kept))
            if matches!(open_client_secret(kept, vault), Ok(Some(_))) =>
        {
            (kept.clone(), None)
        }
        (Some(GivenSecret::Sealed(sealed) | GivenSecret::SealedElsewhere(sealed)), _) => {
            new.encrypted_client_secret = Some(sealed.clone());
            (new, None)
        }
        (Some(GivenSecret::Plain(plain)), Some(kept)) if matches!(open_client_secret(kept, vault), Ok(Some(open)) if open == *plain) => {
            (kept.clone(), None)
        }
        (Some(GivenSecret::Plain(plain)), _) => (new, Some(plain)),
    }
}

fn check(new: &Integration, given: &GivenHost) -> Result<(), Failure> {
    let host = &given.spec;
    let wrong = |text: String, hint: &str| Err(Failure::new(text).hint(hint).exit(Exit::Usage));
    if new.allow_http && new.scm_id == ScmId::Entra {
        return wrong(
            format!("plain http is allowed for {host}, and only a Server may be reached so"),
            "leave out allowHttp, or ONA_AZURE_ALLOW_HTTP",
        );
    }
    let mut sources = Vec::new();
    for token in &given.tokens {
        let odd = |byte: &u8| byte.is_ascii_control() || byte.is_ascii_whitespace();
        if token.secret().expose().iter().any(odd) {
            return wrong(
                format!("a token given for {host} is more than one word"),
                "give the token alone, as it was shown",
            );
        }
        match token {
            GivenToken::Refresh { .. } if new.oauth.is_none() => {
                return wrong(
                    format!(
                        "a refresh token is given for {host}, and no issuer and client ID to use it with"
                    ),
                    "give ONA_AZURE_ISSUER_URL and ONA_AZURE_CLIENT_ID too",
                );
            }
            GivenToken::Pat { organization: None, .. }
                if new.scm_id == ScmId::Entra && new.host.organization.is_none() =>
            {
                return wrong(
                    format!(
                        "a personal access token is given for {host}, and not its organization"
                    ),
                    "give ONA_AZURE_PAT_ORGANIZATION, or dev.azure.com/ORGANIZATION as the host",
                );
            }
            GivenToken::Pat { .. } if !new.pat => {
                return wrong(
                    format!(
                        "a personal access token is given for {host}, and \"pat\": false forbids to use it"
                    ),
                    "take out one of the two",
                );
            }
            GivenToken::Pat { .. } | GivenToken::Refresh { .. } => {}
        }
        let source = Source::of(&new.host, token).to_string();
        if sources.contains(&source) {
            return wrong(
                format!("two tokens are given for the same ({source})"),
                "keep one of the two",
            );
        }
        sources.push(source);
    }
    if let HostKey::Server(authority) = &new.host.key
        && let Some(whose) = somebody_elses(&authority.host)
    {
        return wrong(
            format!("{host} is {whose}, and no Azure DevOps Server"),
            "name dev.azure.com, or your Server's own host",
        );
    }
    if !new.has_method() {
        return wrong(
            format!("no way to sign in to {host} is given"),
            "give ONA_AZURE_ISSUER_URL and ONA_AZURE_CLIENT_ID, or ONA_AZURE_PAT",
        );
    }
    if new.oauth.as_ref().is_some_and(|oauth| oauth.client_id.trim().is_empty()) {
        return wrong(
            format!("the client ID given for {host} is empty"),
            "copy Application (client) ID from the app registration's Overview page",
        );
    }
    new.check().map_err(|error| {
        let fix = error.fix.clone();
        Failure::new(format!("{host}: {error}")).hint(fix).exit(Exit::Usage)
    })
}
