//! From nothing to `git clone` in one go.

use crate::common::*;
use crate::given::*;

#[test]
fn from_nothing_to_a_clone_with_a_refresh_token() {
    let (machine, _) = with_refresh_token();
    let config = machine.home().join(".gitconfig");
    let done = machine.bootstrap(&[]);
    done.expect(
        0,
        &format!(
            "dev.azure.com: integration added, sign-in added; {} is signed in\n\
             git: asks this program now ({})\n",
            standins::ADA,
            config.display()
        ),
        "",
    );
    let clone = machine.git(&["clone", "-q", "https://dev.azure.com/contoso/app/_git/app"]);
    assert_eq!(clone, Done::silent());
    // One request for the host; the discovery comes on top.
    assert_eq!(
        machine.asked()[3..5],
        [
            "GET login.microsoftonline.com openid-configuration",
            "POST login.microsoftonline.com refresh_token",
        ]
    );
    assert!(machine.asked()[5..].iter().all(|asked| asked.contains("dev.azure.com")));
}
