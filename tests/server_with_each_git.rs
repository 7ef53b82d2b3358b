//! Azure DevOps Server, tried whole: a person's days with it, for each kind of Server and with each
//! git of this machine.

mod common;

use common::*;
use standins::ServerSignIn;

/// A Server, and where on it the repository is.
#[derive(Clone, Copy)]
struct Server {
    name: &'static str,
    /// Its address without the protocol: host, port and virtual directory. `[::1]` gets the port
    /// that it listens on.
    at: &'static str,
    scheme: &'static str,
    /// As the collection stands in an address.
    collection: &'static str,
    sign_in: ServerSignIn,
}

const SERVERS: &[Server] = &[
    Server {
        name: "all that Windows has, at the root",
        at: "tfs.corp.example/",
        scheme: "https",
        collection: "DefaultCollection",
        sign_in: ServerSignIn::Fresh,
    },
    Server {
        name: "Basic and Kerberos, with a port and a virtual directory",
        at: "tfs.corp.example:8443/tfs",
        scheme: "https",
        collection: "DefaultCollection",
        sign_in: ServerSignIn::Kerberos,
    },
    Server {
        name: "Basic only, a collection with a space",
        at: "tfs.corp.example/tfs",
        scheme: "https",
        collection: "My%20Collection",
        sign_in: ServerSignIn::BasicOnly,
    },
    Server {
        name: "all that Windows has, over http with a port, a collection with a space",
        at: "tfs.corp.example:8080/tfs",
        scheme: "http",
        collection: "My%20Collection",
        sign_in: ServerSignIn::Fresh,
    },
    Server {
        name: "Basic and Kerberos, over http",
        at: "tfs.corp.example/tfs",
        scheme: "http",
        collection: "DefaultCollection",
        sign_in: ServerSignIn::Kerberos,
    },
    Server {
        name: "Basic only, an IPv6 address",
        at: "[::1]/tfs",
        scheme: "https",
        collection: "DefaultCollection",
        sign_in: ServerSignIn::BasicOnly,
    },
    Server {
        name: "all that Windows has, an IPv6 address over http",
        at: "[::1]/tfs",
        scheme: "http",
        collection: "DefaultCollection",
        sign_in: ServerSignIn::Fresh,
    },
];

/// A machine that knows one of the Servers.
struct Setting {
    machine: Machine,
    /// `host:port`.
    host: String,
    /// The address of the collection.
    collection: String,
    /// The address of the repository.
    repository: String,
}

impl Server {
    /// The Server there, and an integration for it. Nothing where the machine has no IPv6.
    fn start(&self) -> Option<Setting> {
        let mut machine = Machine::new();
        let server = machine.world.server();
        server.set_sign_in(self.sign_in);
        let (host, directory) = self.at.split_once('/').expect("a directory, or none");
        server.set_virtual_directory(directory);
        let collection = self.collection.replace("%20", " ");
        server.create_repo(&collection, "web shop", "app");
        let mut host = host.to_owned();
        if host == "[::1]" {
            let Some(port) = machine.world.server_on_ipv6(self.scheme) else {
                skipped("IPv6");
                return None;
            };
            host = format!("{host}:{port}");
            for name in ["NO_PROXY", "no_proxy"] {
                machine.set(name, "::1");
            }
        }
        let mut flags = vec!["--virtual-directory".to_owned(), format!("/{directory}")];
        if self.scheme == "http" {
            flags.push("--allow-http".to_owned());
        }
        machine.add_pat_integration(&host, &flags.iter().map(|flag| &**flag).collect::<Vec<_>>());
        machine.set_up_git();
        let root = format!("{}://{host}/{directory}", self.scheme);
        let collection = format!("{}/{}", root.trim_end_matches('/'), self.collection);
        let repository = format!("{collection}/web%20shop/_git/app");
        Some(Setting { machine, host, collection, repository })
    }

    /// Whether this git sends a token there. One that does not know `http.proactiveAuth` takes
    /// NTLM where it is offered, whatever it is told.
    fn is_served_by(&self, git: &Git) -> bool {
        self.sign_in != ServerSignIn::Fresh || git.version >= (2, 46)
    }
}

impl Setting {
    /// `login --pat`, which tries the token at the Server before it keeps it.
    fn give_new_pat(&self) -> String {
        let pat = self.machine.world.server().add_pat();
        let done = self.machine.helper_with(&["login", &self.collection, "--pat"], &pat);
        done.expect_success();

        pat
    }

    /// Clone, commit, push and fetch, without a word of anybody's.
    fn work_in(&self, clone: &str) {
        let machine = &self.machine;
        machine.git_quietly("", &["clone", "-q", &self.repository, clone]);
        machine.commit(clone, &format!("{clone}-file"), noise(64 << 10));
        machine.git_quietly(clone, &["push", "-q", "origin", "HEAD:main"]);
        machine.git_quietly(clone, &["fetch", "-q", "origin"]);
    }

    /// The command at the end of the last hint.
    fn command_of_hint(done: &Done) -> String {
        let hint = done.stderr.lines().rfind(|line| line.starts_with("hint: "));
        let hint = hint.unwrap_or_else(|| panic!("no hint in {done:#?}"));
        let at = hint.find("git-credential-ona-azure ");
        hint[at.unwrap_or_else(|| panic!("no command in {hint}"))..].to_owned()
    }
}

/// Two days, the end of the token, and the next token.
fn days(server: &Server) {
    each_git(|git| {
        let Some(setting) = server.start() else { return };
        let machine = &setting.machine;
        let pat = setting.give_new_pat();
        if !server.is_served_by(git) {
            return by_header(&setting, &pat);
        }
        let kept = machine.state();
        setting.work_in("first-day");
        assert_eq!(machine.state(), kept, "{}: git's use of it changes nothing", server.name);
        // On the second, every process is another one.
        machine.helper(&["status"]).expect_success();
        machine.git_quietly("first-day", &["fetch", "-q", "origin"]);
        setting.work_in("second-day");
        assert_eq!(machine.state(), kept, "{}", server.name);

        machine.world.server().revoke_pat(&pat);
        let ended = machine.git_in("second-day", &["fetch", "-q"]);
        assert_eq!(ended.code, 128, "{}: {ended:#?}", server.name);
        let said = " was rejected and is forgotten\n";
        assert!(ended.stderr.contains(said), "{}: {ended:#?}", server.name);
        // What is said can be pasted, and mends it.
        let command = Setting::command_of_hint(&ended);
        let next = machine.world.server().add_pat();
        machine.scanner().add(&next);
        machine.shell(&command, &next).expect_success();
        machine.git_quietly("second-day", &["fetch", "-q", "origin"]);
        let request = format!("url={}\n", setting.repository);
        assert_eq!(machine.get(request).password(), next, "{}", server.name);
    });
}

/// A git that takes NTLM in place of the token: the token stays, it is said why and what to do, and
/// what is said works.
fn by_header(setting: &Setting, pat: &str) {
    let Setting { machine, host, repository, .. } = setting;
    let cloned = machine.git(&["clone", "-q", repository, "app"]);
    assert_eq!(cloned.code, 128, "{cloned:#?}");
    assert!(cloned.stderr.contains("NTLM"), "{cloned:#?}");
    let request = format!("url={repository}\n");
    assert_eq!(machine.get(&request).password(), pat, "it is still there");
    let doctor = machine.helper(&["doctor", repository]);
    assert_eq!(doctor.code, 1, "{doctor:#?}");
    assert!(doctor.stdout.contains("install git 2.46 or newer"), "{doctor:#?}");
    // The command can be pasted; it is for every command of git's.
    let command = doctor.stdout.lines().find_map(|line| line.split_once("for each command: "));
    let command = command.unwrap_or_else(|| panic!("no command in {doctor:#?}")).1;
    let command = command.strip_suffix(" fetch").expect("fetch as the example");
    for git in
        ["clone -q \"$0\" app", "-C app push -q origin HEAD:refs/heads/topic", "-C app fetch -q"]
    {
        let mut shell = machine.command("sh");
        shell.args(["-euc", &format!("{command} {git}"), repository]);
        assert_eq!(run(&mut shell, b""), Done::silent(), "{host}: {git}");
    }
    assert_eq!(machine.get(&request).password(), pat);
}

macro_rules! days {
    ($($name:ident: $index:literal,)*) => {$(
        #[test]
        fn $name() {
            days(&SERVERS[$index]);
        }
    )*};
}

days! {
    a_server_at_the_root_that_offers_ntlm: 0,
    a_server_with_a_port_and_a_virtual_directory_that_offers_kerberos: 1,
    a_server_that_offers_basic_only_and_a_collection_with_a_space: 2,
    a_server_over_http_with_a_port_that_offers_ntlm: 3,
    a_server_over_http_that_offers_kerberos: 4,
    a_server_at_an_ipv6_address: 5,
    a_server_at_an_ipv6_address_over_http_that_offers_ntlm: 6,
}

#[test]
fn a_server_that_takes_no_tokens_says_so_and_none_is_lost() {
    each_git(|_| {
        for (sign_in, why) in [
            (ServerSignIn::WindowsOnly, "does not offer Basic authentication"),
            (ServerSignIn::KerberosOnly, "does not offer Basic authentication"),
            (ServerSignIn::IisBasic, "the web server"),
        ] {
            let setting = Server { sign_in, ..SERVERS[1] }.start().expect("a host name");
            let machine = &setting.machine;
            let pat = machine.world.server().add_pat();
            let tried = machine.helper_with(&["login", &setting.collection, "--pat"], &pat);
            assert_eq!((tried.code, &*tried.stdout), (1, ""), "{sign_in:?}: {tried:#?}");
            assert!(tried.stderr.contains(why), "{sign_in:?}: {tried:#?}");
            assert!(tried.stderr.contains("; the token is not kept\n"), "{tried:#?}");
            // One that was kept while the Server took it.
            machine.give_pat(&setting.collection, &pat, &[]);
            let cloned = machine.git(&["clone", "-q", &setting.repository, "app"]);
            assert_eq!(cloned.code, 128, "{sign_in:?}: {cloned:#?}");
            assert!(cloned.stderr.contains(why), "{sign_in:?}: {cloned:#?}");
            let request = format!("url={}\n", setting.repository);
            assert_eq!(machine.get(&request).password(), pat, "{sign_in:?}");
            machine.world.server().set_sign_in(ServerSignIn::BasicOnly);
            machine.git_quietly("", &["clone", "-q", &setting.repository, "app"]);
        }
    });
}
