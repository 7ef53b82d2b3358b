//! Azure DevOps Services.
mod auth;
mod lfs;
mod rest;

pub use auth::{Pat, Rule, SignInPage};
pub(crate) use lfs::serve as lfs;
pub(crate) use rest::error;

use crate::backend::Backend;
use crate::entra::{ADA, CONTOSO, Entra, FABRIKAM, GRACE};
use crate::faults::{self, Faults, Target};
use crate::http::{self, Answer, Ask};
use crate::log::{Log, lock};
use crate::random;
use auth::{Caller, KeptPat, Refused};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The tenant of organizations that belong to no tenant.
pub const MSA_TENANT: &str = "00000000-0000-0000-0000-000000000000";

/// The stand-in for Azure DevOps Services.
pub struct AzureDevOps {
    state: Mutex<State>,
    entra: Arc<Entra>,
    backend: Arc<Backend>,
    log: Arc<Log>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct State {
    organizations: BTreeMap<String, Organization>,
    pats: HashMap<String, KeptPat>,
    /// How programs that are not signed in are answered, whatever they ask for.
    page: Option<SignInPage>,
    /// Seconds that every answer asks to wait before the next request.
    slowed: Option<u64>,
}

#[derive(Default)]
struct Organization {
    tenant: String,
    members: BTreeSet<String>,
    /// Project and repository in lower case, as they were named, and where they lie.
    repos: BTreeMap<(String, String), Repo>,
    public: BTreeSet<String>,
    /// What it says instead of how to sign in.
    challenge: Option<Vec<(String, String)>>,
    rules: BTreeSet<Rule>,
    /// Accounts without the right to contribute, in lower case.
    readers: BTreeSet<String>,
}

#[derive(Clone)]
struct Repo {
    project: String,
    name: String,
    path: PathBuf,
}

/// A request's place: organization, project and what follows.
struct Place {
    org: String,
    rest: Vec<String>,
}

impl AzureDevOps {
    pub(crate) fn new(
        entra: Arc<Entra>,
        backend: Arc<Backend>,
        log: Arc<Log>,
        faults: Arc<Faults>,
    ) -> Self {
        let azure = Self { state: Mutex::default(), entra, backend, log, faults };
        for (org, tenant, members) in [
            ("contoso", CONTOSO, &[ADA, GRACE][..]),
            ("fabrikam", CONTOSO, &[ADA, GRACE]),
            ("outsider", CONTOSO, &[GRACE]),
            ("northwind", FABRIKAM, &[ADA, GRACE]),
            ("msaorg", MSA_TENANT, &[ADA]),
        ] {
            azure.create_organization(org, tenant);
            for member in members {
                azure.allow(org, member);
            }
        }
        for (org, name) in [
            ("contoso", "app"),
            ("contoso", "open"),
            ("fabrikam", "lib"),
            ("outsider", "x"),
            ("northwind", "n"),
            ("msaorg", "m"),
        ] {
            azure.register(org, name, name);
        }
        azure.set_public("contoso", "open", true);
        azure
    }

    /// Adds an organization without members, connected to a tenant.
    pub fn create_organization(&self, org: &str, tenant: &str) {
        let organization = Organization { tenant: tenant.to_owned(), ..Organization::default() };
        lock(&self.state).organizations.insert(org.to_lowercase(), organization);
    }

    /// Adds a repository with one commit on `main`; gives the bare repository's path.
    pub fn create_repo(&self, org: &str, project: &str, repo: &str) -> PathBuf {
        let path = self.register(org, project, repo);
        self.backend.ensure(&path);
        path
    }

    fn register(&self, org: &str, project: &str, repo: &str) -> PathBuf {
        let path = self.backend.path(&[org, project, repo]);
        let kept = Repo { project: project.to_owned(), name: repo.to_owned(), path: path.clone() };
        self.organization(org, |o| {
            o.repos.insert((project.to_lowercase(), repo.to_lowercase()), kept)
        });
        path
    }

    /// Makes a project public, or private again.
    pub fn set_public(&self, org: &str, project: &str, public: bool) {
        let project = project.to_lowercase();
        self.organization(org, |o| {
            if public { o.public.insert(project) } else { o.public.remove(&project) }
        });
    }

    /// Makes an account (or a client id) a member.
    pub fn allow(&self, org: &str, account: &str) {
        self.organization(org, |o| o.members.insert(account.to_lowercase()));
    }

    /// Takes membership away; the account's PATs stay good.
    pub fn deny(&self, org: &str, account: &str) {
        self.organization(org, |o| o.members.remove(&account.to_lowercase()));
    }

    /// Takes the right to contribute to an organization's repositories away from an account,
    /// whatever its tokens allow.
    pub fn only_reads(&self, org: &str, account: &str) {
        self.organization(org, |o| o.readers.insert(account.to_lowercase()));
    }

    /// Has an administrator of an organization set a rule.
    pub fn set_rule(&self, org: &str, rule: Rule) {
        self.organization(org, |o| o.rules.insert(rule));
    }

    /// Has every organization show whoever is not signed in this page, also those programs that
    /// ask for a plain refusal.
    pub fn set_sign_in_page(&self, page: SignInPage) {
        lock(&self.state).page = Some(page);
    }

    /// Has every answer say that it was held back, and ask to wait so many seconds; `None` for no
    /// more.
    pub fn slow_down(&self, seconds: Option<u64>) {
        lock(&self.state).slowed = seconds;
    }

    /// Connects an organization to another tenant.
    pub fn set_tenant(&self, org: &str, tenant: &str) {
        self.organization(org, |o| tenant.clone_into(&mut o.tenant));
    }

    /// Has an organization answer strangers with these headers instead of those that name its
    /// tenant and the ways to sign in, as one does that wants a program's secrets sent elsewhere.
    pub fn override_challenge(&self, org: &str, headers: &[(&str, &str)]) {
        let headers =
            headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.organization(org, |o| o.challenge = Some(headers));
    }

    /// Has an organization name its tenant again.
    pub fn clear_challenge_override(&self, org: &str) {
        self.organization(org, |o| o.challenge = None);
    }

    fn organization<T>(&self, org: &str, change: impl FnOnce(&mut Organization) -> T) -> T {
        let mut state = lock(&self.state);
        let found = state.organizations.get_mut(&org.to_lowercase());
        change(found.unwrap_or_else(|| panic!("no organization {org}")))
    }

    /// Creates a personal access token of an organization, in the new format.
    pub fn add_pat(&self, org: &str, pat: Pat) -> String {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let value = format!(
            "{}AZDO{}",
            random::letters(76, alphabet),
            random::letters(4, b"0123456789abcdef")
        );
        self.log.secret(&value);
        let kept = KeptPat { org: org.to_lowercase(), pat };
        lock(&self.state).pats.insert(value.clone(), kept);
        value
    }

    /// Revokes a personal access token.
    pub fn revoke_pat(&self, value: &str) {
        lock(&self.state).pats.remove(value);
    }

    /// Lets a personal access token expire.
    pub fn expire_pat(&self, value: &str) {
        if let Some(kept) = lock(&self.state).pats.get_mut(value) {
            kept.pat.expired = true;
        }
    }

    pub(crate) fn has_organization(&self, org: &str) -> bool {
        lock(&self.state).organizations.contains_key(org)
    }

    fn tenant_of(&self, org: &str) -> Option<String> {
        lock(&self.state).organizations.get(org).map(|o| o.tenant.clone())
    }

    fn challenge_of(&self, org: &str) -> Option<Vec<(String, String)>> {
        lock(&self.state).organizations.get(org)?.challenge.clone()
    }

    /// Name and lower-cased name of the organization, and the segments after it.
    fn place(&self, ask: &Ask) -> Option<Place> {
        let mut rest = ask.segments();
        let org = match ask.host.strip_suffix(".visualstudio.com") {
            Some(label) => {
                if rest.first().is_some_and(|s| s.eq_ignore_ascii_case("DefaultCollection")) {
                    rest.remove(0);
                }
                label.to_owned()
            }
            None if rest.is_empty() => return None,
            None => rest.remove(0),
        };
        let org = org.to_lowercase();
        self.has_organization(&org).then_some(Place { org, rest })
    }

    pub(crate) async fn answer(&self, ask: &Ask) -> io::Result<Answer> {
        if let Some(struck) = self.faults.strike(Target::Azure, ask).await {
            return struck;
        }
        let mut answer = self.usual_answer(ask).await?;
        let slowed = lock(&self.state).slowed;
        if let Some(seconds) = slowed {
            faults::slowed(&mut answer, seconds);
        }
        Ok(answer)
    }

    async fn usual_answer(&self, ask: &Ask) -> io::Result<Answer> {
        let Some(place) = self.place(ask) else {
            return Ok(rest::missing(ask));
        };
        let parts: Vec<&str> = place.rest.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            [] => self.front_door(ask, &place.org),
            ["_apis", call @ ..] | [_, "_apis", call @ ..] => self.rest(ask, &place.org, call),
            _ => match RepoPath::parse(&parts) {
                Some(path) => return self.git(ask, &place.org, &path).await,
                None => self.front_door(ask, &place.org),
            },
        };
        Ok(answer)
    }

    /// One request of git or git-lfs.
    async fn git(&self, ask: &Ask, org: &str, path: &RepoPath) -> io::Result<Answer> {
        let caller = match self.git_caller(ask, org) {
            Ok(caller) => caller,
            Err(refused) => return Ok(self.challenge(ask, org, &refused)),
        };
        let writes = path.writes(ask);
        let key = (path.project.to_lowercase(), path.repo.to_lowercase());
        let (repo, public) = {
            let state = lock(&self.state);
            let o = &state.organizations[org];
            (o.repos.get(&key).cloned(), o.public.contains(&key.0))
        };
        if matches!(caller, Caller::Anonymous) && (writes || !public || repo.is_none()) {
            return Ok(self.challenge(ask, org, &Refused::Nobody));
        }
        if !public && !caller.may_read() {
            return Ok(self.challenge(ask, org, &Refused::NotAllowed(caller.id())));
        }
        let Some(repo) = repo else {
            return Ok(http::text(
                404,
                &format!(
                    "TF401019: The Git repository with name or identifier {} does not exist or \
                     you do not have permissions for the operation you are attempting.",
                    path.repo
                ),
            ));
        };
        let reads_only = {
            let state = lock(&self.state);
            state.organizations[org].readers.contains(&caller.name().to_lowercase())
        };
        if writes && (reads_only || !caller.may_write()) {
            return Ok(http::text(
                403,
                "TF401027: You need the Git 'GenericContribute' permission to perform this \
                 action.",
            ));
        }
        match path.tail.strip_prefix("info/lfs/") {
            Some(tail) => lfs(ask, &Backend::lfs(&repo.path), tail),
            None => {
                let user = caller.name();
                let user = (!user.is_empty()).then_some(user.as_str());
                self.backend.serve(ask, &repo.path, &path.tail, user).await
            }
        }
    }
}

/// A repository's place within its organization or collection.
pub(crate) struct RepoPath {
    pub(crate) project: String,
    pub(crate) repo: String,
    /// The git or LFS endpoint.
    pub(crate) tail: String,
}

impl RepoPath {
    /// Reads `[{project}/]_git/[_full|_optimized/]{repo}/{tail}`.
    pub(crate) fn parse(parts: &[&str]) -> Option<Self> {
        let (project, rest) = match parts {
            ["_git", rest @ ..] => (None, rest),
            [project, "_git", rest @ ..] => (Some(*project), rest),
            _ => return None,
        };
        let rest = match rest {
            ["_full" | "_optimized", rest @ ..] => rest,
            rest => rest,
        };
        let (repo, tail) = rest.split_first()?;
        let lfs = matches!(tail, ["info", "lfs", ..]);
        let repo = if lfs { repo.strip_suffix(".git").unwrap_or(repo) } else { repo };
        let git = matches!(tail, ["info", "refs"] | ["git-upload-pack"] | ["git-receive-pack"]);
        (git || lfs).then(|| Self {
            project: project.unwrap_or(repo).to_owned(),
            repo: repo.to_owned(),
            tail: tail.join("/"),
        })
    }

    /// Whether a request changes the repository.
    pub(crate) fn writes(&self, ask: &Ask) -> bool {
        match self.tail.as_str() {
            "git-receive-pack" => true,
            "info/refs" => {
                ask.query_pairs().iter().any(|(n, v)| n == "service" && v == "git-receive-pack")
            }
            "info/lfs/objects/batch" => serde_json::from_slice::<serde_json::Value>(&ask.body)
                .is_ok_and(|batch| batch["operation"] == "upload"),
            "info/lfs/locks/verify" => true,
            tail => tail.starts_with("info/lfs/objects/") && ask.method == hyper::Method::PUT,
        }
    }
}
