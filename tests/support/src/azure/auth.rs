//! Who is asking, and how those are refused who may not.
use super::{AzureDevOps, MSA_TENANT};
use crate::entra::{ADO_RESOURCE, ADO_RESOURCE_URI};
use crate::http::{self, Answer, Ask};
use crate::log::lock;
use crate::random;
use hyper::Method;

/// What a personal access token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pat {
    /// Code (Read).
    pub read: bool,
    /// Code (Read & write).
    pub write: bool,
    /// Past its expiry.
    pub expired: bool,
}

impl Pat {
    /// Code (Read & write).
    pub const fn read_write() -> Self {
        Self { read: true, write: true, expired: false }
    }

    /// Code (Read).
    pub const fn read_only() -> Self {
        Self { read: true, write: false, expired: false }
    }

    /// Anything but Code: good for who it is, not for repositories.
    pub const fn without_code() -> Self {
        Self { read: false, write: false, expired: false }
    }

    /// Read and write, past its expiry.
    pub const fn past_expiry() -> Self {
        Self { read: true, write: true, expired: true }
    }
}

/// What an administrator may set for an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Conditional Access for addresses also holds for programs (VS403463). The words are observed;
    /// the status is not verified.
    ConditionalAccess,
    /// No personal access token is good. The policies that are documented stop tokens from being
    /// made ("DisablePatCreationPolicyViolation" is what one is told then); how a token is refused
    /// that there is already is not verified, neither status nor words.
    NoPersonalAccessTokens,
}

/// What whoever is not signed in may get to see in place of 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInPage {
    /// 203 with the page.
    NonAuthoritative,
    /// 302 to the page.
    Redirect,
    /// 200 with the page, as if the redirect had been followed.
    Ok,
}

pub(crate) struct KeptPat {
    pub(crate) org: String,
    pub(crate) pat: Pat,
}

/// Who is asking.
pub(crate) enum Caller {
    Anonymous,
    Pat(Pat),
    Entra { account: String, scopes: Vec<String>, app: bool },
}

impl Caller {
    pub(crate) fn may_read(&self) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Pat(pat) => pat.read || pat.write,
            Self::Entra { scopes, app, .. } => {
                *app || scopes
                    .iter()
                    .any(|s| s.starts_with("vso.code") || s == "user_impersonation")
            }
        }
    }

    pub(crate) fn may_write(&self) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Pat(pat) => pat.write,
            Self::Entra { scopes, app, .. } => {
                let writes =
                    ["vso.code_write", "vso.code_manage", "vso.code_full", "user_impersonation"];
                *app || scopes.iter().any(|scope| writes.contains(&scope.as_str()))
            }
        }
    }

    /// What a refusal calls it whose token lacks a scope.
    pub(crate) fn id(&self) -> String {
        random::guid_of(&self.name())
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Anonymous => String::new(),
            Self::Pat(_) => crate::entra::ADA.to_owned(),
            Self::Entra { account, .. } => account.clone(),
        }
    }
}

/// Why somebody is refused.
pub(crate) enum Refused {
    /// No credentials, or none that mean anything.
    Nobody,
    ExpiredPat,
    /// Known by that name or ID, but without access.
    NotAllowed(String),
    /// An administrator's rule is against it.
    Rule(Rule),
}

impl Refused {
    fn words(&self) -> String {
        match self {
            Self::Nobody => {
                "TF400813: The user '' is not authorized to access this resource.".to_owned()
            }
            Self::ExpiredPat => {
                "Access Denied: The Personal Access Token used has expired.".to_owned()
            }
            Self::NotAllowed(account) => {
                format!("TF400813: The user '{account}' is not authorized to access this resource.")
            }
            Self::Rule(Rule::ConditionalAccess) => {
                "VS403463: The conditional access policy defined by your Microsoft Entra \
                 administrator has failed."
                    .to_owned()
            }
            Self::Rule(Rule::NoPersonalAccessTokens) => {
                "Access Denied: Personal access tokens are disabled by a policy of the organization \
                 (DisablePatCreationPolicyViolation)."
                    .to_owned()
            }
        }
    }

    /// What stands in `X-TFS-ServiceError`, where something does.
    pub(super) fn service_error(&self) -> Option<String> {
        matches!(self, Self::ExpiredPat | Self::Rule(_)).then(|| {
            use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
            const PLAIN: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-');
            utf8_percent_encode(&self.words(), PLAIN).to_string()
        })
    }
}

impl AzureDevOps {
    /// Reads the credentials of a request of git's, which needs a user name beside a token;
    /// `org` must exist.
    pub(crate) fn git_caller(&self, ask: &Ask, org: &str) -> Result<Caller, Refused> {
        match ask.basic() {
            Some((user, _)) if user.is_empty() => Err(Refused::Nobody),
            _ => self.caller(ask, org),
        }
    }

    /// Reads the credentials of a request; `org` must exist.
    pub(crate) fn caller(&self, ask: &Ask, org: &str) -> Result<Caller, Refused> {
        let Some((scheme, value)) = ask.authorization() else {
            return Ok(Caller::Anonymous);
        };
        let rules = lock(&self.state).organizations[org].rules.clone();
        if rules.contains(&Rule::ConditionalAccess) {
            return Err(Refused::Rule(Rule::ConditionalAccess));
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.entra_caller(value.trim(), org);
        }
        let (_, password) = ask.basic().ok_or(Refused::Nobody)?;
        let kept = lock(&self.state).pats.get(&password).map(|kept| (kept.org == org, kept.pat));
        match kept {
            Some((true, _)) if rules.contains(&Rule::NoPersonalAccessTokens) => {
                Err(Refused::Rule(Rule::NoPersonalAccessTokens))
            }
            Some((true, pat)) if pat.expired => Err(Refused::ExpiredPat),
            Some((true, pat)) => Ok(Caller::Pat(pat)),
            Some((false, _)) => Err(Refused::Nobody),
            None => self.entra_caller(&password, org),
        }
    }

    fn entra_caller(&self, token: &str, org: &str) -> Result<Caller, Refused> {
        let access = self.entra.access(token).ok_or(Refused::Nobody)?;
        let ours = [ADO_RESOURCE, ADO_RESOURCE_URI]
            .iter()
            .any(|resource| access.audience.eq_ignore_ascii_case(resource));
        let state = lock(&self.state);
        let organization = &state.organizations[org];
        if !ours || access.tenant != organization.tenant {
            return Err(Refused::Nobody);
        }
        if !organization.members.contains(&access.account.to_lowercase()) {
            return Err(Refused::NotAllowed(access.account));
        }
        let app = !access.account.contains('@');
        Ok(Caller::Entra { account: access.account, scopes: access.scopes, app })
    }

    /// 401 with everything Azure DevOps says about how to sign in.
    pub(crate) fn challenge(&self, ask: &Ask, org: &str, refused: &Refused) -> Answer {
        if let Some(page) = self.page() {
            return page;
        }
        let words = refused.words();
        let mut answer = if ask.header("accept").contains("json") || ask.method == Method::PATCH {
            super::error(401, "UnauthorizedRequestException", &words)
        } else {
            let page = format!(
                "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head>\
                 <body><h1>Access Denied</h1><p>{words}</p></body></html>"
            );
            http::html(401, &page)
        };
        if let Some(words) = refused.service_error() {
            http::header(&mut answer, "X-TFS-ServiceError", &words);
        }
        self.sign_in_headers(&mut answer, org);
        answer
    }

    /// What is shown in place of every refusal.
    fn page(&self) -> Option<Answer> {
        let page = lock(&self.state).page?;
        let mut answer = match page {
            SignInPage::NonAuthoritative => http::html(203, super::rest::SIGN_IN),
            SignInPage::Ok => http::html(200, super::rest::SIGN_IN),
            SignInPage::Redirect => http::redirect(
                "https://spsprodneu1.vssps.visualstudio.com/_signin?realm=dev.azure.com",
            ),
        };
        identify(&mut answer);
        Some(answer)
    }

    /// The headers that name tenant and ways to sign in.
    pub(crate) fn sign_in_headers(&self, answer: &mut Answer, org: &str) {
        identify(answer);
        if let Some(headers) = self.challenge_of(org) {
            for (name, value) in &headers {
                http::header(answer, name, value);
            }
            return;
        }
        let tenant = self.tenant_of(org).unwrap_or_else(|| MSA_TENANT.to_owned());
        let realm = "https://tfsprodneu2.visualstudio.com/";
        let bearer = if tenant == MSA_TENANT {
            "Bearer".to_owned()
        } else {
            format!("Bearer authorization_uri=https://login.microsoftonline.com/{tenant}")
        };
        for (name, value) in [
            ("WWW-Authenticate", bearer),
            ("WWW-Authenticate", format!("Basic realm=\"{realm}\"")),
            ("WWW-Authenticate", "TFS-Federated".to_owned()),
            ("X-TFS-FedAuthRealm", realm.to_owned()),
            ("X-TFS-FedAuthIssuer", format!("https://dev.azure.com/{org}/")),
            ("X-VSS-AuthorizationEndpoint", format!("https://vssps.dev.azure.com/{org}/")),
            ("X-VSS-ResourceTenant", tenant),
        ] {
            http::header(answer, name, &value);
        }
    }
}

/// The ids that support asks for.
pub(crate) fn identify(answer: &mut Answer) {
    let activity = random::guid();
    for (name, value) in [
        ("X-TFS-ProcessId", random::guid_of("the stand-in's process")),
        ("ActivityId", activity.clone()),
        ("X-TFS-Session", activity.clone()),
        ("X-VSS-E2EID", activity),
        ("X-VSS-SenderDeploymentId", random::guid_of("the stand-in's deployment")),
    ] {
        http::header(answer, name, &value);
    }
}
