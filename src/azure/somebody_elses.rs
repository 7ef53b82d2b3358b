//! Hosts that are known to be another service's: no Azure DevOps Server is ever there, and a token
//! given for one would be sent to somebody else.

/// Names and whose they are. A leading dot stands for every name below. From the services' own
/// documentation of their clone addresses; `ssh.dev.azure.com` and `vs-ssh.visualstudio.com` are Azure
/// Repos for SSH only ("Use SSH key authentication").
const KNOWN: [(&str, &str); 18] = [
    ("github.com", "GitHub's"),
    (".github.com", "GitHub's"),
    (".ghe.com", "GitHub's"),
    ("gitlab.com", "GitLab's"),
    (".gitlab.com", "GitLab's"),
    ("bitbucket.org", "Bitbucket's"),
    (".bitbucket.org", "Bitbucket's"),
    ("codeberg.org", "Codeberg's"),
    (".googlesource.com", "Google's"),
    (".amazonaws.com", "AWS's"),
    ("git.sr.ht", "SourceHut's"),
    ("gitea.com", "Gitea's"),
    ("huggingface.co", "Hugging Face's"),
    ("ssh.dev.azure.com", "Azure Repos' address for SSH"),
    ("vs-ssh.visualstudio.com", "Azure Repos' address for SSH"),
    (".vs-ssh.visualstudio.com", "Azure Repos' address for SSH"),
    ("login.microsoftonline.com", "Entra ID's"),
    ("app.vssps.visualstudio.com", "Azure DevOps' own for signing in"),
];

/// Whose a host is, if it is known to be another service's. Case and a final dot do not matter.
pub fn somebody_elses(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is = |name: &str| match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name,
    };
    KNOWN.iter().find(|(name, _)| is(name)).map(|(_, whose)| *whose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hosts_are_told_however_they_are_written() {
        for host in [
            "github.com",
            "GitHub.com.",
            "gist.github.com",
            "acme.ghe.com",
            "gitlab.com",
            "bitbucket.org",
            "ssh.dev.azure.com",
            "vs-ssh.visualstudio.com",
            "contoso.vs-ssh.visualstudio.com",
            "git-codecommit.eu-central-1.amazonaws.com",
            "go.googlesource.com",
        ] {
            assert!(somebody_elses(host).is_some(), "{host}");
        }
        for host in [
            "tfs.corp.example",
            "notgithub.com",
            "github.com.corp.example",
            "gitlab.corp.example",
            "ghe.com.example",
        ] {
            assert_eq!(somebody_elses(host), None, "{host}");
        }
    }
}
