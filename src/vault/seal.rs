//! Entries sealed under the data key: XChaCha20-Poly1305 with a random nonce, the entry's name
//! as associated data, so that no file can take another's place.

use std::cmp::Ordering;

use chacha20poly1305::aead::{Aead as _, AeadCore as _, KeyInit as _, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// The first bytes of every entry; the last one is the version of the form.
const MAGIC: &[u8; 5] = b"onaz\x01";
const NONCE: usize = 24;

/// The key every entry of a vault is sealed under.
pub(super) struct DataKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(hidden)")
    }
}

/// Why an entry cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenError {
    /// A later version of the form.
    Newer,
    /// Not an entry, damaged, or sealed under another key or name.
    Corrupt,
}

impl DataKey {
    /// A new random key.
    pub(super) fn generate() -> Self {
        let mut key = XChaCha20Poly1305::generate_key(&mut OsRng);
        let copy = Zeroizing::new(key.into());
        zeroize::Zeroize::zeroize(key.as_mut_slice());
        Self(copy)
    }

    /// The key of those bytes, if there are 32.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, to be wrapped.
    pub(super) fn expose(&self) -> &[u8] {
        &*self.0
    }

    /// Seals `plain` as the entry `name`.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let sealed = self
            .cipher()
            .encrypt(&nonce, Payload { msg: plain, aad: name.as_bytes() })
            .expect("BUG: entries are far below the cipher's limit");
        [MAGIC.as_slice(), &nonce, &sealed].concat()
    }

    /// Opens the entry `name`.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (magic, rest) = sealed.split_at_checked(MAGIC.len()).ok_or(OpenError::Corrupt)?;
        if magic[..4] != MAGIC[..4] {
            return Err(OpenError::Corrupt);
        }
        match magic[4].cmp(&MAGIC[4]) {
            Ordering::Greater => return Err(OpenError::Newer),
            Ordering::Less => return Err(OpenError::Corrupt),
            Ordering::Equal => {}
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(OpenError::Corrupt)?;
        self.cipher()
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: name.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| OpenError::Corrupt)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_open_under_their_own_name_and_key_only() {
        let key = DataKey::generate();
        let sealed = key.seal("a", b"plain");
        assert_eq!(key.open("a", &sealed).expect("opens").as_slice(), b"plain");
        assert_eq!(key.open("b", &sealed), Err(OpenError::Corrupt));
        assert_eq!(DataKey::generate().open("a", &sealed), Err(OpenError::Corrupt));
        assert_ne!(key.seal("a", b"plain"), sealed, "nonces are fresh");
    }

    #[test]
    fn damage_is_told_from_a_newer_form() {
        let key = DataKey::generate();
        let sealed = key.seal("a", b"plain");
        for cut in 0..sealed.len() {
            assert_eq!(key.open("a", &sealed[..cut]), Err(OpenError::Corrupt));
        }
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(key.open("a", &damaged).is_err(), "byte {at}");
        }
        let mut newer = sealed;
        newer[4] = 2;
        assert_eq!(key.open("a", &newer), Err(OpenError::Newer));
    }
}
