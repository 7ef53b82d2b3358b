//! Azure DevOps Server, on its owner's premises.
use crate::azure::{self, RepoPath};
use crate::backend::Backend;
use crate::faults::{Faults, Target};
use crate::http::{self, Answer, Ask};
use crate::log::{Log, lock};
use crate::random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

type Key = (String, String, String);

/// The stand-in for Azure DevOps Server.
pub struct AzureDevOpsServer {
    state: Mutex<State>,
    backend: Arc<Backend>,
    log: Arc<Log>,
    faults: Arc<Faults>,
}

/// The ways to sign in that a Server's web server offers. Azure DevOps adds Bearer and its own
/// Basic, for tokens; Windows authentication adds what its list of providers has (libgit2#4039 and
/// git-lfs#4234 show the headers of real ones, in this order).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerSignIn {
    /// Windows' own and Basic, as after a fresh installation.
    #[default]
    Fresh,
    /// Kerberos and Basic: NTLM is not among the providers.
    Kerberos,
    /// Basic only: Windows authentication is off, or a proxy in front takes its headers out.
    BasicOnly,
    /// Windows' own only: a token cannot be given to it.
    WindowsOnly,
    /// Kerberos only.
    KerberosOnly,
    /// The web server's own Basic authentication is on. It takes every Basic header for the name
    /// and password of a Windows account, and Azure DevOps never sees a token (Azure DevOps'
    /// documentation, "iis-basic-auth").
    IisBasic,
}

impl ServerSignIn {
    /// The providers of Windows authentication.
    fn windows(self) -> &'static [&'static str] {
        match self {
            Self::Fresh | Self::WindowsOnly | Self::IisBasic => &["Negotiate", "NTLM"],
            Self::Kerberos | Self::KerberosOnly => &["Negotiate"],
            Self::BasicOnly => &[],
        }
    }

    /// Whether Azure DevOps takes personal access tokens.
    fn takes_tokens(self) -> bool {
        matches!(self, Self::Fresh | Self::Kerberos | Self::BasicOnly)
    }
}

struct State {
    directory: String,
    sign_in: ServerSignIn,
    pats: BTreeSet<String>,
    repos: BTreeMap<Key, PathBuf>,
}

impl AzureDevOpsServer {
    pub(crate) fn new(backend: Arc<Backend>, log: Arc<Log>, faults: Arc<Faults>) -> Self {
        let state = State {
            directory: "tfs".into(),
            sign_in: ServerSignIn::default(),
            pats: BTreeSet::new(),
            repos: BTreeMap::new(),
        };
        let server = Self { state: Mutex::new(state), backend, log, faults };
        server.register("DefaultCollection", "app", "app");
        server
    }

    /// Creates a personal access token, in the old format of 52 characters.
    pub fn add_pat(&self) -> String {
        let value = random::letters(52, b"abcdefghijklmnopqrstuvwxyz234567");
        self.log.secret(&value);
        lock(&self.state).pats.insert(value.clone());
        value
    }

    /// Revokes a personal access token.
    pub fn revoke_pat(&self, value: &str) {
        lock(&self.state).pats.remove(value);
    }

    /// Adds a repository with one commit on `main`; gives the bare repository's path.
    pub fn create_repo(&self, collection: &str, project: &str, repo: &str) -> PathBuf {
        let path = self.register(collection, project, repo);
        self.backend.ensure(&path);
        path
    }

    /// Moves everything to another virtual directory; `/` for none.
    pub fn set_virtual_directory(&self, directory: &str) {
        lock(&self.state).directory = directory.trim_matches('/').to_owned();
    }

    /// Changes the ways to sign in.
    pub fn set_sign_in(&self, sign_in: ServerSignIn) {
        lock(&self.state).sign_in = sign_in;
    }

    fn register(&self, collection: &str, project: &str, repo: &str) -> PathBuf {
        let path = self.backend.path(&["tfs.corp.example", collection, project, repo]);
        let key = (collection.to_lowercase(), project.to_lowercase(), repo.to_lowercase());
        lock(&self.state).repos.insert(key, path.clone());
        path
    }

    pub(crate) async fn answer(&self, ask: &Ask) -> io::Result<Answer> {
        if let Some(struck) = self.faults.strike(Target::Server, ask).await {
            return struck;
        }
        let mut parts = ask.segments();
        let (directory, sign_in) = {
            let state = lock(&self.state);
            (state.directory.clone(), state.sign_in)
        };
        // The web server knows where Azure DevOps is, and asks for nothing anywhere else.
        if !directory.is_empty() {
            if parts.first().is_none_or(|first| !first.eq_ignore_ascii_case(&directory)) {
                return Ok(not_here());
            }
            parts.remove(0);
        }
        if sign_in == ServerSignIn::IisBasic {
            return Ok(iis_refusal(ask));
        }
        if !sign_in.takes_tokens() || !self.knows(ask) {
            return Ok(self.challenge(ask));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let Some((collection, rest)) = parts.split_first() else {
            return Ok(http::html(200, "<title>Azure DevOps Server</title>"));
        };
        match rest {
            // Of the whole server, which is not asked about repositories.
            [call] if *collection == "_apis" => {
                return Ok(match call.to_lowercase().as_str() {
                    "connectiondata" => connection_data(),
                    _ => unknown_call(),
                });
            }
            ["_apis", call @ ..] => return Ok(self.rest(ask, collection, None, call)),
            [project, "_apis", call @ ..] => {
                return Ok(self.rest(ask, collection, Some(project), call));
            }
            _ => {}
        }
        let Some(path) = RepoPath::parse(rest) else {
            return Ok(http::html(404, "<h2>Page not found</h2>"));
        };
        let key =
            (collection.to_lowercase(), path.project.to_lowercase(), path.repo.to_lowercase());
        let found = lock(&self.state).repos.get(&key).cloned();
        match (found, path.tail.strip_prefix("info/lfs/")) {
            (None, _) => Ok(http::text(
                404,
                &format!(
                    "TF401019: The Git repository with name or identifier {} does not exist or \
                     you do not have permissions for the operation you are attempting.",
                    path.repo
                ),
            )),
            (Some(repo), Some(tail)) => azure::lfs(ask, &Backend::lfs(&repo), tail),
            (Some(repo), None) => {
                self.backend.serve(ask, &repo, &path.tail, Some("CORP\\ada")).await
            }
        }
    }

    fn rest(&self, ask: &Ask, collection: &str, project: Option<&str>, call: &[&str]) -> Answer {
        let lower = collection.to_lowercase();
        let state = lock(&self.state);
        let of_project = |key: &Key| project.is_none_or(|p| key.1.eq_ignore_ascii_case(p));
        if !state.repos.keys().any(|key| key.0 == lower) {
            return azure::error(
                404,
                "HostDoesNotExistException",
                "TF400898: The collection does not exist.",
            );
        }
        let keys: Vec<&Key> =
            state.repos.keys().filter(|key| key.0 == lower && of_project(key)).collect();
        if let (Some(project), true) = (project, keys.is_empty()) {
            return azure::error(
                404,
                "ProjectDoesNotExistWithNameException",
                &format!("TF200016: The following project does not exist: {project}."),
            );
        }
        let call: Vec<String> = call.iter().map(|part| part.to_lowercase()).collect();
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        match call.as_slice() {
            ["connectiondata"] => connection_data(),
            ["projects"] => {
                let names: BTreeSet<&String> = keys.iter().map(|key| &key.1).collect();
                let value: Vec<_> = names
                    .iter()
                    .map(|name| json!({"id": random::guid_of(name), "name": name}))
                    .collect();
                http::json(200, &json!({"count": value.len(), "value": value}))
            }
            ["git", "repositories"] => {
                let base = format!("{}://{}", ask.scheme, ask.host);
                let base = match state.directory.as_str() {
                    "" => format!("{base}/{collection}"),
                    directory => format!("{base}/{directory}/{collection}"),
                };
                let value: Vec<_> = keys
                    .iter()
                    .map(|(_, project, name)| repository(&base, project, name))
                    .collect();
                http::json(200, &json!({"value": value, "count": value.len()}))
            }
            _ => unknown_call(),
        }
    }

    fn knows(&self, ask: &Ask) -> bool {
        let state = lock(&self.state);
        ask.basic().is_some_and(|(_, password)| state.pats.contains(&password))
    }

    /// 401: the next step of an NTLM handshake, or the list of ways to sign in.
    fn challenge(&self, ask: &Ask) -> Answer {
        let (directory, sign_in) = {
            let state = lock(&self.state);
            (state.directory.clone(), state.sign_in)
        };
        let mut answer = http::html(
            401,
            "<html><body><h1>TF400813: The user is not authorized to access this resource.</h1>\
             </body></html>",
        );
        let step = ask.authorization().and_then(|(scheme, value)| {
            let raw = STANDARD.decode(value.trim()).ok()?;
            let first = raw.starts_with(b"NTLMSSP\0\x01\0\0\0");
            let mut offered = sign_in.windows().iter();
            let windows = offered.find(|windows| windows.eq_ignore_ascii_case(scheme))?;
            first.then(|| format!("{windows} {}", STANDARD.encode(ntlm_challenge())))
        });
        match step {
            Some(step) => http::header(&mut answer, "WWW-Authenticate", &step),
            None => {
                let realm = format!("Basic realm=\"{}://{}/{directory}\"", ask.scheme, ask.host);
                let basic = sign_in.takes_tokens().then_some(realm.as_str());
                let windows = sign_in.windows().iter().copied();
                for value in ["Bearer"].into_iter().chain(basic).chain(windows) {
                    http::header(&mut answer, "WWW-Authenticate", value);
                }
            }
        }
        http::header(&mut answer, "Server", "Microsoft-IIS/10.0");
        http::header(&mut answer, "X-TFS-ProcessId", &random::guid_of("the server's process"));
        http::header(&mut answer, "ActivityId", &random::guid());
        http::header(&mut answer, "X-VSS-E2EID", &random::guid());
        http::header(&mut answer, "X-TFS-FedAuthRedirect", "Suppress");
        answer
    }
}

/// The web server's own page for what is not there.
fn not_here() -> Answer {
    let mut answer = http::html(
        404,
        "<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head><body>\
         <h1>Server Error</h1><h2>404 - File or directory not found.</h2></body></html>",
    );
    http::header(&mut answer, "Server", "Microsoft-IIS/10.0");
    answer
}

/// The web server's own 401: Azure DevOps has not seen the request.
fn iis_refusal(ask: &Ask) -> Answer {
    let mut answer = http::html(
        401,
        "<!DOCTYPE html><html><head><title>401 - Unauthorized: Access is denied due to invalid \
         credentials.</title></head><body><h1>Server Error</h1><h2>401 - Unauthorized: Access is \
         denied due to invalid credentials.</h2></body></html>",
    );
    http::header(&mut answer, "Server", "Microsoft-IIS/10.0");
    for windows in ServerSignIn::IisBasic.windows() {
        http::header(&mut answer, "WWW-Authenticate", windows);
    }
    http::header(&mut answer, "WWW-Authenticate", &format!("Basic realm=\"{}\"", ask.host));
    answer
}

/// Who is signed in.
fn connection_data() -> Answer {
    let user = json!({
        "id": random::guid_of("CORP\\ada"),
        "providerDisplayName": "Ada Lovelace",
        "properties": {"Account": {"$type": "System.String", "$value": "ada"}},
    });
    http::json(
        200,
        &json!({
            "authenticatedUser": user,
            "authorizedUser": user,
            "deploymentType": "onPremises",
        }),
    )
}

fn repository(base: &str, project: &str, name: &str) -> serde_json::Value {
    json!({
        "id": random::guid_of(&format!("{base}/{project}/{name}")),
        "name": name,
        "url": format!("{base}/_apis/git/repositories/{name}"),
        "project": {"id": random::guid_of(project), "name": project, "state": "wellFormed"},
        "defaultBranch": "refs/heads/main",
        "remoteUrl": format!("{base}/{}/_git/{}",
            project.replace(' ', "%20"), name.replace(' ', "%20")),
    })
}

fn unknown_call() -> Answer {
    azure::error(404, "VssResourceNotFoundException", "The resource was not found.")
}

/// A type 2 message of the domain CORP with a random challenge.
fn ntlm_challenge() -> Vec<u8> {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let domain = utf16("CORP");
    let mut info = vec![];
    for (kind, text) in [(2_u16, "CORP"), (1, "TFS"), (4, "corp.example"), (3, "tfs.corp.example")]
    {
        let text = utf16(text);
        info.extend(kind.to_le_bytes());
        info.extend(u16::try_from(text.len()).expect("a short name").to_le_bytes());
        info.extend(text);
    }
    info.extend([0; 4]);
    let buffer = |length: usize, offset: usize| {
        let length = u16::try_from(length).expect("a short field").to_le_bytes();
        let offset = u32::try_from(offset).expect("a short message").to_le_bytes();
        [&length[..], &length, &offset].concat()
    };
    let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
    message.extend(buffer(domain.len(), 56));
    message.extend(0xe289_8215_u32.to_le_bytes());
    message.extend(random::bytes(8));
    message.extend([0; 8]);
    message.extend(buffer(info.len(), 56 + domain.len()));
    message.extend([10, 0, 0x63, 0x45, 0, 0, 0, 15]);
    message.extend(domain);
    message.extend(info);
    message
}
