//! The shape of the IDs that Microsoft gives tenants, apps and requests. Pure.

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` (RFC 9562 section 4).
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hyphens_in_their_places_make_a_guid_of_digits() {
        assert!(is_guid("0a0a0a0a-1111-2222-3333-44444444444F"));
        for other in [
            "",
            "0a0a0a0a1111222233334444444444440000",
            "0a0a0a0a-1111-2222-3333-44444444444",
            "0a0a0a0a-1111-2222-33334-44444444444",
            "{0a0a0a0a-1111-2222-3333-444444444444}",
            "0a0a0a0a-1111-2222-3333-44444444444g",
        ] {
            assert!(!is_guid(other), "{other}");
        }
    }
}
