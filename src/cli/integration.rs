//! `integration add|list|show|remove|test`.

use std::fs;
use std::io::{IsTerminal as _, Read as _, stdin};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::args::{
    Integration as Command, IntegrationAdd, IntegrationOf, IntegrationRemove, Status,
};
use super::target::not_configured;
use super::{Room, print};
use crate::azure::VirtualDirectory;
use crate::broker::redirect_uri;
use crate::clock;
use crate::integration::{
    ClientSecretError, Found, HostKey, HostSpec, Integration, IntegrationsFile, ModelError, OAuth,
    ScmId, probe, seal_client_secret,
};
use crate::net::Network;
use crate::report::{Exit, Failure};
use crate::secret::Secret;

/// The longest client secret read, in bytes; Entra's have 40.
const SECRET_LIMIT: u64 = 16 * 1024;

pub(super) fn run(command: Command) -> Result<(), Failure> {
    let room = Room::enter()?;
    match command {
        Command::Add(args) => add(&args, &room),
        Command::List(args) => list(&args, &room),
        Command::Show(args) => show(&args, &room),
        Command::Remove(args) => remove(&args, &room),
        Command::Test(args) => test(&args, &room),
    }
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
            "write dev.azure.com, dev.azure.com/<organization>, or the Server's host[:port]",
        )
    })
}

fn add(args: &IntegrationAdd, room: &Room) -> Result<(), Failure> {
    let spec = host(&args.host)?;
    let file = file(room, args.system)?;
    if args.system && args.recipient.is_empty() && room.paths.mounted_key.is_none() {
        return Err(usage(
            "an integration of the whole machine is sealed to no key that everybody who is to use it has",
            "name the runner's public keys with --recipient age1…, or its key file in ONA_AZURE_KEY_FILE",
        ));
    }
    let secret = read_secret(args)?;
    let mut saved = None;
    IntegrationsFile::edit(&file, &spec.key, |old| {
        // What is named changes, the rest stays.
        let inherited = old.or_else(|| inherited(room, &spec.key));
        let new = change(inherited, args, spec.clone(), secret.as_ref(), room)?;
        new.check().map_err(|error| Failure::from(error).exit(Exit::Usage))?;
        saved = Some(new.clone());
        Ok::<_, Failure>(Some(new))
    })?;
    let saved = saved.expect("BUG: an edit that succeeds has saved");
    print::line(&format!("The integration for {} is saved in {}.", saved.host, file.display()))?;
    if let Some(oauth) = &saved.oauth {
        let platform = if oauth.is_public() { "Mobile and desktop applications" } else { "Web" };
        print::line(&format!(
            "Register this redirect URI with the app, platform {platform}, beside Ona's own: {}",
            redirect_uri(oauth)
        ))?;
        if !oauth.recipients.is_empty() {
            print::line(&format!(
                "The client secret is sealed to {}.",
                oauth.recipients.join(", ")
            ))?;
        }
    }
    if args.no_test {
        return Ok(());
    }
    run_probe(&saved, room).map_err(|mut failure| {
        failure.message.text = format!("saved, not working yet: {}", failure.message.text);
        failure.exit(Exit::Failed)
    })
}

/// The user's first change to an integration of the machine begins with what that says.
fn inherited(room: &Room, key: &HostKey) -> Option<Integration> {
    let integrations = room.integrations().ok()?;
    integrations.by_key(key).map(|found| found.integration.clone())
}

fn file(room: &Room, system: bool) -> Result<PathBuf, Failure> {
    match (system, &room.paths.system_integrations) {
        (false, _) => Ok(room.paths.user_integrations.clone()),
        (true, Some(path)) => Ok(path.clone()),
        (true, None) => Err(usage(
            "--system and ONA_AZURE_INTEGRATIONS name two different files",
            "unset ONA_AZURE_INTEGRATIONS, or leave out --system",
        )),
    }
}

fn change(
    old: Option<Integration>,
    args: &IntegrationAdd,
    spec: HostSpec,
    secret: Option<&Secret>,
    room: &Room,
) -> Result<Integration, Failure> {
    let scm_id = match args.scm_id.as_deref() {
        Some("azuredevops_entra") => ScmId::Entra,
        Some("azuredevops_server") => ScmId::Server,
        Some(other) => {
            return Err(usage(
                format!("{other:?} is no kind of integration"),
                "write azuredevops_entra or azuredevops_server",
            ));
        }
        None => match &spec.key {
            HostKey::Cloud => ScmId::Entra,
            HostKey::Server(_) => ScmId::Server,
        },
    };
    let mut new = old.unwrap_or_else(|| Integration {
        scm_id,
        host: spec.clone(),
        oauth: None,
        pat: false,
        virtual_directory: VirtualDirectory::default(),
        bearer: false,
        allow_http: false,
        trusted_issuers: Vec::new(),
    });
    new.scm_id = scm_id;
    if spec.organization.is_some() {
        new.host = spec;
    }
    new.pat = (new.pat || args.pat) && !args.no_pat;
    new.bearer |= args.bearer;
    new.allow_http |= args.allow_http;
    if !args.trusted_issuer.is_empty() {
        new.trusted_issuers = args.trusted_issuer.clone();
    }
    if let Some(directory) = &args.virtual_directory {
        new.virtual_directory = VirtualDirectory::parse(directory)
            .ok_or_else(|| usage(format!("{directory:?} is no path"), "write it as /tfs"))?;
    }
    new.oauth = if args.no_oauth { None } else { oauth(new.oauth.take(), args, secret, room)? };
    if !new.has_method() {
        return Err(usage(
            format!("no way to sign in to {} is named", new.host),
            "give --issuer-url and --client-id, or --pat, or both",
        ));
    }
    Ok(new)
}

fn oauth(
    old: Option<OAuth>,
    args: &IntegrationAdd,
    secret: Option<&Secret>,
    room: &Room,
) -> Result<Option<OAuth>, Failure> {
    let named = args.issuer_url.is_some()
        || args.client_id.is_some()
        || secret.is_some()
        || args.public_client;
    if !named {
        return Ok(old);
    }
    let is_new = old.is_none();
    let missing = |flag: &str, place: &str| {
        usage(
            format!("{flag} is missing"),
            format!("OAuth needs it: copy it from the app registration, {place}"),
        )
    };
    let (old_id, old_issuer, old_sealed) = match old {
        Some(old) => {
            let (id, issuer) = (old.client_id.clone(), old.issuer_url.clone());
            (Some(id), Some(issuer), Some(old))
        }
        None => (None, None, None),
    };
    let client_id = args
        .client_id
        .clone()
        .or(old_id)
        .ok_or_else(|| missing("--client-id", "Overview → Application (client) ID"))?;
    let issuer_url = args
        .issuer_url
        .clone()
        .or(old_issuer)
        .ok_or_else(|| missing("--issuer-url", "Overview → Endpoints"))?;
    let mut new = OAuth {
        client_id: client_id.trim().to_owned(),
        issuer_url: issuer_url.trim().to_owned(),
        encrypted_client_secret: None,
        recipients: Vec::new(),
        secret_set_at: None,
    };
    match (secret, args.public_client) {
        (Some(secret), _) => {
            let (sealed, recipients) =
                seal_client_secret(secret, &args.recipient, || room.vault.runner_key_or_new())
                    .map_err(|error| {
                        let exit = match error {
                            ClientSecretError::BadRecipient(_) => Exit::Usage,
                            _ => Exit::Failed,
                        };
                        let hint = error.hint(&args.host);
                        Failure::new(error.to_string()).hint(hint).exit(exit)
                    })?;
            new.encrypted_client_secret = Some(sealed);
            new.recipients = recipients;
            new.secret_set_at = Some(clock::now());
        }
        (None, true) => {}
        (None, false) if is_new => {
            return Err(usage(
                "the client secret is missing",
                "pass it on standard input with --client-secret-stdin, or say --public-client if the app has none",
            ));
        }
        (None, false) => {
            if let Some(old) = old_sealed {
                new.encrypted_client_secret = old.encrypted_client_secret;
                new.recipients = old.recipients;
                new.secret_set_at = old.secret_set_at;
            }
        }
    }
    Ok(Some(new))
}

fn read_secret(args: &IntegrationAdd) -> Result<Option<Secret>, Failure> {
    let bytes = match &args.client_secret_file {
        Some(path) => read_file(path)?,
        None if !args.client_secret_stdin => return Ok(None),
        None if stdin().is_terminal() => rpassword::prompt_password("Client secret (its Value): ")
            .map(String::into_bytes)
            .map_err(|error| Failure::new(format!("the terminal cannot be read: {error}")))?,
        None => {
            let mut bytes = Vec::with_capacity(1024);
            stdin()
                .lock()
                .take(SECRET_LIMIT)
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
            bytes
        }
    };
    let bytes = Zeroizing::new(bytes);
    let secret = bytes.trim_ascii();
    if secret.is_empty() {
        return Err(usage(
            "the client secret is empty",
            "Certificates & secrets → New client secret, then copy the Value column at once",
        ));
    }
    if secret.iter().any(u8::is_ascii_control) {
        return Err(usage(
            "the client secret is one line, and this is more",
            "pass the secret's Value alone",
        ));
    }
    Ok(Some(Secret::new(secret)))
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error: std::io::Error| {
        Failure::new(format!("{} cannot be read: {error}", path.display())).exit(Exit::Usage)
    };
    let mut bytes = Vec::with_capacity(1024);
    fs::File::open(path).map_err(fail)?.take(SECRET_LIMIT).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
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
        "virtualDirectory": integration.virtual_directory.to_string(),
        "bearer": integration.bearer,
        "allowHttp": integration.allow_http,
        "trustedIssuers": integration.trusted_issuers,
        "file": found.file,
    })
}

fn find(room: &Room, text: &str) -> Result<Found, Failure> {
    let spec = host(text)?;
    let integrations = room.integrations()?;
    let found = integrations.by_key(&spec.key).cloned();
    found.ok_or_else(|| not_configured(&integrations, &spec.key.to_string()))
}

fn show(args: &IntegrationOf, room: &Room) -> Result<(), Failure> {
    let found = find(room, &args.host)?;
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
    if integration.scm_id == ScmId::Server {
        print::line(&format!("virtual directory  {}", integration.virtual_directory))?;
    }
    Ok(())
}

fn remove(args: &IntegrationRemove, room: &Room) -> Result<(), Failure> {
    let spec = host(&args.host)?;
    let path = file(room, args.system)?;
    let mut was_there = false;
    if path.exists() {
        IntegrationsFile::edit(&path, &spec.key, |old| {
            was_there = old.is_some();
            Ok::<_, Failure>(None)
        })?;
    }
    if !was_there {
        let integrations = room.integrations()?;
        return Err(match integrations.by_key(&spec.key) {
            Some(found) => Failure::new(format!(
                "the integration for {} is in {}",
                spec.key,
                found.file.display()
            ))
            .hint(format!("git-credential-ona-azure integration remove {} --system", spec.key)),
            None => not_configured(&integrations, &spec.key.to_string()),
        });
    }
    print::line(&format!("The integration for {} is removed from {}.", spec.key, path.display()))
}

fn test(args: &IntegrationOf, room: &Room) -> Result<(), Failure> {
    let found = find(room, &args.host)?;
    if !args.json {
        return run_probe(&found.integration, room);
    }
    let mut passed = Vec::new();
    let outcome =
        probe(&found.integration, &room.vault, &Network, &mut |text| passed.push(text.to_owned()));
    print::document(json!({
        "host": found.integration.host.to_string(),
        "ok": outcome.is_ok(),
        "passed": passed,
        "error": outcome.as_ref().err().map(|failure| &failure.message.text),
        "hint": outcome.as_ref().err().and_then(|failure| failure.message.hint.as_ref()),
    }))?;
    outcome
}

fn run_probe(integration: &Integration, room: &Room) -> Result<(), Failure> {
    let mut printed = Ok(());
    probe(integration, &room.vault, &Network, &mut |text| {
        if printed.is_ok() {
            printed = print::line(&format!("ok: {text}"));
        }
    })?;
    printed?;
    print::line(&format!("The integration for {} works.", integration.host))
}
