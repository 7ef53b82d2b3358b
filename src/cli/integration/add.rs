//! `integration add`: what is named changes, the rest stays.

use super::{concluded, file, host, left_behind, refuse_somebody_elses, sign_in_url, usage};
use crate::azure::VirtualDirectory;
use crate::broker::{redirect_uri, sessions};
use crate::cli::args::IntegrationAdd;
use crate::cli::interaction::{Step, forbidden};
use crate::cli::{Room, doctor, input, print, setup_git};
use crate::clock;
use crate::doctor::{Hidden, root, save_and_test};
use crate::integration::{
    ClientSecretError, Found, HostKey, HostSpec, Integration, IntegrationsFile, OAuth, ScmId,
    open_client_secret, pat_url, seal_client_secret,
};
use crate::report::{Exit, Failure, Message, path_word};
use crate::secret::Secret;

pub(super) fn add(args: &IntegrationAdd, room: &Room) -> Result<(), Failure> {
    let spec = host(&args.host)?;
    let file = file(room, args.system)?;
    let gives_secret = args.client_secret_stdin || args.client_secret_file.is_some();
    if !gives_secret && !args.recipient.is_empty() {
        return Err(usage(
            "--recipient says what to seal a client secret to, and none is given",
            "add --client-secret-stdin or --client-secret-file",
        ));
    }
    if args.system && gives_secret && args.recipient.is_empty() && room.paths.mounted_key.is_none()
    {
        return Err(usage(
            "an integration of the whole machine is sealed to no key that everybody who is to use it has",
            "name the runner's public keys with --recipient age1…, or its key file in ONA_AZURE_KEY_FILE",
        ));
    }
    refuse_somebody_elses(&spec)?;
    let secret = read_secret(args)?;
    let (mut saved, mut before) = (None, None);
    IntegrationsFile::edit(&file, &spec, |old| {
        // What is named changes, the rest stays.
        // The machine's own inherits nothing: the user's is sealed to a key only the user has.
        let old = old.or_else(|| inherited(room, &spec).filter(|_| !args.system));
        before.clone_from(&old);
        let new = change(old, args, spec.clone(), secret.as_ref(), room)?;
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
    if let Some(before) = &before {
        left_behind::tell_replaced(before, &saved, secret.is_some());
        left_behind::tell_sign_ins(before, &saved, room);
    }
    if args.no_pat {
        left_behind::tell_pats(&saved, room);
    }
    if args.no_test {
        next_after(&saved, room);
        return Ok(());
    }
    if let Some(recipients) = elsewhere(&saved, room) {
        print::line(&format!(
            "Not tested here: only the holder of {recipients} can open the client secret."
        ))?;
        print::line(&format!("Bring {} there.", path_word(&file)))?;
        Message::next(format!("git-credential-ona-azure integration test {}", saved.host)).print();
        return Ok(());
    }
    let found = Found { integration: saved, file };
    let looked = Hidden::here(&room.paths).examined(save_and_test(&room.paths, &found, None));
    let Some((_, _, fault)) = root(&looked) else {
        let conclusion = concluded(&looked, &found.integration);
        doctor::show(&looked, Some(&conclusion), false)?;
        next_after(&found.integration, room);
        return Ok(());
    };
    doctor::show(&looked, None, false)?;
    let mut failure = Failure::from(fault);
    failure.message.text = format!("saved, not working yet: {}", failure.message.text);
    Err(failure.exit(Exit::Failed))
}

/// Have git ask, then sign in: whichever is not done yet.
fn next_after(saved: &Integration, room: &Room) {
    let asked = setup_git::is_asked(saved);
    let command = match (asked, &saved.oauth) {
        (false, _) => "git-credential-ona-azure setup-git".to_owned(),
        (true, Some(_)) if !has_session(saved, room) => {
            format!("git-credential-ona-azure login {}", sign_in_url(saved))
        }
        _ => return,
    };
    Message::next(command).print();
}

fn has_session(saved: &Integration, room: &Room) -> bool {
    sessions(&room.vault, Some(&saved.host.key)).is_ok_and(|sessions| !sessions.is_empty())
}

/// The keys a client secret was just sealed to, if none of them is here.
fn elsewhere(saved: &Integration, room: &Room) -> Option<String> {
    let oauth = saved.oauth.as_ref()?;
    match open_client_secret(oauth, &room.vault) {
        Err(ClientSecretError::OtherKey { .. }) if !oauth.recipients.is_empty() => {
            Some(oauth.recipients.join(" or "))
        }
        _ => None,
    }
}

/// The user's first change to an integration of the machine begins with what that says.
fn inherited(room: &Room, spec: &HostSpec) -> Option<Integration> {
    let integrations = room.integrations().ok()?;
    integrations.exactly(spec).map(|found| found.integration.clone())
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
        pat_url: None,
        virtual_directory: VirtualDirectory::default(),
        bearer: false,
        allow_http: false,
        trusted_issuers: Vec::new(),
    });
    new.scm_id = scm_id;
    new.pat = (new.pat || args.pat) && !args.no_pat;
    if args.no_pat_url {
        new.pat_url = None;
    }
    if let Some(page) = &args.pat_url {
        let page = pat_url(page).map_err(|error| Failure::from(error).exit(Exit::Usage))?;
        new.pat_url = Some(page);
    }
    new.bearer = (new.bearer || args.bearer) && !args.no_bearer;
    new.allow_http = (new.allow_http || args.allow_http) && !args.no_allow_http;
    if args.no_trusted_issuer || !args.trusted_issuer.is_empty() {
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
    let secret = match &args.client_secret_file {
        Some(path) => input::in_file(path).map_err(|failure| failure.exit(Exit::Usage))?,
        None if args.client_secret_stdin && forbidden(Step::Secret).is_some() => {
            return Err(usage(
                "the client secret would have to be typed, and ONA_AZURE_INTERACTIVE is never",
                "pass it on standard input: --client-secret-stdin < file",
            ));
        }
        None if args.client_secret_stdin => input::typed("Client secret (its Value): ")?,
        None => return Ok(None),
    };
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
    Ok(Some(Secret::new(secret.as_slice())))
}
