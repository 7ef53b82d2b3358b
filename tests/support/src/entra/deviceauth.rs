//! The pages for the person who signs in for a device: the code, the account, and the question
//! whether this is really what was meant.
use super::apps::Person;
use super::authorize::{Flow, Wanted, account_page, get, refused_sign_in};
use super::device::Fate;
use super::errors::Refusal;
use super::{Entra, State};
use crate::http::{self, Answer, Ask, escape};
use crate::log::lock;
use crate::random;
use hyper::Method;

/// Where the code is entered.
pub(crate) const PAGE: &str = "https://login.microsoftonline.com/common/oauth2/deviceauth";

impl Entra {
    /// The page for the code, and the code as it comes back.
    pub(crate) fn device_auth(&self, ask: &Ask) -> Answer {
        match ask.method {
            Method::GET | Method::HEAD => code_page(None),
            Method::POST => {
                let form = http::pairs(&ask.body);
                let code = get(&form, "otc").unwrap_or_default();
                match lock(&self.state).enter(code) {
                    Ok(page) => page,
                    Err(refusal) => code_page(Some(&refusal)),
                }
            }
            _ => http::html(405, "<p>Method not allowed</p>"),
        }
    }

    /// The answer to the last question comes back.
    pub(crate) fn app_verify(&self, ask: &Ask) -> Answer {
        let form = http::pairs(&ask.body);
        let mut state = lock(&self.state);
        let flow = get(&form, "flow").and_then(|flow| state.flows.remove(flow));
        let Some(Flow::Confirm(device, person)) = flow else {
            return over().page(400);
        };
        let goes_on = get(&form, "answer") == Some("continue");
        state.confirm(&device, person, goes_on)
    }
}

impl State {
    /// The code of a device that waits, as a person types it.
    fn enter(&mut self, typed: &str) -> Result<Answer, Refusal> {
        let typed: String = typed.split_whitespace().collect::<String>().to_ascii_uppercase();
        if typed.is_empty() {
            let words = "The user code is empty. Enter the code displayed on your device.";
            return Err(Refusal::new(400, "invalid_request", 90119, words));
        }
        let found = self.devices.known.iter().find(|(_, device)| device.user_code == typed);
        let Some((device_code, device)) = found else {
            let words = "That code didn't work. Check the code and try again.";
            return Err(Refusal::new(400, "bad_verification_code", 70018, words));
        };
        let (device_code, place) = (device_code.clone(), device.wanted.place.clone());
        self.waiting(&device_code)?;
        let page = account_page(self, &place, "", "<p>You're signing in on another device.</p>");
        Ok(http::html(200, &self.begin(&page, Flow::Device(device_code))))
    }

    /// What a device waits for, if it still does.
    fn waiting(&self, device_code: &str) -> Result<&Wanted, Refusal> {
        let device = self.devices.known.get(device_code).ok_or_else(over)?;
        if device.is_over() {
            let words = "The code that you entered has expired. Get a new code from the device \
                         you're trying to sign in to and try again.";
            return Err(Refusal::new(400, "expired_token", 70019, words));
        }
        match device.fate {
            Fate::Pending => Ok(&device.wanted),
            _ => {
                let words = "The user code was already approved or declined.";
                Err(Refusal::new(400, "invalid_request", 90120, words))
            }
        }
    }

    /// An account was chosen for a device.
    pub(crate) fn choose_for_device(&mut self, device_code: String, chosen: &str) -> Answer {
        if chosen == "cancel" {
            return self.decline(&device_code);
        }
        let found = self.waiting(&device_code).and_then(|wanted| {
            let person = self.admit(&wanted.place, &wanted.client_id, chosen)?;
            match refused_sign_in(self, wanted) {
                Some(refusal) if refusal.code() != 65004 => Err(refusal),
                _ => Ok((person, wanted.place.path().to_owned())),
            }
        });
        match found {
            Ok((person, place)) => {
                let page = confirm_page(&place, &person);
                http::html(200, &self.begin(&page, Flow::Confirm(device_code, person)))
            }
            Err(refusal) => refusal.page(200),
        }
    }

    /// The person goes on, or thinks better of it.
    fn confirm(&mut self, device_code: &str, person: Person, goes_on: bool) -> Answer {
        let declines = match self.waiting(device_code) {
            Ok(wanted) => refused_sign_in(self, wanted).is_some(),
            Err(refusal) => return refusal.page(200),
        };
        if declines || !goes_on {
            return self.decline(device_code);
        }
        self.end(device_code, Fate::Approved(person));
        http::html(
            200,
            "<!DOCTYPE html>\n<html><head><title>Sign in to your account</title></head><body>\n\
             <h1>Ona</h1>\n<p id=\"done\">You have signed in to the Ona application on your \
             device. You may now close this window.</p>\n</body></html>\n",
        )
    }

    fn decline(&mut self, device_code: &str) -> Answer {
        let refusal = match self.waiting(device_code) {
            Ok(wanted) => {
                let words =
                    format!("User declined to consent to access the app '{}'.", wanted.client_id);
                Refusal::new(400, "access_denied", 65004, words)
            }
            Err(refusal) => return refusal.page(200),
        };
        self.end(device_code, Fate::Declined);
        refusal.page(200)
    }

    fn end(&mut self, device_code: &str, fate: Fate) {
        if let Some(device) = self.devices.known.get_mut(device_code) {
            device.fate = fate;
        }
    }

    /// Keeps a flow for the page that goes on with it.
    pub(crate) fn begin(&mut self, page: &str, flow: Flow) -> String {
        let name = random::base64url(43);
        let page = page.replace("{flow}", &name);
        self.flows.insert(name, flow);
        page
    }
}

/// A form that was sent twice, or belongs to nothing.
pub(crate) fn over() -> Refusal {
    let words = "The sign-in was already finished or was never begun.";
    Refusal::new(400, "invalid_request", 90100, words)
}

fn code_page(refusal: Option<&Refusal>) -> Answer {
    let error = refusal.map_or(String::new(), |refusal| {
        let words = escape(&refusal.words);
        format!("<p id=\"exceptionMessage\">AADSTS{}: {words}</p>\n", refusal.code())
    });
    http::html(
        200,
        &format!(
            "<!DOCTYPE html>\n<html><head><title>Sign in to your account</title></head><body>\n\
             <h1>Enter code</h1>\n<p>Enter the code displayed on your app or device.</p>\n{error}\
             <form method=\"post\" action=\"/common/oauth2/deviceauth\">\n\
             <p><input type=\"text\" id=\"otc\" name=\"otc\" maxlength=\"16\" \
             autocomplete=\"off\" placeholder=\"Code\"></p>\n\
             <p><button type=\"submit\" id=\"next\">Next</button></p>\n</form></body></html>\n"
        ),
    )
}

/// `{flow}` is still to be filled in.
fn confirm_page(place: &str, person: &Person) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>Sign in to your account</title></head><body>\n\
         <p>{}</p>\n<h1>Are you trying to sign in to Ona?</h1>\n\
         <p>Only continue if you downloaded the app from a store or website that you trust.</p>\n\
         <form method=\"post\" action=\"/{place}/appverify\">\n\
         <input type=\"hidden\" name=\"flow\" value=\"{{flow}}\">\n\
         <p><button type=\"submit\" id=\"cancel\" name=\"answer\" value=\"cancel\">Cancel\
         </button></p>\n\
         <p><button type=\"submit\" id=\"continue\" name=\"answer\" value=\"continue\">Continue\
         </button></p>\n</form></body></html>\n",
        escape(&person.account.upn)
    )
}
