//! What a sign-in came to, on one screen.

use std::path::Path;

use crate::entra::{Allows, allow};
use crate::report::Message;
use crate::vault::{ClientMode, Session, SignInMethod};

/// The lines, and the warning if less was granted than is needed.
pub fn summary(session: &Session, vault: &Path) -> (Vec<String>, Option<Message>) {
    let for_whom = match &session.organization {
        Some(organization) => format!("organization {organization} only"),
        None if session.tenant.is_some() => "every organization of the tenant".to_owned(),
        None => "every organization".to_owned(),
    };
    let allows = allow(&session.scopes);
    let may = match allows {
        Allows::Write => "clone, fetch and push",
        Allows::Read | Allows::Nothing => "clone and fetch, not push",
    };
    let method = match session.method {
        SignInMethod::Browser => "a browser",
        SignInMethod::Paste => "a browser elsewhere",
        SignInMethod::Device => "a device code",
        SignInMethod::Imported => "a refresh token brought here",
    };
    let client = match session.mode {
        ClientMode::Confidential => "with the client secret",
        ClientMode::Public => "without a client secret",
    };
    let row = |name: &str, value: &str| format!("  {name:<11}{value}");
    let mut lines = vec![
        format!("{} is signed in to {}.", session.account, session.host),
        String::new(),
        row("for", &for_whom),
        row("may", may),
    ];
    lines.extend(session.tenant.as_deref().map(|tenant| row("tenant", tenant)));
    lines.extend([
        row("signed in", &format!("with {method}, {client}")),
        row("kept in", &format!("{}, sealed", vault.display())),
        row("renewed", "by itself; git needs no further sign-in"),
    ]);
    let warning = (allows != Allows::Write).then(|| {
        Message::warning(
            "the sign-in allows to clone and fetch, but not to push: vso.code_write is not granted",
        )
        .hint("step 4 (API permissions): add Azure DevOps → Delegated → vso.code_write, then sign in again")
    });
    (lines, warning)
}
