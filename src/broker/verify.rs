//! Asks Azure DevOps about a secret that is kept here, before what git says of it is believed.

use std::time::Duration;

use super::subject::Subject;
use crate::azure::{Organization, repository_url};
use crate::clock;
use crate::devops::{Acceptance, Authorization, Site, ask_of_secret};
use crate::integration::Integration;
use crate::net::Send;
use crate::secret::{Digest, Secret};
use crate::trace;
use crate::vault::{Check, Checks, Vault, acquire};

/// `erase`: git may report the same secret many times at once, as for every submodule.
pub(super) const AT_ERASE: Duration = Duration::from_secs(10);

/// `get`: a refusal that lasts must not cost every git command a request.
pub(super) const AT_GET: Duration = Duration::from_secs(30);

/// Longer than one question takes: whoever waits for another process gets its answer.
const WAIT: Duration = Duration::from_secs(6);

/// No answer is used that is older.
const KEPT: Duration = Duration::from_secs(60);

/// Where git wanted to use a secret.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Protocol and host.
    pub subject: &'a Subject,
    /// The integration, for the virtual directory.
    pub integration: &'a Integration,
    /// The organization or collection, if it is known.
    pub organization: Option<&'a Organization>,
    /// The path git asked for, if it said one.
    pub path: Option<&'a [u8]>,
}

impl Question<'_> {
    fn site(&self) -> Site<'_> {
        Site {
            scheme: self.subject.scheme,
            place: &self.subject.place,
            virtual_directory: &self.integration.virtual_directory,
            organization: self.organization,
        }
    }

    /// One secret may be good for one organization and not for another.
    fn key(&self, secret: &Secret) -> Digest {
        let home = self.site().home_url();
        Secret::new([secret.expose(), b"\0", home.as_bytes()].concat()).digest()
    }
}

/// What the service says of a secret. Another process's answer is used if it is younger than
/// `young`; whoever asks meanwhile is waited for. Asks in any case if `young` is zero.
///
/// Nothing here fails: where the vault cannot be written, the worst is a request too many.
pub(super) fn verify(
    question: Question<'_>,
    authorization: &Authorization,
    secret: &Secret,
    young: Duration,
    vault: &Vault,
    network: &dyn Send,
) -> Acceptance {
    let key = question.key(secret);
    // A few lock files for all secrets: lock files are never deleted.
    let name = format!("verify-{}.lock", &key.to_string()[..1]);
    let _lock = acquire(&vault.dir().join(name), WAIT).ok();
    let now = clock::now_ms();
    let known = vault.read::<Checks>("all").ok().flatten().unwrap_or_default();
    let recent = known.checks.into_iter().find(|check| {
        check.of == key && check.at_ms <= now && u128::from(now - check.at_ms) < young.as_millis()
    });
    let asked = recent.is_none();
    let acceptance = recent.map_or_else(
        || {
            let repository = question.path.and_then(|path| {
                repository_url(question.subject.scheme, &question.subject.place, path)
            });
            ask_of_secret(network, question.site(), repository.as_deref(), authorization)
        },
        |check| check.acceptance,
    );
    trace::event("verify", |words| {
        let words = words.with("at", question.site().home_url()).secret("secret", secret);
        words.flag("asked", asked).with("acceptance", format!("{acceptance:?}"))
    });
    if asked {
        let at_ms = clock::now_ms();
        let _ = vault.update("all", |kept: &mut Option<Checks>| {
            let checks = &mut kept.get_or_insert_default().checks;
            checks.retain(|check| {
                check.of != key
                    && check.at_ms <= at_ms
                    && u128::from(at_ms - check.at_ms) < KEPT.as_millis()
            });
            checks.push(Check { of: key, at_ms, acceptance: acceptance.clone() });
        });
    }
    acceptance
}
