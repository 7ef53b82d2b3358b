//! The configuration file of a scope: found, read, and replaced in one step.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use fs2::FileExt as _;
use tempfile::NamedTempFile;

use super::Scope;
use super::document::Setting;
use crate::git::Git;
use crate::report::{Failure, escape_bytes};

/// The file that `git config --SCOPE` writes to.
pub(super) fn locate(git: &Git, scope: Scope) -> Result<PathBuf, Failure> {
    let path = match scope {
        Scope::Global => global(git)?,
        Scope::System => edited(git.outside(), "--system")?,
        Scope::Local => edited(git.command(), "--local")?,
    };
    if !path.is_absolute() {
        return Err(Failure::new(format!(
            "git's configuration file `{}` is not an absolute path",
            path.display()
        ))
        .hint("set HOME, XDG_CONFIG_HOME and GIT_CONFIG_GLOBAL to absolute paths, or unset them"));
    }
    Ok(path)
}

/// git's own rule: the XDG file only if it can be read and `~/.gitconfig` cannot.
fn global(git: &Git) -> Result<PathBuf, Failure> {
    if let Some(path) = git.variable("GIT_CONFIG_GLOBAL") {
        return Ok(path.into());
    }
    let home = git.variable("HOME").or_else(|| git.variable("USERPROFILE")).map(PathBuf::from);
    let home = home.ok_or_else(|| {
        Failure::new("git has no global configuration, because HOME is not set")
            .hint("set HOME, or run `git-credential-ona-azure setup-git --system`")
    })?;
    let xdg = match git.variable("XDG_CONFIG_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => home.join(".config"),
    };
    let (user, xdg) = (home.join(".gitconfig"), xdg.join("git/config"));
    let readable = |path: &Path| fs::File::open(path).is_ok();
    Ok(if !readable(&user) && readable(&xdg) { xdg } else { user })
}

/// Where git's system file is was settled when it was built, and older ones have no command that
/// says so; but each passes it to an editor. This editor prints it.
fn edited(mut command: std::process::Command, scope: &str) -> Result<PathBuf, Failure> {
    command.env("GIT_EDITOR", "printf '%s\\n'").args(["config", scope, "--edit"]);
    let output =
        command.output().map_err(|err| Failure::new(format!("git cannot be run: {err}")))?;
    let path = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || path.trim().is_empty() {
        let why = escape_bytes(output.stderr.trim_ascii());
        let failure = Failure::new(format!("git has no file for `git config {scope}`: {why}"));
        return Err(if scope == "--local" {
            failure.hint(
                "run it inside a repository, or use `git-credential-ona-azure setup-git --global`",
            )
        } else {
            failure.hint("use `git-credential-ona-azure setup-git --global`")
        });
    }
    Ok(PathBuf::from(path.trim_end_matches('\n')))
}

/// The file's bytes; none if there is no file yet.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(format!("cannot read {}: {why}", path.display()));
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(failed("it is not a file".to_owned())
            .hint("unset GIT_CONFIG_GLOBAL or GIT_CONFIG_SYSTEM, whichever names it")),
        Ok(_) => fs::read(path).map_err(|err| failed(err.to_string())),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(err) => Err(failed(err.to_string())),
    }
}

/// What git reads in these bytes.
pub(super) fn settings(git: &Git, text: &[u8]) -> Result<Vec<Setting>, String> {
    let mut command = git.outside();
    command.args(["config", "--null", "--no-includes", "--file", "-", "--list"]);
    let output = Git::feed(command, text).map_err(|err| err.to_string())?;
    if !output.status.success() {
        return Err(escape_bytes(output.stderr.trim_ascii()));
    }
    let records = output.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    let decode = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(records
        .map(|record| match record.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                Setting { key: decode(&record[..at]), value: Some(decode(&record[at + 1..])) }
            }
            None => Setting { key: decode(record), value: None },
        })
        .collect())
}

/// Puts `new` in the place of `old`, under the lock that git itself takes, in one step. False if
/// the file no longer is what `old` says: then nothing was written.
pub(super) fn replace(path: &Path, old: &[u8], new: &[u8]) -> Result<bool, Failure> {
    let failed = |err: &io::Error| {
        Failure::new(format!("cannot change {}: {err}", path.display())).hint(
            "make it writable, or choose another scope: setup-git --global, --system or --local",
        )
    };
    // A symbolic link stays one: dotfile managers keep the file elsewhere.
    let target = resolve(path).map_err(|err| failed(&err))?;
    let permissions = fs::metadata(&target).ok().map(|metadata| metadata.permissions());
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        // git would replace it all the same; but whoever made it read-only meant it.
        return Err(failed(&io::Error::new(ErrorKind::PermissionDenied, "the file is read-only")));
    }
    let lock = Lock::take(&target).map_err(|err| match err.kind() {
        ErrorKind::AlreadyExists => Failure::new(format!(
            "cannot change {}: {}.lock exists, so git is changing it, or was killed doing so",
            path.display(),
            target.display()
        ))
        .hint("remove that file if no git is running, then run setup-git again"),
        _ => failed(&err),
    })?;
    if read(&target)? != old {
        return Ok(false);
    }
    lock.commit(&target, new, permissions).map_err(|err| failed(&err))?;
    Ok(true)
}

/// The file behind symbolic links, even if it is not there yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..8 {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("/")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// git's lock, a file beside the other. What it holds tells it from one of git's own, and it is
/// locked besides: one that is not was left by a process that was killed.
struct Lock {
    path: PathBuf,
    _file: fs::File,
}

/// What our lock holds.
const MARK: &[u8] = b"# git-credential-ona-azure is changing the file\n";

impl Lock {
    fn take(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        for patience in (0..20).rev() {
            // It holds its mark from the moment it is there.
            let staged = stage(target, MARK)?;
            let _ = staged.as_file().try_lock_exclusive();
            match staged.persist_noclobber(&path) {
                Ok(file) => return Ok(Self { path, _file: file }),
                Err(err) if err.error.kind() == ErrorKind::AlreadyExists && patience > 0 => {
                    if !clear_if_left(&path) {
                        sleep(Duration::from_millis(50));
                    }
                }
                Err(err) => return Err(err.error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn commit(
        self,
        target: &Path,
        text: &[u8],
        permissions: Option<fs::Permissions>,
    ) -> io::Result<()> {
        let staged = stage(target, text)?;
        if let Some(permissions) = permissions {
            staged.as_file().set_permissions(permissions)?;
        }
        staged.persist(target)?;
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A file to be renamed to one beside it. Others may read and nobody else may change it, whatever
/// the umask allows: it names programs that git runs.
fn stage(target: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gitconfig-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(target.parent().unwrap_or(Path::new("/")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Removes a lock of ours whose holder is dead; says whether it did.
#[cfg(unix)]
fn clear_if_left(path: &Path) -> bool {
    use std::io::Read as _;
    use std::os::unix::fs::MetadataExt as _;

    let Ok(file) = fs::File::open(path) else { return false };
    let mut bytes = Vec::new();
    let read = (&file).take(MARK.len() as u64 + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes != MARK || file.try_lock_exclusive().is_err() {
        return false;
    }
    // Whoever else found it may have removed it meanwhile, and another taken its place.
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let is_it = file.metadata().map(id).ok() == fs::symlink_metadata(path).map(id).ok();
    is_it && fs::remove_file(path).is_ok()
}

#[cfg(not(unix))]
fn clear_if_left(_: &Path) -> bool {
    false
}
