//! The browser (RFC 8252): one that comes back to this machine, or one elsewhere whose last
//! address is pasted here. Whichever comes first counts.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use url::Url;

use super::prepare::{Briefly, Prepared, token_url};
use super::{PATIENCE, SignIn, given_up, spelled};
use crate::broker::redirect_path;
use crate::entra::{
    Arrival, Authorization, Callback, Door, EntraError, Loopback, Refusal, authorize, open_browser,
    prove_redirect_uri, redeem,
};
use crate::person::{Answer, Person};
use crate::report::{Exit, Failure, escape};
use crate::trace;
use crate::vault::{Session, SignInMethod};

/// Where the browser is, and how the person is helped there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browser {
    /// Start one from here.
    pub start: bool,
    /// It is on another machine.
    pub elsewhere: bool,
    /// Let its last address be pasted here.
    pub paste: bool,
}

/// What ends the wait, or makes it longer.
enum Event {
    Arrived(Arrival),
    Pasted(Callback),
    /// The browser that was started ended at once; the text says how.
    NotStarted(String),
    GaveUp,
    Failed(Failure),
}

impl From<Arrival> for Event {
    fn from(arrival: Arrival) -> Self {
        Self::Arrived(arrival)
    }
}

impl SignIn<'_> {
    /// Signs in with a browser.
    ///
    /// # Errors
    /// What went wrong and at which step; nothing but that is kept then.
    pub fn with_browser(&self, browser: Browser) -> Result<Session, Failure> {
        trace::event("sign-in", |words| {
            words
                .with("key", self.key)
                .with("way", "browser")
                .flag("started_here", browser.start)
                .flag("elsewhere", browser.elsewhere)
                .flag("pasted", browser.paste)
        });
        let prepared = self.prepare(None)?;
        let loopback = Loopback::bind(redirect_path(prepared.oauth)).map_err(|error| {
            Failure::new(format!(
                "no port on 127.0.0.1 can be opened for the browser to come back to: {error}"
            ))
            .hint(self.instead())
        })?;
        let redirect_uri = loopback.redirect_uri();
        let authorization = authorize(
            &prepared.endpoints,
            prepared.app(),
            &redirect_uri,
            &prepared.issuer,
            self.login_hint,
        );
        let door = Arc::new(loopback.door(&authorization.state));
        let (send, events) = sync_channel(4);
        loopback.open(&door, &send);
        self.invite(&authorization.url, &redirect_uri, browser, &send);
        let asked = self.person.aside();
        if browser.paste {
            let (person, door, send) = (asked.clone(), Arc::clone(&door), send.clone());
            std::thread::spawn(move || read_addresses(&person, &door, &send));
        }
        let deadline = Instant::now() + self.patience();
        let event = loop {
            match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::NotStarted(why)) => self.say_not_started(&why),
                Ok(event) => break Some(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break None,
            }
        };
        // Whatever comes now comes too late.
        drop(events);
        asked.never_mind();
        match event {
            Some(Event::Arrived(arrival)) => {
                let ended =
                    self.finish(&prepared, authorization, &arrival.callback, SignInMethod::Browser);
                match &ended {
                    Ok(_) => arrival.show(Ok(())),
                    Err(failure) => arrival.show(Err(&failure.message.text)),
                }
                ended.map_err(|failure| self.remembered(failure))
            }
            Some(Event::Pasted(callback)) => self
                .finish(&prepared, authorization, &callback, SignInMethod::Paste)
                .map_err(|failure| self.remembered(failure)),
            Some(Event::Failed(failure)) => Err(failure),
            Some(Event::GaveUp) => Err(given_up()),
            Some(Event::NotStarted(_)) | None => {
                Err(self.timed_out(&prepared, &redirect_uri, browser.paste))
            }
        }
    }

    /// Says where to go, and starts the browser that goes there.
    fn invite(&self, url: &Url, redirect_uri: &Url, browser: Browser, send: &SyncSender<Event>) {
        let place = if browser.elsewhere {
            "a browser on your own machine"
        } else {
            "a browser on this machine"
        };
        self.person.say(&format!("To sign in, open this address in {place}:\n\n  {url}\n\n"));
        if browser.elsewhere {
            self.person.say(&self.after_the_browser(redirect_uri, browser.paste));
        }
        if browser.start {
            let failed = send.clone();
            let started = open_browser(url, move |why| {
                let _ = failed.try_send(Event::NotStarted(why));
            });
            self.person.say(if started {
                "A browser was started. Waiting for it to come back …\n"
            } else {
                "No browser could be started here.\n"
            });
            if !started {
                self.say_instead();
                self.person.say("Waiting for the address to be opened …\n");
            }
        } else if !browser.paste {
            self.person.say("Waiting for the address to be opened …\n");
        }
    }

    /// What the person does once the browser is through.
    fn after_the_browser(&self, redirect_uri: &Url, paste: bool) -> String {
        let port = redirect_uri.port().unwrap_or_default();
        let instead = if paste {
            "copy the whole of it, paste it here and press Enter. It is not shown.".to_owned()
        } else {
            format!(
                "sign in from a terminal, where it can be pasted: git-credential-ona-azure login {} --paste",
                self.url()
            )
        };
        format!(
            "At the end the browser is sent to http://localhost:{port}/…\n\
             If it cannot reach that address, {instead}\n\
             (With port {port} forwarded to your machine, it can.)\n\n"
        )
    }

    fn say_not_started(&self, why: &str) {
        self.person.say(&format!(
            "The browser could not be started: {}. Open the address above yourself.\n",
            escape(why)
        ));
        self.say_instead();
    }

    /// Names the other ways.
    fn say_instead(&self) {
        self.person.say(&format!("Other ways to sign in: {}\n", self.instead()));
    }

    fn instead(&self) -> String {
        let command =
            |flag: &str, url: &str| format!("git-credential-ona-azure login {url} {flag}");
        let mut ways = vec![command("--paste", &self.url()), command("--device", &self.url())];
        if self.integration.pat {
            ways.push(command("--pat", &token_url(self.key)));
        }
        ways.join(", or ")
    }

    fn finish(
        &self,
        prepared: &Prepared<'_>,
        authorization: Authorization,
        callback: &Callback,
        method: SignInMethod,
    ) -> Result<Session, Failure> {
        trace::event("callback", |words| callback.told(words.with("by", format!("{method:?}"))));
        let code = match callback {
            Callback::Code { issuer: Some(issuer), .. } if !prepared.is_from(issuer) => {
                return Err(Failure::new(
                    "the sign-in came back from another issuer than it was sent to",
                )
                .hint("start again, and finish it in the page that opens")
                .exit(Exit::SignIn));
            }
            Callback::Code { code, .. } => code,
            Callback::Refused { error, description } => return Err(refused(error, description)),
        };
        let nonce = authorization.nonce.clone();
        let grant = redeem(&prepared.endpoints, prepared.app(), authorization, code, self.network)
            .map_err(|error| error.into_failure("the sign-in did not complete"))?;
        self.accept(prepared, grant, Some(&nonce), method, None)
    }

    fn patience(&self) -> Duration {
        self.wait.unwrap_or(PATIENCE)
    }

    /// What the browser showed is not known here, but the issuer may say it without one.
    fn timed_out(&self, prepared: &Prepared<'_>, redirect_uri: &Url, paste: bool) -> Failure {
        let registered = format!("http://localhost{}", redirect_uri.path());
        let pasted = if paste { ", and no address that ends the sign-in was pasted," } else { "" };
        let time = spelled(self.patience());
        let what = format!("the browser did not come back{pasted} within {time}");
        let seen = prove_redirect_uri(
            &prepared.endpoints,
            prepared.app(),
            &prepared.issuer,
            redirect_path(prepared.oauth),
            &Briefly(self.network),
        );
        if let Err(error) = seen
            && !error.is_passing()
        {
            return self.remembered(error.into_failure(&what).exit(Exit::SignIn));
        }
        Failure::new(what)
            .hint(format!(
                "some refusals are shown in the browser only: AADSTS50011 means that {registered} is not among the \
                 app's redirect URIs (step 2), AADSTS700016 a wrong client ID or tenant (step 1), AADSTS50020 the \
                 wrong account (step 6); what another code means: git-credential-ona-azure doctor AADSTS50011"
            ))
            .exit(Exit::SignIn)
    }
}

/// Reads addresses until one ends this sign-in.
fn read_addresses(person: &Person, door: &Door, send: &SyncSender<Event>) {
    loop {
        let event = match person.ask_for_address("Address: ") {
            Ok(Answer::Typed(text)) => match door.judge_address(&String::from_utf8_lossy(&text)) {
                Ok(callback) => Event::Pasted(callback),
                Err(mistake) => {
                    trace::event("callback", |words| {
                        words.with("by", "Paste").with("result", format!("{mistake:?}"))
                    });
                    person.say(&format!("{}\n", mistake.words()));
                    continue;
                }
            },
            Ok(Answer::GaveUp) => Event::GaveUp,
            // The listener may still hear of it.
            Ok(Answer::Nobody) => return,
            Err(failure) => Event::Failed(failure),
        };
        let _ = send.try_send(event);
        return;
    }
}

fn refused(error: &str, description: &str) -> Failure {
    let refusal = Refusal::redirected(error, description);
    EntraError::Refused(Box::new(refusal))
        .into_failure("the sign-in was refused")
        .exit(Exit::SignIn)
}
