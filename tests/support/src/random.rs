//! Randomness, and the shapes it is poured into.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_rustls::rustls::crypto::ring::default_provider;

/// `n` random bytes.
pub(crate) fn bytes(n: usize) -> Vec<u8> {
    let mut out = vec![0; n];
    default_provider().secure_random.fill(&mut out).expect("the system has randomness");
    out
}

/// `n` random characters of the URL-safe base64 alphabet.
pub(crate) fn base64url(n: usize) -> String {
    let mut out = URL_SAFE_NO_PAD.encode(bytes(n));
    out.truncate(n);
    out
}

/// `n` random characters out of an alphabet.
pub(crate) fn letters(n: usize, alphabet: &[u8]) -> String {
    bytes(n).iter().map(|b| char::from(alphabet[usize::from(*b) % alphabet.len()])).collect()
}

/// A random GUID.
pub(crate) fn guid() -> String {
    let mut raw = bytes(16);
    raw[6] = (raw[6] & 0x0f) | 0x40;
    raw[8] = (raw[8] & 0x3f) | 0x80;
    shape_guid(&raw)
}

/// The GUID that a name always gets.
pub(crate) fn guid_of(name: &str) -> String {
    use sha2::{Digest as _, Sha256};
    shape_guid(&Sha256::digest(name.as_bytes())[..16])
}

fn shape_guid(raw: &[u8]) -> String {
    let hex: String = raw.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
