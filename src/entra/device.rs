//! Device codes (RFC 8628): one asked for, and asked about until somebody has entered it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use oauth2::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponse, EmptyExtraDeviceAuthorizationFields,
    HttpRequest, HttpResponse, Scope, StandardDeviceAuthorizationResponse,
};
use serde_json::Value;
use url::Url;

use super::discovery::Endpoints;
use super::error::EntraError;
use super::scopes;
use super::token::{App, Grant, client, exchange, http_response};
use crate::net::{NetError, Send};
use crate::trace::{self, Fingerprint};

/// Between two polls where the answer says nothing that makes sense (RFC 8628 section 3.2), in
/// seconds.
const USUAL_INTERVAL: u64 = 5;

/// The longest interval believed, in seconds.
const LONGEST_INTERVAL: u64 = 60;

/// The lifetimes of a code believed, in seconds; Entra's is 900.
const LIFETIMES: (u64, u64) = (60, 3600);

/// What every `slow_down` adds for good, in seconds (RFC 8628 section 3.5).
const SLOWER: u64 = 5;

/// A device code under way.
pub struct Device {
    /// What the person enters, as it came.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// How long the code is good.
    pub lifetime: Duration,
    /// How often to ask.
    pub pace: Pace,
    details: StandardDeviceAuthorizationResponse,
}

/// How a poll ended.
#[derive(Debug)]
pub enum Polled {
    /// With tokens.
    Granted(Box<Grant>),
    /// Nobody has entered the code yet.
    Pending,
    /// The same, and to be asked less often.
    SlowDown,
    /// Network or service in trouble: to be tried again later.
    Trouble(EntraError),
    /// For good.
    Over(EntraError),
}

/// How long to wait between polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    interval: u64,
    troubles: u32,
    /// What the service has asked for (`Retry-After`).
    asked: u64,
}

impl Pace {
    /// Begins with an interval in seconds.
    pub fn new(interval: u64) -> Self {
        Self { interval, troubles: 0, asked: 0 }
    }

    /// What a poll means for the next one (RFC 8628 section 3.5): `slow_down` counts for good,
    /// trouble doubles the wait until it is over.
    pub fn after(&mut self, polled: &Polled) {
        self.asked = match polled {
            Polled::Trouble(EntraError::Refused(refusal)) if refusal.told_to_wait => {
                refusal.retry_after.unwrap_or(0)
            }
            _ => 0,
        };
        self.troubles = match polled {
            Polled::Trouble(_) => self.troubles + 1,
            _ => 0,
        };
        if matches!(polled, Polled::SlowDown) {
            self.interval = self.interval.saturating_add(SLOWER);
        }
    }

    /// How long to wait before the next poll.
    pub fn wait(&self) -> Duration {
        let longest = LONGEST_INTERVAL.max(self.interval);
        let factor = 1_u64.checked_shl(self.troubles).unwrap_or(u64::MAX);
        Duration::from_secs(self.interval.saturating_mul(factor).min(longest).max(self.asked))
    }
}

/// Asks for a device code at the issuer's address for that, for a session without a secret.
///
/// # Errors
/// See [`EntraError`].
pub fn ask(
    url: &Url,
    endpoints: &Endpoints,
    client_id: &str,
    network: &dyn Send,
) -> Result<Device, EntraError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let unusable = |what: &str| EntraError::Unusable(format!("{host} answered with {what}"));
    let refused = RefCell::new(None);
    let send = |request: HttpRequest| -> Result<HttpResponse, NetError> {
        let mut reply = network.send(request)?;
        if reply.status != 200 {
            refused.replace(Some(EntraError::refused(&host, &reply)));
        } else if let Ok(mut answer) = serde_json::from_slice::<Value>(&reply.body) {
            make_sense_of_times(&mut answer);
            *reply.body = answer.to_string().into_bytes();
        }
        Ok(http_response(&reply))
    };
    let app = App { client_id, secret: None };
    let answer = client(endpoints, app, None)
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(url.clone()))
        .exchange_device_code()
        .add_scopes(scopes::asked().map(Scope::new))
        .request::<_, EmptyExtraDeviceAuthorizationFields>(&send);
    let details = match (answer, refused.take()) {
        (Err(oauth2::RequestTokenError::Request(error)), _) => return Err(error.into()),
        (_, Some(refused)) => return Err(refused),
        (Err(_), None) => return Err(unusable("something else")),
        (Ok(details), None) => details,
    };
    let verification_uri = Url::parse(details.verification_uri())
        .ok()
        .filter(|url| url.scheme() == "https" || super::issuer::is_loopback(url))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| unusable("no address that a device code could be entered at"))?;
    if !is_a_place_for_codes(&verification_uri, &host) {
        let elsewhere = verification_uri.host_str().unwrap_or_default();
        return Err(EntraError::Unusable(format!(
            "{host} sends the person to {elsewhere} with the code, which is neither its own host nor a page of \
             Microsoft's for device codes, so nothing is shown"
        )));
    }
    let user_code = details.user_code().secret().clone();
    if user_code.is_empty() || user_code.len() > 64 {
        return Err(unusable("a code that nobody could enter"));
    }
    trace::event("device", |words| {
        let code = details.device_code().secret().as_bytes();
        words
            .with("device_code", Fingerprint::of_bytes(code))
            .with("at", verification_uri.host_str().unwrap_or_default())
            .with("good_for", details.expires_in().as_secs())
            .with("asked_every", details.interval().as_secs())
    });
    Ok(Device {
        user_code,
        verification_uri,
        lifetime: details.expires_in(),
        pace: Pace::new(details.interval().as_secs()),
        details,
    })
}

/// Whether a person may be sent to an address with a code: the issuer's own host, or Microsoft's pages
/// for device codes (`microsoft.com/devicelogin`, `login.microsoft.com/device`, `aka.ms/devicelogin`).
fn is_a_place_for_codes(url: &Url, issuer_host: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    let of_microsoft = matches!(host, "microsoft.com" | "www.microsoft.com" | "aka.ms");
    host.eq_ignore_ascii_case(issuer_host)
        || (super::issuer::is_login_host(issuer_host)
            && (of_microsoft || super::issuer::is_login_host(host)))
}

/// Asks once whether the code was entered.
pub fn poll(endpoints: &Endpoints, client_id: &str, device: &Device, network: &dyn Send) -> Polled {
    let client = client(endpoints, App { client_id, secret: None }, None);
    let asked = Cell::new(false);
    let failed = RefCell::new(None);
    let granted = exchange::<DeviceCodeErrorResponse>(network, |send| {
        // The crate polls in a loop, at a pace that never recovers from trouble. So its second
        // request ends it here.
        let once = |request: HttpRequest| {
            if asked.replace(true) {
                return Ok(the_end());
            }
            send(request).inspect_err(|error| {
                failed.replace(Some(error.clone()));
            })
        };
        client.exchange_device_access_token(&device.details).request(&once, |_| (), None)
    });
    if let Some(error) = failed.take() {
        return Polled::Trouble(error.into());
    }
    match granted {
        Ok(grant) => Polled::Granted(Box::new(grant)),
        Err(EntraError::Refused(refusal)) if refusal.error == "authorization_pending" => {
            Polled::Pending
        }
        Err(EntraError::Refused(refusal)) if refusal.error == "slow_down" => Polled::SlowDown,
        Err(error @ EntraError::Refused(_)) if error.is_passing() => Polled::Trouble(error),
        Err(error) => Polled::Over(error),
    }
}

fn the_end() -> HttpResponse {
    let mut response = HttpResponse::new(br#"{"error":"expired_token"}"#.to_vec());
    *response.status_mut() = oauth2::http::StatusCode::BAD_REQUEST;
    response
}

/// Brings `interval` and `expires_in` into the ranges that make sense, whatever they were.
fn make_sense_of_times(answer: &mut Value) {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let within = |value: &Value, usual: u64, (least, most): (u64, u64)| {
        // Rounded up and cut off at the ends by the cast.
        number(value).map_or(usual, |seconds: f64| seconds.ceil() as u64).clamp(least, most)
    };
    let interval = match number(&answer["interval"]) {
        Some(seconds) if seconds > 0.0 => {
            within(&answer["interval"], USUAL_INTERVAL, (1, LONGEST_INTERVAL))
        }
        _ => USUAL_INTERVAL,
    };
    let expires_in = within(&answer["expires_in"], 900, LIFETIMES);
    if let Value::Object(fields) = answer {
        fields.insert("interval".to_owned(), interval.into());
        fields.insert("expires_in".to_owned(), expires_in.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::refusal::Refusal;
    use super::*;

    fn trouble() -> Polled {
        Polled::Trouble(EntraError::Unusable("nothing".to_owned()))
    }

    #[test]
    fn f02_every_slow_down_adds_five_seconds_for_good() {
        let mut pace = Pace::new(5);
        let mut waits = Vec::new();
        for polled in
            [Polled::Pending, Polled::SlowDown, Polled::Pending, Polled::SlowDown, Polled::Pending]
        {
            pace.after(&polled);
            waits.push(pace.wait().as_secs());
        }
        assert_eq!(waits, [5, 10, 10, 15, 15]);
    }

    #[test]
    fn f05_trouble_doubles_the_wait_until_it_is_over() {
        let mut pace = Pace::new(5);
        let mut waits = Vec::new();
        for polled in [trouble(), trouble(), trouble(), trouble(), trouble(), Polled::Pending] {
            pace.after(&polled);
            waits.push(pace.wait().as_secs());
        }
        assert_eq!(waits, [10, 20, 40, 60, 60, 5]);
        for _ in 0..100 {
            pace.after(&trouble());
        }
        assert_eq!(pace.wait().as_secs(), 60);
    }

    #[test]
    fn f05_a_service_that_says_how_long_is_not_asked_before() {
        let busy = |seconds| {
            let refusal = Refusal::read(429, Some(seconds), b"{}");
            Polled::Trouble(EntraError::Refused(Box::new(refusal)))
        };
        let mut pace = Pace::new(5);
        for (polled, wait) in [(busy(90), 90), (busy(1), 20), (Polled::Pending, 5)] {
            pace.after(&polled);
            assert_eq!(pace.wait().as_secs(), wait);
        }
    }

    #[test]
    fn f06_times_that_make_no_sense_become_such_that_do() {
        let rows = [
            (json!(5), 5),
            (json!(1), 1),
            (json!(0.5), 1),
            (json!(0), 5),
            (json!(-1), 5),
            (json!("5"), 5),
            (json!("soon"), 5),
            (json!(null), 5),
            (json!(1_000_000_000), 60),
            (json!(1e300), 60),
            (json!([]), 5),
        ];
        for (interval, expected) in rows {
            let mut answer = json!({ "interval": interval, "expires_in": 900 });
            make_sense_of_times(&mut answer);
            assert_eq!(answer["interval"], expected, "{interval}");
        }
        for (expires_in, expected) in [
            (json!(900), 900),
            (json!(0), 60),
            (json!(-9), 60),
            (json!(1e18), 3600),
            (json!(null), 900),
        ] {
            let mut answer = json!({ "expires_in": expires_in });
            make_sense_of_times(&mut answer);
            assert_eq!(answer["expires_in"], expected, "{expires_in}");
        }
    }
}
