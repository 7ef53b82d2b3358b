//! What is configured and kept here, without a secret.

use std::fs;

use crate::azure::Scheme;
use crate::broker::{PatKey, SessionKey, access, last_failure, sessions, why_over};
use crate::clock;
use crate::integration::{Found, Integrations};
use crate::paths::Paths;
use crate::trace::Fingerprint;
use crate::vault::{ClientMode, PatLogin, Pats, Vault};
use crate::when::moment;

/// A heading of an entry, and lines that belong to it.
fn entry(name: String, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once(name).chain(lines.into_iter().map(|line| format!("  {line}"))).collect()
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

pub(super) fn integrations(integrations: &Integrations) -> Vec<String> {
    integrations.all().iter().flat_map(integration).collect()
}

fn integration(found: &Found) -> Vec<String> {
    let now = clock::now();
    let integration = &found.integration;
    let mut lines = vec![
        format!("file: {}", found.file.display()),
        format!("scmId: {}", integration.scm_id),
        format!("personal access tokens: {}", yes(integration.pat)),
        format!("OAuth: {}", yes(integration.oauth.is_some())),
    ];
    if let Some(oauth) = &integration.oauth {
        lines.push(format!("issuerUrl: {}", oauth.issuer_url));
        lines.push(format!("clientId: {}", oauth.client_id));
        lines.push(match oauth.is_public() {
            true => "client secret: none (a public client)".to_owned(),
            false => format!("client secret: sealed to {}", oauth.recipients.join(", ")),
        });
        lines.extend(oauth.secret_set_at.map(|at| format!("secret set: {}", moment(at, now))));
    }
    lines.push(format!("virtualDirectory: {}", integration.virtual_directory));
    lines.push(format!("allowHttp: {}", yes(integration.allow_http)));
    lines.push(format!("bearer: {}", yes(integration.bearer)));
    lines.extend(integration.trusted_issuers.iter().map(|url| format!("trusted issuer: {url}")));
    lines.extend(integration.pat_url.iter().map(|url| format!("patUrl: {url}")));
    entry(integration.host.to_string(), lines)
}

pub(super) fn sign_ins(integrations: &Integrations, vault: &Vault) -> Vec<String> {
    let now = clock::now();
    let found = match sessions(vault, None) {
        Ok(found) => found,
        Err(error) => return vec![error.to_string()],
    };
    let each = found.into_iter().flat_map(|session| {
        let of = integrations
            .all()
            .iter()
            .map(|found| &found.integration)
            .find(|integration| integration.host.key.to_string() == session.host);
        let mut lines = vec![
            format!(
                "for: {}",
                session.organization.as_ref().map_or("every organization", |name| name.as_str())
            ),
            format!("account: {}", session.account),
            format!("tenant: {}", session.tenant.as_deref().unwrap_or("unknown")),
            format!("issuer: {}", session.issuer),
            format!("client: {}", session.client_id),
            format!("with the client secret: {}", yes(session.mode == ClientMode::Confidential)),
            format!("signed in: {} ({:?})", moment(session.signed_in_at, now), session.method),
            format!("scopes: {}", session.scopes.join(" ")),
            match &session.refresh_token {
                Some(token) => format!("refresh token: {}", Fingerprint::of(token)),
                None => "refresh token: none".to_owned(),
            },
        ];
        lines.extend(
            session
                .ended
                .as_ref()
                .map(|ended| format!("ended: {}, {}", moment(ended.at, now), ended.reason)),
        );
        if let Some(integration) = of {
            lines.extend(why_over(&session, integration).map(|why| format!("over: {why}")));
            let key = SessionKey {
                host: integration.host.key.clone(),
                organization: session.organization.clone(),
            };
            let access = access(vault, &key, integration).ok().flatten().unwrap_or_default();
            lines.push(match &access.token {
                Some(token) => format!(
                    "access token: {}, issued {}, ends {}",
                    Fingerprint::of(token),
                    moment(access.issued_at, now),
                    moment(access.expires_at, now)
                ),
                None => "access token: none".to_owned(),
            });
            lines.extend(access.refusals.iter().map(|refusal| {
                format!(
                    "refused by: {}, believed until {}",
                    refusal.organization,
                    moment(refusal.until, now)
                )
            }));
            lines.extend(last_failure(&access, integration).map(|failure| {
                format!(
                    "last refresh failed: {}, not tried again before {}: {}",
                    moment(failure.failed_at_ms / 1000, now),
                    moment(failure.until, now),
                    failure.text
                )
            }));
        }
        entry(session.host.clone(), lines)
    });
    each.collect()
}

pub(super) fn tokens(integrations: &Integrations, vault: &Vault) -> Vec<String> {
    let now = clock::now();
    let mut lines = Vec::new();
    for found in integrations.all() {
        for scheme in [Scheme::Https, Scheme::Http] {
            let of = PatKey { scheme, host: found.integration.host.key.clone() }.to_string();
            let pats = match vault.read::<Pats>(&of) {
                Ok(pats) => pats.unwrap_or_default().pats,
                Err(error) => {
                    lines.push(error.to_string());
                    continue;
                }
            };
            for pat in pats {
                let organization = pat.organization.as_ref();
                let whole = "the whole Server";
                let name = organization.map_or(whole, |organization| organization.as_str());
                let ends =
                    pat.expires_at.map_or_else(|| "unknown".to_owned(), |at| moment(at, now));
                let username = pat.username.as_deref().filter(|name| !name.is_empty());
                let username = username.map(String::from_utf8_lossy);
                let form = match pat.login {
                    PatLogin::Password(_) => "a password",
                    PatLogin::Header { .. } => "a header",
                };
                lines.extend(entry(
                    format!("{of}, {name}"),
                    [
                        format!(
                            "kept: {}, as {form} ({})",
                            moment(pat.kept_at, now),
                            Fingerprint::of(pat.login.secret())
                        ),
                        format!("ends: {ends}"),
                        format!("username: {}", username.as_deref().unwrap_or("none")),
                    ],
                ));
            }
        }
    }
    lines
}

/// Names, sizes and modes: whether something is missing or open shows from them.
pub(super) fn files(paths: &Paths) -> Vec<String> {
    let mut found = vec![paths.state.clone()];
    found.extend(fs::read_dir(&paths.state).into_iter().flatten().flatten().map(|one| one.path()));
    found.push(paths.user_integrations.clone());
    found.extend(paths.state_integrations.clone());
    found.extend(paths.system_integrations.clone());
    found.extend(paths.mounted_key.clone());
    found[1..].sort();
    found.dedup();
    let line = |path: &std::path::PathBuf| {
        let Ok(metadata) = path.metadata() else { return format!("{}: none", path.display()) };
        let mode = mode(&metadata);
        format!("{}: {} bytes{mode}", path.display(), metadata.len())
    };
    found.iter().map(line).collect()
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!(", mode {:04o}, of account {}", metadata.mode() & 0o7777, metadata.uid())
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> String {
    String::new()
}
