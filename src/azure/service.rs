//! What the codes of Azure DevOps (`TF…`, `VS…`) mean to the person who meets them in an answer.
//! They choose words, nothing else; the numbers and their occasions are those observed in its answers,
//! as projects that meet them tell.

use super::messages::Step;

/// What a code of Azure DevOps means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceExplanation {
    /// As it stands in the answer.
    pub code: &'static str,
    /// The step to look at, where it is one.
    pub step: Option<Step>,
    /// What is wrong, one clause.
    pub cause: &'static str,
    /// What to do, one clause.
    pub fix: &'static str,
}

const fn row(
    code: &'static str,
    step: Option<Step>,
    cause: &'static str,
    fix: &'static str,
) -> ServiceExplanation {
    ServiceExplanation { code, step, cause, fix }
}

const ORG: Option<Step> = Some(Step::Organization);

#[rustfmt::skip]
const TABLE: &[ServiceExplanation] = &[
    row("TF200016", None, "there is no such project, or no access to it", "check the project's name in its address, and ask the project's administrator for access"),
    row("TF400733", None, "Azure DevOps has had too many requests and refuses for now", "wait some minutes, then try again"),
    row("TF400898", ORG, "there is no such organization or collection", "check its name in the address of its repositories"),
    row("TF401019", None, "there is no such repository, or no right to read it", "check the repository's name in its address, and ask for Project settings → Repositories → Security → Read"),
    row("TF401027", None, "the right to push is missing", "ask for Project settings → Repositories → Security → Contribute"),
    row("TF402455", None, "a branch policy refuses pushes to this branch", "push another branch and open a pull request"),
    row("TF400813", ORG, "the account is no member of the organization", "Organization settings → Users → Add users, or sign in with an account that is one"),
    row("VS403463", Some(Step::Connect), "Conditional Access refuses this network or device", "use a network and device the tenant allows, or ask its administrator: Sign-in logs → Conditional Access names the policy"),
];

/// What the first code of a text means, if it is one that a person can do something about.
pub fn explain_service(text: &str) -> Option<&'static ServiceExplanation> {
    TABLE
        .iter()
        .filter_map(|row| Some((text.find(row.code)?, row)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, row)| row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_of_a_text_is_explained() {
        let row = explain_service("TF401027: You need … (TF400813)").expect("a row");
        assert_eq!(row.code, "TF401027");
        assert_eq!(explain_service("TF999999: new"), None);
    }
}
