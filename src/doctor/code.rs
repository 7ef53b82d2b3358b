//! What a code means that somebody read elsewhere: on a page of the browser's, or in git's words.

use super::table::Fault;
use crate::azure::{explain, explain_service, lookup_url};
use crate::report::escape;

/// The beginning of Entra's codes.
const ENTRA: &str = "AADSTS";

/// The beginnings of all codes: Azure DevOps has two.
const PREFIXES: &[&str] = &[ENTRA, "TF", "VS"];

/// What the first code of a text means, by its name; nothing where there is none. A code that is
/// not known has a fix only.
pub fn code(text: &str) -> Option<(String, Fault)> {
    let upper = text.trim().to_ascii_uppercase();
    let (at, prefix) =
        PREFIXES.iter().filter_map(|prefix| Some((begins(&upper, prefix)?, *prefix))).min()?;
    // An address may hold anything.
    if at > 0 && !upper.contains(char::is_whitespace) {
        return None;
    }
    let code: String = upper[at..]
        .chars()
        .enumerate()
        .take_while(|(at, c)| *at < prefix.len() || c.is_ascii_digit())
        .map(|(_, c)| c)
        .collect();
    let fault = |step, cause: &str, fix: String| Fault {
        step,
        what: cause.to_owned(),
        fix,
        passing: false,
    };
    let fault = if prefix == ENTRA {
        let number = code[ENTRA.len()..].parse().ok()?;
        explain(number).map_or_else(
            || fault(None, "", format!("look it up at {}", lookup_url(number))),
            |row| fault(Some(row.step), row.cause, row.fix.to_owned()),
        )
    } else {
        // The words that go with a code tell some of them apart.
        explain_service(text).or_else(|| explain_service(&code)).map_or_else(
            || fault(None, "", "show Azure DevOps' whole message to its administrator".to_owned()),
            |row| fault(row.step, row.cause, row.fix.to_owned()),
        )
    };
    Some((escape(&code), fault))
}

/// Whether a text names a code of one of the services.
pub(super) fn names_code(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| begins(text, prefix).is_some())
}

/// Where a code of that beginning stands: some digits follow, and no letter comes before.
fn begins(text: &str, prefix: &str) -> Option<usize> {
    text.match_indices(prefix).map(|(at, _)| at).find(|at| {
        let digits = text[at + prefix.len()..].bytes().take_while(u8::is_ascii_digit).count();
        let before = text[..*at].chars().next_back();
        digits >= 5 && !before.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Step;

    #[test]
    fn codes_are_found_in_what_people_paste() {
        for (text, found, step, cause) in [
            ("AADSTS50011", "AADSTS50011", Some(Step::Authentication), "redirect URI"),
            (
                " aadsts50011: The reply URL …",
                "AADSTS50011",
                Some(Step::Authentication),
                "redirect",
            ),
            ("TF401019", "TF401019", None, "repository"),
            ("remote: TF401027: You need the Git 'GenericContribute' …", "TF401027", None, "push"),
            ("AADSTS99999999", "AADSTS99999999", None, ""),
            ("TF999999", "TF999999", None, ""),
        ] {
            let (name, fault) = code(text).expect(text);
            assert_eq!((&*name, fault.step), (found, step), "{text}");
            assert!(fault.what.contains(cause) && !fault.fix.is_empty(), "{fault:?}");
        }
        for text in ["https://dev.azure.com/TF401019", "TF4", "XTF401019", "", "AADSTS", "vs-code"]
        {
            assert_eq!(code(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(AADSTS|TF|VS|[0-9]|\\PC){0,20}") {
            let _ = code(&text);
        }
    }
}
