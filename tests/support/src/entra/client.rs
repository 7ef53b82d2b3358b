//! Client authentication: by form or by header, and only where it belongs.
use super::apps::App;
use super::authorize::get;
use super::errors::Refusal;
use crate::http::{self, Ask};
use crate::log::Log;

/// How the client named and proved itself.
pub(crate) struct Presented {
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
}

impl Presented {
    pub(crate) fn read(ask: &Ask, form: &[(String, String)], log: &Log) -> Result<Self, Refusal> {
        let in_form = get(form, "client_id").map(str::to_owned);
        let secret = get(form, "client_secret").map(str::to_owned);
        let Some((user, password)) = ask.basic() else {
            let client_id = in_form.ok_or_else(|| Refusal::missing("client_id"))?;
            return Ok(Self { client_id, secret });
        };
        let plain = |text: &str| http::decode(&text.replace('+', " "));
        let (user, password) = (plain(&user), plain(&password));
        log.secret(&password);
        if secret.is_some() || in_form.is_some_and(|id| !id.eq_ignore_ascii_case(&user)) {
            let words = "The request carries client credentials in its header and in its body.";
            return Err(Refusal::new(400, "invalid_request", 90023, words));
        }
        Ok(Self { client_id: user, secret: Some(password) })
    }

    /// A confidential client must send a good secret, a public one must send none.
    pub(crate) fn check(&self, app: &App, confidential: bool) -> Result<(), Refusal> {
        let id = &app.client_id;
        match (&self.secret, confidential) {
            (None, false) => Ok(()),
            (None, true) => Err(client(
                7_000_218,
                "The request body must contain the following parameter: 'client_assertion' or \
                 'client_secret'."
                    .to_owned(),
            )),
            (Some(_), false) => Err(client(
                700_025,
                format!(
                    "Client is public so neither 'client_assertion' nor 'client_secret' should be \
                     presented. Application '{id}'(Ona)."
                ),
            )),
            (Some(secret), true) => match app.secrets.iter().find(|(value, _)| value == secret) {
                Some((_, false)) => Ok(()),
                Some((_, true)) => Err(client(
                    7_000_222,
                    format!(
                        "The provided client secret keys for app '{id}' are expired. Visit the \
                         Azure portal to create new keys for your app: \
                         https://aka.ms/NewClientSecret, or consider using certificate \
                         credentials for added security: https://aka.ms/certCreds."
                    ),
                )),
                None => Err(client(
                    7_000_215,
                    format!(
                        "Invalid client secret provided. Ensure the secret being sent in the \
                         request is the client secret value, not the client secret ID, for a \
                         secret added to app '{id}'."
                    ),
                )),
            },
        }
    }
}

fn client(code: u32, words: String) -> Refusal {
    Refusal::new(401, "invalid_client", code, words)
}
