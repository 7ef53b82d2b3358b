//! The vault as a whole, on a real file system.

use std::fs;

use super::*;

fn vault(dir: &tempfile::TempDir) -> Vault {
    Vault::new(dir.path().join("state"), None)
}

fn access(token: &str) -> Access {
    Access { account: "ada".to_owned(), token: Some(token.into()), ..Access::default() }
}

fn put(vault: &Vault, token: &str) {
    vault.write().expect("lock").put("host", &access(token)).expect("written");
}

#[test]
fn entries_come_back_to_another_process() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let found: Option<Access> = vault(&dir).read("host").expect("readable");
    assert_eq!(found, Some(access("one")));
    assert_eq!(vault(&dir).read::<Access>("other").expect("readable"), None);
    let mut secrets = Vec::new();
    for entry in fs::read_dir(dir.path().join("state")).expect("listed") {
        secrets.extend(fs::read(entry.expect("entry").path()).expect("read"));
    }
    assert!(!secrets.windows(3).any(|bytes| bytes == b"ada"), "nothing is in clear");
}

#[test]
fn a_reader_that_found_nothing_sees_what_is_written_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let vault = vault(&dir);
    assert_eq!(vault.read::<Access>("host").expect("readable"), None);
    put(&vault, "one");
    assert_eq!(vault.read::<Access>("host").expect("readable"), Some(access("one")));
}

#[test]
fn damaged_entries_are_reported_by_readers_and_set_aside_by_writers() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let name = entry_name::<Access>("host");
    let path = dir.path().join("state").join(&name);
    for damage in [&b""[..], b"onaz", b"{\"truncated", &[0xff; 300]] {
        fs::write(&path, damage).expect("damaged");
        assert!(matches!(vault(&dir).read::<Access>("host"), Err(VaultError::Corrupt { .. })));
        assert_eq!(fs::read(&path).expect("still there"), damage, "readers change nothing");
        let fresh = vault(&dir);
        let writer = fresh.write().expect("lock");
        assert_eq!(writer.read::<Access>("host").expect("counts as absent"), None);
        writer.put("host", &access("two")).expect("written");
    }
    assert_eq!(vault(&dir).set_aside().len(), 4);
}

#[test]
fn a_newer_entry_is_never_overwritten_not_even_unread() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let path = dir.path().join("state").join(entry_name::<Access>("host"));
    let newer = b"onaz\x02what a later version keeps".as_slice();
    fs::write(&path, newer).expect("newer");
    assert!(matches!(vault(&dir).read::<Access>("host"), Err(VaultError::Newer { .. })));
    let written = vault(&dir).write().expect("lock").put("host", &access("two"));
    assert!(matches!(written, Err(VaultError::Newer { .. })));
    assert_eq!(fs::read(&path).expect("there"), newer);
}

#[test]
fn without_its_header_a_vault_starts_afresh_for_every_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    for damage in [Some("{"), None] {
        put(&vault(&dir), "one");
        vault(&dir).write().expect("lock").put("other", &access("three")).expect("written");
        let header = Header::path(&dir.path().join("state"));
        match damage {
            Some(text) => fs::write(&header, text).expect("damaged"),
            None => fs::remove_file(&header).expect("removed"),
        }
        put(&vault(&dir), "two");
        assert_eq!(vault(&dir).read("host").expect("readable"), Some(access("two")));
        let other = vault(&dir).read::<Access>("other").expect("no entry of the old key is left");
        assert_eq!(other, None);
    }
}

#[test]
fn what_a_killed_writer_left_is_swept_away_a_day_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let vault = vault(&dir);
    let writer = vault.write().expect("lock");
    let staged = |name: &str, age: u64| {
        let path = vault.dir().join(name);
        let file = fs::File::create(&path).expect("made");
        let then = std::time::SystemTime::now() - Duration::from_secs(age);
        file.set_modified(then).expect("aged");
        path
    };
    let old = staged(".tmp-old", 25 * 60 * 60);
    let young = staged(".tmp-young", 60);
    let other = staged("old", 25 * 60 * 60);
    writer.rehearse().expect("writable");
    assert!(!old.exists() && young.exists() && other.exists());
}

#[test]
fn a_damaged_header_is_set_aside_and_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let header = Header::path(&dir.path().join("state"));
    fs::write(&header, "{").expect("damaged");
    assert!(matches!(vault(&dir).read::<Access>("host"), Err(VaultError::Corrupt { .. })));
    let fresh = vault(&dir);
    let writer = fresh.write().expect("lock");
    assert_eq!(writer.read::<Access>("host").expect("set aside"), None);
    writer.put("host", &access("two")).expect("written");
    assert_eq!(vault(&dir).read("host").expect("readable"), Some(access("two")));
}

#[test]
fn a_newer_vault_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let header = Header::path(&dir.path().join("state"));
    fs::write(&header, r#"{"version":2,"else":true}"#).expect("newer");
    let fresh = vault(&dir);
    assert!(matches!(fresh.read::<Access>("host"), Err(VaultError::Newer { .. })));
    let writer = fresh.write().expect("lock");
    assert!(matches!(writer.put("host", &access("two")), Err(VaultError::Newer { .. })));
    assert_eq!(fs::read(&header).expect("there"), br#"{"version":2,"else":true}"#);
}

#[test]
fn another_key_opens_nothing_and_destroys_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let state = dir.path().join("state");
    let mine = fs::read(state.join("runner.key")).expect("key");
    fs::remove_file(state.join("runner.key")).expect("gone");
    for other in [None, Some(dir.path().join("other.key"))] {
        if let Some(path) = &other {
            RunnerKey::make(KeySource::Mounted(path.clone())).expect("made");
        }
        let vault = Vault::new(state.clone(), other);
        assert!(matches!(vault.read::<Access>("host"), Err(VaultError::OtherKey { .. })));
        let writer = vault.write().expect("lock");
        assert!(matches!(writer.put("host", &access("x")), Err(VaultError::OtherKey { .. })));
    }
    fs::write(state.join("runner.key"), mine).expect("back");
    assert_eq!(vault(&dir).read("host").expect("readable"), Some(access("one")));
}

#[test]
fn what_is_sealed_to_the_key_opens_with_it_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = vault(&dir).runner_key_or_new().expect("made");
    let other = RunnerKey::make(KeySource::Beside(dir.path().join("other.key"))).expect("made");
    let sealed = seal_to(&[key.recipient()], b"client secret");
    assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    assert_eq!(open_with(&key, &sealed).expect("opens"), Secret::from("client secret"));
    assert_eq!(open_with(&other, &sealed), Err(key::OpenError::OtherKey));
    assert_eq!(open_with(&key, "nonsense"), Err(key::OpenError::Malformed));
}

use crate::secret::Secret;
