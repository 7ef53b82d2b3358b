//! A credential only goes to the host, organization and protocol it is for. The tests carry the
//! ids of the security cases. Ada is signed in and a token is kept, so that a leak would show.

mod common;

use common::*;

/// Asks for a host in every way that might talk the program into an answer.
fn assert_foreign(machine: &Machine, host: &[u8]) {
    for more in [
        "",
        "path=contoso/app/_git/app\n",
        "username=ada@contoso.com\n",
        "username=contoso\npath=DefaultCollection/app/_git/app\n",
        "wwwauth[]=Bearer authorization_uri=https://login.microsoftonline.com/common\n\
         wwwauth[]=Basic realm=\"https://dev.azure.com/\"\nwwwauth[]=TFS-Federated\n",
        "capability[]=authtype\ncapability[]=state\nstate[]=ona-azure:oauth\n",
    ] {
        let request = [b"protocol=https\nhost=", host, b"\n", more.as_bytes(), b"\n"].concat();
        machine.get(request).expect_nothing();
    }
}

/// The answer to a request, which must be one.
fn answer(machine: &Machine, request: &str) -> Done {
    let done = machine.get(request).expect_success();
    assert!(!done.password().is_empty());
    done
}

#[test]
fn b02_a_name_that_ends_in_ours_gets_nothing() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"evil-dev.azure.com");
    assert_foreign(&machine, b"evil.dev.azure.com");
    assert_foreign(&machine, b"dev.azure.com.evil.example");
}

#[test]
fn b03_the_suffix_includes_its_dot() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"evilvisualstudio.com");
    assert_foreign(&machine, b"contoso.visualstudio.com.evil.example");
}

#[test]
fn b05_an_empty_label_is_no_organization() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b".visualstudio.com");
    assert_foreign(&machine, b"visualstudio.com");
}

#[test]
fn b06_an_organization_is_one_label() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"a.b.visualstudio.com");
    assert_foreign(&machine, b"contoso.vssps.visualstudio.com");
    answer(&machine, "protocol=https\nhost=contoso.visualstudio.com\n");
}

#[test]
fn b08_a_trailing_dot_is_the_same_host_and_the_same_account() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    let dotted = "protocol=https\nhost=dev.azure.com.\npath=contoso/app/_git/app\n";
    assert_eq!(answer(&machine, dotted), answer(&machine, CONTOSO_REQUEST));
    let before = machine.state();
    machine.store(format!("{dotted}username=contoso\npassword={pat}\n")).expect_nothing();
    assert_eq!(machine.state(), before, "no second account");
    machine.world.azure().revoke_pat(&pat);
    machine.erase(format!("{dotted}password={pat}\n")).expect_success();
    machine.get(CONTOSO_REQUEST).expect_nothing();
    assert_foreign(&machine, b"dev.azure.com..");
}

#[test]
fn b09_the_port_that_goes_without_saying_may_be_said() {
    let machine = Machine::loaded();
    let plain = answer(&machine, "protocol=https\nhost=dev.azure.com\n");
    assert_eq!(answer(&machine, "protocol=https\nhost=dev.azure.com:443\n"), plain);
    assert_eq!(answer(&machine, "protocol=https\nhost=DEV.Azure.com\n"), plain);
    for other in ["dev.azure.com:8443", "dev.azure.com:80", "contoso.visualstudio.com:8080"] {
        assert_foreign(&machine, other.as_bytes());
    }
}

#[test]
fn b11_two_ports_are_no_host() {
    let machine = Machine::loaded();
    for host in ["dev.azure.com:443:evil.example", "dev.azure.com:0443", "dev.azure.com:"] {
        assert_foreign(&machine, host.as_bytes());
    }
}

#[test]
fn b12_a_user_part_is_no_host() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"dev.azure.com@evil.example");
    assert_foreign(&machine, b"contoso@dev.azure.com");
}

#[test]
fn b14_decoded_delimiters_are_no_host() {
    let machine = Machine::loaded();
    for host in [
        "dev.azure.com/.evil.example",
        "dev.azure.com?.evil.example",
        "dev.azure.com#.evil.example",
        "dev.azure.com\\.evil.example",
        "dev.azure.com .evil.example",
        "dev%2eazure.com",
        " dev.azure.com",
    ] {
        assert_foreign(&machine, host.as_bytes());
    }
}

#[test]
fn b15_a_host_with_other_letters_is_not_mapped() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"d\xd0\xb5v.azure.com");
    assert_foreign(&machine, "dev\u{3002}azure\u{3002}com".as_bytes());
    assert_foreign(&machine, "\u{ff44}ev.azure.com".as_bytes());
    assert_foreign(&machine, b"d\xffv.azure.com");
}

#[test]
fn b17_an_ipv6_address_matches_only_where_it_is_configured() {
    let machine = Machine::loaded();
    assert_foreign(&machine, b"[::1]:8080");
    machine.add_pat_integration("[::1]:8080", &[]);
    let host = "protocol=https\nhost=[::1]:8080\n";
    machine.store(format!("{host}username=ada\npassword=loop\n")).expect_nothing();
    assert_eq!(answer(&machine, host).stdout, "username=ada\npassword=loop\n");
    let long = "protocol=https\nhost=[0:0:0::1]:8080\n";
    assert_eq!(answer(&machine, long).stdout, "username=ada\npassword=loop\n");
    for other in ["[::1]", "[::1]:8081", "[::2]:8080", "::1:8080", "[::1", "[::1]8080", "[]:8080"] {
        assert_foreign(&machine, other.as_bytes());
    }
}

#[test]
fn b18_plain_http_to_the_cloud_is_refused_in_words() {
    let machine = Machine::loaded();
    for host in ["dev.azure.com", "contoso.visualstudio.com", "dev.azure.com:80"] {
        let request = format!("protocol=http\nhost={host}\npath=contoso/app/_git/app\n");
        let done = machine.get(request);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{done:#?}");
        let host = host.trim_end_matches(":80");
        assert!(
            done.stderr.starts_with(&format!("error: no credential is given to http://{host}:")),
            "{done:#?}"
        );
    }
    for git in gits() {
        let asked = "url=http://dev.azure.com/contoso/app/_git/app\n";
        let done = machine.git_credential(&git, &[], "fill", asked);
        assert_eq!((done.code, done.stdout.as_str()), (128, ""), "{done:#?}");
    }
    // No integration can allow it for the cloud.
    let done = machine.helper(&[
        "integration",
        "add",
        "--host",
        "dev.azure.com",
        "--no-test",
        "--allow-http",
    ]);
    let got = machine.get("protocol=http\nhost=dev.azure.com\n");
    assert_eq!((got.code, got.stdout.as_str()), (1, ""), "{done:#?} {got:#?}");
}

#[test]
fn b20_a_certificate_password_is_not_ours() {
    let machine = Machine::loaded();
    machine.get("protocol=cert\nhost=\npath=/p/c.pem\nusername=\n\n").expect_nothing();
    machine.get("protocol=cert\nhost=dev.azure.com\npath=contoso\n\n").expect_nothing();
}

#[test]
fn b21_other_protocols_are_not_ours() {
    let machine = Machine::loaded();
    machine.get("protocol=smtp\nhost=smtp.office365.com:587\n\n").expect_nothing();
    for protocol in ["smtp", "imaps", "ssh", "git", "ftp", "HTTPS", "https "] {
        machine.get(format!("protocol={protocol}\nhost=dev.azure.com\n\n")).expect_nothing();
    }
}

#[test]
fn b23_names_are_compared_after_one_normalisation() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    let ask = |organization: &str| {
        machine
            .get(format!("protocol=https\nhost=dev.azure.com\npath={organization}/app/_git/app\n"))
    };
    assert_eq!(ask("contoso").password(), pat);
    assert_eq!(ask("CONTOSO").password(), pat);
    ask("contoso2").expect_nothing();
    ask("contos").expect_nothing();
    for name in ["contoso.git", "contoso ", "contoso%20", "cont\u{43e}so", "contoso."] {
        ask(name).expect_quit(1);
    }

    // On a Server any text may be a collection's name, and no two are one.
    machine.add_pat_integration("tfs.corp.example", &[]);
    let server =
        |path: &str| format!("protocol=https\nhost=tfs.corp.example\npath={path}/_git/r\n");
    let names = ["team", "team.git", "Kit", "\u{212a}it", "te am"];
    for (number, name) in names.iter().enumerate() {
        let store = format!("{}username=u\npassword=secret-{number}\n", server(name));
        machine.store(store).expect_nothing();
    }
    for (number, name) in names.iter().enumerate() {
        let got = machine.get(server(name));
        assert_eq!(got.password(), format!("secret-{number}"), "{name}");
    }
    assert_eq!(machine.get(server("TEAM")).password(), "secret-0");
}

#[test]
fn b24_the_path_names_the_organization_not_the_user() {
    let machine = Machine::tokens_only();
    let contoso = machine.new_pat("contoso");
    let asked = "protocol=https\nhost=dev.azure.com\nusername=contoso\npath=fabrikam/p/_git/r\n";
    machine.get(asked).expect_nothing();
    machine.store(format!("{asked}password=for-fabrikam\n")).expect_nothing();
    assert_eq!(
        machine.pat_secrets("https://dev.azure.com"),
        [
            (Some("contoso".to_owned()), contoso),
            (Some("fabrikam".to_owned()), "for-fabrikam".to_owned())
        ]
    );
    assert_eq!(machine.get(asked).password(), "for-fabrikam");

    // A sign-in for one organization stays with it.
    let machine = Machine::configured();
    machine.login(&["https://dev.azure.com/contoso"], standins::ADA).expect_success();
    answer(&machine, CONTOSO_REQUEST);
    for request in [FABRIKAM_REQUEST, asked, "protocol=https\nhost=fabrikam.visualstudio.com\n"] {
        let done = machine.get(request);
        assert_eq!(done.stdout, "", "{done:#?}");
    }
}

#[test]
fn b26_a_decoded_path_keeps_its_query_and_still_names_one_organization() {
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    let ask =
        |path: &str| machine.get(format!("protocol=https\nhost=dev.azure.com\npath={path}\n"));
    for path in ["contoso/My Proj/_git/r?x=1", "contoso/p/_git/r#x", "contoso/p/_git/r?a=/b/c"] {
        assert_eq!(ask(path).password(), pat, "{path}");
    }
    for path in ["contoso?x=1", "contoso?/fabrikam/_git/r", "contoso#/p/_git/r", "?contoso/p"] {
        ask(path).expect_quit(1);
    }
    for path in ["contoso/../fabrikam/_git/r", "fabrikam/../contoso/_git/r", "./contoso/_git/r"] {
        ask(path).expect_quit(1);
    }
}

#[test]
fn b27_a_kept_token_is_for_its_own_organization_whoever_names_the_submodule() {
    let foreign = "protocol=https\nhost=dev.azure.com\npath=attacker-org/p/_git/r\n";
    let machine = Machine::tokens_only();
    let pat = machine.new_pat("contoso");
    machine.get(foreign).expect_nothing();
    machine.get("protocol=https\nhost=attacker-org.visualstudio.com\n").expect_nothing();
    assert_eq!(answer(&machine, CONTOSO_REQUEST).password(), pat);

    // An OAuth token is the tenant's: every organization of the host is offered it, as documented.
    // The personal access token kept beside it is not.
    let machine = Machine::loaded();
    let session = answer(&machine, CONTOSO_REQUEST);
    assert_eq!(answer(&machine, foreign).password(), session.password());
    machine.change_access(|access| access.token = None);
    machine.world.entra().revoke_refresh_tokens(standins::Dead::Inactivity);
    let done = machine.get(foreign);
    assert_eq!((done.code, done.stdout.as_str()), (4, ""), "{done:#?}");
    answer(&machine, CONTOSO_REQUEST);
}
