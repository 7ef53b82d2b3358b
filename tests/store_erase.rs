//! What `store` keeps and `erase` forgets: only what is a personal access token is kept, and only
//! the secret that was rejected goes.

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::*;
use standins::ADA;

const CLOUD: &str = "https://dev.azure.com";

/// What git gives back of an answer: the request, and what was answered.
fn with(request: &str, answer: &Done) -> String {
    format!("{request}{}\n", answer.stdout)
}

/// A form no JSON web token has, so that nothing but its digest tells where it is from.
fn with_opaque_tokens(machine: &Machine) {
    let mut number = 0;
    machine.world.entra().override_token_response(move |mut answer| {
        number += 1;
        answer["access_token"] = format!("opaque-access-token-{number}").into();
        answer
    });
}

fn refreshes(machine: &Machine) -> usize {
    machine.world.entra().token_requests("refresh_token")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

fn kept(organization: &str, secret: &str) -> (Option<String>, String) {
    (Some(organization.to_owned()), secret.to_owned())
}

#[test]
fn an_access_token_of_ours_is_known_by_its_digest_and_not_kept() {
    let machine = Machine::configured();
    with_opaque_tokens(&machine);
    machine.sign_in();
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(answer.password(), "opaque-access-token-1");
    let before = machine.state();
    machine.store(with(CONTOSO_REQUEST, &answer)).expect_nothing();
    // git 2.39 leaves out what it does not know.
    machine
        .store(format!("{CONTOSO_REQUEST}username=x\npassword=opaque-access-token-1\n"))
        .expect_nothing();
    assert_eq!(machine.state(), before);
}

#[test]
fn an_access_token_handed_out_before_another_process_refreshed_is_not_kept() {
    let machine = Machine::configured();
    with_opaque_tokens(&machine);
    machine.sign_in();
    let first = machine.get(CONTOSO_REQUEST).expect_success();
    let half_used = machine.access().expect("a session").expires_at - now() - 200;
    machine.change_access(|access| access.expires_at -= half_used);
    let second = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(second.password(), "opaque-access-token-2");
    let before = machine.state();
    machine.store(with(CONTOSO_REQUEST, &first)).expect_nothing();
    assert_eq!(machine.state(), before);
    assert_eq!(machine.pats(CLOUD), []);
}

#[test]
fn what_carries_our_state_is_not_kept() {
    let machine = Machine::configured();
    let before = machine.state();
    let secret = "username=u\npassword=unknown\n";
    machine.store(format!("{CONTOSO_REQUEST}{secret}state[]=ona-azure:oauth\n")).expect_nothing();
    machine
        .store(format!("{CONTOSO_REQUEST}{secret}state[]=other:1\nstate[]=ona-azure:oauth\n"))
        .expect_nothing();
    assert_eq!(machine.state(), before);
    machine.store(format!("{CONTOSO_REQUEST}{secret}state[]=other:1\n")).expect_nothing();
    assert_eq!(machine.pat_secrets(CLOUD), [kept("contoso", "unknown")]);
}

#[test]
fn state_comes_with_an_access_token_only_where_it_is_understood() {
    let machine = Machine::loaded();
    let plain = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(plain.attribute("state[]"), None);
    let with_state = machine.get(format!("capability[]=state\n{CONTOSO_REQUEST}"));
    assert_eq!(with_state.attribute("state[]"), Some("ona-azure:oauth"));
    assert!(with_state.stdout.starts_with("capability[]=state\n"), "{with_state:#?}");
    // A kept token is not ours in that sense: what replaces it must be kept.
    machine.helper(&["integration", "add", "--host", "dev.azure.com", "--no-oauth", "--no-test"]);
    let pat = machine.get(format!("capability[]=state\n{CONTOSO_REQUEST}")).expect_success();
    assert_eq!((pat.attribute("state[]"), pat.attribute("capability[]")), (None, None));
}

#[test]
fn a_json_web_token_is_never_kept() {
    let machine = Machine::tokens_only();
    let before = machine.state();
    let jwt = machine.world.entra().issue_access_token(ADA, &["vso.code"]);
    for jwt in [jwt.as_str(), "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", "eyJlbmMiOiJBIn0..aXY.Y3Q.dGFn"] {
        for secret in
            [format!("username=u\npassword={jwt}"), format!("authtype=Bearer\ncredential={jwt}")]
        {
            let done = machine.store(format!("{CONTOSO_REQUEST}{secret}\n")).expect_success();
            assert_eq!(
                done.stderr,
                "warning: the access token for dev.azure.com was not kept: it ends within the hour\n\
                 hint: git-credential-ona-azure login https://dev.azure.com --pat\n"
            );
        }
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn what_is_ephemeral_or_past_its_expiry_is_not_kept() {
    let machine = Machine::tokens_only();
    let before = machine.state();
    let secret = "username=u\npassword=p\n";
    machine.store(format!("{CONTOSO_REQUEST}{secret}ephemeral=1\n")).expect_nothing();
    let over = now() - 1;
    machine
        .store(format!("{CONTOSO_REQUEST}{secret}password_expiry_utc={over}\n"))
        .expect_nothing();
    assert_eq!(machine.state(), before);
    let ahead = now() + 3600;
    machine
        .store(format!("{CONTOSO_REQUEST}{secret}password_expiry_utc={ahead}\nephemeral=0\n"))
        .expect_nothing();
    assert_eq!(machine.pats(CLOUD)[0].expires_at, Some(ahead));
}

#[test]
fn without_an_organization_nothing_is_kept_and_one_line_says_what_to_set() {
    let machine = Machine::tokens_only();
    let before = machine.state();
    let said = "warning: the password for dev.azure.com was not kept: git does not say which \
                organization it is for\n\
                hint: have git send the path (credential.useHttpPath): git-credential-ona-azure \
                setup-git; to keep it now: git-credential-ona-azure login \
                https://dev.azure.com/ORGANIZATION --pat\n";
    // The username never decides: people type anything there, and git sends it along.
    for request in [
        "protocol=https\nhost=dev.azure.com\nusername=contoso\npassword=p\n",
        "protocol=https\nhost=dev.azure.com\nusername=\npassword=p\n",
        "protocol=https\nhost=dev.azure.com\npath=_git/x\nusername=contoso\npassword=p\n",
    ] {
        let done = machine.store(request);
        let expected = Done { code: 0, stdout: String::new(), stderr: said.to_owned() };
        assert_eq!(done, expected);
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn the_organization_of_a_token_is_from_path_label_or_the_default_of_the_host() {
    let machine = Machine::tokens_only();
    let secret = "username=fabrikam\npassword";
    machine.store(format!("{CONTOSO_REQUEST}{secret}=path\n")).expect_nothing();
    assert_eq!(machine.pat_secrets(CLOUD), [kept("contoso", "path")]);
    let label = "protocol=https\nhost=contoso.visualstudio.com\n";
    machine.store(format!("{label}{secret}=label\n")).expect_nothing();
    assert_eq!(machine.pat_secrets(CLOUD), [kept("contoso", "label")]);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), "label");

    let machine = Machine::new();
    machine.add_pat_integration("dev.azure.com/contoso", &[]);
    let host = "protocol=https\nhost=dev.azure.com\n";
    machine.store(format!("{host}{secret}=default\n")).expect_nothing();
    assert_eq!(machine.pat_secrets(CLOUD), [kept("contoso", "default")]);
    assert_eq!(machine.get(CONTOSO_REQUEST).password(), "default");
}

#[test]
fn a_server_keeps_a_token_for_a_collection_or_for_all_of_it() {
    let machine = Machine::new();
    machine.add_pat_integration("tfs.corp.example", &["--virtual-directory", "/tfs"]);
    let url = "https://tfs.corp.example";
    let host = "protocol=https\nhost=tfs.corp.example\n";
    let team = format!("{host}path=tfs/Team/p/_git/r\n");
    let other = format!("{host}path=tfs/Other/p/_git/r\n");
    machine.store(format!("{team}username=ada\npassword=team\n")).expect_nothing();
    machine.store(format!("{host}username=ada\npassword=all\n")).expect_nothing();
    assert_eq!(machine.pat_secrets(url), [kept("team", "team"), (None, "all".to_owned())]);
    assert_eq!(machine.get(team).password(), "team");
    assert_eq!(machine.get(other).password(), "all");
}

#[test]
fn for_other_hosts_nothing_is_kept_or_forgotten() {
    let machine = Machine::loaded();
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    let before = machine.state();
    for host in ["github.com", "git.example.org", "dev.azure.com.evil.example"] {
        let request = format!("protocol=https\nhost={host}\npath=contoso/app/_git/app\n");
        machine.store(format!("{request}username=u\npassword=p\n")).expect_nothing();
        machine.erase(with(&request, &answer)).expect_nothing();
        machine.erase(request).expect_nothing();
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn erase_compares_the_secret() {
    let machine = Machine::loaded();
    let before = machine.state();
    for secret in ["password=another", "password=", "authtype=Bearer\ncredential=another"] {
        machine.erase(format!("{CONTOSO_REQUEST}username={ADA}\n{secret}\n")).expect_nothing();
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn a_late_rejection_of_an_older_secret_changes_nothing() {
    let machine = Machine::loaded();
    let old = machine.get(CONTOSO_REQUEST).expect_success();
    machine.age_access_token(2 * 60 * 60);
    let new = machine.get(CONTOSO_REQUEST).expect_success();
    assert_ne!(new.password(), old.password());
    let old_pat = machine.pat_secrets(CLOUD).remove(0).1;
    machine.new_pat("contoso");
    let before = machine.state();
    machine.erase(with(CONTOSO_REQUEST, &old)).expect_nothing();
    machine.erase(format!("{CONTOSO_REQUEST}username=u\npassword={old_pat}\n")).expect_nothing();
    assert_eq!(machine.state(), before);
    assert_eq!(machine.get(CONTOSO_REQUEST), new);
}

#[test]
fn a_fresh_token_rejected_means_that_the_organization_refuses_the_account() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    expect_refusal_said(&machine.erase(with(CONTOSO_REQUEST, &fresh)));
    let refusals = machine.access().expect("a session").refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let left = Duration::from_secs(refusals[0].until - now());
    assert!(left > Duration::from_secs(9 * 60) && left <= Duration::from_secs(10 * 60), "{left:?}");

    let said = machine.get(CONTOSO_REQUEST).expect_quit(4);
    let expected = format!("error: Azure DevOps refused {ADA} for organization contoso\nhint: ");
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(refreshes(&machine), 0, "a new token would be refused as well");
    let label = "protocol=https\nhost=contoso.visualstudio.com\n";
    machine.get(label).expect_quit(4);

    // Other organizations go on: with a token of their own, since the rejected one is gone.
    let other = machine.get(FABRIKAM_REQUEST).expect_success();
    assert_eq!((other.stderr.as_str(), refreshes(&machine)), ("", 1));
    machine.get(CONTOSO_REQUEST).expect_quit(4);
    assert_eq!(machine.get(FABRIKAM_REQUEST), other);
    assert_eq!(refreshes(&machine), 1);
}

/// git hands on what the organization said of its tenant, from 2.41 on.
#[test]
fn an_organization_of_another_tenant_is_told_as_such() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    let other = standins::FABRIKAM;
    let challenges = format!(
        "wwwauth[]=Bearer authorization_uri=https://login.microsoftonline.com/{other}\n\
         wwwauth[]=Basic realm=\"https://tfsprodneu2.visualstudio.com/\"\n"
    );
    let request = format!("{CONTOSO_REQUEST}{challenges}");
    let says = format!(
        "error: dev.azure.com/contoso belongs to the tenant {other}, and the Issuer URL names "
    );
    machine.world.azure().set_tenant("contoso", other);
    let erased = machine.erase(with(&request, &fresh));
    assert!(erased.stderr.starts_with(&says) && erased.code == 0, "{erased:#?}");
    let refused = machine.get(&request).expect_quit(4);
    assert!(refused.starts_with(&says), "{refused:#?}");
    // Without its word nothing is known but that it refuses.
    let refused = machine.get(CONTOSO_REQUEST).expect_quit(4);
    assert!(refused.starts_with(&refusal()), "{refused}");
}

/// The administrator adds the account: the next `get` that may ask finds out.
#[test]
fn a_refusal_ends_with_its_cause_and_is_asked_about_every_30_seconds() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    expect_refusal_said(&machine.erase(with(CONTOSO_REQUEST, &fresh)));
    machine.world.azure().allow("contoso", ADA);
    let asked = machine.world.requests().len();
    machine.get(CONTOSO_REQUEST).expect_quit(4);
    assert_eq!(machine.world.requests().len(), asked, "it was asked just now");
    machine.change_access(|access| access.refusals[0].asked_at -= 30);
    let later = machine.get(CONTOSO_REQUEST).expect_success();
    assert_ne!(later.password(), fresh.password());
    assert_eq!(
        (later.stderr.as_str(), machine.access().expect("a session").refusals),
        ("", vec![])
    );
    let asked = machine.world.requests().len();
    assert_eq!(machine.get(CONTOSO_REQUEST), later);
    assert_eq!(machine.world.requests().len(), asked);
}

#[test]
fn a_refusal_that_lasts_is_asked_about_once_by_many_at_once() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    machine.erase(with(CONTOSO_REQUEST, &fresh)).expect_success();
    // A new access token is there already, for the other organizations.
    machine.get(FABRIKAM_REQUEST).expect_success();
    // So long ago that it is not believed without asking.
    machine.change_access(|access| {
        access.refusals[0].asked_at -= 3600;
        access.refusals[0].until -= 3600;
    });
    let before = asked_of_contoso(&machine);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| machine.get(CONTOSO_REQUEST).expect_quit(4));
        }
    });
    assert_eq!(asked_of_contoso(&machine), before + 1);
}

fn asked_of_contoso(machine: &Machine) -> usize {
    let requests = machine.world.requests();
    requests.iter().filter(|seen| seen.path.starts_with("/contoso/")).count()
}

#[test]
fn doctor_asks_before_it_repeats_a_refusal() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    machine.erase(with(CONTOSO_REQUEST, &fresh)).expect_success();
    let url = "https://dev.azure.com/contoso/app/_git/app";
    let refused = machine.helper(&["doctor", url]);
    assert!(
        refused.stdout.contains(refusal().trim_start_matches("error: ").trim()),
        "{refused:#?}"
    );
    machine.world.azure().allow("contoso", ADA);
    machine.helper(&["doctor", url]).expect_success();
    machine.get(CONTOSO_REQUEST).expect_success();
}

#[test]
fn signing_in_again_clears_the_refusal() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    expect_refusal_said(&machine.erase(with(CONTOSO_REQUEST, &fresh)));
    machine.get(CONTOSO_REQUEST).expect_quit(4);
    machine.login(&[], standins::GRACE).expect_success();
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!((answer.attribute("username"), answer.stderr.as_str()), (Some(standins::GRACE), ""));
    assert_eq!(machine.access().expect("a session").refusals, []);
}

#[test]
fn a_new_token_serves_the_organization_that_refuses_the_account() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.world.azure().deny("contoso", ADA);
    expect_refusal_said(&machine.erase(with(CONTOSO_REQUEST, &fresh)));
    let pat = machine.new_pat("contoso");
    // The refusal stays: were it forgotten with the new token, git would be given the access
    // token once more, and fail once more.
    assert_eq!(machine.access().expect("a session").refusals.len(), 1);
    let answer = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(answer.password(), pat);
    assert_eq!(
        answer.stderr,
        format!(
            "warning: using the personal access token for contoso: Azure DevOps refused {ADA}\n"
        )
    );
    assert_ne!(machine.get(FABRIKAM_REQUEST).expect_success().password(), pat);
}

#[test]
fn an_older_token_rejected_is_refreshed_by_the_next_get() {
    let machine = Machine::signed_in();
    machine.age_access_token(2 * 60 + 1);
    let old = machine.get(CONTOSO_REQUEST).expect_success();
    let refresh_token = machine.session().refresh_token;
    machine.world.entra().revoke_access_tokens();
    machine.erase(with(CONTOSO_REQUEST, &old)).expect_nothing();
    let access = machine.access().expect("a session");
    assert_eq!((access.token, access.refusals), (None, vec![]));
    assert_eq!(machine.session().refresh_token, refresh_token);
    assert_eq!(refreshes(&machine), 0, "erase refreshes nothing");
    let new = machine.get(CONTOSO_REQUEST).expect_success();
    assert_ne!(new.password(), old.password());
    assert_eq!((new.stderr.as_str(), refreshes(&machine)), ("", 1));
}

#[test]
fn a_bearer_header_rejected_is_the_access_token_rejected() {
    let machine = Machine::new();
    machine.add_integration(&["--bearer"]);
    machine.sign_in();
    machine.age_access_token(10 * 60);
    let answer = machine.get(format!("capability[]=authtype\n{CONTOSO_REQUEST}")).expect_success();
    machine.world.entra().revoke_access_tokens();
    machine.erase(with(CONTOSO_REQUEST, &answer)).expect_nothing();
    assert_eq!(machine.access().expect("a session").token, None);
}

#[test]
fn a_token_that_goes_is_followed_by_the_command_that_makes_a_new_one() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    machine.new_pat("fabrikam");
    machine.world.azure().revoke_pat(&pat);
    let done = machine.erase(format!("{CONTOSO_REQUEST}username=oauth2\npassword={pat}\n"));
    let said = "warning: the personal access token for contoso was rejected and is forgotten\n\
                hint: make a new one at https://dev.azure.com/contoso/_usersSettings/tokens?action=edit \
                and give it to: git-credential-ona-azure login https://dev.azure.com/contoso --pat\n";
    assert_eq!(done, Done { code: 0, stdout: String::new(), stderr: said.to_owned() });
    let left: Vec<_> = machine.pat_secrets(CLOUD).into_iter().map(|(of, _)| of).collect();
    assert_eq!(left, [Some("fabrikam".to_owned())]);
}

#[test]
fn a_rejected_token_leaves_the_sign_in_alone() {
    let machine = Machine::loaded();
    let (session, access) = (machine.session(), machine.access());
    let pat = machine.pat_secrets(CLOUD).remove(0).1;
    machine.world.azure().revoke_pat(&pat);
    machine.erase(format!("{CONTOSO_REQUEST}username=u\npassword={pat}\n")).expect_success();
    assert_eq!(machine.pats(CLOUD), []);
    assert_eq!((machine.session(), machine.access()), (session, access));
}

#[test]
fn erase_without_a_password_forgets_what_matches() {
    let machine = Machine::loaded();
    machine.new_pat("fabrikam");
    let refresh_token = machine.session().refresh_token;
    // Of one organization: its token; the access token is every organization's.
    machine.erase(CONTOSO_REQUEST).expect_nothing();
    let left: Vec<_> = machine.pat_secrets(CLOUD).into_iter().map(|(of, _)| of).collect();
    assert_eq!(left, [Some("fabrikam".to_owned())]);
    let access = machine.access().expect("a session");
    assert_eq!((access.token, access.refusals), (None, vec![]), "nobody refused anything");
    assert_eq!(machine.session().refresh_token, refresh_token);
    let again = machine.get(CONTOSO_REQUEST).expect_success();
    assert_eq!(again.attribute("username"), Some(ADA));

    let before = machine.state();
    machine.erase(format!("{CONTOSO_REQUEST}username=somebody@else.example\n")).expect_nothing();
    assert_eq!(machine.state(), before);
}

#[test]
fn an_empty_erase_changes_nothing() {
    let machine = Machine::loaded();
    let before = machine.state();
    for request in ["", "\n", "username=ada@contoso.com\n", "path=contoso/app/_git/app\n"] {
        machine.erase(request).expect_nothing();
    }
    assert_eq!(machine.state(), before);
}

/// git itself only says that authentication failed.
fn refusal() -> String {
    format!("error: Azure DevOps refused {ADA} for organization contoso\n")
}

#[track_caller]
fn expect_refusal_said(done: &Done) {
    let said = format!(
        "{}hint: if it is no member there, an administrator adds it (Organization settings → Users → Add users); \
         what else it may be: git-credential-ona-azure doctor https://dev.azure.com/contoso\n",
        refusal()
    );
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", said.as_str()));
}

#[test]
fn a_refusal_names_the_token_that_takes_over() {
    let machine = Machine::signed_in();
    let fresh = machine.get(CONTOSO_REQUEST).expect_success();
    machine.new_pat("contoso");
    machine.world.azure().deny("contoso", ADA);
    let said = machine.erase(with(CONTOSO_REQUEST, &fresh)).expect_success().stderr;
    assert_eq!(
        said,
        format!(
            "error: Azure DevOps refused {ADA} for organization contoso\n\
             hint: run it again: the personal access token for contoso takes over now\n"
        )
    );
}
