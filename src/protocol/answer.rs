//! The answer to `get`: built whole, checked, and written once by the caller.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The answer to the `capability` operation.
pub const CAPABILITIES: &str = "version 0\ncapability authtype\ncapability state\n";

/// What goes to stdout. There is no way to print `protocol`, `host`, `path` or `url`: git would
/// take them for its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: git asks the next helper, or the person.
    Nothing,
    /// `quit=1`: git stops, and asks nobody.
    Quit,
    /// A credential.
    Credential(Credential),
}

/// What git presents to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The name and secret, or the header.
    pub login: Login,
    /// When the secret stops working, seconds since the epoch.
    pub password_expiry_utc: Option<u64>,
    /// A refresh token that came in through `store`; never one of a session.
    pub oauth_refresh_token: Option<Secret>,
    /// What git is to give back with `store` and `erase`; only where it announced `state`.
    pub state: Option<&'static str>,
}

/// The two forms of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// `username` and `password`.
    Password {
        /// The name, possibly empty.
        username: Vec<u8>,
        /// The password or token.
        password: Secret,
    },
    /// `authtype` and `credential`: only where the caller announced `authtype`.
    Header {
        /// The scheme, for example `Bearer`.
        authtype: Vec<u8>,
        /// What follows it.
        credential: Secret,
        /// The name kept with it, if any.
        username: Option<Vec<u8>>,
    },
}

/// A value that would break out of its line. Nothing is printed then.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the credential kept for this host cannot be passed to git: its {0} has a line break or a NUL"
)]
pub struct Unprintable(&'static str);

impl Answer {
    /// The bytes for stdout.
    ///
    /// # Errors
    /// [`Unprintable`] if a value holds LF, CR or NUL.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Unprintable> {
        // Large enough for any token, so that no copy is left behind by a growing buffer.
        let mut out = Zeroizing::new(Vec::with_capacity(16 * 1024));
        match self {
            Self::Nothing => {}
            Self::Quit => out.extend_from_slice(b"quit=1\n"),
            Self::Credential(credential) => credential.encode(&mut out)?,
        }
        Ok(out)
    }
}

impl Credential {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unprintable> {
        // A capability must come before what depends on it, or git drops that silently.
        if matches!(self.login, Login::Header { .. }) {
            line(out, "capability[]", b"authtype")?;
        }
        if self.state.is_some() {
            line(out, "capability[]", b"state")?;
        }
        match &self.login {
            Login::Password { username, password } => {
                line(out, "username", username)?;
                line(out, "password", password.expose())?;
            }
            Login::Header { authtype, credential, username } => {
                line(out, "authtype", authtype)?;
                line(out, "credential", credential.expose())?;
                if let Some(username) = username {
                    line(out, "username", username)?;
                }
            }
        }
        // git reads 0 as "never", so a date is printed only if it is one.
        if let Some(expiry) = self.password_expiry_utc.filter(|&expiry| expiry > 0) {
            line(out, "password_expiry_utc", expiry.to_string().as_bytes())?;
        }
        if let Some(token) = &self.oauth_refresh_token {
            line(out, "oauth_refresh_token", token.expose())?;
        }
        if let Some(state) = self.state {
            line(out, "state[]", state.as_bytes())?;
        }
        Ok(())
    }
}

fn line(out: &mut Vec<u8>, key: &'static str, value: &[u8]) -> Result<(), Unprintable> {
    if value.iter().any(|byte| b"\n\r\0".contains(byte)) {
        return Err(Unprintable(key));
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(secret: &str) -> Credential {
        Credential {
            login: Login::Password { username: b"ada".to_vec(), password: secret.into() },
            password_expiry_utc: Some(17),
            oauth_refresh_token: None,
            state: None,
        }
    }

    fn text(answer: &Answer) -> String {
        String::from_utf8_lossy(&answer.encode().expect("printable")).into_owned()
    }

    #[test]
    fn an_answer_is_written_as_git_reads_it() {
        assert_eq!(text(&Answer::Nothing), "");
        assert_eq!(text(&Answer::Quit), "quit=1\n");
        assert_eq!(
            text(&Answer::Credential(password("s"))),
            "username=ada\npassword=s\npassword_expiry_utc=17\n"
        );
        let header = Credential {
            login: Login::Header {
                authtype: b"Bearer".to_vec(),
                credential: "s".into(),
                username: None,
            },
            password_expiry_utc: Some(0),
            oauth_refresh_token: Some("r".into()),
            state: Some("ona-azure:oauth"),
        };
        assert_eq!(
            text(&Answer::Credential(header)),
            "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=s\n\
             oauth_refresh_token=r\nstate[]=ona-azure:oauth\n"
        );
    }

    #[test]
    fn a_line_break_in_a_secret_is_refused_not_printed() {
        for secret in ["a\nhost=evil", "a\r", "a\0b"] {
            assert!(Answer::Credential(password(secret)).encode().is_err());
        }
    }
}
