//! Where files live.

use std::env;
use std::path::PathBuf;

use directories::ProjectDirs;

use crate::report::{Failure, quoted};
use crate::vault::create_public_dir;

/// The name of the program and of its directories.
pub const NAME: &str = "git-credential-ona-azure";

/// The files of one run.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The integrations an administrator set for everybody.
    pub system_integrations: Option<PathBuf>,
    /// The user's own integrations, or the one file `ONA_AZURE_INTEGRATIONS` names.
    pub user_integrations: PathBuf,
    /// Those beside the vault, where `ONA_AZURE_STATE_DIR` names that: for a home that cannot be
    /// written. They win.
    pub state_integrations: Option<PathBuf>,
    /// The vault and its lock files.
    pub state: PathBuf,
    /// `ONA_AZURE_KEY_FILE`: a runner key mounted from elsewhere.
    pub mounted_key: Option<PathBuf>,
}

impl Paths {
    /// Reads the environment.
    ///
    /// # Errors
    /// If there is no home directory and the variables that make up for it are not set; if one of
    /// them names a relative path.
    pub fn from_env() -> Result<Self, Failure> {
        let integrations = variable("ONA_AZURE_INTEGRATIONS")?;
        let state = variable("ONA_AZURE_STATE_DIR")?;
        let dirs = ProjectDirs::from("", "", NAME);
        let of_home = |path: fn(&ProjectDirs) -> PathBuf| {
            dirs.as_ref().map(path).ok_or_else(|| {
                Failure::new("no home directory: HOME is not set and this account has none").hint(
                    "set HOME, or both ONA_AZURE_INTEGRATIONS (a file) and ONA_AZURE_STATE_DIR (a directory)",
                )
            })
        };
        Ok(Self {
            state_integrations: match (&integrations, &state) {
                (None, Some(state)) => Some(state.join("integrations.json")),
                _ => None,
            },
            system_integrations: match integrations {
                Some(_) => None,
                None => Some(PathBuf::from("/etc").join(NAME).join("integrations.json")),
            },
            user_integrations: match integrations {
                Some(path) => path,
                // Without a home nothing is there, and what is beside the vault is all there is.
                None => match (of_home(|dirs| dirs.config_dir().join("integrations.json")), &state)
                {
                    (Err(_), Some(state)) => state.join("integrations.json"),
                    (found, _) => found?,
                },
            },
            state: match state {
                Some(path) => path,
                None => {
                    of_home(|dirs| dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned())?
                }
            },
            mounted_key: variable("ONA_AZURE_KEY_FILE")?,
        })
    }
}

impl Paths {
    /// The user's file that is to be written: the one beside the vault where there is one already,
    /// or where the other cannot be.
    pub fn writable_integrations(&self) -> PathBuf {
        let Some(beside) = &self.state_integrations else { return self.user_integrations.clone() };
        let directory = self.user_integrations.parent().unwrap_or(&self.user_integrations);
        let writable =
            || create_public_dir(directory).is_ok() && tempfile::tempfile_in(directory).is_ok();
        if beside.exists() || !writable() { beside.clone() } else { self.user_integrations.clone() }
    }
}

/// git runs its helpers inside repositories, and nobody's repository is to say which integrations
/// or which key are used. So a relative path is an error.
fn variable(name: &str) -> Result<Option<PathBuf>, Failure> {
    let path = env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match path {
        Some(path) if !path.is_absolute() => Err(Failure::new(format!(
            "{name} is {}, which would be looked up in whatever directory git is run in",
            quoted(&path.to_string_lossy())
        ))
        .hint("write a path that begins with /")),
        path => Ok(path),
    }
}
