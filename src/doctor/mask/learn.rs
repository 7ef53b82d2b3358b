//! What of a text gives itself away as a name: accounts, IDs, IP addresses, and all that addresses
//! name. Pure.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::{Kind, Mask};
use crate::azure::{Organization, Place, RemotePath, RemoteUrl, UrlError, VirtualDirectory};

/// Hosts that many people use and that name nobody, with all that is below them.
const PUBLIC: &[&str] = &[
    "azure.com",
    "github.com",
    "gitlab.com",
    "localhost",
    "microsoft.com",
    "microsoftonline.cn",
    "microsoftonline.com",
    "microsoftonline.us",
    "visualstudio.com",
    "windows.net",
];

/// IDs that are the same for everybody: Azure DevOps as a resource, and the tenant of personal
/// Microsoft accounts ("Microsoft identity platform access tokens").
const EVERYBODYS_IDS: &[&str] =
    &["499b84ac-1321-427f-aa17-267ca6975798", "9188040d-6c67-4c5b-b112-36a304b66dad"];

/// What stands before an ID that says which request it was, and that support asks for.
const OF_REQUESTS: &[&str] = &["correlation", "request", "trace", "activity", "timestamp"];

/// What stands before a name in what the services say (their own messages in `azure`).
const QUOTED: &[(&str, Kind)] = &[
    ("user '", Kind::Account),
    ("User '", Kind::Account),
    ("account '", Kind::Account),
    ("identity '", Kind::Account),
    ("tenant '", Kind::Tenant),
];

/// Tenants that are none.
const NO_TENANTS: &[&str] = &["common", "organizations", "consumers"];

impl Mask {
    /// Adds every name that the text gives away.
    pub fn learn(&mut self, text: &str) {
        let words = |c: char| c.is_whitespace() || "\"'`()<>{},;|".contains(c);
        // Once as it is written, and once decoded: an address may be a part of another.
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        for text in [text, &*decoded] {
            for word in text.split(words).filter(|word| !word.is_empty()) {
                self.learn_address(word);
                self.learn_account(word);
                self.learn_ip(word);
            }
            self.learn_ids(text);
            self.learn_quoted(text);
        }
    }

    /// `The user 'Ada Lovelace' is not authorized`, as the services put it.
    fn learn_quoted(&mut self, text: &str) {
        for (before, kind) in QUOTED {
            for part in text.split(before).skip(1) {
                if let Some(name) = until_quote(part).filter(|name| !name.starts_with('(')) {
                    self.add(*kind, name);
                }
            }
        }
    }

    /// `https://host/path`, wherever in the word it begins; and the forms of SSH.
    fn learn_address(&mut self, word: &str) {
        for (at, _) in word.match_indices("://") {
            let before = word[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric());
            self.learn_url(word[before.len()..].trim_end_matches(['.', ':', '…', '*']));
        }
        if let Some((_, path)) = word.split_once(":v3/") {
            self.learn_path(path.split('/'));
        }
    }

    fn learn_url(&mut self, url: &str) {
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = authority.split_once('/').map_or("", |(_, path)| path);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |pair| pair);
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { host }
        });
        if user != "git" && !user.contains(['(', ':']) {
            let kind = if user.contains('@') { Kind::Account } else { Kind::Organization };
            self.add(kind, user);
        }
        self.learn_host(name);
        if name.to_ascii_lowercase().contains("microsoftonline.") {
            let tenant = path.split('/').next().unwrap_or_default();
            if !NO_TENANTS.contains(&tenant.to_ascii_lowercase().as_str()) {
                self.add(Kind::Tenant, tenant);
            }
            return;
        }
        match RemoteUrl::parse(url) {
            Ok(RemoteUrl { place: Place::Other(_), path, .. }) => {
                let path = path.unwrap_or_default();
                if path.contains("_git") {
                    self.learn_path(path.split('/'));
                }
            }
            Ok(RemoteUrl { place, path, .. }) => {
                let path = path.unwrap_or_default();
                let nowhere = VirtualDirectory::default();
                let path = RemotePath::of(&place, &nowhere, Some(path.as_bytes()));
                self.add_path(&path);
            }
            Err(UrlError::Ssh { .. }) => self.learn_path(path.split('/')),
            Err(_) => {}
        }
    }

    pub(in crate::doctor) fn add_organization(&mut self, organization: &Organization) {
        self.add(Kind::Organization, organization.as_str());
    }

    /// Adds what a path of a repository names.
    pub(in crate::doctor) fn add_path(&mut self, path: &RemotePath) {
        path.organization.iter().for_each(|name| self.add(Kind::Organization, name.as_str()));
        path.project.iter().for_each(|name| self.add(Kind::Project, name));
        path.repository.iter().for_each(|name| self.add(Kind::Repository, name));
    }

    /// A path of which it is not known where the organization stands.
    pub(super) fn learn_path<'p>(&mut self, path: impl Iterator<Item = &'p str>) {
        let names: Vec<_> = path
            .filter(|name| !name.is_empty() && !matches!(*name, "v3" | "_git" | "_ssh" | "tfs"))
            .map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned())
            .collect();
        match names.as_slice() {
            [organizations @ .., project, repository] => {
                organizations.iter().for_each(|name| self.add(Kind::Organization, name));
                self.add(Kind::Project, project);
                self.add(Kind::Repository, repository.trim_end_matches(".git"));
            }
            names => names.iter().for_each(|name| self.add(Kind::Repository, name)),
        }
    }

    /// A host's name, unless it is everybody's.
    pub(in crate::doctor) fn learn_host(&mut self, host: &str) {
        let host = host.trim_matches(['.', '[', ']']).to_ascii_lowercase();
        let below = |public: &&str| {
            host.strip_suffix(*public).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if host.parse::<IpAddr>().is_ok() {
            return self.learn_ip(&host);
        }
        if let Some(label) = host.strip_suffix(".visualstudio.com")
            && label != "*"
            && let Some(place) = Place::of(crate::azure::Scheme::Https, host.as_bytes())
            && let Place::VisualStudio { organization } = place
        {
            return self.add(Kind::Organization, organization.as_str());
        }
        let name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if name && !PUBLIC.iter().any(below) {
            self.add(Kind::Server, &host);
        }
    }

    /// `ada@contoso.example`, guests and `contoso.onmicrosoft.com` included.
    fn learn_account(&mut self, word: &str) {
        let belongs = |c: char| c.is_alphanumeric() || "._%+-#'@!$&*=?^~".contains(c);
        for run in word.split(|c: char| !belongs(c)) {
            let run = run.trim_matches(['.', '=', '?', '&', '\'', '*']);
            // The name of a parameter stands before the account.
            let run = run.rsplit('=').next().unwrap_or(run);
            let Some((name, domain)) = run.rsplit_once('@') else {
                let tenant = run.to_ascii_lowercase();
                if tenant.strip_suffix(".onmicrosoft.com").is_some_and(|name| !name.is_empty()) {
                    self.add(Kind::Tenant, run);
                }
                continue;
            };
            let azures = domain.ends_with("azure.com") || domain.ends_with("visualstudio.com");
            // tool@2.1 is a version.
            let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
            let domains = top.len() > 1 && top.chars().all(char::is_alphabetic);
            if !name.is_empty() && domains && !azures {
                self.add(Kind::Account, run);
                // Guests are shown with and without the tenant that invited them.
                if let Some((guest, _)) = name.split_once("#EXT#") {
                    self.add(Kind::Account, guest);
                }
            }
        }
    }

    /// An IP address, in brackets or before a port. This machine's own names nobody.
    fn learn_ip(&mut self, word: &str) {
        let belongs = |c: char| c.is_ascii_hexdigit() || ".:".contains(c);
        for run in word.split(|c| !belongs(c)) {
            let run = run.trim_matches('.').trim_end_matches(':');
            let host = run.rsplit_once(':').map_or(run, |(host, _)| host);
            for text in [run, host, run.trim_start_matches(':'), host.trim_start_matches(':')] {
                if let Ok(address) = text.parse::<IpAddr>()
                    && !address.is_loopback()
                    && !address.is_unspecified()
                {
                    self.add(Kind::Address, text);
                    break;
                }
            }
        }
    }

    /// IDs of 32 hexadecimal digits (RFC 9562 section 4), except those of requests.
    fn learn_ids(&mut self, text: &str) {
        let mut from = 0;
        while let Some(id) = text.get(from..).and_then(next_id) {
            let (start, end) = (from + id.start, from + id.end);
            from = end;
            let id = &text[start..end];
            let before = text[..start].to_ascii_lowercase();
            let words: Vec<_> = before.split(|c: char| !c.is_alphanumeric()).collect();
            let near: Vec<_> = words.iter().rev().filter(|word| !word.is_empty()).take(2).collect();
            let said = |word: &str| near.iter().any(|near| near.contains(word));
            if EVERYBODYS_IDS.contains(&id.to_ascii_lowercase().as_str())
                || OF_REQUESTS.iter().any(|word| said(word))
            {
                continue;
            }
            self.add(if said("tenant") { Kind::Tenant } else { Kind::Id }, id);
        }
    }
}

/// What stands before the quote that ends it. The one in O'Brien has a letter behind it.
fn until_quote(text: &str) -> Option<&str> {
    text.match_indices('\'').map(|(at, _)| at).find_map(|at| {
        let next = text[at + 1..].chars().next();
        (!next.is_some_and(char::is_alphanumeric)).then_some(&text[..at])
    })
}

fn next_id(text: &str) -> Option<std::ops::Range<usize>> {
    const SHAPE: [usize; 5] = [8, 4, 4, 4, 12];
    const LENGTH: usize = 36;
    let is_id = |bytes: &[u8]| {
        let parts: Vec<_> = bytes.split(|byte| *byte == b'-').collect();
        parts.len() == SHAPE.len()
            && parts.iter().zip(SHAPE).all(|(part, length)| part.len() == length)
            && parts.concat().iter().all(u8::is_ascii_hexdigit)
    };
    let at = text.as_bytes().windows(LENGTH).position(is_id)?;
    Some(at..at + LENGTH)
}
