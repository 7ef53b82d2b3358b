//! Real repositories, served by the real `git http-backend`.
use crate::http::{self, Answer, Ask};
use crate::log::lock;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tokio::io::AsyncWriteExt as _;

/// Keeps bare repositories below one folder.
pub(crate) struct Backend {
    root: PathBuf,
    making: Mutex<()>,
}

impl Backend {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), making: Mutex::default() }
    }

    /// Where a repository lives, whether it was made yet or not.
    pub(crate) fn path(&self, parts: &[&str]) -> PathBuf {
        let mut path = self.root.clone();
        for part in parts {
            path.push(part.to_lowercase().replace(['/', '\\', '.'], "-"));
        }
        path.set_extension("git");
        path
    }

    /// The folder beside a repository where its LFS objects are kept.
    pub(crate) fn lfs(repo: &Path) -> PathBuf {
        repo.with_extension("lfs")
    }

    /// Makes the repository unless it exists: bare, one commit on `main`, open to pushes.
    pub(crate) fn ensure(&self, repo: &Path) {
        let _making = lock(&self.making);
        if repo.join("HEAD").exists() {
            return;
        }
        let path = repo.to_str().expect("a path in UTF-8");
        run(Command::new("git").args(["init", "--quiet", "--bare", "-b", "main", path]), "");
        run(git(repo).args(["config", "http.receivepack", "true"]), "");
        let person = "Stand-in <standin@contoso.example> 1700000000 +0000";
        let (readme, message) = ("# Stand-in\n", "First commit\n");
        let import = format!(
            "commit refs/heads/main\nauthor {person}\ncommitter {person}\ndata {}\n{message}\
             M 100644 inline README.md\ndata {}\n{readme}\n",
            message.len(),
            readme.len(),
        );
        run(git(repo).args(["fast-import", "--quiet"]), &import);
    }

    /// Answers one request of git's smart protocol; `tail` is the path within the repository.
    pub(crate) async fn serve(
        &self,
        ask: &Ask,
        repo: &Path,
        tail: &str,
        user: Option<&str>,
    ) -> io::Result<Answer> {
        self.ensure(repo);
        let mut command = tokio::process::Command::from(git(repo));
        command
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", repo)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{tail}"))
            .env("REQUEST_METHOD", ask.method.as_str())
            .env("QUERY_STRING", &ask.query)
            .env("CONTENT_TYPE", ask.header("content-type"))
            .env("CONTENT_LENGTH", ask.body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", ask.header("content-encoding"))
            .env("GIT_PROTOCOL", ask.header("git-protocol"))
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Some(user) = user {
            command.env("REMOTE_USER", user);
        }
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let input = ask.body.clone();
        let feed = async move {
            let _ = stdin.write_all(&input).await;
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        cgi(&output?.stdout)
    }
}

/// Turns what a CGI program wrote into an answer.
fn cgi(output: &[u8]) -> io::Result<Answer> {
    let end = output
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .ok_or_else(|| io::Error::other("git http-backend gave no header"))?;
    let mut answer = http::answer(200, "text/plain", output[end + 4..].to_vec());
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            let number = value.split(' ').next().and_then(|n| n.parse::<u16>().ok());
            if let Some(status) = number.and_then(|n| hyper::StatusCode::from_u16(n).ok()) {
                *answer.status_mut() = status;
            }
        } else if !name.eq_ignore_ascii_case("content-length") {
            http::header(&mut answer, name, value);
        }
    }
    Ok(answer)
}

/// `git -C repo` that knows nothing of the user's own settings.
fn git(repo: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo);
    neutral(&mut command);
    command
}

fn neutral(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
}

fn run(command: &mut Command, input: &str) {
    neutral(command);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("git can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).expect("git reads its input");
    drop(stdin);
    assert!(child.wait().expect("git ends").success(), "{command:?} failed");
}
