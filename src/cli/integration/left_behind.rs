//! What is kept for a host and of no use any more now that its integration has changed, with the
//! command that makes an end of it.

use crate::azure::{Scheme, home_url};
use crate::broker::{PatKey, SessionKey, sessions, why_over};
use crate::cli::Room;
use crate::integration::Integration;
use crate::report::Message;
use crate::vault::{Pats, Session};

/// Says what of the client was replaced by something else.
pub(super) fn tell_replaced(old: &Integration, new: &Integration, gave_secret: bool) {
    let (Some(before), Some(after)) = (&old.oauth, &new.oauth) else { return };
    if before.client_id != after.client_id {
        Message::note(format!(
            "the client ID for {} is {} now; it was {}",
            new.host, after.client_id, before.client_id
        ))
        .print();
    }
    if gave_secret && !before.is_public() {
        Message::note(format!("the client secret for {} is replaced", new.host)).print();
    }
}

/// Says which sign-ins are over with an integration as it was before. What cannot be read is told
/// of by `status`.
pub(super) fn tell_sign_ins(old: &Integration, new: &Integration, room: &Room) {
    let sessions = sessions(&room.vault, Some(&new.host.key)).unwrap_or_default();
    let ended = sessions.iter().filter(|session| why_over(session, old).is_none());
    ended.filter_map(|session| over(session, new)).for_each(|message| message.print());
}

/// That a sign-in is over, where it was made with another client or issuer.
fn over(session: &Session, new: &Integration) -> Option<Message> {
    new.oauth.as_ref()?;
    why_over(session, new)?;
    let key = SessionKey { host: new.host.key.clone(), organization: session.organization.clone() };
    let whose = match session.account.as_str() {
        "" => String::new(),
        account => format!(" of {account}"),
    };
    let message = Message::note(format!(
        "the sign-in{whose} was made with the integration as it was before, and is over"
    ));
    Some(message.hint(format!("sign in again: git-credential-ona-azure login https://{key}")))
}

/// Says which personal access tokens stay kept though they are off.
pub(super) fn tell_pats(new: &Integration, room: &Room) {
    unused(new, room).iter().for_each(Message::print);
}

fn unused(new: &Integration, room: &Room) -> Option<Message> {
    let (host, directory) = (&new.host.key, &new.virtual_directory);
    let (mut names, mut commands) = (Vec::new(), Vec::new());
    for scheme in [Scheme::Https, Scheme::Http] {
        let of = PatKey { scheme, host: host.clone() }.to_string();
        let kept = room.vault.read_intact::<Pats>(&of).ok().flatten().unwrap_or_default();
        for pat in kept.pats {
            let organization = pat.organization.as_ref();
            let url = home_url(scheme, &host.place(), directory, organization);
            let command = format!("git-credential-ona-azure logout {url}");
            if !commands.contains(&command) {
                let name = organization.map_or_else(|| host.to_string(), ToString::to_string);
                names.push(name);
                commands.push(command);
            }
        }
    }
    let (tokens, they) = match names.len() {
        0 => return None,
        1 => ("token", "it"),
        _ => ("tokens", "them"),
    };
    let message = Message::note(format!(
        "the personal access {tokens} for {} {} kept, and no longer used",
        names.join(", "),
        if names.len() == 1 { "stays" } else { "stay" }
    ));
    Some(message.hint(format!("to forget {they}: {}", commands.join(" && "))))
}
