//! Files written whole or not at all, and private from the moment they exist.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::trace;

/// Nothing of ours is larger; a larger file is not ours.
const READ_LIMIT: u64 = 4 << 20;

/// What the name of a staged file begins with.
pub(super) const STAGED: &str = ".tmp-";

/// What stands between the name of a damaged file and its number once it is set aside.
pub(super) const SET_ASIDE: &str = ".corrupt-";

/// The mode of a file only its owner may read.
pub(super) const PRIVATE: u32 = 0o600;

/// Who but their owner may not have a hand in a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Private {
    /// Nobody else may change it: sealed, it may be seen.
    Sealed,
    /// Nobody else may even see it.
    Clear,
}

/// A file or a directory in which another account has a hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anothers {
    /// Which.
    pub path: PathBuf,
    /// The number of the account it belongs to.
    pub owner: u32,
}

/// What was found on the way in which other accounts have a hand, the first of each kind.
///
/// A finding is worth a warning and no more. File systems that have no modes of their own show
/// what their mount says, often 0777 for everything (Windows drives under WSL, 9p, virtiofs, some
/// bind mounts); to refuse to read there would lock people out of a vault that is as safe as that
/// machine lets it be.
#[derive(Debug, Default)]
pub(super) struct Watch {
    open: RefCell<Option<PathBuf>>,
    anothers: RefCell<Option<Anothers>>,
}

impl Watch {
    /// Reads a file as [`read_bounded`] does, and looks at its owner and mode on the way.
    pub(super) fn read(&self, path: &Path, private: Private) -> io::Result<Option<Vec<u8>>> {
        let Some((bytes, metadata)) = read_with_metadata(path)? else { return Ok(None) };
        let open = match private {
            Private::Sealed => 0o022,
            Private::Clear => 0o077,
        };
        self.look(path, &metadata, open);
        Ok(Some(bytes))
    }

    /// Looks at a directory: whoever may change it may replace every file in it.
    pub(super) fn look_at_dir(&self, path: &Path) {
        if let Ok(metadata) = fs::metadata(path) {
            self.look(path, &metadata, 0o022);
        }
    }

    /// What other accounts may change or see by its mode.
    pub(super) fn open(&self) -> Option<PathBuf> {
        self.open.borrow().clone()
    }

    /// What belongs to an account that is neither this one nor the administrator's.
    pub(super) fn anothers(&self) -> Option<Anothers> {
        self.anothers.borrow().clone()
    }

    fn look(&self, path: &Path, metadata: &fs::Metadata, open: u32) {
        if mode(metadata) & open != 0 {
            self.open.borrow_mut().get_or_insert_with(|| path.to_owned());
        }
        if let Some(owner) = another_owner(metadata) {
            let found = || Anothers { path: path.to_owned(), owner };
            self.anothers.borrow_mut().get_or_insert_with(found);
        }
    }
}

/// The account a file belongs to, if that is neither this one nor the administrator's.
#[cfg(unix)]
fn another_owner(metadata: &fs::Metadata) -> Option<u32> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    (owner != 0 && owner != rustix::process::geteuid().as_raw()).then_some(owner)
}

#[cfg(not(unix))]
fn another_owner(_: &fs::Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions())
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}

/// Reads a file. `None` if there is none.
///
/// # Errors
/// If it cannot be read, or is larger than any file of ours.
pub fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    Ok(read_with_metadata(path)?.map(|(bytes, _)| bytes))
}

/// Owner and mode are asked of the file that is open anyway.
fn read_with_metadata(path: &Path) -> io::Result<Option<(Vec<u8>, fs::Metadata)>> {
    // Before it is opened: to open a pipe is to wait for whoever writes to it.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(not_a_file()),
        _ => {}
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let mut bytes = Vec::with_capacity(8 * 1024);
    file.take(READ_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > READ_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the file is too large to be ours",
        ));
    }
    Ok(Some((bytes, metadata)))
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Replaces a file: temporary file beside it (`O_EXCL`, random name, final mode at creation),
/// write, fsync, rename, fsync of the directory. A symbolic link is followed, so that a file
/// managed from elsewhere stays a link, be what it points to there already or not.
///
/// # Errors
/// If any step fails; the old file is intact then.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let target = behind_links(path);
    // A link to a device must not end with a file in the device's place.
    if fs::symlink_metadata(&target)
        .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_symlink())
    {
        return Err(not_a_file());
    }
    let dir = parent(&target);
    let staged = stage(dir, bytes, mode)?;
    match staged.persist(&target) {
        Ok(_) => sync_dir(dir),
        // A file that is a mount point cannot be replaced, only rewritten.
        Err(error) if error.error.kind() == io::ErrorKind::ResourceBusy => {
            drop(error.file);
            rewrite(&target, bytes)
        }
        Err(error) => Err(error.error),
    }
}

/// The file that links lead to. A ring of links leads nowhere, and its last one is replaced.
fn behind_links(path: &Path) -> PathBuf {
    const MOST: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&target) {
            Ok(next) => target = parent(&target).join(next),
            Err(_) => break,
        }
    }
    target
}

/// Makes a file that must not exist yet.
///
/// # Errors
/// `AlreadyExists` if it does; whatever else fails.
pub(super) fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let dir = parent(path);
    stage(dir, bytes, mode)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_dir(dir)
}

/// Makes a directory that only its owner may enter, with its parents.
///
/// # Errors
/// If it cannot be made.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    create_dir(path, 0o700)
}

/// Makes a directory that everybody may read and nobody else may change, whatever the umask
/// allows, with its parents.
///
/// # Errors
/// If it cannot be made.
pub fn create_public_dir(path: &Path) -> io::Result<()> {
    create_dir(path, 0o755)
}

fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(path)
}

/// Removes a file, if it is there, and says whether it was.
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renames a damaged file to the first free `NAME.corrupt-N`.
pub(super) fn set_aside(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for number in 1..1000 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("{SET_ASIDE}{number}"));
        if !Path::new(&name).exists() {
            fs::rename(path, name)?;
            trace::event("vault", |words| words.with("set_aside", path.display()));
            return Ok(());
        }
    }
    Err(io::Error::other("too many damaged copies beside it"))
}

/// Writes and removes as much as any entry takes, and removes what killed writers left.
pub(super) fn rehearse(dir: &Path) -> io::Result<()> {
    sweep(dir);
    stage(dir, &[0; 64 * 1024], PRIVATE)?.close()
}

/// A staged file lives for milliseconds; one of yesterday has nobody.
fn sweep(dir: &Path) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.filter_map(Result::ok) {
        let stale =
            || entry.metadata().ok()?.modified().ok()?.elapsed().ok().filter(|age| *age > DAY);
        if entry.file_name().to_string_lossy().starts_with(STAGED) && stale().is_some() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn stage(dir: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(STAGED);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
