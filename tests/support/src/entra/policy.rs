//! What administrators decide over the accounts of a tenant, and what the accounts hear of it when
//! they sign in and when a refresh token is used.
//!
//! Codes, `error` and `suberror` are those of Microsoft's list of error codes and of MSAL's sources
//! (MsalError.cs); with Conditional Access comes what the client is to ask for next (`claims`). That
//! these sign-ins end on a page, and not back at the app, is not verified.
use super::State;
use super::errors::Refusal;
use std::time::Instant;

/// What is in force for every account from the moment it is set until it is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Conditional Access blocks every token (AADSTS53003).
    ConditionalAccess,
    /// A security policy of the tenant blocks every token (AADSTS530032).
    TenantBlocks,
    /// Multifactor authentication is too long ago, until somebody signs in again (AADSTS50078).
    MfaExpired,
    /// The consent is taken back, until somebody signs in and gives it again (AADSTS65001).
    ConsentWithdrawn,
    /// Nobody but an administrator may consent to the app, and none has (AADSTS90094).
    AdminConsentRequired,
    /// The app is for assigned people only, and nobody is assigned (AADSTS50105).
    NotAssigned,
    /// The account is disabled (AADSTS50057).
    AccountDisabled,
}

/// How a policy shows.
struct Row {
    policy: Policy,
    error: &'static str,
    suberror: Option<&'static str>,
    /// Whether the answer to a refresh says what to ask for next.
    claims: bool,
    /// Whether signing in is refused; else it is what satisfies the policy.
    signing_in: bool,
    /// Whether a refresh is refused.
    refreshing: bool,
    code: u32,
    words: &'static str,
}

const TABLE: [Row; 7] = [
    Row {
        policy: Policy::ConditionalAccess,
        error: "invalid_grant",
        suberror: Some("message_only"),
        claims: true,
        signing_in: true,
        refreshing: true,
        code: 53003,
        words: "Access has been blocked by Conditional Access policies. The access policy does not \
                allow token issuance.",
    },
    Row {
        policy: Policy::TenantBlocks,
        error: "access_denied",
        suberror: None,
        claims: false,
        signing_in: true,
        refreshing: true,
        code: 530_032,
        words: "Access has been blocked due to a security policy set up by the tenant's \
                administrator.",
    },
    Row {
        policy: Policy::MfaExpired,
        error: "invalid_grant",
        suberror: Some("basic_action"),
        claims: true,
        signing_in: false,
        refreshing: true,
        code: 50078,
        words: "Presented multi-factor authentication has expired due to policies configured by \
                your administrator, you must refresh your multi-factor authentication to access \
                '499b84ac-1321-427f-aa17-267ca6975798'.",
    },
    Row {
        policy: Policy::ConsentWithdrawn,
        error: "invalid_grant",
        suberror: Some("consent_required"),
        claims: false,
        signing_in: false,
        refreshing: true,
        code: 65001,
        words: "The user or administrator has not consented to use the application with ID. Send \
                an interactive authorization request for this user and resource.",
    },
    Row {
        policy: Policy::AdminConsentRequired,
        error: "access_denied",
        suberror: None,
        claims: false,
        signing_in: true,
        refreshing: false,
        code: 90094,
        words: "Need admin approval. The grant requires administrator permission to access \
                resources in your organization that only an admin can grant.",
    },
    Row {
        policy: Policy::NotAssigned,
        error: "invalid_grant",
        suberror: None,
        claims: false,
        signing_in: true,
        refreshing: true,
        code: 50105,
        words: "Your administrator has configured the application Ona to block users unless they \
                are specifically granted ('assigned') access to the application.",
    },
    Row {
        policy: Policy::AccountDisabled,
        error: "invalid_grant",
        suberror: None,
        claims: false,
        signing_in: true,
        refreshing: true,
        code: 50057,
        words: "The user account is disabled.",
    },
];

impl Row {
    fn refusal(&self) -> Refusal {
        let refusal = Refusal::new(400, self.error, self.code, self.words);
        match self.suberror {
            Some(suberror) => refusal.sub(suberror),
            None => refusal,
        }
    }
}

impl Policy {
    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.policy == self).expect("every policy has a row")
    }

    /// What somebody hears who signs in.
    pub(crate) fn at_sign_in(self) -> Option<Refusal> {
        let row = self.row();
        row.signing_in.then(|| Refusal { error: "access_denied".to_owned(), ..row.refusal() })
    }

    /// What a refresh token gets whose owner last signed in then; `since` is when the policy was
    /// set.
    fn at_refresh(self, since: Instant, signed_in: Instant) -> Option<Refusal> {
        const CLAIMS: &str = r#"{"access_token":{"capolids":{"essential":true,"values":["5c1f4d7e-3b1a-4a0d-9a37-2f7f0b6a9c11"]}}}"#;
        let row = self.row();
        let satisfied = !row.signing_in && signed_in > since;
        (row.refreshing && !satisfied).then(|| {
            let refusal = row.refusal();
            if row.claims { refusal.claims(CLAIMS) } else { refusal }
        })
    }
}

impl State {
    pub(crate) fn forbids_sign_in(&self) -> Option<Refusal> {
        self.policies.iter().find_map(|(policy, _)| policy.at_sign_in())
    }

    pub(crate) fn forbids_refresh(&self, signed_in: Instant) -> Option<Refusal> {
        self.policies.iter().find_map(|(policy, since)| policy.at_refresh(*since, signed_in))
    }
}
