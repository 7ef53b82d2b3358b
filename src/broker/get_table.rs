//! The table of the answers to `get`, as a table.

use std::cell::Cell;
use std::path::PathBuf;

use super::notice::Notice;
use super::refresh::RefreshFailure;
use super::shelf::Shelf;
use super::subject::{PatKey, SessionKey};
use super::verify::Question;
use super::{Outcome, get};
use crate::azure::Organization;
use crate::devops::Acceptance;
use crate::integration::{FileError, Integration, Integrations};
use crate::protocol::Request;
use crate::vault::{
    Access, Client, HoldOffKind, OrganizationRefusal, Pat, PatLogin, Pats, VaultError,
};

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60;

/// What is configured and kept, in one line a row.
#[derive(Default)]
struct Given {
    integrations: &'static str,
    broken: bool,
    /// The host-wide session's token: its lifetime left, and who refuses the account.
    token: Option<(i64, &'static str)>,
    /// The client those tokens were issued to, if that is known.
    client: Option<Client>,
    /// The session itself is damaged.
    session_damaged: bool,
    /// The personal access tokens are.
    pats_damaged: bool,
    /// The token of a session for fabrikam only.
    fabrikam_token: bool,
    /// A host-wide session whose access token was lost.
    session_alone: bool,
    /// How long ago the organization refused, in seconds, and what it says now; `None` fails the
    /// test if it is asked.
    asked_ago: u64,
    answer: Option<Acceptance>,
    refresh: Refresh,
    pats: Vec<Pat>,
    vault_unreadable: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Refresh {
    /// The test fails if it is asked for.
    #[default]
    Unasked,
    Fresh,
    Fails(HoldOffKind),
}

struct Fake<'a> {
    given: &'a Given,
    refreshed: Cell<usize>,
}

const ENTRA: &str = r#"{"version":1,"integrations":[{"scmId":"azuredevops_entra","host":"dev.azure.com","pat":PAT,
    "oauth":{"clientId":"c","issuerUrl":"https://login.microsoftonline.com/t.example/oauth2/v2.0"}BEARER}]}"#;

fn integrations(which: &str) -> Integrations {
    let json = match which {
        "none" => return Integrations::default(),
        "oauth+pat" => ENTRA.replace("PAT", "true").replace("BEARER", ""),
        "oauth" => ENTRA.replace("PAT", "false").replace("BEARER", ""),
        "bearer" => ENTRA.replace("PAT", "true").replace("BEARER", r#","bearer":true"#),
        "pat" => r#"{"version":1,"integrations":[{"scmId":"azuredevops_entra","host":"dev.azure.com","pat":true}]}"#.to_owned(),
        "pat of acme" => r#"{"version":1,"integrations":[{"scmId":"azuredevops_entra","host":"dev.azure.com/acme","pat":true}]}"#.to_owned(),
        "off" => r#"{"version":1,"integrations":[{"scmId":"azuredevops_entra","host":"dev.azure.com"}]}"#.to_owned(),
        "server" => r#"{"version":1,"integrations":[{"scmId":"azuredevops_server","host":"tfs.corp.example","pat":true,"virtualDirectory":"/tfs"}]}"#.to_owned(),
        "server http" => r#"{"version":1,"integrations":[{"scmId":"azuredevops_server","host":"tfs.corp.example","pat":true,"allowHttp":true}]}"#.to_owned(),
        other => panic!("no integrations called {other}"),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("integrations.json");
    std::fs::write(&path, json).expect("written");
    let paths = crate::paths::Paths {
        state_integrations: None,
        system_integrations: None,
        user_integrations: path,
        state: PathBuf::new(),
        mounted_key: None,
    };
    Integrations::load(&paths).expect("valid integrations")
}

impl Shelf for Fake<'_> {
    fn access(&self, key: &SessionKey) -> Result<Option<Access>, VaultError> {
        if self.given.vault_unreadable {
            return Err(VaultError::Corrupt { path: PathBuf::from("vault.json") });
        }
        let access = |token: &str, account: &str, left: i64, refused: &str| Access {
            account: account.to_owned(),
            token: Some(token.into()),
            issued_at: NOW - 60,
            expires_at: NOW.checked_add_signed(left).expect("a time"),
            refusals: Organization::cloud(refused)
                .map(|organization| OrganizationRefusal {
                    organization,
                    until: NOW + 60,
                    asked_at: NOW - self.given.asked_ago,
                })
                .into_iter()
                .collect(),
            hold_off: None,
            client: self.given.client.clone(),
        };
        Ok(match &key.organization {
            None => self
                .given
                .token
                .map(|(left, refused)| access("T", "ada@contoso.example", left, refused)),
            Some(organization)
                if organization.as_str() == "fabrikam" && self.given.fabrikam_token =>
            {
                Some(access("F", "grace@contoso.example", 3600, ""))
            }
            Some(_) => None,
        })
    }

    fn account(&self, key: &SessionKey) -> Result<Option<String>, VaultError> {
        if self.given.session_damaged && key.organization.is_none() {
            return Err(VaultError::Corrupt { path: PathBuf::from("session-x.sealed") });
        }
        let signed_in = self.given.session_alone && key.organization.is_none();
        Ok(signed_in.then(|| "ada@contoso.example".to_owned()))
    }

    fn pats(&self, _: &PatKey) -> Result<Pats, VaultError> {
        if self.given.pats_damaged {
            return Err(VaultError::Corrupt { path: PathBuf::from("pats-x.sealed") });
        }
        Ok(Pats { pats: self.given.pats.clone() })
    }

    fn refresh(&self, key: &SessionKey, _: &Integration) -> Result<Access, RefreshFailure> {
        self.refreshed.set(self.refreshed.get() + 1);
        match self.given.refresh {
            Refresh::Unasked => panic!("a refresh that nobody needs"),
            Refresh::Fresh => {
                let kept = self.access(key).expect("readable");
                let account = "ada@contoso.example".to_owned();
                let mut access = kept.unwrap_or(Access { account, ..Access::default() });
                access.token = Some("T2".into());
                access.expires_at = NOW + 3600;
                Ok(access)
            }
            Refresh::Fails(kind) => Err(RefreshFailure {
                kind,
                text: "it failed".to_owned(),
                hint: "mend it".to_owned(),
            }),
        }
    }

    fn ask_again(&self, _: Question<'_>, _: &SessionKey, _: &Access) -> Acceptance {
        self.given.answer.clone().expect("nobody is asked")
    }

    fn first(&self, _: Notice, _: &str) -> bool {
        true
    }
}

fn pat(organization: &str, username: &str, secret: &str, left: Option<i64>) -> Pat {
    Pat {
        organization: Organization::collection(organization),
        username: Some(username.as_bytes().to_vec()),
        login: PatLogin::Password(secret.into()),
        expires_at: left.map(|left| NOW.checked_add_signed(left).expect("a time")),
        oauth_refresh_token: None,
        kept_at: NOW - DAY,
        passed_through: false,
        empty_name: false,
    }
}

fn ask(given: &Given, request: &str) -> Outcome {
    let request = Request::read(&mut request.replace(' ', "\n").as_bytes()).expect("a request");
    let load = || {
        if given.broken {
            return Err(FileError {
                path: PathBuf::from("integrations.json"),
                problem: "is not JSON".to_owned(),
                fix: "mend it".to_owned(),
            });
        }
        Ok(integrations(given.integrations))
    };
    let shelf = Fake { given, refreshed: Cell::new(0) };
    let outcome = get(&request, load, &shelf, NOW);
    let needed = usize::from(given.refresh != Refresh::Unasked);
    assert_eq!(shelf.refreshed.get(), needed, "refreshes for {request:?}");
    outcome
}

/// The outcome in one line: stdout with spaces for line breaks, `|` messages, `|` exit code.
fn line(outcome: &Outcome) -> String {
    let stdout = outcome.answer.encode().expect("printable");
    let stdout = String::from_utf8_lossy(&stdout).replace('\n', " ");
    let messages: String = outcome.messages.iter().map(|message| message.render()).collect();
    format!("{}|{}|{}", stdout.trim(), messages.trim_end().replace('\n', " "), outcome.exit as u8)
}

#[track_caller]
fn row(given: Given, request: &str, expected: &str) {
    assert_eq!(line(&ask(&given, request)), expected, "{request}");
}

const CONTOSO: &str = "protocol=https host=dev.azure.com path=contoso/p/_git/r";
const FABRIKAM: &str = "protocol=https host=dev.azure.com path=fabrikam/p/_git/r";
const TFS: &str = "protocol=https host=tfs.corp.example path=tfs/DefaultCollection/p/_git/r";
const ADA: &str = "username=ada@contoso.example password=T password_expiry_utc=1800003600||0";
const LOGIN: &str = "hint: git-credential-ona-azure login https://dev.azure.com";

fn good(integrations: &'static str) -> Given {
    Given { integrations, token: Some((3600, "")), ..Given::default() }
}

fn failing(integrations: &'static str, kind: HoldOffKind) -> Given {
    Given { integrations, token: Some((-1, "")), refresh: Refresh::Fails(kind), ..Given::default() }
}

#[test]
fn row_2_hosts_that_are_not_ours_get_silence() {
    for host in [
        "protocol=https host=github.com",
        "protocol=https host=dev.azure.com:8443",
        "protocol=https host=dev.azure.com.evil.example path=contoso/p/_git/r",
        "protocol=https host=tfs.corp.example",
        "protocol=https host=vs-ssh.visualstudio.com",
        "protocol=https host=",
        "protocol=https",
        "host=dev.azure.com",
        "protocol=cert host= path=/c.pem",
        "protocol=smtp host=smtp.office365.com:587",
        "protocol=HTTPS host=dev.azure.com",
    ] {
        row(good("oauth+pat"), host, "||0");
    }
    // A Server is never in clear unless its integration says so.
    row(
        Given { integrations: "server", ..Given::default() },
        "protocol=https host=tfs.corp.example:8443",
        "||0",
    );
}

#[test]
fn row_3_http_to_the_cloud_is_refused() {
    for host in ["dev.azure.com", "contoso.visualstudio.com"] {
        let outcome = ask(&good("oauth+pat"), &format!("protocol=http host={host}"));
        assert!(
            line(&outcome).starts_with("|error: no credential is given to http://"),
            "{outcome:?}"
        );
        assert_eq!(outcome.exit as u8, 1);
    }
}

#[test]
fn row_4_a_cloud_host_without_a_way_in_is_us01() {
    for (which, host) in
        [("none", "dev.azure.com"), ("none", "contoso.visualstudio.com"), ("off", "dev.azure.com")]
    {
        let given = Given { integrations: which, ..Given::default() };
        let shown = line(&ask(&given, &format!("protocol=https host={host}")));
        let expected = format!(
            "quit=1|error: Ona Cloud (US01) requires authentication with Source Control - the SCM integration \
             for host {host} is not configured hint: ask the administrator of the runner to configure it; administrators: \
             git-credential-ona-azure integration add "
        );
        assert!(shown.starts_with(&expected) && shown.ends_with("|3"), "{shown}");
    }
}

#[test]
fn row_5_what_cannot_be_read_stops_git_with_the_file_named() {
    row(
        Given { broken: true, ..Given::default() },
        CONTOSO,
        "quit=1|error: integrations.json: is not JSON hint: mend it|1",
    );
    // Whether such a host is configured cannot be told, so git goes on.
    row(
        Given { broken: true, ..Given::default() },
        TFS,
        "|error: integrations.json: is not JSON hint: mend it|1",
    );
    row(
        Given { vault_unreadable: true, ..good("oauth") },
        CONTOSO,
        "quit=1|error: vault.json is damaged hint: forget what is kept, then sign in again: \
         git-credential-ona-azure logout --all|1",
    );
}

#[test]
fn row_6_an_account_nobody_here_is_gets_one_line_and_any_other_name_excludes_nobody() {
    let other = |asked: &str| {
        format!(
            "|warning: the address asks for {asked}, and the sign-in kept for dev.azure.com is of \
             ada@contoso.example|0"
        )
    };
    let of = |name: &str| format!("{CONTOSO} username={name}");
    row(good("oauth+pat"), &of("somebody@else.example"), &other("somebody@else.example"));
    row(good("oauth+pat"), &of("fabrikam"), ADA);
    row(good("oauth+pat"), &of("git"), ADA);
    row(good("oauth+pat"), &of("contoso"), ADA);
    row(good("oauth+pat"), &of("Contoso"), ADA);
    row(
        good("oauth+pat"),
        &of("ADA@contoso.example"),
        "username=ADA@contoso.example password=T password_expiry_utc=1800003600||0",
    );
    row(good("oauth+pat"), &of("oauth2"), ADA);
    row(good("oauth+pat"), "protocol=https host=dev.azure.com username=oauth2", ADA);
    let with_pat =
        || Given { pats: vec![pat("contoso", "deploy", "P", None)], ..good("oauth+pat") };
    row(with_pat(), &of("deploy"), "username=deploy password=P||0");
    row(with_pat(), &format!("{FABRIKAM} username=deploy"), ADA);
    // A name where the path is missing: an organization's, unless somebody here has it.
    row(good("oauth+pat"), "protocol=https host=dev.azure.com username=contoso", ADA);
    row(
        good("oauth+pat"),
        "protocol=https host=dev.azure.com username=a@b.example",
        &other("a@b.example"),
    );
}

#[test]
fn a_name_that_is_handed_out_here_is_no_organization() {
    let given = |integrations, username| Given {
        integrations,
        pats: vec![pat("acme", username, "A", None)],
        ..Given::default()
    };
    let bare = |name: &str| format!("protocol=https host=dev.azure.com username={name}");
    row(given("pat of acme", ""), &bare("oauth2"), "username=oauth2 password=A||0");
    row(given("pat of acme", "deploy"), &bare("deploy"), "username=deploy password=A||0");
    row(given("pat", "acme"), &bare("acme"), "username=acme password=A||0");
    row(given("pat", ""), &bare("acme"), "username=oauth2 password=A||0");
    let path = "protocol=https host=dev.azure.com path=acme/p/_git/r username=oauth2";
    row(given("pat", ""), path, "username=oauth2 password=A||0");
}

#[test]
fn an_empty_name_is_none_in_the_cloud() {
    let asked = format!("{CONTOSO} username=");
    row(good("oauth+pat"), &asked, ADA);
    let given = Given {
        integrations: "pat",
        pats: vec![pat("contoso", "", "P", None)],
        ..Given::default()
    };
    row(given, &asked, "username=oauth2 password=P||0");
    row(
        Given { integrations: "oauth", ..Given::default() },
        &asked,
        &format!("quit=1|error: nobody is signed in to dev.azure.com {LOGIN}|4"),
    );
}

#[test]
fn of_two_sessions_the_one_asked_for_by_name_answers() {
    let given = || Given { fabrikam_token: true, ..good("oauth") };
    let grace = "username=grace@contoso.example password=F password_expiry_utc=1800003600||0";
    row(given(), FABRIKAM, grace);
    row(given(), &format!("{FABRIKAM} username=grace@contoso.example"), grace);
    row(given(), &format!("{FABRIKAM} username=ada@contoso.example"), ADA);
    row(
        given(),
        &format!("{CONTOSO} username=grace@contoso.example"),
        "|warning: the address asks for grace@contoso.example, and the sign-in kept for \
         dev.azure.com is of ada@contoso.example|0",
    );
}

#[test]
fn a_session_whose_access_token_was_lost_gets_a_new_one() {
    row(
        Given {
            integrations: "oauth",
            session_alone: true,
            refresh: Refresh::Fresh,
            ..Given::default()
        },
        CONTOSO,
        "username=ada@contoso.example password=T2 password_expiry_utc=1800003600||0",
    );
}

#[test]
fn row_7_a_good_token_is_handed_out() {
    row(good("oauth"), CONTOSO, ADA);
    row(good("oauth+pat"), FABRIKAM, ADA);
    row(good("oauth"), "protocol=https host=dev.azure.com", ADA);
    row(good("oauth"), "protocol=https host=dev.azure.com:443", ADA);
    row(good("oauth"), "protocol=https host=DEV.azure.com.", ADA);
    row(good("oauth"), "protocol=https host=contoso.visualstudio.com path=p/_git/r", ADA);
    row(
        Given { token: Some((300, "")), ..good("oauth") },
        CONTOSO,
        "username=ada@contoso.example password=T password_expiry_utc=1800000300||0",
    );
    row(
        Given { fabrikam_token: true, ..good("oauth") },
        FABRIKAM,
        "username=grace@contoso.example password=F password_expiry_utc=1800003600||0",
    );
    row(Given { fabrikam_token: true, ..good("oauth") }, CONTOSO, ADA);
}

#[test]
fn row_7_only_a_token_of_the_client_and_issuer_that_are_configured_now_is_handed_out() {
    let client = |id: &str, issuer: &str, tenant: Option<&str>| {
        let (id, issuer) =
            (id.to_owned(), format!("https://login.microsoftonline.com/{issuer}/v2.0"));
        Some(Client { id, issuer, tenant: tenant.map(ToOwned::to_owned) })
    };
    // An earlier version did not keep the client.
    for client in [None, client("c", "t.example", None), client("c", "t.example", Some("a-tenant"))]
    {
        row(Given { client, ..good("oauth+pat") }, CONTOSO, ADA);
    }
    for client in [client("another", "t.example", None), client("c", "u.example", None)] {
        row(
            Given { client: client.clone(), ..failing("oauth", HoldOffKind::SignIn) },
            CONTOSO,
            "quit=1|error: it failed hint: mend it|4",
        );
        // Not even in its last minutes with the service down.
        row(
            Given {
                client: client.clone(),
                token: Some((120, "")),
                ..failing("oauth", HoldOffKind::ForNow)
            },
            CONTOSO,
            "quit=1|error: it failed hint: mend it|5",
        );
        let pats = vec![pat("contoso", "ada", "P", None)];
        row(
            Given { client, pats, ..failing("oauth+pat", HoldOffKind::SignIn) },
            CONTOSO,
            "username=ada password=P|warning: using the personal access token for contoso: it failed|0",
        );
    }
}

#[test]
fn what_is_damaged_stops_no_answer_that_does_not_need_it() {
    let damaged = |given: Given| Given { pats_damaged: true, session_damaged: true, ..given };
    row(damaged(good("oauth+pat")), CONTOSO, ADA);
    // A name without a path may be a token's.
    let named = "protocol=https host=dev.azure.com username=somebody";
    assert!(line(&ask(&damaged(good("oauth+pat")), named)).ends_with("|0"));
    // A damaged session gives its place to a token, and is what is wrong where there is none.
    let session = |pats: Vec<Pat>| {
        let refresh = Refresh::Fails(HoldOffKind::Client);
        Given {
            session_damaged: true,
            refresh,
            pats,
            integrations: "oauth+pat",
            ..Given::default()
        }
    };
    row(
        session(vec![pat("contoso", "ada", "P", None)]),
        CONTOSO,
        "username=ada password=P|warning: using the personal access token for contoso: it failed|0",
    );
    row(session(Vec::new()), CONTOSO, "quit=1|error: it failed hint: mend it|1");
    // Damaged tokens are only what is wrong where one of them may have served.
    let pats = |given: Given| Given { pats_damaged: true, ..given };
    row(
        pats(failing("oauth+pat", HoldOffKind::ForNow)),
        CONTOSO,
        "quit=1|error: it failed hint: mend it|5",
    );
    for given in [
        failing("oauth+pat", HoldOffKind::SignIn),
        Given { integrations: "pat", ..Given::default() },
    ] {
        let said = line(&ask(&pats(given), CONTOSO));
        assert!(said.starts_with("quit=1|error: pats-x.sealed is damaged"), "{said}");
    }
}

#[test]
fn row_7_in_the_form_the_caller_understands() {
    let state = "capability[]=state username=ada@contoso.example password=T \
                 password_expiry_utc=1800003600 state[]=ona-azure:oauth||0";
    row(good("oauth"), &format!("capability[]=state {CONTOSO}"), state);
    let both = format!("capability[]=authtype capability[]=state {CONTOSO}");
    row(good("oauth"), &both, state);
    row(
        good("bearer"),
        &both,
        "capability[]=authtype capability[]=state authtype=Bearer credential=T \
         password_expiry_utc=1800003600 state[]=ona-azure:oauth||0",
    );
    row(good("bearer"), CONTOSO, ADA);
}

#[test]
fn row_8_an_older_token_is_refreshed() {
    for left in [299, 0, -1] {
        row(
            Given { token: Some((left, "")), refresh: Refresh::Fresh, ..good("oauth") },
            CONTOSO,
            "username=ada@contoso.example password=T2 password_expiry_utc=1800003600||0",
        );
    }
}

#[test]
fn row_9_with_the_service_down_the_old_token_serves_its_last_minutes() {
    let given = |left| Given { token: Some((left, "")), ..failing("oauth", HoldOffKind::ForNow) };
    row(
        given(61),
        CONTOSO,
        "username=ada@contoso.example password=T password_expiry_utc=1800000061|\
         warning: the access token ends soon and cannot be refreshed now: it failed|0",
    );
    row(given(59), CONTOSO, "quit=1|error: it failed hint: mend it|5");
}

#[test]
fn row_10_a_pat_takes_over_and_says_why() {
    let pats = || vec![pat("contoso", "", "P", Some(30 * 86_400)), pat("fabrikam", "", "Q", None)];
    let answer = "username=oauth2 password=P password_expiry_utc=1802592000";
    let warning = "warning: using the personal access token for contoso";
    for kind in [HoldOffKind::ForNow, HoldOffKind::Client, HoldOffKind::SignIn] {
        let given = Given { pats: pats(), ..failing("oauth+pat", kind) };
        row(given, CONTOSO, &format!("{answer}|{warning}: it failed|0"));
    }
    row(
        Given { integrations: "oauth+pat", pats: pats(), ..Given::default() },
        CONTOSO,
        // Nobody ever used OAuth here.
        &format!("{answer}||0"),
    );
    row(
        Given { pats: pats(), token: Some((3600, "contoso")), ..good("oauth+pat") },
        CONTOSO,
        &format!("{answer}|{warning}: Azure DevOps refused ada@contoso.example|0"),
    );
    row(Given { pats: pats(), token: Some((3600, "contoso")), ..good("oauth+pat") }, FABRIKAM, ADA);
    // OAuth was never on: nothing to explain.
    row(
        Given { integrations: "pat", pats: pats(), ..Given::default() },
        CONTOSO,
        &format!("{answer}||0"),
    );
    row(
        Given { integrations: "pat", pats: pats(), ..Given::default() },
        "protocol=https host=fabrikam.visualstudio.com path=p/_git/r",
        "username=oauth2 password=Q||0",
    );
    row(
        Given {
            integrations: "pat of acme",
            pats: vec![pat("acme", "", "A", None)],
            ..Given::default()
        },
        "protocol=https host=dev.azure.com",
        "username=oauth2 password=A||0",
    );
}

#[test]
fn row_10_a_pat_is_only_for_its_own_organization() {
    let given = || Given {
        integrations: "pat",
        pats: vec![pat("contoso", "", "P", None)],
        ..Given::default()
    };
    row(given(), FABRIKAM, "||0");
    row(
        given(),
        "protocol=https host=dev.azure.com path=contoso.git/p/_git/r",
        "quit=1|\
        error: git does not say which organization of dev.azure.com is meant, and a personal access token is \
        only given to its own hint: have git send the path (credential.useHttpPath): \
        git-credential-ona-azure setup-git|1",
    );
    row(
        given(),
        "protocol=https host=dev.azure.com path=CONTOSO/p/_git/r",
        "username=oauth2 password=P||0",
    );
}

#[test]
fn row_10_a_pat_near_its_end_is_announced() {
    let given = |left| Given {
        integrations: "pat",
        pats: vec![pat("contoso", "", "P", Some(left))],
        ..Given::default()
    };
    let shown = line(&ask(&given(2 * 86_400 + 5), CONTOSO));
    assert!(
        shown.contains("|warning: the personal access token for contoso runs out in 2 days hint: make a new one at \
                        https://dev.azure.com/contoso/_usersSettings/tokens?action=edit"),
        "{shown}"
    );
    assert!(line(&ask(&given(4 * 86_400), CONTOSO)).ends_with("||0"));
}

#[test]
fn rows_11_to_13_say_what_failed_where_nothing_else_serves() {
    row(
        failing("oauth+pat", HoldOffKind::ForNow),
        CONTOSO,
        "quit=1|error: it failed hint: mend it|5",
    );
    row(
        failing("oauth+pat", HoldOffKind::Client),
        CONTOSO,
        "quit=1|error: it failed hint: mend it|1",
    );
    let refused = Given { token: Some((3600, "contoso")), ..good("oauth+pat") };
    let shown = line(&ask(&refused, CONTOSO));
    assert!(
        shown.starts_with(
            "quit=1|error: Azure DevOps refused ada@contoso.example for organization contoso hint: "
        ) && shown.ends_with("|4"),
        "{shown}"
    );
}

#[test]
fn row_13_a_refusal_is_asked_about_again_before_it_is_repeated() {
    let refused = |asked_ago, answer: Option<Acceptance>| {
        let given =
            Given { token: Some((3600, "contoso")), asked_ago, answer, ..good("oauth+pat") };
        line(&ask(&given, CONTOSO)).starts_with("quit=1|error: Azure DevOps refused")
    };
    let unknown = || Some(Acceptance::Unknown("no network".to_owned()));
    assert!(refused(29, None), "another process has just asked");
    assert!(refused(30, Some(Acceptance::Refused)));
    assert!(refused(30, Some(Acceptance::RefusedHere)));
    assert!(refused(30, unknown()), "believed for its time where nobody can be asked");
    assert!(!refused(30, Some(Acceptance::Accepted)));
}

#[test]
fn row_14_a_pat_host_wants_the_organization() {
    let shown = line(&ask(
        &Given { integrations: "pat", ..Given::default() },
        "protocol=https host=dev.azure.com",
    ));
    assert!(shown.starts_with("quit=1|error: git does not say which organization"), "{shown}");
    assert!(shown.ends_with("setup-git|1"), "{shown}");
}

#[test]
fn row_14_holds_whatever_else_is_on_where_a_token_is_kept() {
    let given = |pats| Given { integrations: "oauth+pat", pats, ..Given::default() };
    let bare = "protocol=https host=dev.azure.com";
    let shown = line(&ask(&given(vec![pat("contoso", "", "P", None)]), bare));
    assert!(shown.starts_with("quit=1|error: git does not say which organization"), "{shown}");
    // With nothing kept there is nothing that the path would bring out.
    let shown = line(&ask(&given(Vec::new()), bare));
    assert!(shown.starts_with("|error: nobody is signed in"), "{shown}");
}

#[test]
fn rows_16_and_17_nobody_is_signed_in() {
    let none = |integrations| Given { integrations, ..Given::default() };
    let nobody = format!("error: nobody is signed in to dev.azure.com {LOGIN}");
    row(none("oauth+pat"), CONTOSO, &format!("|{nobody}|4"));
    row(none("oauth"), CONTOSO, &format!("quit=1|{nobody}|4"));
    row(none("pat"), CONTOSO, "||0");
    row(failing("oauth+pat", HoldOffKind::SignIn), CONTOSO, "|error: it failed hint: mend it|4");
    row(failing("oauth", HoldOffKind::SignIn), CONTOSO, "quit=1|error: it failed hint: mend it|4");
    let ran_out = |integrations| Given {
        integrations,
        pats: vec![pat("contoso", "", "P", Some(-1))],
        ..Given::default()
    };
    row(
        ran_out("oauth+pat"),
        CONTOSO,
        &format!("|error: the personal access token for contoso has run out {LOGIN}|4"),
    );
    let shown = line(&ask(&ran_out("pat"), CONTOSO));
    assert!(shown.starts_with(
        "|error: the personal access token for contoso has run out hint: make a new one at"
    ));
    assert!(shown.ends_with("|0"), "{shown}");
}

#[test]
fn a_server_has_tokens_only() {
    let given = |pats| Given { integrations: "server", pats, ..Given::default() };
    // A git before 2.46 sends nothing with an empty name.
    row(given(vec![pat("DefaultCollection", "", "P", None)]), TFS, "username=pat password=P||0");
    let asked = format!("{TFS} username=pat");
    row(given(vec![pat("DefaultCollection", "", "P", None)]), &asked, "username=pat password=P||0");
    let stored = Pat { empty_name: true, ..pat("DefaultCollection", "", "P", None) };
    row(given(vec![stored]), TFS, "username= password=P||0");
    row(given(vec![pat("", "ada", "W", None)]), TFS, "username=ada password=W||0");
    row(
        given(vec![pat("", "ada", "W", None), pat("DefaultCollection", "ada", "P", None)]),
        TFS,
        "username=ada password=P||0",
    );
    row(given(vec![pat("Other", "", "P", None)]), TFS, "||0");
    row(given(Vec::new()), TFS, "||0");
    row(given(vec![pat("", "ada", "W", None)]), &format!("{TFS} username=grace"), "||0");
    let shown = line(&ask(
        &given(vec![pat("Other", "", "P", None)]),
        "protocol=https host=tfs.corp.example",
    ));
    assert!(shown.starts_with("quit=1|error: git does not say which organization"), "{shown}");
}

#[test]
fn a_path_outside_the_virtual_directory_is_not_the_servers() {
    let given =
        Given { integrations: "server", pats: vec![pat("", "ada", "W", None)], ..Given::default() };
    row(
        given,
        "protocol=https host=tfs.corp.example path=other/c/p/_git/r",
        "|warning: the path git asks for on tfs.corp.example is not below its virtual directory /tfs \
         hint: if that is wrong: git-credential-ona-azure integration add --host tfs.corp.example \
         --virtual-directory /tfs|1",
    );
}

#[test]
fn a_server_over_http_wants_permission() {
    let request = "protocol=http host=tfs.corp.example path=c/p/_git/r";
    let given = |integrations| Given {
        integrations,
        pats: vec![pat("", "ada", "W", None)],
        ..Given::default()
    };
    let shown = line(&ask(&given("server"), request));
    assert!(
        shown.starts_with(
            "|error: no credential is given to http://tfs.corp.example over plain http"
        ),
        "{shown}"
    );
    row(given("server http"), request, "username=ada password=W||0");
}

#[test]
fn a_header_is_only_for_callers_that_ask_for_one() {
    let header = || Given {
        integrations: "server",
        pats: vec![Pat {
            login: PatLogin::Header { authtype: "Bearer".into(), credential: "H".into() },
            username: None,
            ..pat("", "", "", None)
        }],
        ..Given::default()
    };
    row(header(), TFS, "||0");
    row(
        header(),
        &format!("capability[]=authtype {TFS}"),
        "capability[]=authtype authtype=Bearer credential=H||0",
    );
}
