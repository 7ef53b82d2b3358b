//! Where the person's browser is: on this machine, or on the one they look at it from.

use std::env;

/// What is known of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The person sits at another machine: over SSH, in front of a container or a cloud
    /// environment, or there is no display here that a browser could be on.
    pub elsewhere: bool,
    /// There is something to open an address with. In an editor's remote environment `$BROWSER`
    /// opens it where the person sits.
    pub browser: bool,
}

/// Variables of remote environments: sshd(8); systemd's and podman's containers; Kubernetes; the
/// editors' development containers; GitHub's and Google's cloud environments.
const MARKS: [&str; 10] = [
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "SSH_TTY",
    "container",
    "KUBERNETES_SERVICE_HOST",
    "REMOTE_CONTAINERS",
    "DEVCONTAINER",
    "CODESPACES",
    "CLOUD_SHELL",
    "VSCODE_AGENT_FOLDER",
];

impl Surroundings {
    /// Those of this process.
    pub fn here() -> Self {
        let set: Vec<String> = env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.into_string().ok())
            .collect();
        Self::of(&set.iter().map(String::as_str).collect::<Vec<_>>(), cfg!(target_os = "linux"))
    }

    /// Those told by the names of the variables that are set.
    fn of(set: &[&str], displays_are_told: bool) -> Self {
        let is_set = |name: &str| set.contains(&name);
        // An Ona environment, by its present and its former name. Ours may be set anywhere.
        let ona = set.iter().any(|name| {
            name.starts_with("GITPOD_")
                || (name.starts_with("ONA_") && !name.starts_with("ONA_AZURE_"))
        });
        let display = !displays_are_told
            || is_set("DISPLAY")
            || is_set("WAYLAND_DISPLAY")
            // Windows below it has one.
            || is_set("WSL_DISTRO_NAME");
        let named = is_set("BROWSER");
        let remote = ona || MARKS.iter().any(|mark| is_set(mark));
        Self {
            elsewhere: remote || (!display && !named),
            // A desktop's browser reached over SSH would open where nobody looks.
            browser: named || (display && !remote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_tell_where_the_browser_is() {
        const HERE: (bool, bool) = (false, true);
        const ELSEWHERE: (bool, bool) = (true, false);
        const FORWARDED: (bool, bool) = (true, true);
        let rows: &[(&[&str], (bool, bool))] = &[
            (&["DISPLAY"], HERE),
            (&["WAYLAND_DISPLAY"], HERE),
            (&["WSL_DISTRO_NAME"], HERE),
            (&["BROWSER"], HERE),
            (&["DISPLAY", "ONA_AZURE_STATE_DIR"], HERE),
            (&[], ELSEWHERE),
            (&["ONA_AZURE_STATE_DIR"], ELSEWHERE),
            (&["SSH_CONNECTION"], ELSEWHERE),
            (&["SSH_TTY", "DISPLAY"], ELSEWHERE),
            (&["container", "DISPLAY"], ELSEWHERE),
            (&["GITPOD_ENVIRONMENT_ID"], ELSEWHERE),
            (&["ONA_ENVIRONMENT_ID"], ELSEWHERE),
            (&["CODESPACES", "BROWSER"], FORWARDED),
            (&["REMOTE_CONTAINERS", "BROWSER"], FORWARDED),
            (&["SSH_CONNECTION", "BROWSER"], FORWARDED),
        ];
        for (set, (elsewhere, browser)) in rows {
            let expected = Surroundings { elsewhere: *elsewhere, browser: *browser };
            assert_eq!(Surroundings::of(set, true), expected, "{set:?}");
        }
        // macOS and Windows tell of no display, and have one.
        let desktop = Surroundings { elsewhere: false, browser: true };
        assert_eq!(Surroundings::of(&[], false), desktop);
    }
}
