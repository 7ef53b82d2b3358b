//! The errors of other rooms as outcomes.

use super::table::Outcome;
use crate::azure::sentences;
use crate::broker::RefreshFailure;
use crate::entra::EntraError;
use crate::net::NetError;
use crate::report::Failure;
use crate::vault::{HoldOffKind, VaultError};

pub(super) fn of_entra(error: &EntraError) -> Outcome {
    if error.is_passing() {
        return Outcome::passing(error.to_string(), error.hint());
    }
    Outcome::from(Failure::new(error.to_string()).hint(error.hint()))
}

pub(super) fn of_network(error: &NetError) -> Outcome {
    Outcome::passing(error.to_string(), error.hint())
}

pub(super) fn of_refresh(failure: RefreshFailure) -> Outcome {
    match failure.kind {
        HoldOffKind::ForNow => Outcome::passing(failure.text, failure.hint),
        _ => Outcome::from(Failure::new(failure.text).hint(failure.hint)),
    }
}

pub(super) fn of_vault(error: &VaultError) -> Outcome {
    Outcome::failed(None, error.to_string(), error.hint())
}

/// A page answers that the network has put in the place of an answer.
pub(super) fn of_the_networks_page(name: &str) -> Outcome {
    Outcome::passing(
        format!("in place of {name} a web page answers that is not Azure DevOps' own"),
        format!("check that {}", sentences::NOTHING_IN_ITS_PLACE),
    )
}

/// Something answers in the place of Azure DevOps; `to` is where it leads, if it is a redirect.
pub(super) fn of_something_else(name: &str, to: Option<&str>) -> Outcome {
    let to = to.map_or_else(String::new, |to| format!(", and sends on to {to}"));
    Outcome::passing(
        format!("in place of {name} something answers that is not Azure DevOps{to}"),
        format!("check that {}", sentences::NOTHING_IN_ITS_PLACE),
    )
}
