//! What came of trying a token, in words for whoever tried it.

use super::{Later, Reason, Trial};
use crate::azure::{Organization, Place, SCOPE_TO_TICK, explain_service, sentences};
use crate::devops::busy::Busy;
use crate::devops::door::Door;
use crate::devops::site::{Site, no_server_at};
use crate::net::NetError;
use crate::report::{Exit, Failure};

/// Who tries a token: the way out of what is wrong with it is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Somebody who gives one to `login`.
    Login,
    /// A script, which hands one over: nobody is there to run commands.
    Bootstrap,
    /// Somebody who wants to know whether the one that is kept works.
    Doctor,
}

impl Asker {
    /// The flag that keeps a token untried.
    fn untried(self) -> Option<&'static str> {
        match self {
            Self::Login => Some("--no-test"),
            Self::Bootstrap => Some("--offline"),
            Self::Doctor => None,
        }
    }

    /// `, or add --no-test to keep the token untried`.
    fn or_untried(self) -> String {
        let keep = |flag| format!(", or add {flag} to keep the token untried");
        self.untried().map_or_else(String::new, keep)
    }

    /// Where a command that gives the token follows, with what goes before it.
    fn then(self, site: Site<'_>) -> String {
        match self {
            Self::Login => format!(": {}", site.login_command()),
            Self::Bootstrap | Self::Doctor => String::new(),
        }
    }

    /// Make a new one and give it.
    fn anew(self, site: Site<'_>, page: &str) -> String {
        let make = format!("make a new one ({SCOPE_TO_TICK}) at {page}");
        match self {
            Self::Login | Self::Doctor => {
                format!("{make} and give it to: {}", site.login_command())
            }
            Self::Bootstrap => format!("{make} and hand that over"),
        }
    }
}

impl Trial {
    /// What is wrong with that, if something is, and what to do. `page` is where tokens are made
    /// ([`token_page_url`](crate::azure::token_page_url)).
    pub fn failure(&self, site: Site<'_>, page: &str, asker: Asker) -> Option<Failure> {
        let name = site.name();
        let anew = asker.anew(site, page);
        let quote = |said: &Option<String>| match said {
            Some(said) => format!(" ({said})"),
            None => String::new(),
        };
        let failure = match self {
            Self::Works { .. } => return None,
            Self::Refused { reason: Reason::Expired, .. } => {
                Failure::new(sentences::pat_ran_out(&name)).hint(anew).exit(Exit::SignIn)
            }
            Self::Refused { reason: Reason::Policy, said } => Failure::new(format!(
                "a conditional access policy does not let the personal access token into {name} from here{}",
                quote(said)
            ))
            .hint(format!(
                "ask the tenant's administrator which networks and devices it allows, and {}",
                match asker {
                    Asker::Login => format!("from one of them: {}", site.login_command()),
                    Asker::Bootstrap => "bootstrap from one of them".to_owned(),
                    Asker::Doctor => "use git from one of them".to_owned(),
                }
            ))
            .exit(Exit::SignIn),
            Self::Refused { reason: Reason::Forbidden, said } => forbidden(said.as_deref(), &name),
            Self::Refused { reason: Reason::WebServer, said } => {
                Door::WebServer.failure(&name, &site.home_url(), &quote(said))
            }
            Self::Refused { reason: Reason::NotAccepted, said } => {
                let what = match site.organization {
                    None if !site.place.is_cloud() => "good for one collection only",
                    // "Retirement of global personal access tokens in Azure DevOps"
                    _ if site.place.is_cloud() => {
                        "made for another organization, or for all accessible organizations (such tokens end on 2026-12-01)"
                    }
                    _ => "made for another collection",
                };
                Failure::new(format!("{name} does not accept the personal access token{}", quote(said)))
                    .hint(format!("it may be copied in part, revoked, or {what}; {anew}"))
                    .exit(Exit::SignIn)
            }
            Self::LacksScope { said } => Failure::new(format!(
                "{name} accepts the personal access token, but not for source code{}",
                quote(said)
            ))
            .hint(format!("{}; {anew}", sentences::LACKS_CODE))
            .exit(Exit::SignIn),
            Self::NoSuchPlace { by_azure } => no_such_place(site, *by_azure, asker),
            Self::NoBasic => Door::NoBasic.failure(&name, &site.home_url(), ""),
            Self::Moved { to } => Failure::new(format!(
                "{name} answers with a redirect to {to}, where no token is sent"
            ))
            .hint(format!(
                "open {} in a browser, and use the address it ends at{}",
                site.home_url(),
                match asker {
                    Asker::Bootstrap => "",
                    Asker::Login | Asker::Doctor => ": git-credential-ona-azure login URL --pat",
                }
            )),
            Self::Unclear { status } => Failure::new(format!(
                "{name} answers with HTTP status {status}, which says nothing about the personal access token"
            ))
            .hint(format!(
                "check the address, and that {}{}{}",
                sentences::NOTHING_IN_ITS_PLACE,
                asker.or_untried(),
                asker.then(site)
            )),
            Self::Later(Later::Network(error)) => unreachable(error, asker),
            Self::Later(Later::Busy(busy)) => later(busy, site, asker),
        };
        Some(failure)
    }
}

/// A policy is against such tokens; which, its name says.
fn forbidden(said: Option<&str>, name: &str) -> Failure {
    let row = said.and_then(explain_service);
    let cause = row.map_or("a policy forbids such personal access tokens", |row| row.cause);
    let fix = row.map_or("ask the organization's administrator", |row| row.fix);
    Failure::new(format!("{name} does not accept the personal access token: {cause}"))
        .hint(fix)
        .exit(Exit::SignIn)
}

fn unreachable(error: &NetError, asker: Asker) -> Failure {
    let untried = asker
        .untried()
        .map_or_else(String::new, |flag| format!(" (or add {flag} to keep the token untried)"));
    Failure::new(error.to_string())
        .hint(format!("{}{untried}", error.hint()))
        .exit(Exit::Unavailable)
}

fn later(busy: &Busy, site: Site<'_>, asker: Asker) -> Failure {
    let name = site.name();
    let what = match busy.status {
        _ if busy.offline => format!("{name} is offline for now, and"),
        429 => format!("{name} has had too many requests, and"),
        _ => name,
    };
    Failure::new(format!(
        "{what} cannot try the personal access token now (HTTP status {})",
        busy.status
    ))
    .hint(format!("try again {}{}{}", busy.when(), asker.or_untried(), asker.then(site)))
    .exit(Exit::Unavailable)
}

fn no_such_place(site: Site<'_>, by_azure: bool, asker: Asker) -> Failure {
    let missing = |kind: &str, name: &Organization, host: &str, above: &str| {
        let then = match asker {
            Asker::Bootstrap => String::new(),
            Asker::Login | Asker::Doctor => {
                format!(
                    ", then: git-credential-ona-azure login {above}/{} --pat",
                    kind.to_uppercase()
                )
            }
        };
        Failure::new(format!("there is no {kind} {name} at {host}"))
            .hint(format!("check the name in the address of its repositories{then}"))
    };
    let above = Site { organization: None, ..site };
    match (site.place, site.organization) {
        (Place::VisualStudio { organization }, _) | (Place::DevAzure, Some(organization)) => {
            let host = Place::DevAzure;
            missing("organization", organization, &host.to_string(), &format!("https://{host}"))
        }
        (Place::DevAzure, None) => {
            Failure::new("a personal access token is for one organization, and none is named").hint(
                match asker {
                    Asker::Bootstrap => "hand it over with its organization",
                    Asker::Login | Asker::Doctor => {
                        "git-credential-ona-azure login https://dev.azure.com/ORGANIZATION --pat"
                    }
                },
            )
        }
        (Place::Other(_), Some(collection)) if by_azure => {
            missing("collection", collection, &above.name(), &above.home_url())
        }
        (Place::Other(authority), Some(_)) => {
            Failure::new(format!("nothing of Azure DevOps is at {}", site.name())).hint(format!(
                "compare it with the address in a browser; what that has between host and collection (/ if nothing) \
                 belongs here: git-credential-ona-azure integration add --host {authority} --virtual-directory /tfs"
            ))
        }
        (Place::Other(authority), None) => no_server_at(authority, site.virtual_directory),
    }
}
