//! Personal access tokens: which one serves a request, and how a new one joins the others.

use crate::azure::{Organization, Place};
use crate::integration::HostKey;
use crate::protocol::Capabilities;
use crate::trace;
use crate::vault::{Pat, PatLogin, Pats, Vault, VaultError};

use super::subject::PatKey;

/// How many tokens of addresses are kept for a host: the oldest go first.
const PASSED_THROUGH_MAX: usize = 16;

/// What there is for a request.
pub(super) struct Choice<'p> {
    /// One that can be handed out.
    pub(super) usable: Option<&'p Pat>,
    /// One that could have been, but is past its expiry.
    pub(super) ran_out: Option<&'p Pat>,
}

/// Whether a token is for that organization: its own, or a whole Server.
pub(super) fn serves(pat: &Pat, organization: Option<&Organization>) -> bool {
    pat.organization.as_ref().is_none_or(|own| Some(own) == organization)
}

/// Whether a token is for the user asked for. Azure DevOps Services takes any name with a token; a
/// Server's users are told apart, if they were named. One that git only passed through from an
/// address is for the user of that address.
fn answers_for(pat: &Pat, place: &Place, name: Option<&[u8]>) -> bool {
    if pat.passed_through {
        return name.is_some_and(|name| pat.username.as_deref() == Some(name));
    }
    place.is_cloud() || name.is_none_or(|name| pat.server_name() == name || pat.is_nameless())
}

/// Chooses: the organization's own before a whole Server's, the newest first.
pub(super) fn choose<'p>(
    kept: &'p [Pat],
    place: &Place,
    organization: Option<&Organization>,
    name: Option<&[u8]>,
    capabilities: Capabilities,
    now: u64,
) -> Choice<'p> {
    // From the newest on: the sort below leaves those of the same second in this order.
    let mut candidates: Vec<&Pat> = kept
        .iter()
        .rev()
        .filter(|pat| serves(pat, organization))
        .filter(|pat| match &pat.login {
            PatLogin::Password(_) => true,
            PatLogin::Header { .. } => capabilities.authtype,
        })
        .filter(|pat| answers_for(pat, place, name))
        .collect();
    candidates.sort_by_key(|pat| {
        let exact = name.is_some_and(|name| pat.username.as_deref() == Some(name));
        std::cmp::Reverse((exact, pat.organization.is_some(), pat.kept_at))
    });
    let (usable, ran_out): (Vec<&Pat>, Vec<&Pat>) =
        candidates.into_iter().partition(|pat| pat.expires_at.is_none_or(|at| at > now));
    Choice { usable: usable.first().copied(), ran_out: ran_out.first().copied() }
}

/// The tokens with `new` among them; `None` if that changes nothing.
pub(super) fn join(mut all: Pats, mut new: Pat, host: &HostKey) -> Option<Pats> {
    // What was given takes the place of the same secret that was only passed through.
    if !new.passed_through {
        all.pats.retain(|old| !old.passed_through || old.login != new.login);
    } else if all.pats.iter().any(|old| !old.passed_through && old.login == new.login) {
        return None;
    }
    let same_key = |old: &Pat| match host {
        _ if old.passed_through != new.passed_through => false,
        HostKey::Cloud if new.passed_through => {
            old.organization == new.organization && old.username == new.username
        }
        HostKey::Cloud => old.organization == new.organization,
        HostKey::Server(_) => {
            old.organization == new.organization && old.server_name() == new.server_name()
        }
    };
    // git stores what a whole Server's token was used for as one collection's.
    let same_token = |old: &Pat| {
        let of_server = matches!(host, HostKey::Server(_)) && old.organization.is_none();
        of_server && old.login == new.login && old.server_name() == new.server_name()
    };
    let at = all.pats.iter().position(same_key);
    if at.is_none() && all.pats.iter().any(same_token) {
        return None;
    }
    if let Some(old) = at.map(|at| &all.pats[at])
        && old.login == new.login
    {
        // git tells what it knows: what it leaves out is not thereby gone.
        new.expires_at = new.expires_at.or(old.expires_at);
        new.oauth_refresh_token =
            new.oauth_refresh_token.or_else(|| old.oauth_refresh_token.clone());
        if new.expires_at == old.expires_at && new.oauth_refresh_token == old.oauth_refresh_token {
            return None;
        }
    }
    if let Some(at) = at {
        all.pats.remove(at);
    }
    all.pats.push(new);
    let passed_through = all.pats.iter().filter(|pat| pat.passed_through).count();
    let mut too_many = passed_through.saturating_sub(PASSED_THROUGH_MAX);
    all.pats.retain(|pat| {
        let goes = pat.passed_through && too_many > 0;
        too_many -= usize::from(goes);
        !goes
    });
    Some(all)
}

/// Keeps a token.
///
/// # Errors
/// If the vault cannot be read or written.
pub fn keep(vault: &Vault, key: &PatKey, pat: Pat) -> Result<(), VaultError> {
    let of = key.to_string();
    let tell = |kept: bool| {
        trace::event("kept", |words| {
            let of = pat.organization.as_ref().map_or("all", |organization| organization.as_str());
            let words = words.with("key", key).with("for", of).flag("is_new", kept);
            words.secret("secret", pat.login.secret())
        });
    };
    // Most often nothing changes (git stores what it was just given), and then nothing is
    // written and no lock is taken.
    let changed = vault.update(&of, |kept: &mut Option<Pats>| {
        let joined = join(kept.clone().unwrap_or_default(), pat.clone(), &key.host);
        joined.map(|pats| *kept = Some(pats)).is_some()
    })?;
    tell(changed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Authority;
    use crate::azure::Scheme;

    fn pat(
        organization: Option<&str>,
        username: &str,
        password: &str,
        expires_at: Option<u64>,
    ) -> Pat {
        Pat {
            organization: organization.and_then(Organization::collection),
            username: Some(username.as_bytes().to_vec()),
            login: PatLogin::Password(password.into()),
            expires_at,
            oauth_refresh_token: None,
            kept_at: 1,
            passed_through: false,
            empty_name: false,
        }
    }

    fn server() -> HostKey {
        HostKey::Server(Authority::parse(Scheme::Https, b"tfs.corp.example").expect("a host"))
    }

    fn passwords(pats: &Pats) -> Vec<&str> {
        pats.pats
            .iter()
            .map(|pat| match &pat.login {
                PatLogin::Password(password) => password.expose_str().expect("text"),
                PatLogin::Header { .. } => "header",
            })
            .collect()
    }

    #[test]
    fn one_token_an_organization_in_the_cloud_one_a_user_on_a_server() {
        let all = Pats { pats: vec![pat(Some("contoso"), "ada", "a", None)] };
        let other_user = pat(Some("contoso"), "grace", "b", None);
        let joined = join(all.clone(), other_user.clone(), &HostKey::Cloud).expect("changed");
        assert_eq!(passwords(&joined), ["b"]);
        let joined = join(all, other_user, &server()).expect("changed");
        assert_eq!(passwords(&joined), ["a", "b"]);
    }

    #[test]
    fn what_git_passed_through_displaces_nothing_and_answers_for_its_own_user() {
        let given = pat(Some("contoso"), "pat", "given", Some(9));
        let passed = |password: &str| Pat {
            passed_through: true,
            kept_at: 5,
            ..pat(Some("contoso"), "bot", password, None)
        };
        for host in [HostKey::Cloud, server()] {
            let place = host.place();
            let all = Pats { pats: vec![given.clone()] };
            let all = join(all, passed("old"), &host).expect("changed");
            let all = join(all, passed("new"), &host).expect("changed");
            assert_eq!(passwords(&all), ["given", "new"]);
            assert_eq!(all.pats[0], given);
            let organization = given.organization.as_ref();
            let chosen = |name: Option<&[u8]>| {
                let choice =
                    choose(&all.pats, &place, organization, name, Capabilities::default(), 1);
                choice.usable.cloned()
            };
            assert_eq!(chosen(None), Some(given.clone()));
            assert_eq!(chosen(Some(b"somebody")), Some(given.clone()));
            assert_eq!(chosen(Some(b"bot")), Some(passed("new")));
            // The given one passed through as well, and the other way round.
            assert!(join(all.clone(), passed("given"), &host).is_none());
            let now_given = Pat { passed_through: false, ..passed("new") };
            let all = join(all, now_given, &host).expect("changed");
            assert!(all.pats.iter().all(|pat| !pat.passed_through), "{all:?}");
        }
        let mut all = Pats::default();
        for number in 0..40 {
            let username = Some(format!("bot-{number}").into_bytes());
            let of = Pat { username, ..passed(&number.to_string()) };
            all = join(all, of, &HostKey::Cloud).expect("changed");
        }
        assert_eq!(all.pats.len(), PASSED_THROUGH_MAX);
        assert_eq!(passwords(&all).last(), Some(&"39"));
    }

    #[test]
    fn of_two_kept_in_the_same_second_the_later_one_is_given() {
        let kept = [pat(None, "ada", "a", None), pat(None, "grace", "b", None)];
        let place = Place::of(Scheme::Https, b"tfs.corp.example").expect("a host");
        let choice = choose(&kept, &place, None, None, Capabilities::default(), 1);
        assert_eq!(choice.usable, Some(&kept[1]));
    }

    #[test]
    fn what_git_gives_back_unchanged_changes_nothing() {
        let all = Pats { pats: vec![pat(Some("contoso"), "ada", "a", Some(9))] };
        assert!(join(all.clone(), pat(Some("contoso"), "ada", "a", Some(9)), &server()).is_none());
        assert!(join(all.clone(), pat(Some("contoso"), "ada", "a", None), &server()).is_none());
        assert!(join(all.clone(), pat(Some("contoso"), "x", "a", None), &HostKey::Cloud).is_none());
        let later = join(all, pat(Some("contoso"), "ada", "a", Some(10)), &server());
        assert_eq!(later.expect("changed").pats[0].expires_at, Some(10));
    }
}
