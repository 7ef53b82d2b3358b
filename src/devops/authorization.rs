//! The `Authorization` header with which a secret is sent to Azure DevOps.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oauth2::http::HeaderValue;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A value of the header, and the secret in it.
pub struct Authorization {
    value: Zeroizing<String>,
    /// What follows the scheme.
    parameters: std::ops::RangeFrom<usize>,
    secret: Secret,
}

impl Authorization {
    /// `Basic`, as git sends a user name and a password (RFC 7617 section 2).
    pub fn basic(username: &[u8], password: &Secret) -> Self {
        // Room for all of it at once, so that growing leaves no copy behind.
        let mut joined =
            Zeroizing::new(Vec::with_capacity(username.len() + 1 + password.expose().len()));
        joined.extend_from_slice(username);
        joined.push(b':');
        joined.extend_from_slice(password.expose());
        let encoded = Zeroizing::new(STANDARD.encode(&*joined));
        Self::of("Basic", &encoded, password)
    }

    /// A header that git is given whole: a scheme and its parameters (`authtype`, `credential`).
    /// `None` if they cannot stand in a header.
    pub fn header_of(authtype: &[u8], credential: &Secret) -> Option<Self> {
        let scheme = std::str::from_utf8(authtype).ok()?;
        let this = Self::of(scheme, credential.expose_str()?, credential);
        HeaderValue::from_str(&this.value).is_ok().then_some(this)
    }

    fn of(scheme: &str, parameters: &str, secret: &Secret) -> Self {
        let mut value = Zeroizing::new(String::with_capacity(scheme.len() + 1 + parameters.len()));
        value.push_str(scheme);
        value.push(' ');
        value.push_str(parameters);
        Self { value, parameters: scheme.len() + 1.., secret: secret.clone() }
    }

    /// Marked as sensitive, so that no log shows it. The HTTP library's own copy is not wiped.
    pub fn header(&self) -> HeaderValue {
        let mut header = HeaderValue::from_str(&self.value).expect("it was seen to be one");
        header.set_sensitive(true);
        header
    }

    /// What an answer must not be shown to repeat.
    pub fn secrets(&self) -> [&str; 2] {
        [self.secret.expose_str().unwrap_or_default(), &self.value[self.parameters.clone()]]
    }
}
