//! `integration add|list|show|remove|test`.

mod add;
mod import;
mod left_behind;

pub(super) use import::tell_skipped;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{Integration as Command, IntegrationOf, IntegrationRemove, Status};
use super::target::{Target, not_configured};
use super::{Room, doctor, logout, print};
use crate::azure::{RemoteUrl, somebody_elses};
use crate::broker::redirect_uri;
use crate::doctor::{Examined, Hidden, conclusion, root, save_and_test};
use crate::integration::{
    Found, HostKey, HostSpec, Integration, Integrations, IntegrationsFile, ModelError, ScmId,
};
use crate::report::{Exit, Failure};

pub(super) fn run(command: Command) -> Result<Exit, Failure> {
    let room = Room::enter()?;
    match command {
        Command::Add(args) => add::add(&args, &room)?,
        Command::List(args) => list(&args, &room)?,
        Command::Show(args) => show(&args, &room)?,
        Command::Import(args) => import::import(&args, &room)?,
        Command::Remove(args) => remove(&args, &room)?,
        Command::Test(args) => return test(&args, &room),
    }
    Ok(Exit::Done)
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::new(error.to_string()).hint(error.fix)
    }
}

fn usage(text: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::new(text).hint(hint).exit(Exit::Usage)
}

fn host(text: &str) -> Result<HostSpec, Failure> {
    HostSpec::parse(text).ok_or_else(|| {
        usage(
            format!("{text:?} is no host"),
            "write dev.azure.com, dev.azure.com/ORGANIZATION, or the Server's host[:port]",
        )
    })
}

/// Hosts that are known to be somebody else's are no Servers: tokens given for them would be sent
/// there.
fn refuse_somebody_elses(spec: &HostSpec) -> Result<(), Failure> {
    match &spec.key {
        HostKey::Server(authority) => match somebody_elses(&authority.host) {
            Some(whose) => Err(usage(
                format!("{authority} is {whose}, and no Azure DevOps Server"),
                "name Azure DevOps Services: git-credential-ona-azure integration add --host dev.azure.com, or your Server's own host",
            )),
            None => Ok(()),
        },
        HostKey::Cloud => Ok(()),
    }
}

fn file(room: &Room, system: bool) -> Result<PathBuf, Failure> {
    match (system, &room.paths.system_integrations) {
        (false, _) => Ok(room.paths.writable_integrations()),
        (true, Some(path)) => Ok(path.clone()),
        (true, None) => Err(usage(
            "--system and ONA_AZURE_INTEGRATIONS name two different files",
            "unset ONA_AZURE_INTEGRATIONS, or leave out --system",
        )),
    }
}

fn list(args: &Status, room: &Room) -> Result<(), Failure> {
    let integrations = room.integrations()?;
    if args.json {
        let all: Vec<_> = integrations.all().iter().map(describe).collect();
        return print::document(json!({ "integrations": all }));
    }
    if integrations.all().is_empty() {
        return print::line(
            "No integration is configured. Add one with: git-credential-ona-azure integration add --help",
        );
    }
    for found in integrations.all() {
        print::line(&format!(
            "{}  {}  {}  {}",
            found.integration.host,
            found.integration.scm_id,
            methods(&found.integration),
            found.file.display()
        ))?;
    }
    Ok(())
}

/// The methods that are on, in words.
pub(super) fn methods(integration: &Integration) -> &'static str {
    match (&integration.oauth, integration.pat) {
        (Some(_), true) => "OAuth and PAT",
        (Some(_), false) => "OAuth",
        (None, true) => "PAT",
        (None, false) => "nothing on",
    }
}

fn describe(found: &Found) -> Value {
    let integration = &found.integration;
    json!({
        "scmId": integration.scm_id,
        "host": integration.host.to_string(),
        "oauth": integration.oauth.as_ref().map(|oauth| json!({
            "clientId": oauth.client_id,
            "issuerUrl": oauth.issuer_url,
            "publicClient": oauth.is_public(),
            "recipients": oauth.recipients,
            "redirectUri": redirect_uri(oauth),
        })),
        "pat": integration.pat,
        "patUrl": integration.pat_url.as_ref().map(ToString::to_string),
        "virtualDirectory": integration.virtual_directory.to_string(),
        "bearer": integration.bearer,
        "allowHttp": integration.allow_http,
        "trustedIssuers": integration.trusted_issuers,
        "file": found.file,
    })
}

/// The integration that a host means: exactly its own, or, where only one organization of the host
/// has one and none is named, that.
fn find<'i>(integrations: &'i Integrations, spec: &HostSpec) -> Option<&'i Found> {
    integrations.exactly(spec).or_else(|| match &spec.organization {
        Some(_) => None,
        None => integrations.find(&spec.key, None),
    })
}

fn find_or_us01(room: &Room, text: &str) -> Result<Found, Failure> {
    let spec = host(text)?;
    let integrations = room.integrations()?;
    let found = find(&integrations, &spec).cloned();
    found.ok_or_else(|| not_configured(&integrations, &spec, &spec.to_string()))
}

fn show(args: &IntegrationOf, room: &Room) -> Result<(), Failure> {
    let found = find_or_us01(room, &args.host)?;
    if args.json {
        return print::document(describe(&found));
    }
    let integration = &found.integration;
    print::line(&format!("host               {}", integration.host))?;
    print::line(&format!("kind               {}", integration.scm_id))?;
    print::line(&format!("file               {}", found.file.display()))?;
    print::line(&format!("sign-in            {}", methods(integration)))?;
    if let Some(oauth) = &integration.oauth {
        print::line(&format!("issuer URL         {}", oauth.issuer_url))?;
        print::line(&format!("client ID          {}", oauth.client_id))?;
        let secret = match (oauth.is_public(), oauth.recipients.as_slice()) {
            (true, _) => "none (public client)".to_owned(),
            (false, []) => "sealed".to_owned(),
            (false, keys) => format!("sealed to {}", keys.join(", ")),
        };
        print::line(&format!("client secret      {secret}"))?;
        print::line(&format!("redirect URI       {}", redirect_uri(oauth)))?;
    }
    if let Some(page) = &integration.pat_url {
        print::line(&format!("token page         {page}"))?;
    }
    if integration.scm_id == ScmId::Server {
        print::line(&format!("virtual directory  {}", integration.virtual_directory))?;
    }
    Ok(())
}

fn remove(args: &IntegrationRemove, room: &Room) -> Result<(), Failure> {
    let asked = host(&args.host)?;
    let spec = match find(&room.integrations()?, &asked) {
        Some(found) => found.integration.host.clone(),
        None => asked,
    };
    let path = file(room, args.system)?;
    let mut removed = None;
    if path.exists() {
        IntegrationsFile::edit(&path, &spec, |old| {
            removed = old;
            Ok::<_, Failure>(None)
        })?;
    }
    let Some(removed) = removed else {
        let integrations = room.integrations()?;
        return Err(match integrations.exactly(&spec) {
            Some(found) => {
                Failure::new(format!("the integration for {} is in {}", spec, found.file.display()))
                    .hint(format!("git-credential-ona-azure integration remove {spec} --system"))
            }
            None => not_configured(&integrations, &spec, &spec.to_string()),
        });
    };
    print::line(&format!("The integration for {spec} is removed from {}.", path.display()))?;
    let left = room.integrations()?;
    if left.exactly(&spec).is_none() {
        // Nothing could be done with them any more, and no command would name them.
        logout::forget_host(room, &removed, &left)?;
    }
    Ok(())
}

fn test(args: &IntegrationOf, room: &Room) -> Result<Exit, Failure> {
    let (found, target) = to_test(room, &args.host)?;
    let looked = Hidden::here(&room.paths).examined(save_and_test(&room.paths, &found, target));
    let conclusion = concluded(&looked, &found.integration);
    doctor::show(&looked, Some(&conclusion), args.json)?;
    Ok(if root(&looked).is_none() { Exit::Done } else { Exit::Failed })
}

/// What to test: an integration by its host, or the one that serves an organization or repository,
/// which is then what is looked at.
fn to_test(room: &Room, text: &str) -> Result<(Found, Option<RemoteUrl>), Failure> {
    let integrations = room.integrations()?;
    if let Some(found) = HostSpec::parse(text).and_then(|spec| find(&integrations, &spec).cloned())
    {
        return Ok((found, None));
    }
    let url = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let target = Target::of(Some(&url), &integrations)?;
    let found = integrations.of_place(&target.place, target.organization.as_ref()).cloned();
    let found = found.expect("BUG: a target has an integration");
    let address = RemoteUrl::parse(&url).map_err(|error| usage(error.to_string(), "check it"))?;
    Ok((found, Some(address)))
}

/// The one sentence it ends in, with what comes next where all is well.
fn concluded(looked: &[Examined], integration: &Integration) -> String {
    if root(looked).is_some() {
        return conclusion(looked);
    }
    let (host, url) = (&integration.host, sign_in_url(integration));
    match integration.oauth {
        Some(_) => format!("The integration for {host} works."),
        // More than that it is there, a host does not tell without a token.
        None => format!(
            "{host} answers. Give it a token next: git-credential-ona-azure login {url} --pat"
        ),
    }
}

fn sign_in_url(integration: &Integration) -> String {
    match (&integration.host.key, &integration.host.organization) {
        (HostKey::Cloud, Some(organization)) => format!("https://dev.azure.com/{organization}"),
        (HostKey::Cloud, None) => "https://dev.azure.com/ORGANIZATION".to_owned(),
        (HostKey::Server(authority), _) => {
            let (scheme, directory) = (integration.scheme(), &integration.virtual_directory);
            format!("{scheme}://{authority}{}", directory.prefix())
        }
    }
}
