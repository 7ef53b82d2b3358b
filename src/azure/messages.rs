//! What the codes of Entra ID mean to the person who meets them.
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
        for row in TABLE {
            for clause in [row.cause, row.fix] {
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
}
