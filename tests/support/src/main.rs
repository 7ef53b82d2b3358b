//! `standins`: the stand-ins for scripts and demonstrations.
#![allow(clippy::print_stdout)]
use standins::{
    ADA, App, CLIENT_ID, CLIENT_SECRET, CONTOSO, Client, Dead, Fault, Pat, Target, Times, World,
    browse,
};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

const USAGE: &str = "usage: standins serve DIR [--stop-on-stdin-eof]
       standins browse DIR URL
       standins ctl DIR expire-access-tokens|revoke-access-tokens|kill-refresh-tokens|
                        entra-down|entra-up|token-lifetime SECONDS|stats|
                        allow-public-client|approve-device CODE

approve-device enters the code of a device and signs in, as a person at the browser would. The
app takes devices only after allow-public-client, as with \"Allow public client flows\".
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["serve", dir] => serve(Path::new(dir), false),
        ["serve", dir, "--stop-on-stdin-eof"] => serve(Path::new(dir), true),
        ["browse", dir, url] => open(Path::new(dir), url),
        ["ctl", dir, command @ ..] if !command.is_empty() => {
            control(Path::new(dir), &command.join(" "))
        }
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(dir: &Path, stop_on_eof: bool) -> Outcome {
    fs::create_dir_all(dir)?;
    let dir = &dir.canonicalize()?;
    let _ = fs::remove_file(dir.join("ready"));
    let world = Arc::new(World::start_in(dir));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    fs::write(dir.join("control"), listener.local_addr()?.to_string())?;
    fs::write(dir.join("proxy"), world.proxy_url())?;
    let browser = dir.join("browser");
    let program = quote(&std::env::current_exe()?.to_string_lossy());
    let place = quote(&dir.to_string_lossy());
    let log = quote(&dir.join("browser.log").to_string_lossy());
    fs::write(
        &browser,
        format!("#!/bin/sh\n{program} browse {place} \"$1\" >>{log} 2>&1 </dev/null &\n"),
    )?;
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755))?;
    let pat = world.azure().add_pat("contoso", Pat::read_write());
    let issuer = format!("https://login.microsoftonline.com/{CONTOSO}/oauth2/v2.0");
    let mut env = String::new();
    let fixtures = [
        ("BROWSER", browser.to_string_lossy().into_owned()),
        ("STANDIN_CLIENT_ID", CLIENT_ID.to_owned()),
        ("STANDIN_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("STANDIN_ISSUER_URL", issuer),
        ("STANDIN_PAT", pat),
        ("STANDIN_SERVER_PAT", world.server().add_pat()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    for (name, value) in world.env().into_iter().chain(fixtures) {
        writeln!(env, "export {name}={}", quote(&value))?;
    }
    fs::write(dir.join("env.sh"), env)?;
    fs::write(dir.join("ready"), "ready\n")?;
    if stop_on_eof {
        std::thread::spawn(move || answer_all(&world, &listener));
        io::copy(&mut io::stdin(), &mut io::sink())?;
    } else {
        answer_all(&world, &listener);
    }
    Ok(())
}

/// Obeys one command per connection, for ever.
fn answer_all(world: &World, listener: &TcpListener) {
    for mut stream in listener.incoming().flatten() {
        let mut command = String::new();
        if BufReader::new(&stream).read_line(&mut command).is_ok() {
            let _ = stream.write_all(obey(world, command.trim()).as_bytes());
        }
    }
}

fn obey(world: &World, command: &str) -> String {
    if let Some(seconds) = command.strip_prefix("token-lifetime ") {
        let Ok(seconds) = seconds.parse() else {
            return format!("error: {seconds} is no number of seconds\n");
        };
        world.entra().set_token_lifetime(Duration::from_secs(seconds));
        return "ok\n".to_owned();
    }
    if let Some(code) = command.strip_prefix("approve-device ") {
        return approve_device(world, code);
    }
    match command {
        "allow-public-client" => {
            world.entra().register_app(App { allow_public_client: true, ..App::default() });
        }
        "expire-access-tokens" => world.entra().expire_access_tokens(),
        "revoke-access-tokens" => world.entra().revoke_access_tokens(),
        "kill-refresh-tokens" => world.entra().revoke_refresh_tokens(Dead::Password),
        "entra-down" => {
            for target in [Target::Discovery, Target::Authorize, Target::Token, Target::DeviceCode]
            {
                world.fail(target, Fault::Html(503), Times::Always);
            }
        }
        "entra-up" => world.clear_faults(),
        "stats" => return stats(world),
        other => return format!("error: no command {other}\n"),
    }
    "ok\n".to_owned()
}

/// Signs in for a device.
fn approve_device(world: &World, code: &str) -> String {
    let page = world.enter_device_code("https://microsoft.com/devicelogin", code, ADA).body;
    if page.contains("id=\"done\"") {
        return "ok\n".to_owned();
    }
    let words = page.split_once("id=\"exceptionMessage\">").map_or(page.as_str(), |(_, rest)| rest);
    format!("error: {}\n", words.split('<').next().unwrap_or_default())
}

/// `token GRANT N`, `devicecode N`, `connections HOST N` and `stray HOST` lines.
fn stats(world: &World) -> String {
    let mut out = String::new();
    for (grant, count) in world.entra().token_request_counts() {
        let _ = writeln!(out, "token {grant} {count}");
    }
    let _ = writeln!(out, "devicecode {}", world.entra().device_requests());
    for (host, count) in world.all_connections() {
        let _ = writeln!(out, "connections {host} {count}");
    }
    for host in world.strays() {
        let _ = writeln!(out, "stray {host}");
    }
    out
}

fn control(dir: &Path, command: &str) -> Outcome {
    let mut stream = TcpStream::connect(fs::read_to_string(dir.join("control"))?)?;
    writeln!(stream, "{command}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("error") {
        return Err(answer.into());
    }
    print!("{answer}");
    Ok(())
}

fn open(dir: &Path, url: &str) -> Outcome {
    let client = Client::new(&fs::read_to_string(dir.join("proxy"))?, &dir.join("ca.pem"))?;
    let result = browse(&client, url, ADA)?;
    let place = result.final_url.split(['?', '#']).next().unwrap_or_default();
    println!("{} {place}", result.status);
    if result.status == 200 { Ok(()) } else { Err(result.body.into()) }
}

/// Quotes a word for sh.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
