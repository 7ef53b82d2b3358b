//! What may be kept, and what a rejection takes away. The tests carry the ids of the security
//! cases.

mod common;

use common::*;

#[test]
fn j02_erase_of_a_host_takes_all_that_matches() {
    let machine = Machine::loaded();
    machine.new_pat("fabrikam");
    machine.add_pat_integration("tfs.corp.example", &[]);
    for name in ["ada", "grace"] {
        let host = "protocol=https\nhost=tfs.corp.example\n";
        machine.store(format!("{host}username={name}\npassword=of-{name}\n")).expect_nothing();
    }
    machine.erase("protocol=https\nhost=dev.azure.com\n\n").expect_nothing();
    assert_eq!(machine.access().expect("a session").token, None);
    assert_eq!(machine.pats("https://dev.azure.com"), []);
    assert_eq!(machine.pats("https://tfs.corp.example").len(), 2, "another host's are not meant");

    machine.erase("protocol=https\nhost=tfs.corp.example\n\n").expect_nothing();
    assert_eq!(machine.pats("https://tfs.corp.example"), []);
    machine.get("protocol=https\nhost=tfs.corp.example\n\n").expect_nothing();
}

#[test]
fn j03_a_rejected_access_token_goes_and_the_refresh_token_stays() {
    let machine = Machine::signed_in();
    machine.age_access_token(10 * 60);
    let first = machine.get(CONTOSO_REQUEST).expect_success();
    let refresh_token = machine.session().refresh_token;
    machine.world.entra().revoke_access_tokens();
    machine.erase(format!("{CONTOSO_REQUEST}{}\n", first.stdout)).expect_nothing();
    assert_eq!(machine.access().expect("a session").token, None);
    assert_eq!(machine.session().refresh_token, refresh_token);
    let second = machine.get(CONTOSO_REQUEST).expect_success();
    assert_ne!(second.password(), first.password());
    assert_eq!(machine.world.entra().token_requests("refresh_token"), 1);
}

#[test]
fn j05_nothing_is_kept_for_foreign_hosts_nor_where_tokens_are_off() {
    let machine = Machine::loaded();
    let before = machine.state();
    for host in [
        "github.com",
        "git.example.org",
        "evil-dev.azure.com",
        "dev.azure.com:8443",
        "a.b.visualstudio.com",
        "dev.azure.com@evil.example",
        "",
    ] {
        let request = format!("protocol=https\nhost={host}\npath=contoso/p/_git/r\n");
        machine.store(format!("{request}username=u\npassword=foreign\n\n")).expect_nothing();
    }
    for protocol in ["http", "smtp", "cert"] {
        let request = format!("protocol={protocol}\nhost=dev.azure.com\npath=contoso/p/_git/r\n");
        machine.store(format!("{request}username=u\npassword=foreign\n\n")).expect_nothing();
    }
    assert_eq!(machine.state(), before);

    // OAuth alone: a password that comes from elsewhere is nothing to keep.
    let machine = Machine::new();
    machine.add_integration(&[]);
    machine.sign_in();
    let before = machine.state();
    machine.store(format!("{CONTOSO_REQUEST}username=u\npassword=foreign\n\n")).expect_nothing();
    assert_eq!(machine.state(), before);
}

#[test]
fn j06_a_token_in_a_url_is_kept_as_a_token_and_never_as_a_sign_in() {
    for git in gits() {
        let machine = Machine::tokens_only();
        let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
        let url = format!("https://anything:{pat}@dev.azure.com/contoso/app/_git/app");
        run(machine.command(git.path).args(["clone", "-q", &url, "clone"]), b"").expect_success();
        let contoso = Some("contoso".to_owned());
        assert_eq!(machine.pat_secrets("https://dev.azure.com"), [(contoso, pat.clone())]);
        // Nobody gave it: it answers for the user of that address only.
        let as_anything = format!("{CONTOSO_REQUEST}username=anything\n");
        assert_eq!(machine.get(as_anything).password(), pat);
        machine.get(CONTOSO_REQUEST).expect_nothing();
        machine.get(FABRIKAM_REQUEST).expect_nothing();
    }

    let machine = Machine::signed_in();
    let (session, access) = (machine.session(), machine.access());
    machine.store(format!("{CONTOSO_REQUEST}username=u\npassword=from-a-url\n\n")).expect_nothing();
    assert_eq!((machine.session(), machine.access()), (session, access));
    assert_ne!(machine.get(CONTOSO_REQUEST).password(), "from-a-url");
}

#[test]
fn j08_a_password_past_its_expiry_is_not_kept() {
    let machine = Machine::tokens_only();
    let before = machine.state();
    for expiry in ["1", "1700000000"] {
        machine
            .store(format!(
                "{CONTOSO_REQUEST}username=u\npassword=late\npassword_expiry_utc={expiry}\n\n"
            ))
            .expect_nothing();
    }
    assert_eq!(machine.state(), before);
}
