//! What the codes of Entra ID and Azure DevOps mean to the person who meets them.
//!
//! Codes choose words and the set-up step to mend, nothing else: Microsoft warns that programs
//! which act on the numbers break ("Microsoft Entra authentication error codes").

use std::fmt;

use super::aadsts::TABLE;
use crate::report::escape;

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

/// What a code of Entra's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The digits after `AADSTS`.
    pub code: u32,
    /// The step to look at.
    pub step: Step,
    /// What is wrong, one clause.
    pub cause: &'static str,
    /// What to do, one clause.
    pub fix: &'static str,
}

/// What a code of Entra's means, if it is one that a person can do something about.
pub fn explain(code: u32) -> Option<&'static Explanation> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}

/// Where Microsoft explains a code.
pub fn lookup_url(code: u32) -> String {
    format!("https://login.microsoftonline.com/error?code={code}")
}

/// Cause and fix for a code that is not in the table: Entra's own words, and where to look.
pub fn explain_unknown(code: u32, first_line: &str) -> (String, String) {
    // Entra begins its line with the code, which would then be said twice.
    let line = first_line.trim();
    let words = line.strip_prefix(&format!("AADSTS{code}")).unwrap_or(line);
    let words = escape(words.trim_start_matches([':', ' ']));
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    (format!("Entra answered AADSTS{code}{said}"), format!("look it up at {}", lookup_url(code)))
}

/// What a code of Azure DevOps' own means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceExplanation {
    /// As printed: `TF400813`.
    pub code: &'static str,
    /// The step to look at, where it is a matter of set-up.
    pub step: Option<Step>,
    /// What is wrong, one clause.
    pub cause: &'static str,
    /// What to do, one clause.
    pub fix: &'static str,
}

/// Azure DevOps' own codes, in the order in which they are looked for: what is said first in an
/// answer may be a frame around the code that matters.
#[rustfmt::skip]
const SERVICE: &[ServiceExplanation] = &[
    service("VS403463", Some(Step::Connect), "a Conditional Access policy of the tenant refuses this place or device",
        "try from a managed device or network, or ask the tenant's administrator about Conditional Access"),
    service("DisablePatCreationPolicyViolation", Some(Step::Organization), "the tenant forbids new personal access tokens",
        "sign in with OAuth, or ask an Azure DevOps administrator to exempt you under Organization settings → Microsoft Entra"),
    service("TF401027", None, "your account may not push to this repository, or not read it",
        "ask for Contribute (or Read) under Project settings → Repositories → Security"),
    service("TF402455", None, "a branch policy allows changes by pull request only",
        "push to another branch and open a pull request"),
    service("VS403392", None, "your account lacks a permission named in the message",
        "ask a project administrator for it under Project settings → Permissions"),
    service("TF401019", None, "the repository does not exist, or your account may not see it",
        "compare organization, project and repository in the URL, then ask for Read on the repository"),
    service("TF200016", None, "the project does not exist, or your account may not see it",
        "compare organization and project in the URL, then ask to be added to the project"),
    service("TF400733", None, "Azure DevOps is holding you back for using too much of it lately",
        "wait some minutes; Organization settings → Usage shows what it was"),
    service("TF400813", Some(Step::Organization), "Azure DevOps does not accept this account or token for the organization",
        "see that the account is a member under Organization settings → Users, and that Organization settings → Microsoft Entra names the tenant you signed in to"),
    service("VS30063", Some(Step::Organization), "Azure DevOps does not accept this account or token",
        "see that the account is a member under Organization settings → Users, then sign in again"),
];

const fn service(
    code: &'static str,
    step: Option<Step>,
    cause: &'static str,
    fix: &'static str,
) -> ServiceExplanation {
    ServiceExplanation { code, step, cause, fix }
}

/// What an answer of Azure DevOps (a body, or a header's value) means, by the code in it. A code
/// counts as a whole word only: `TF4008130` is another one.
pub fn explain_service(text: &str) -> Option<&'static ServiceExplanation> {
    let whole = |code: &str| {
        text.match_indices(code).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + code.len()..].chars().next();
            ![before, after].into_iter().flatten().any(|c| c.is_ascii_alphanumeric())
        })
    };
    SERVICE.iter().find(|row| whole(row.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unique() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
        }
        assert!(TABLE.len() > 150);
    }

    #[test]
    fn rows_are_clauses() {
        let rows = TABLE.iter().map(|row| (row.cause, row.fix));
        for text in rows.chain(SERVICE.iter().map(|row| (row.cause, row.fix))) {
            for clause in [text.0, text.1] {
                assert!(!clause.is_empty() && !clause.ends_with('.'), "{clause}");
                assert_eq!(clause, escape(clause));
                assert!(!clause.contains("  "), "{clause}");
            }
        }
    }

    #[test]
    fn codes_lead_to_steps() {
        for (code, step) in [
            (700016, Step::AppRegistration),
            (90002, Step::AppRegistration),
            (50194, Step::AppRegistration),
            (50011, Step::Authentication),
            (7000218, Step::Authentication),
            (7000215, Step::ClientSecret),
            (7000222, Step::ClientSecret),
            (65001, Step::ApiPermissions),
            (90094, Step::ApiPermissions),
            (70011, Step::ApiPermissions),
            (500011, Step::ApiPermissions),
            (900021, Step::Organization),
            (50020, Step::Connect),
            (53003, Step::Connect),
            (700082, Step::Connect),
        ] {
            assert_eq!(explain(code).map(|row| row.step), Some(step), "{code}");
        }
        assert_eq!(explain(1), None);
        assert_eq!(Step::Organization.to_string(), "step 5 (Azure DevOps and tenant)");
    }

    #[test]
    fn the_wrong_secret_is_told_rightly() {
        let row = explain(7000215).expect("a row");
        assert!(row.cause.contains("Value") && row.fix.contains("Certificates & secrets"));
        assert!(!format!("{}{}", row.cause, row.fix).contains("propagat"));
    }

    #[test]
    fn unknown_codes_repeat_what_entra_said() {
        assert_eq!(
            explain_unknown(999_999, "AADSTS999999: Something \u{1b}new."),
            (
                "Entra answered AADSTS999999: Something \\u{1b}new.".to_owned(),
                "look it up at https://login.microsoftonline.com/error?code=999999".to_owned()
            )
        );
        assert_eq!(explain_unknown(7, "").0, "Entra answered AADSTS7");
    }

    #[test]
    fn service_codes() {
        for (text, want) in [
            ("TF401019: The Git repository with name or identifier x does not", Some("TF401019")),
            ("{\"message\":\"TF400813: The user '' is not authorized\"}", Some("TF400813")),
            ("VS30063: You are not authorized. TF400733: blocked", Some("TF400733")),
            ("remote: TF401027: You need", Some("TF401027")),
            ("TF4008130", None),
            ("xTF400813", None),
            ("", None),
        ] {
            assert_eq!(explain_service(text).map(|row| row.code), want, "{text}");
        }
    }
}
