//! `microsoft.com`: nothing but the short address that people type for a device.
use crate::entra::DEVICE_PAGE;
use crate::http::{self, Answer, Ask};
use hyper::Method;

pub(crate) fn answer(ask: &Ask) -> Answer {
    let path = ask.path.trim_end_matches('/');
    if path.eq_ignore_ascii_case("/devicelogin")
        && [Method::GET, Method::HEAD].contains(&ask.method)
    {
        return http::redirect(DEVICE_PAGE);
    }
    http::html(404, "<html><head><title>Microsoft</title></head><h1>404 - Page not found</h1>")
}
