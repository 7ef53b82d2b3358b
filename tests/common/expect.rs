//! What more than one file of tests expects, and machines with more on them.

use git_credential_ona_azure::vault::{Pat, Pats, Session};

use super::{Done, Git, Machine, run};

impl Done {
    /// The same without correlation IDs, which are others every time.
    pub fn without_correlation_ids(mut self) -> Self {
        const BEFORE: &str = "; correlation ID ";
        while let Some(at) = self.stderr.find(BEFORE) {
            let end = at + BEFORE.len() + "00000000-0000-0000-0000-000000000000".len();
            self.stderr.replace_range(at..end, "");
        }
        self
    }

    /// Fails unless nothing was said and the exit code is 0: how a host that is not ours is met.
    #[track_caller]
    pub fn expect_nothing(self) {
        let nothing = Self { code: 0, stdout: String::new(), stderr: String::new() };
        assert_eq!(self, nothing);
    }

    /// Fails unless the request was refused as malformed, in exactly these words.
    #[track_caller]
    pub fn expect_malformed(self, words: &str) {
        let refused = Self { code: 1, stdout: String::new(), stderr: format!("error: {words}\n") };
        assert_eq!(self, refused);
    }

    /// Fails unless git was told to stop and nothing else, with this exit code; gives stderr.
    #[track_caller]
    pub fn expect_quit(self, code: i32) -> String {
        assert_eq!((self.stdout.as_str(), self.code), ("quit=1\n", code), "{self:#?}");
        assert!(self.stderr.starts_with("error: "), "{self:#?}");
        self.stderr
    }
}

impl Machine {
    /// A machine on which Ada is signed in and a token of `contoso` is kept too: whatever leaks
    /// has something to leak.
    pub fn loaded() -> Self {
        let machine = Self::signed_in();
        let pat = machine.world.azure().add_pat("contoso", standins::Pat::read_write());
        machine.give_pat("https://dev.azure.com/contoso", &pat, &[]);
        machine
    }

    /// A machine where dev.azure.com takes personal access tokens only, with git set up.
    pub fn tokens_only() -> Self {
        let machine = Self::new();
        machine.add_pat_integration("dev.azure.com", &[]);
        machine.set_up_git();
        machine
    }

    /// A personal access token of an organization, made and given to the program.
    pub fn new_pat(&self, organization: &str) -> String {
        let pat = self.world.azure().add_pat(organization, standins::Pat::read_write());
        self.give_pat(&format!("https://dev.azure.com/{organization}"), &pat, &[]);
        pat
    }

    /// The tokens kept for `https://host`, oldest first.
    pub fn pats(&self, url: &str) -> Vec<Pat> {
        let kept: Option<Pats> = self.vault().read(url).expect("a vault that opens");
        kept.unwrap_or_default().pats
    }

    /// The secrets of those tokens with the organization each is for.
    pub fn pat_secrets(&self, url: &str) -> Vec<(Option<String>, String)> {
        self.pats(url)
            .iter()
            .map(|pat| {
                let organization = pat.organization.as_ref().map(ToString::to_string);
                (organization, pat.login.secret().expose_str().expect("text").to_owned())
            })
            .collect()
    }

    /// The record of the host-wide session.
    pub fn session(&self) -> Session {
        self.vault().read("dev.azure.com").expect("a vault that opens").expect("a session")
    }

    /// `git credential OPERATION` of a git, with the program as the only helper.
    pub fn git_credential(
        &self,
        git: &Git,
        flags: &[&str],
        operation: &str,
        request: impl AsRef<[u8]>,
    ) -> Done {
        let helper = format!("credential.helper={}", super::PROGRAM);
        let mut command = self.command(git.path);
        command.args(["-c", "credential.helper=", "-c", &helper]).args(flags);
        run(command.args(["credential", operation]), request.as_ref())
    }

    /// Writes an executable script into the home.
    pub fn script(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.home().join(name);
        std::fs::create_dir_all(path.parent().expect("in the home")).expect("a directory");
        super::script(&path, text);
        path
    }
}
