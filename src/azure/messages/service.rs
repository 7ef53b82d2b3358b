//! What Azure DevOps' own words mean to the person who meets them in an answer: its codes (`TF…`,
//! `VS…`) and the names of its policies. They choose words, nothing else; the numbers and their
//! occasions are those observed in its answers, as projects that meet them tell.
//!
//! The organization's policy "Third-party application access via OAuth" is in no row, whatever
//! common advice says: it does not govern applications of Entra's ("Change application access
//! policies").

use super::Step;

/// What words of Azure DevOps' mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceExplanation {
    /// As it stands in the answer, whatever its case.
    pub code: &'static str,
    /// What the same text has to name besides, where the code alone says too little; else empty.
    pub naming: &'static str,
    /// The step to look at, where it is one.
    pub step: Option<Step>,
    /// What is wrong, one clause.
    pub cause: &'static str,
    /// What to do, one clause.
    pub fix: &'static str,
}

const fn row(
    code: &'static str,
    naming: &'static str,
    step: Option<Step>,
    cause: &'static str,
    fix: &'static str,
) -> ServiceExplanation {
    ServiceExplanation { code, naming, step, cause, fix }
}

const ORG: Option<Step> = Some(Step::Organization);
const CONNECT: Option<Step> = Some(Step::Connect);

const NO_PROJECT: &str = "there is no such project, or no access to it";
const FIX_PROJECT: &str =
    "check the project's name in its address, and ask the project's administrator for access";

/// The permission's name in an answer is that of the security namespace; the page has another
/// ("Security namespace and permission reference").
const RIGHT: &str = "TF401027";

/// Of rows with one code the first that fits counts.
#[rustfmt::skip]
const TABLE: &[ServiceExplanation] = &[
    row("TF200016", "", None, NO_PROJECT, FIX_PROJECT),
    row("VS800075", "", None, NO_PROJECT, FIX_PROJECT),
    row("TF400733", "", None, "Azure DevOps has had too many requests and refuses for now", "wait some minutes, then try again"),
    row("TF400813", "", ORG, "the account is no member of the organization", "Organization settings → Users → Add users, or sign in with an account that is one"),
    // vscode#124623
    row("TF400898", "", None, "Azure DevOps has had a fault of its own", "try again in some minutes"),
    row("TF401019", "", None, "there is no such repository, or no right to read it", "check the repository's name in its address, and ask for Project settings → Repositories → Security → Read"),
    // azure-devops-pull-request-hub#205, #232
    row(RIGHT, "GenericRead", None, "the right to read the repository is missing", "ask for Project settings → Repositories → Security → Read"),
    // AzOps#299
    row(RIGHT, "GenericContribute", None, "the right to push is missing", "ask for Project settings → Repositories → Security → Contribute"),
    row(RIGHT, "CreateBranch", None, "the right to make a branch is missing", "ask for Project settings → Repositories → Security → Create branch"),
    row(RIGHT, "CreateTag", None, "the right to make a tag is missing", "ask for Project settings → Repositories → Security → Create tag"),
    row(RIGHT, "ForcePush", None, "the right to rewrite or delete a branch is missing", "ask for Project settings → Repositories → Security → Force push"),
    row(RIGHT, "", None, "a right is missing, which the message names", "ask for it: Project settings → Repositories → Security"),
    row("TF402455", "", None, "a branch policy refuses pushes to this branch", "push another branch and open a pull request"),
    // eShopOnWeb#257
    row("VS403654", "", None, "the push holds what looks like a secret", "take it out of the commits the message names, then push again"),
    row("VS403392", "", None, "a right is missing, which the message names", "ask the project's administrator: Project settings → Permissions"),
    // coe-starter-kit#6694
    row("VS403463", "", CONNECT, "Conditional Access refuses this network or device", "use a network and device the tenant allows, or ask its administrator: Sign-in logs → Conditional Access names the policy"),
    // What Microsoft's own clients say of a 401.
    row("VS30063", "", CONNECT, "Azure DevOps does not accept who is asking", "sign in again"),
    // azure-pipelines-agent#1559
    row("Access Token used has expired", "", CONNECT, "the personal access token has run out", "make a new one"),
    // vsts-rest-api-specs, tokens.json; where to click is in "Manage personal access tokens using policies".
    row("DisablePatCreationPolicyViolation", "", ORG, "the organization lets nobody make personal access tokens", "ask its administrator: Organization settings → Policies → Restrict personal access token creation, or sign in with OAuth"),
    row("globalPatPolicyViolation", "", CONNECT, "the tenant allows no personal access tokens for all organizations", "make one for this organization alone, or ask the administrator: Organization settings → Microsoft Entra → Restrict global personal access token creation"),
    row("fullScopePatPolicyViolation", "", CONNECT, "the tenant allows no personal access tokens with full access", "choose Custom defined → Code: Read & write, or ask the administrator: Organization settings → Microsoft Entra → Restrict full-scoped personal access token creation"),
    row("patLifespanPolicyViolation", "", CONNECT, "the tenant allows no personal access tokens that live so long", "choose an earlier expiration, or ask the administrator: Organization settings → Microsoft Entra → Enforce maximum personal access token lifespan"),
];

/// What the first known words of a text mean, if they are such that a person can do something
/// about.
pub fn explain_service(text: &str) -> Option<&'static ServiceExplanation> {
    // Keeps every position.
    let text = text.to_ascii_lowercase();
    TABLE
        .iter()
        .filter(|row| text.contains(&row.naming.to_ascii_lowercase()))
        .filter_map(|row| Some((position(&text, row.code)?, row)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, row)| row)
}

/// Where a code stands that is not the beginning of a longer one.
fn position(text: &str, code: &str) -> Option<usize> {
    let code = code.to_ascii_lowercase();
    text.match_indices(&code)
        .map(|(at, _)| at)
        .find(|at| !text[at + code.len()..].starts_with(|next: char| next.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::escape;

    #[test]
    fn the_first_code_of_a_text_is_explained() {
        let row = explain_service("TF401027: You need … (TF400813)").expect("a row");
        assert_eq!((row.code, row.naming), ("TF401027", ""));
        for text in ["TF999999: new", "TF4010271: longer", "", "TF", "é"] {
            assert_eq!(explain_service(text), None, "{text}");
        }
    }

    #[test]
    fn what_azure_devops_says_is_explained() {
        for (text, cause) in [
            (
                "TF401027: You need the Git 'GenericRead' permission to perform this action. Details: identity 'x', scope 'repository'.",
                "the right to read the repository is missing",
            ),
            (
                "001f# service=git-receive-pack\n0000000000aaTF401027: You need the Git 'GenericContribute' permission",
                "the right to push is missing",
            ),
            (
                "TF401027: You need the Git 'ForcePush' permission",
                "the right to rewrite or delete a branch is missing",
            ),
            (
                "TF401027: You need the Git 'ManageNote' permission",
                "a right is missing, which the message names",
            ),
            (
                "TF400898: An Internal Error Occurred. Activity Id: 0.",
                "Azure DevOps has had a fault of its own",
            ),
            (
                "VS800075: The project with id 'vstfs:///x' does not exist, or you do not have permission to access it.",
                NO_PROJECT,
            ),
            (
                "Access Denied: The Personal Access Token used has expired.",
                "the personal access token has run out",
            ),
            (
                "patTokenError: GlobalPatPolicyViolation",
                "the tenant allows no personal access tokens for all organizations",
            ),
            (
                "Failed to create PAT: DisablePatCreationPolicyViolation",
                "the organization lets nobody make personal access tokens",
            ),
        ] {
            assert_eq!(explain_service(text).map(|row| row.cause), Some(cause), "{text}");
        }
    }

    #[test]
    fn rows_are_clauses_and_each_can_be_reached() {
        for row in TABLE {
            for clause in [row.cause, row.fix] {
                assert!(!clause.is_empty() && !clause.ends_with('.'), "{clause}");
                assert_eq!(clause, escape(clause));
                assert!(!clause.contains("third-party") && !clause.contains("  "), "{clause}");
            }
            let text = format!("{}: {}", row.code, row.naming);
            assert_eq!(explain_service(&text), Some(row), "{text}");
        }
    }
}
