//! The person at the browser: opens a page, picks an account, follows where it leads.
use crate::client::{Client, Reply};
use std::io;
use url::Url;

/// Where the browser ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowseResult {
    /// HTTP status of the last page.
    pub status: u16,
    /// Its content.
    pub body: String,
    /// Its address.
    pub final_url: String,
}

/// Opens `url`, picks `account` where an account is asked for, and follows redirects and
/// self-submitting forms to the end.
pub fn browse(client: &Client, url: &str, account: &str) -> io::Result<BrowseResult> {
    follow(client, url, Person { account, code: None, elsewhere: false })
}

/// As [`browse`], on a machine where nobody listens: the address on `localhost` is the end, and
/// its page is none (status 0).
pub(crate) fn browse_elsewhere(
    client: &Client,
    url: &str,
    account: &str,
) -> io::Result<BrowseResult> {
    follow(client, url, Person { account, code: None, elsewhere: true })
}

/// Opens the page for the codes of devices, enters `code`, picks `account` and goes on to the end;
/// stops where the code is not taken.
pub(crate) fn enter_code(
    client: &Client,
    url: &str,
    code: &str,
    account: &str,
) -> io::Result<BrowseResult> {
    follow(client, url, Person { account, code: Some(code), elsewhere: false })
}

/// Takes the way back to the app that a page of [`browse`]'s end offers.
pub(crate) fn go_back(client: &Client, page: &BrowseResult) -> io::Result<BrowseResult> {
    let nowhere = || io::Error::other(format!("no way back on {page:?}"));
    let form = page.body.split("<form ").nth(1).filter(|form| form.contains("name=\"back\""));
    let form = form.ok_or_else(nowhere)?;
    let action = attribute(form, "action").ok_or_else(nowhere)?;
    let flow = attribute(form, "value").ok_or_else(nowhere)?;
    let here = Url::parse(&page.final_url).map_err(io::Error::other)?;
    let here = here.join(&action).map_err(io::Error::other)?;
    let reply = client.post_form(here.as_str(), &[("flow", &flow), ("back", "back")])?;
    let location = reply.header("location").ok_or_else(nowhere)?;
    follow(client, location, Person { account: "", code: None, elsewhere: false })
}

/// What the person knows; a code is only tried once.
struct Person<'a> {
    account: &'a str,
    code: Option<&'a str>,
    /// Whether they sit at another machine than the one that is signed in.
    elsewhere: bool,
}

fn follow(client: &Client, url: &str, mut person: Person<'_>) -> io::Result<BrowseResult> {
    let mut here = Url::parse(url).map_err(io::Error::other)?;
    let mut reply = client.get(here.as_str())?;
    for _ in 0..10 {
        if (301..=308).contains(&reply.status) {
            let location = reply.header("location").unwrap_or_default();
            here = here.join(location).map_err(io::Error::other)?;
            if person.elsewhere && here.host_str() == Some("localhost") {
                return Ok(BrowseResult { status: 0, body: String::new(), final_url: here.into() });
            }
            reply = client.get(here.as_str())?;
        } else if let Some((action, fields)) = person.fill(&reply) {
            here = here.join(&action).map_err(io::Error::other)?;
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            reply = client.post_form(here.as_str(), &fields)?;
        } else {
            break;
        }
    }
    Ok(BrowseResult { status: reply.status, body: reply.text(), final_url: here.into() })
}

impl Person<'_> {
    /// The form of a page of Entra's, filled in; none where the person has nothing to say.
    fn fill(&mut self, reply: &Reply) -> Option<(String, Vec<(String, String)>)> {
        let page = reply.text();
        let asks = |name: &str| page.contains(&format!("name=\"{name}\""));
        if !reply.header("content-type").is_some_and(|kind| kind.contains("html")) {
            return None;
        }
        let typed = if asks("otc") {
            Some(("otc", self.code.take()?))
        } else if asks("account") {
            Some(("account", self.account))
        } else if asks("answer") {
            Some(("answer", "continue"))
        } else if asks("hiddenform") {
            None
        } else {
            return None;
        };
        let action = attribute(page.split("<form ").nth(1)?, "action")?;
        let mut fields: Vec<(String, String)> = page
            .split("<input type=\"hidden\" ")
            .skip(1)
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
            .collect();
        fields.extend(typed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Some((action, fields))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split('"').next()?;
    let plain = value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    Some(plain.replace("&amp;", "&"))
}
