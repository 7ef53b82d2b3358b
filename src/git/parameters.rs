//! What git's own settings say about asking, as far as they come through the environment: `git -c`
//! and the variables for scripts. Pure.
//!
//! `GIT_CONFIG_PARAMETERS` holds `'key'='value'` since git 2.31 and `'key=value'` before, quoted
//! for a shell (git's quote.c and config.c).

/// The last value of a key in `GIT_CONFIG_PARAMETERS`. A key without a value is true.
pub fn last_value(parameters: &str, key: &str) -> Option<String> {
    words(parameters)
        .into_iter()
        .filter_map(|word| {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, value),
                None => (word.as_str(), "true"),
            };
            name.eq_ignore_ascii_case(key).then(|| value.to_owned())
        })
        .next_back()
}

/// Whether a value of git's stands for no (git-config(1), boolean), or, for
/// `credential.interactive`, for its own word for that.
pub fn is_no(value: &str) -> bool {
    let number = value.trim().parse::<i64>();
    matches!(value.trim().to_ascii_lowercase().as_str(), "false" | "no" | "off" | "never" | "")
        || number == Ok(0)
}

/// Words quoted as git quotes them for a shell: `'`, with `'\''` and `'\!'` inside.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_in_either_form() {
        const KEY: &str = "credential.interactive";
        let rows = [
            ("", None),
            ("'credential.interactive=false'", Some("false")),
            ("'credential.interactive'='never'", Some("never")),
            ("'Credential.Interactive'='0'", Some("0")),
            ("'credential.interactive'", Some("true")),
            ("'credential.interactive'='true' 'credential.interactive'='no'", Some("no")),
            ("'user.name'='it'\\''s me' 'credential.interactive'='off'", Some("off")),
            ("'x.y'='credential.interactive=false'", None),
            ("'alias.x'='!'\\!'credential.interactive=false'", None),
            ("'credential.interactive", Some("true")),
        ];
        for (text, expected) in rows {
            assert_eq!(last_value(text, KEY).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn gits_words_for_no() {
        for no in ["false", "No", "OFF", "never", "0", "00", "", " false "] {
            assert!(is_no(no), "{no}");
        }
        for yes in ["true", "yes", "on", "1", "auto", "always", "2"] {
            assert!(!is_no(yes), "{yes}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_there_is_read_without_a_panic(text in "\\PC{0,80}") {
            let _ = last_value(&text, "credential.interactive");
        }
    }
}
