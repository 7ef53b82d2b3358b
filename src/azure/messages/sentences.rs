//! What several rooms say of the same fault, so that git's user reads the same words as that
//! of `login` and `doctor`.

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
