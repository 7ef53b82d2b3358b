//! One integrations file: read, judged, edited without losing what is not ours.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::IntoDeserializer as _;
use serde_json::{Map, Value, json};

use super::model::{HostSpec, Integration};
use super::wire::{self, ModelError, WireIntegration};
use crate::reach::{For, make_readable};
use crate::report::{path_word, quoted};
use crate::vault::{Lock, LockError, acquire, create_public_dir, read_bounded, write_atomically};

const VERSION: u64 = 1;

/// Readable by all, as configuration is: it holds no secret in clear.
const MODE: u32 = 0o644;

/// An integrations file and where it is.
#[derive(Debug)]
pub struct IntegrationsFile {
    path: PathBuf,
    root: Map<String, Value>,
}

/// What is wrong with an integrations file. The file is left alone.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, the field included.
    pub problem: String,
    /// How to mend it.
    pub fix: String,
}

impl FileError {
    fn new(path: &Path, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into(), fix: fix.into() }
    }

    fn field(path: &Path, field: &str, problem: &str, fix: impl Into<String>) -> Self {
        Self::new(path, format!("{field} {problem}"), fix)
    }

    fn write(path: &Path, error: &io::Error) -> Self {
        Self::new(
            path,
            format!("cannot be written: {error}"),
            "check the permissions of the file and its directory, or name another file in ONA_AZURE_INTEGRATIONS",
        )
    }
}

impl IntegrationsFile {
    /// Reads a file. `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, is not JSON, or has an unknown version.
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let bytes = read_bounded(path).map_err(|error| {
            FileError::new(
                path,
                format!("cannot be read: {error}"),
                if error.kind() == io::ErrorKind::PermissionDenied {
                    make_readable(path, For::Everybody)
                } else {
                    format!(
                        "move it away and add the integrations again: mv {0} {0}.bad",
                        path_word(path)
                    )
                },
            )
        })?;
        let Some(bytes) = bytes else { return Ok(None) };
        // Some editors begin a file of UTF-8 with a byte order mark.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let root: Value = serde_json::from_slice(bytes).map_err(|error| {
            FileError::new(
                path,
                format!("is not JSON: {error}"),
                "mend the line named, or move the file away and add the integrations again",
            )
        })?;
        let Value::Object(root) = root else {
            return Err(FileError::new(
                path,
                "is not a JSON object",
                r#"write {"version": 1, "integrations": []}"#,
            ));
        };
        match root.get("version") {
            Some(Value::Number(number)) if number.as_u64() == Some(VERSION) => {}
            Some(Value::Number(number)) if number.as_u64() > Some(VERSION) => {
                return Err(FileError::field(
                    path,
                    "version",
                    &format!("is {number}, and this program knows {VERSION}"),
                    "install the version of git-credential-ona-azure that wrote it",
                ));
            }
            Some(other) => {
                let is = match other {
                    Value::Number(number) => number.to_string(),
                    Value::String(text) => quoted(text),
                    _ => "no number".to_owned(),
                };
                return Err(FileError::field(
                    path,
                    "version",
                    &format!("is {is}, and this program knows {VERSION}"),
                    r#"write "version": 1"#,
                ));
            }
            None => {
                return Err(FileError::field(
                    path,
                    "version",
                    "is missing",
                    r#"write "version": 1"#,
                ));
            }
        }
        Ok(Some(Self { path: path.to_owned(), root }))
    }

    /// `runnerName`.
    ///
    /// # Errors
    /// If it is not text.
    pub fn runner_name(&self) -> Result<Option<String>, FileError> {
        match self.root.get("runnerName") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(name.clone())),
            Some(_) => Err(FileError::field(
                &self.path,
                "runnerName",
                "is not text",
                r#"write "runnerName": "NAME", or remove it"#,
            )),
        }
    }

    /// The integrations that are ours.
    ///
    /// # Errors
    /// The first field that is missing, of the wrong type, or makes no sense; a host twice.
    pub fn integrations(&self) -> Result<Vec<Integration>, FileError> {
        let mut all: Vec<Integration> = Vec::new();
        for (index, value) in self.elements()?.iter().enumerate() {
            // Another source host's fields have shapes of their own.
            if is_foreign(value) {
                continue;
            }
            if let Some(error) = wire::secret_in_clear(value) {
                return Err(self.model_error(index, &error));
            }
            let wire: WireIntegration = serde_path_to_error::deserialize(value.into_deserializer())
                .map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
                    let inside = error.path().to_string();
                    let field = match inside.as_str() {
                        "." => format!("integrations[{index}]"),
                        inside => format!("integrations[{index}].{inside}"),
                    };
                    FileError::field(
                        &self.path,
                        &field,
                        &what_is_wrong(&error.inner().to_string()),
                        "mend that field; `git-credential-ona-azure integration add --help` describes each",
                    )
                })?;
            let integration = wire.into_model().map_err(|error| self.model_error(index, &error))?;
            if all.iter().any(|other| other.host == integration.host) {
                return Err(FileError::field(
                    &self.path,
                    &format!("integrations[{index}].host"),
                    &format!("is {}, which has an integration above", integration.host),
                    "keep one of the two",
                ));
            }
            all.push(integration);
        }
        Ok(all)
    }

    fn model_error(&self, index: usize, error: &ModelError) -> FileError {
        FileError::field(
            &self.path,
            &format!("integrations[{index}].{}", error.field),
            &error.problem,
            error.fix.clone(),
        )
    }

    fn elements(&self) -> Result<&[Value], FileError> {
        match self.root.get("integrations") {
            None => Ok(&[]),
            Some(Value::Array(elements)) => Ok(elements),
            Some(_) => Err(FileError::field(
                &self.path,
                "integrations",
                "is not a list",
                r#"write "integrations": [ … ]"#,
            )),
        }
    }

    /// Changes the file under its lock: `change` is given the integration of that host as it is
    /// now, and returns it as it is to be, `None` to remove it.
    ///
    /// # Errors
    /// If the file is broken (it is left alone then) or cannot be written.
    pub fn edit<E: From<FileError>>(
        path: &Path,
        host: &HostSpec,
        change: impl FnOnce(Option<Integration>) -> Result<Option<Integration>, E>,
    ) -> Result<(), E> {
        let _lock = lock(path)?;
        let mut file = Self::read(path)?.unwrap_or_else(|| Self::empty(path));
        // Broken in any field is broken: a file that `get` refuses is not written to either.
        file.runner_name()?;
        let old = file.integrations()?.into_iter().find(|known| known.host == *host);
        let new = change(old)?;
        file.put(host, new.as_ref())?;
        file.save()?;
        Ok(())
    }

    /// Changes `runnerName` under the lock: `change` is given it as it is, and returns it as it is to
    /// be. Returns it as it was before, and whether it was changed.
    ///
    /// # Errors
    /// As [`Self::edit`].
    pub fn name_runner(
        path: &Path,
        change: impl FnOnce(Option<&str>) -> Option<String>,
    ) -> Result<(Option<String>, bool), FileError> {
        let _lock = lock(path)?;
        let mut file = Self::read(path)?.unwrap_or_else(|| Self::empty(path));
        file.integrations()?;
        let before = file.runner_name()?;
        let after = change(before.as_deref());
        if after == before {
            return Ok((before, false));
        }
        match after {
            Some(name) => file.root.insert("runnerName".to_owned(), Value::from(name)),
            None => file.root.remove("runnerName"),
        };
        file.save()?;
        Ok((before, true))
    }

    fn empty(path: &Path) -> Self {
        let root = Map::from_iter([("version".to_owned(), json!(VERSION))]);
        Self { path: path.to_owned(), root }
    }

    fn put(&mut self, host: &HostSpec, new: Option<&Integration>) -> Result<(), FileError> {
        let mut elements = self.elements()?.to_vec();
        let at = elements.iter().position(|element| {
            element
                .get("host")
                .and_then(Value::as_str)
                .and_then(|text| wire::host(text).ok())
                .is_some_and(|spec| spec == *host)
                && !is_foreign(element)
        });
        match (at, new) {
            (Some(at), Some(new)) => {
                if let Some(object) = elements[at].as_object_mut() {
                    WireIntegration::of_model(new).lay_over(object);
                }
            }
            (Some(at), None) => {
                elements.remove(at);
            }
            (None, Some(new)) => {
                let mut object = Map::new();
                WireIntegration::of_model(new).lay_over(&mut object);
                elements.push(Value::Object(object));
            }
            (None, None) => {}
        }
        self.root.insert("integrations".to_owned(), Value::Array(elements));
        Ok(())
    }

    fn save(&self) -> Result<(), FileError> {
        let mut json = serde_json::to_vec_pretty(&self.root).expect("BUG: JSON becomes JSON");
        json.push(b'\n');
        write_atomically(&self.path, &json, MODE)
            .map_err(|error| FileError::write(&self.path, &error))
    }
}

/// What a field should have been, in words of the file's own. serde repeats what stands in the
/// field, which may be a secret, and names Rust's types.
fn what_is_wrong(said: &str) -> String {
    const EXPECTED: [(&str, &str); 5] = [
        ("a boolean", "true or false"),
        ("a string", "text"),
        ("a sequence", "a list"),
        ("u64", "a whole number"),
        ("struct ", "an object"),
    ];
    if let Some(field) = said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'))
    {
        return format!("lacks {}", field.0);
    }
    // What stands in the field comes before, so the last of these words is serde's own.
    let expected = said.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    match EXPECTED.iter().find(|(word, _)| expected.starts_with(word)) {
        Some((_, words)) => format!("is not {words}"),
        None => "is of the wrong type".to_owned(),
    }
}

/// Whether it is an integration of another source host, which is not ours to judge.
fn is_foreign(element: &Value) -> bool {
    matches!(element.get("scmId").and_then(Value::as_str), Some("github" | "gitlab" | "bitbucket"))
}

fn lock(path: &Path) -> Result<Lock, FileError> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        create_public_dir(dir).map_err(|error| FileError::write(path, &error))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    acquire(Path::new(&name), Duration::from_secs(10)).map_err(|error| match error {
        LockError::Unwritable { source, .. } => FileError::write(path, &source),
        held @ LockError::Held { .. } => FileError::new(path, held.to_string(), held.hint()),
    })
}
