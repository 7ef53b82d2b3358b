//! A network that is a table, for tests.

use std::cell::RefCell;

use oauth2::http::Request;

use crate::net::{NetError, Reply, Send};

/// Answers in turn, and remembers what was asked.
pub(crate) struct Table {
    replies: RefCell<Vec<Reply>>,
    pub(crate) asked: RefCell<Vec<Request<Vec<u8>>>>,
}

impl Table {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        Self { replies: RefCell::new(replies), asked: RefCell::default() }
    }
}

impl Send for Table {
    fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, NetError> {
        self.asked.borrow_mut().push(request);
        Ok(self.replies.borrow_mut().pop().expect("no more is asked than the table answers"))
    }
}

/// An answer; headers as `name: value`.
pub(crate) fn reply(status: u16, headers: &[&str], body: &str) -> Reply {
    let headers = headers
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            let name = name.parse::<oauth2::http::HeaderName>().expect("a name");
            (name, value.trim().parse().expect("a value"))
        })
        .collect();
    Reply { status, headers, body: body.as_bytes().to_vec().into() }
}
