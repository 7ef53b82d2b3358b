//! The file of a trace: opened so that nobody else can have put something in its place.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens the file to append to, or makes it for its owner only. Says why not, as the end of a
/// sentence that begins with its name.
#[cfg(unix)]
pub(super) fn open(path: &Path) -> Result<File, String> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    use rustix::fs::OFlags;
    use rustix::io::Errno;
    use rustix::process::geteuid;

    let own = geteuid().as_raw();
    if own == 0 && !is_only_ours(path) {
        return Err("is in a directory that another account may change".to_owned());
    }
    // A pipe is not waited for (it is refused below), a link not followed.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => "is a symbolic link".to_owned(),
            Some(Errno::NXIO | Errno::ISDIR) => "is not a regular file".to_owned(),
            _ => cannot_be_written(&error),
        })?;
    let found = file.metadata().map_err(|error| cannot_be_written(&error))?;
    if !found.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if found.uid() != own {
        return Err("belongs to another account".to_owned());
    }
    // Another name of it may be that of a file where lines of ours do harm.
    if found.nlink() != 1 {
        return Err("has a second name (a hard link)".to_owned());
    }
    Ok(file)
}

/// Opens the file to append to.
#[cfg(not(unix))]
pub(super) fn open(path: &Path) -> Result<File, String> {
    File::options().append(true).create(true).open(path).map_err(|error| cannot_be_written(&error))
}

fn cannot_be_written(error: &io::Error) -> String {
    format!("cannot be written: {error}")
}

/// Whether nobody but root decides which file it is. Root may write anywhere, so another account
/// that has a directory on the way could choose where. Who owns `/` is root, under whatever number
/// (user_namespaces(7)).
#[cfg(unix)]
fn is_only_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let owner = |path: &Path| path.symlink_metadata().map(|metadata| metadata.uid());
    let Ok(root) = owner(Path::new("/")) else { return false };
    path.ancestors().skip(1).all(|directory| match owner(directory) {
        Ok(owner) => owner == root || owner == 0,
        // Opening the file says why.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    })
}
