//! The service's own words in an answer: a header, an error in JSON, a line of git's protocol, or
//! the line with a code on a page.

use std::collections::BTreeMap;

use super::Named;
use crate::net::Reply;

/// How much of the service's own words is shown, in characters.
const SAID_MAX: usize = 200;

/// The first words that an answer has, in the order of how sure it is that they are the service's.
pub(super) fn by(reply: &Reply) -> Option<String> {
    let header = |name: &str| {
        let value = percent_encoding::percent_decode_str(reply.header(name)?);
        Some(value.decode_utf8_lossy().into_owned())
    };
    // azure-pipelines-agent#1559; actions/runner, HttpHeaders.cs
    let text = header("x-tfs-serviceerror")
        .or_else(|| header("x-vss-hostofflineerror"))
        .or_else(|| member(&reply.body, "message"))
        .or_else(|| error_line(&reply.body))
        .or_else(|| line_with_code(&reply.body))?;
    (!text.trim().is_empty()).then_some(text)
}

/// A text in an error in JSON, whatever the case of its name.
pub(super) fn member(body: &[u8], wanted: &str) -> Option<String> {
    let document: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let text = document.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?.1;
    text.as_str().map(str::to_owned)
}

/// What an error line of git's protocol says (gitprotocol-pack(5)).
fn error_line(body: &[u8]) -> Option<String> {
    let mut rest = body;
    loop {
        let length = std::str::from_utf8(rest.get(..4)?).ok()?;
        let length = usize::from_str_radix(length, 16).ok()?;
        // 0 to 3 are marks between lines, and what is cut off counts as far as it goes.
        let line = rest.get(4..length.clamp(4, rest.len().max(4)))?;
        if let Some(words) = line.strip_prefix(b"ERR ") {
            return Some(String::from_utf8_lossy(words).into_owned());
        }
        rest = rest.get(length.max(4)..)?;
    }
}

/// From `TF400813: …` or `VS403463: …` to the end of the line or element.
fn line_with_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let is_code = |at: &usize| {
        let digits = text[at + 2..].bytes().take_while(u8::is_ascii_digit).count();
        digits >= 5 && text[at + 2 + digits..].starts_with(':')
    };
    let places = |code: &'static str| text.match_indices(code).map(|(at, _)| at);
    let start = places("TF").chain(places("VS")).filter(is_code).min()?;
    let line = text[start..].split(['<', '\n', '\r']).next()?;
    let entities = [("&#39;", "'"), ("&apos;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    Some(entities.iter().fold(line.to_owned(), |line, (entity, is)| line.replace(entity, is)))
}

/// The title of a page.
pub(super) fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    // Small letters of ASCII alone keep every byte where it was.
    let small = text.to_ascii_lowercase();
    let is_tag = |(at, tag): (usize, &str)| {
        let end = at + tag.len();
        small[end..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace()).then_some(end)
    };
    let tag = small.match_indices("<title").find_map(is_tag)?;
    let start = tag + small[tag..].find('>')? + 1;
    let end = start + small[start..].find("</title")?;
    Some(text[start..end].trim().to_owned())
}

/// Whom `TF400813: The user '…' is not authorized to access this resource.` names.
pub(super) fn named(said: &str) -> Option<Named> {
    let (_, rest) = said.split_once("TF400813")?;
    let name = rest.split('\'').nth(1).unwrap_or_default();
    let nobody = name.trim().is_empty() || name.bytes().all(|b| matches!(b, b'a' | b'0' | b'-'));
    Some(if nobody { Named::Nobody } else { Named::Somebody })
}

/// The text without what must not be shown.
pub(super) fn without(text: String, secrets: &[&str]) -> String {
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text, |text, secret| text.replace(secret, "(hidden)"))
}

/// Words from outside in one line, cut to a length worth reading.
pub(super) fn presentable(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(SAID_MAX).collect()
}
