//! What the codes of Entra ID and Azure DevOps mean to the person who meets them: a table each, and
//! the set-up step they point to.
//!
//! Codes choose words and the set-up step to mend, nothing else: Microsoft warns that programs
//! which act on the numbers break ("Microsoft Entra authentication error codes").

use std::fmt;

mod aadsts;
pub mod sentences;
mod service;

pub use aadsts::{Explanation, GIVE_SECRET, explain, explain_unknown, lookup_url};
pub use service::{ServiceExplanation, explain_service};

/// A step of setting an integration up, in the order of the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// The application exists in the tenant, and the integration names both rightly.
    AppRegistration = 1,
    /// Platform and redirect URI.
    Authentication = 2,
    /// The client secret.
    ClientSecret = 3,
    /// Delegated permissions and consent.
    ApiPermissions = 4,
    /// The organization is connected to the tenant.
    Organization = 5,
    /// The person signs in.
    Connect = 6,
}

impl Step {
    /// All six, in order.
    pub const ALL: [Self; 6] = [
        Self::AppRegistration,
        Self::Authentication,
        Self::ClientSecret,
        Self::ApiPermissions,
        Self::Organization,
        Self::Connect,
    ];

    /// 1 to 6.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// What the step is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppRegistration => "app registration",
            Self::Authentication => "authentication",
            Self::ClientSecret => "client secret",
            Self::ApiPermissions => "API permissions",
            Self::Organization => "Azure DevOps and tenant",
            Self::Connect => "connect",
        }
    }
}

/// `step 3 (client secret)`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} ({})", self.number(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_a_number_and_a_name() {
        assert_eq!(Step::Organization.to_string(), "step 5 (Azure DevOps and tenant)");
        assert_eq!(Step::ALL.map(Step::number), [1, 2, 3, 4, 5, 6]);
    }
}
