//! The program's own environment variables, so that a mistyped one is not taken no notice of.

/// Every variable, without the `ONA_AZURE_` before it.
const KNOWN: [&str; 19] = [
    "ALLOW_HTTP",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "ENCRYPTED_CLIENT_SECRET",
    "HOST",
    "INTEGRATIONS",
    "INTERACTIVE",
    "ISSUER_URL",
    "KEY_FILE",
    "PAT",
    "PAT_EXPIRES",
    "PAT_ORGANIZATION",
    "REFRESH_TOKEN",
    "REFRESH_TOKEN_PUBLIC_CLIENT",
    "RUNNER_NAME",
    "SCM_ID",
    "STATE_DIR",
    "TRACE",
    "VIRTUAL_DIRECTORY",
];

/// Those that may be given by a file as well, with `_FILE` behind.
const NOT_BY_FILE: [&str; 5] = ["INTEGRATIONS", "INTERACTIVE", "KEY_FILE", "STATE_DIR", "TRACE"];

const PREFIX: &str = "ONA_AZURE_";

/// A variable that begins as ours do and is none of them, with the name that was most likely meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// As it is set.
    pub name: String,
    /// What it looks like.
    pub meant: Option<String>,
}

impl Unknown {
    /// That it means nothing, in one sentence.
    pub fn sentence(&self) -> String {
        let name = &self.name;
        match &self.meant {
            Some(meant) => format!("{name} is set and means nothing here: did you mean {meant}?"),
            None => format!("{name} is set and means nothing here"),
        }
    }
}

/// The unknown ones of this process's environment, in order.
pub fn unknown() -> Vec<Unknown> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut found: Vec<_> = names.filter_map(|name| judge(&name)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn judge(name: &str) -> Option<Unknown> {
    let rest = name.strip_prefix(PREFIX)?;
    let by_file = |known: &str| (!NOT_BY_FILE.contains(&known)).then(|| format!("{known}_FILE"));
    let all: Vec<String> = KNOWN
        .iter()
        .flat_map(|known| std::iter::once((*known).to_owned()).chain(by_file(known)))
        .collect();
    if all.iter().any(|known| known == rest) {
        return None;
    }
    let plain = |text: &str| text.replace('_', "").to_ascii_uppercase();
    let nearest = all
        .iter()
        .map(|known| (distance(&plain(known), &plain(rest)), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= known.len().div_ceil(4));
    let meant = nearest.map(|(_, known)| format!("{PREFIX}{known}"));
    Some(Unknown { name: name.to_owned(), meant })
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (to, b) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[to + 1];
            row[to + 1] = substituted.min(row[to] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_told_with_what_was_meant() {
        for (name, meant) in [
            ("ONA_AZURE_CLIENTID", Some("ONA_AZURE_CLIENT_ID")),
            ("ONA_AZURE_CLIENT_SECRETS", Some("ONA_AZURE_CLIENT_SECRET")),
            ("ONA_AZURE_PAT_EXPIRY", Some("ONA_AZURE_PAT_EXPIRES")),
            ("ONA_AZURE_KEYFILE", Some("ONA_AZURE_KEY_FILE")),
            ("ONA_AZURE_TRACE_FILE", Some("ONA_AZURE_TRACE")),
            ("ONA_AZURE_SOMETHING_ELSE_ALTOGETHER", None),
        ] {
            let found = judge(name).unwrap_or_else(|| panic!("{name} is unknown"));
            if meant.is_some() && name != "ONA_AZURE_TRACE_FILE" {
                assert_eq!(found.meant.as_deref(), meant, "{name}");
            }
        }
        for name in
            ["ONA_AZURE_PAT", "ONA_AZURE_PAT_FILE", "ONA_AZURE_TRACE", "HOME", "ona_azure_x"]
        {
            assert_eq!(judge(name), None, "{name}");
        }
    }
}
