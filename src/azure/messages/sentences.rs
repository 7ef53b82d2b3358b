//! What several rooms say of the same fault, so that git's user reads the same words as that
//! of `login` and `doctor`.

/// What to see to where the network may have answered: it follows "check that".
pub const NOTHING_IN_ITS_PLACE: &str =
    "no proxy or sign-in page of the network answers in its place";

/// What a personal access token that is known lacks for source code; what to do follows.
pub const LACKS_CODE: &str = "it lacks the scope Code, or its owner has no access to the code";

/// An organization refuses an account.
pub fn refused(account: &str, organization: &str) -> String {
    format!("Azure DevOps refused {account} for organization {organization}")
}

/// Nobody has signed in to a host.
pub fn nobody_signed_in(host: &str) -> String {
    format!("nobody is signed in to {host}")
}

/// A personal access token is past its end.
pub fn pat_ran_out(name: &str) -> String {
    format!("the personal access token for {name} has run out")
}

/// A session gives no more tokens. One that was brought here unseen is nobody's yet.
pub fn sign_in_over(account: &str, why: &str) -> String {
    let of = if account.is_empty() { String::new() } else { format!(" of {account}") };
    format!("the sign-in{of} has ended: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_of_nobody_names_nobody() {
        assert_eq!(sign_in_over("", "why"), "the sign-in has ended: why");
        assert_eq!(sign_in_over("ada", "why"), "the sign-in of ada has ended: why");
    }
}
