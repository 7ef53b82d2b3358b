//! Scopes: what is asked for, and what is enough.

/// Azure DevOps as an Entra resource; the same GUID in every tenant.
pub(super) const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// The same resource by its other name.
pub(super) const AZURE_DEVOPS_URI: &str = "https://app.vssps.visualstudio.com";

const OPENID: [&str; 3] = ["openid", "profile", "offline_access"];
const CODE: [&str; 2] = ["vso.code", "vso.code_write"];

/// The scopes asked for. Those of Azure DevOps carry its prefix: bare ones would be Graph's.
pub(super) fn asked() -> impl Iterator<Item = String> {
    let code = CODE.iter().map(|scope| format!("{AZURE_DEVOPS}/{scope}"));
    OPENID.iter().map(ToString::to_string).chain(code)
}

/// Everything the administrator consented to, for app-only requests.
pub fn everything() -> String {
    format!("{AZURE_DEVOPS}/.default")
}

/// What the scopes granted allow git to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allows {
    /// Nothing.
    Nothing,
    /// Clone and fetch.
    Read,
    /// Push too.
    Write,
}

/// What these scopes allow. The prefix is an echo of the request, so only the end counts.
pub fn allow(granted: &[String]) -> Allows {
    let has = |names: &[&str]| {
        granted.iter().any(|scope| names.contains(&scope.rsplit('/').next().unwrap_or_default()))
    };
    if has(&["vso.code_write", "vso.code_manage", "vso.code_full", "user_impersonation"]) {
        Allows::Write
    } else if has(&["vso.code"]) {
        Allows::Read
    } else {
        Allows::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scopes_allow() {
        let rows: &[(&[&str], Allows)] = &[
            (&[], Allows::Nothing),
            (&["openid", "profile"], Allows::Nothing),
            (&["499b84ac-1321-427f-aa17-267ca6975798/vso.code"], Allows::Read),
            (&["499b84ac-1321-427f-aa17-267ca6975798/vso.code_write"], Allows::Write),
            (&["https://app.vssps.visualstudio.com/vso.code_manage"], Allows::Write),
            (&["https://app.vssps.visualstudio.com/user_impersonation"], Allows::Write),
            (&["vso.code_full"], Allows::Write),
            (&["vso.code_status", "vso.work_write"], Allows::Nothing),
        ];
        for (granted, expected) in rows {
            let granted: Vec<_> = granted.iter().map(ToString::to_string).collect();
            assert_eq!(allow(&granted), *expected, "{granted:?}");
        }
    }
}
