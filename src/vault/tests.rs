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
    try_put(&vault.write().expect("lock"), "host", token).expect("written");
}

fn try_put(writer: &Writer<'_>, of: &str, token: &str) -> Result<(), VaultError> {
    writer.update(of, |kept| *kept = Some(access(token)))
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
fn an_update_that_changes_nothing_takes_no_lock_and_writes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let nothing = |kept: &mut Option<Access>| kept.as_ref().map(|kept| kept.account.clone());
    assert_eq!(vault(&dir).update("host", nothing).expect("nothing to do"), None);
    assert!(!dir.path().join("state").exists());
    put(&vault(&dir), "one");
    let other = vault(&dir);
    let held = other.write().expect("lock");
    assert_eq!(vault(&dir).update("host", nothing).expect("no wait").as_deref(), Some("ada"));
    drop(held);
}

#[test]
fn an_update_is_made_of_what_is_kept_when_it_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let (vault, other) = (vault(&dir), vault(&dir));
    let mut looks = 0;
    let add = |kept: &mut Option<Access>, at| {
        let kept = kept.get_or_insert_default();
        kept.expires_at += at;
        kept.expires_at
    };
    let sum = vault.update("host", |kept: &mut Option<Access>| {
        looks += 1;
        if looks == 1 {
            // Another process comes in between the look and the lock.
            other.update("host", |kept| add(kept, 10)).expect("not locked yet");
        }
        add(kept, 1)
    });
    assert_eq!((sum.expect("written"), looks), (11, 2));
    let kept = vault.read::<Access>("host").expect("readable").expect("kept");
    assert_eq!((kept.expires_at, kept.token), (11, access("one").token));
}

#[test]
fn a_vault_that_was_started_afresh_meanwhile_is_not_taken_for_damaged() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let (reader, other) = (vault(&dir), vault(&dir));
    assert_eq!(reader.read("host").expect("readable"), Some(access("one")));
    assert!(other.write().expect("lock").remove_all().expect("removed"));
    assert_eq!(reader.read::<Access>("host").expect("nothing is kept"), None);
    put(&other, "two");
    assert_eq!(reader.list::<Access>().expect("readable"), [access("two")]);
    assert!(other.write().expect("lock").remove_all().expect("removed"));
    put(&other, "three");
    assert_eq!(reader.read("host").expect("readable"), Some(access("three")));
    assert!(other.write().expect("lock").remove_all().expect("removed"));
    put(&other, "four");
    assert!(reader.unreadable().is_empty());
    // Nor is it set aside by a writer.
    assert_eq!(reader.write().expect("lock").read("host").expect("kept"), Some(access("four")));
}

#[test]
fn an_update_that_leaves_nothing_removes_the_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    vault(&dir).update("host", |kept: &mut Option<Access>| *kept = None).expect("removed");
    assert_eq!(vault(&dir).read::<Access>("host").expect("readable"), None);
    assert_eq!(vault(&dir).entry_names().expect("listed"), Vec::<String>::new());
}

#[test]
fn an_update_of_a_damaged_entry_sets_it_aside_if_it_writes() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    let path = dir.path().join("state").join(entry_name::<Access>("host"));
    fs::write(&path, "damaged").expect("damaged");
    let look = |kept: &mut Option<Access>| kept.is_some();
    assert!(!vault(&dir).update("host", look).expect("counts as absent"));
    assert_eq!(fs::read(&path).expect("still there"), b"damaged");
    vault(&dir).update("host", |kept| *kept = Some(access("two"))).expect("written");
    assert_eq!(vault(&dir).read("host").expect("readable"), Some(access("two")));
    assert_eq!(vault(&dir).set_aside().len(), 1);
}

#[test]
fn no_update_is_lost_however_many_run_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    put(&vault(&dir), "one");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let vault = vault(&dir);
                for _ in 0..5 {
                    let count =
                        |kept: &mut Option<Access>| kept.get_or_insert_default().issued_at += 1;
                    vault.update("host", count).expect("written");
                }
            });
        }
    });
    let kept = vault(&dir).read::<Access>("host").expect("readable").expect("kept");
    assert_eq!(kept.issued_at, 20);
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
        try_put(&writer, "host", "two").expect("written");
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
    let written = try_put(&vault(&dir).write().expect("lock"), "host", "two");
    assert!(matches!(written, Err(VaultError::Newer { .. })));
    assert_eq!(fs::read(&path).expect("there"), newer);
}

#[test]
fn without_its_header_a_vault_starts_afresh_for_every_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    for damage in [Some("{"), None] {
        put(&vault(&dir), "one");
        try_put(&vault(&dir).write().expect("lock"), "other", "three").expect("written");
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
    try_put(&writer, "host", "two").expect("written");
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
    assert!(matches!(try_put(&writer, "host", "two"), Err(VaultError::Newer { .. })));
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
        assert!(matches!(try_put(&writer, "host", "x"), Err(VaultError::OtherKey { .. })));
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
