//! What was asked of the stand-ins, and every secret they know.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request that reached a stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Host name, with the port unless it is the scheme's own.
    pub host: String,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Status answered; 0 while unanswered, hung up or reset.
    pub status: u16,
    /// Scheme of the `Authorization` header (`Basic`, `Bearer`, …), never its value.
    pub authorization: Option<String>,
    /// `grant_type` of a token request.
    pub grant: Option<String>,
}

#[derive(Default)]
pub(crate) struct Log {
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<BTreeMap<String, usize>>,
    strays: Mutex<Vec<String>>,
    secrets: Mutex<BTreeSet<String>>,
    foreign: AtomicUsize,
}

impl Log {
    pub(crate) fn begin(&self, seen: Seen) -> usize {
        let mut all = lock(&self.seen);
        all.push(seen);
        all.len() - 1
    }

    pub(crate) fn end(&self, index: usize, status: u16) {
        lock(&self.seen)[index].status = status;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(crate) fn connected(&self, host: &str) {
        *lock(&self.connections).entry(host.to_owned()).or_default() += 1;
    }

    pub(crate) fn connections(&self) -> BTreeMap<String, usize> {
        lock(&self.connections).clone()
    }

    pub(crate) fn stray(&self, host: &str) {
        lock(&self.strays).push(host.to_owned());
    }

    pub(crate) fn strays(&self) -> Vec<String> {
        lock(&self.strays).clone()
    }

    pub(crate) fn secret(&self, secret: &str) {
        if !secret.is_empty() {
            lock(&self.secrets).insert(secret.to_owned());
        }
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        lock(&self.secrets).iter().cloned().collect()
    }

    pub(crate) fn foreign_authorization(&self) {
        self.foreign.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn foreign_authorizations(&self) -> usize {
        self.foreign.load(Ordering::SeqCst)
    }
}

/// The secrets of a world, to be asked for at any time, also of another thread.
#[derive(Clone)]
pub struct Secrets(pub(crate) Arc<Log>);

impl Secrets {
    /// Every secret ever issued, registered or seen.
    pub fn all(&self) -> Vec<String> {
        self.0.secrets()
    }
}

/// Locks, whatever became of the thread that held it before.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
