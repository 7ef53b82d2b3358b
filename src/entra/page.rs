//! What the browser shows at the end of a sign-in.

use std::net::TcpStream;

use super::loopback;

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
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\n",
        body.len()
    );
    loopback::send(stream, [head.as_bytes(), body.as_bytes()].concat().as_slice());
}

fn body(page: Page<'_>) -> String {
    let (title, text) = match page {
        Page::Connected => {
            ("Azure DevOps (Entra ID) is connected.", "You can close this window.".to_owned())
        }
        Page::Failed(why) => (
            "Azure DevOps (Entra ID) is not connected.",
            format!("{}. The terminal says what to do.", escape_html(why)),
        ),
        Page::NotHere => ("Nothing to see here.", "This address only ends a sign-in.".to_owned()),
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem;\
         color-scheme:light dark}}h1{{font-size:1.4rem}}</style><h1>{title}</h1><p>{text}</p></html>\n"
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
