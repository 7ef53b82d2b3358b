//! What the browser shows at the end of a sign-in.

use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::loopback;

/// All there is to the looks. The policy names its digest, so that no other style applies.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1b1f;--soft:#5c5c66;--card:#fff;--back:#f3f4f7;--line:#dfe1e7;--mark:#107c41}\
@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--soft:#a9aab4;--card:#23242a;--back:#17181c;--line:#363842;--mark:#4cc38a}}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--back);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}\
main{box-sizing:border-box;width:min(34rem,calc(100% - 2rem));padding:2rem 2.25rem;background:var(--card);border:1px solid var(--line);border-radius:12px}\
main::before{content:'✓';font-size:1.75rem;line-height:1;color:var(--mark)}\
.failed{--mark:#c4314b}.failed::before{content:'✗'}.other{--mark:var(--soft)}.other::before{content:'–'}\
h1{margin:.75rem 0 .5rem;font-size:1.25rem;line-height:1.35}p{margin:0;color:var(--soft);overflow-wrap:anywhere}";

/// The page to show.
#[derive(Clone, Copy, Debug)]
pub(super) enum Page<'a> {
    /// It worked.
    Connected,
    /// It did not; the text says why and comes from outside.
    Failed(&'a str),
    /// A request that belongs to no sign-in.
    NotHere,
}

/// Sends the page. Nothing on it can run, be framed, be cached or tell where it came from.
pub(super) fn answer(stream: &TcpStream, status: u16, page: Page<'_>) {
    let body = body(page);
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Bad Request",
    };
    let allow = if status == 405 { "Allow: GET\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\n{allow}Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\n",
        body.len(),
        STANDARD.encode(Sha256::digest(STYLE)),
    );
    loopback::send(stream, [head.as_bytes(), body.as_bytes()].concat().as_slice());
}

fn body(page: Page<'_>) -> String {
    let (class, title, text) = match page {
        Page::Connected => (
            "connected",
            "Azure DevOps (Entra ID) is connected.",
            "You can close this window.".to_owned(),
        ),
        Page::Failed(why) => (
            "failed",
            "Azure DevOps (Entra ID) is not connected.",
            format!("{}. The terminal says what to do.", escape_html(why)),
        ),
        Page::NotHere => {
            ("other", "Nothing to see here.", "This address only ends a sign-in.".to_owned())
        }
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style><main class=\"{class}\"><h1>{title}</h1><p>{text}</p></main></html>\n"
    )
}

fn escape_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_text() {
        let body = body(Page::Failed("<script>alert('x')</script>"));
        assert!(!body.contains("<script"), "{body}");
        assert!(body.contains("&lt;script&gt;"), "{body}");
    }
}
