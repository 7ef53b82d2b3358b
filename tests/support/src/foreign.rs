//! `git.example.org`: a git host that is nobody's business and must never see a credential.
use crate::backend::Backend;
use crate::http::{self, Answer, Ask};
use crate::log::Log;
use std::io;
use std::sync::Arc;

pub(crate) struct Foreign {
    backend: Arc<Backend>,
    log: Arc<Log>,
}

impl Foreign {
    pub(crate) fn new(backend: Arc<Backend>, log: Arc<Log>) -> Self {
        Self { backend, log }
    }

    pub(crate) async fn answer(&self, ask: &Ask) -> io::Result<Answer> {
        if ask.authorization().is_some() {
            self.log.foreign_authorization();
        }
        if let Some(tail) = ask.path.strip_prefix("/pub/sub.git/") {
            let repo = self.backend.path(&["git.example.org", "pub", "sub"]);
            return self.backend.serve(ask, &repo, tail, None).await;
        }
        if ask.path.starts_with("/private/x.git") {
            let mut answer = http::text(401, "Authentication required\n");
            http::header(&mut answer, "WWW-Authenticate", "Basic realm=\"git.example.org\"");
            return Ok(answer);
        }
        Ok(http::text(404, "Not found\n"))
    }
}
