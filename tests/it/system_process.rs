//! The `dering` binary as a process of its own, and what it says on the command line.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use dering::access;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::system_fixture::{
    APP, Carrier, Client, PERSON, TestSystem, create_credentials, in_time, last_word, local, write_fixtures,
};

/// The server as its own process.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// How a server is started.
#[derive(Default)]
pub(crate) struct Launch<'a> {
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// Lines of the configuration beside the usual ones.
    pub(crate) config: &'a str,
    /// A shell script that ends with `exec "$@"`.
    pub(crate) script: &'a str,
    /// What runs the script, when it is not just `sh`.
    pub(crate) shell: &'a [&'a str],
}

impl Server {
    /// Starts it in `folder`, with `environment` beside that of the tests.
    pub(crate) async fn start(folder: &Path, carrier: &Carrier, environment: &[(&str, &str)]) -> Self {
        Self::launch(folder, carrier, Launch { environment, ..Launch::default() }).await
    }

    pub(crate) async fn launch(folder: &Path, carrier: &Carrier, launch: Launch<'_>) -> Self {
        Self::try_launch(folder, carrier, launch)
            .await
            .unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// What it said instead, when it does not start.
    pub(crate) async fn try_launch(
        folder: &Path,
        carrier: &Carrier,
        launch: Launch<'_>,
    ) -> Result<Self, String> {
        let mut config = String::from("listen: 127.0.0.1:0\nwebhooks: { allow_private: true }\n");
        for (key, name) in [
            ("database", "dering.db"),
            ("recordings", "recordings"),
            ("speech_cache", "speech"),
            ("flows", "flows"),
        ] {
            writeln!(config, "{key}: {}", folder.join(name).display()).unwrap();
        }
        let (url, token) = (carrier.url(), carrier.token());
        writeln!(config, "trunks: [ {{ name: main, url: '{url}', token: '{token}' }} ]").unwrap();
        config.push_str(launch.config);
        let path = folder.join("dering.yaml");
        std::fs::write(&path, config).unwrap();
        let shell = if launch.shell.is_empty() { &["/bin/sh"] } else { launch.shell };
        let script = if launch.script.is_empty() { "exec \"$@\"" } else { launch.script };
        let mut process = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_dering"), "serve", "--config"])
            .arg(path)
            .envs(launch.environment.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let note = |log: &Mutex<String>, line: &str| {
            let mut log = log.lock().unwrap();
            log.push_str(line);
            log.push('\n');
        };
        let address = in_time(async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("ready address=") {
                    return Some(address.trim().parse().unwrap());
                }
                note(&log, &line);
            }
            None
        })
        .await;
        let Some(address) = address else { return Err(log.lock().unwrap().clone()) };
        // Whoever writes to a pipe that nobody reads ends up waiting.
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                note(&kept, &line);
            }
        });
        Ok(Self { process, address, log })
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().unwrap().cast_signed()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        in_time(self.process.wait()).await.unwrap()
    }

    /// As `kill -9` does it.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// Runs `dering` to its end in `folder`.
pub(crate) async fn dering(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dering"));
    command.args(arguments).current_dir(folder).env_remove("DERING_CONFIG").kill_on_drop(true);
    in_time(command.output()).await.unwrap()
}

/// What a command that fails says in the end, behind its log; nothing goes to standard output.
async fn complaint(folder: &Path, arguments: &[&str]) -> String {
    let output = dering(folder, arguments).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&output.stdout));
    let at = said.lines().position(|line| line.starts_with("dering")).unwrap_or_else(|| panic!("{said}"));
    said.lines().skip(at).collect::<Vec<_>>().join("\n")
}

/// A pipe that nobody reads.
fn nobody() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test]
async fn commands_are_quiet_when_their_reader_has_seen_enough() {
    let folder = tempfile::tempdir().unwrap();
    let tone = callcore::audio::tone::tone(&[1_000.0], 900, -20.0);
    std::fs::write(folder.path().join("a.wav"), callcore::audio::wav::write_8k(&[&tone])).unwrap();
    let flow = "flow: a\nstart: s\nscenes: { s: [ hangup ] }\n";
    std::fs::write(folder.path().join("a.yaml"), flow).unwrap();
    std::fs::write(
        folder.path().join("a.test.yaml"),
        "test: a.yaml\ncases: { c: { expect: { outcome: completed } } }\n",
    )
    .unwrap();
    let commands: [&[&str]; 12] = [
        &["amd", "a.wav"],
        &["amd", "--json", "--explain", "a.wav"],
        &["amd", "replay", "."],
        &["flow", "check", "a.yaml"],
        &["flow", "test", "a.yaml"],
        &["flow", "graph", "a.yaml"],
        &["flow", "schema"],
        &["flow", "simulate", "a.yaml"],
        &["openapi"],
        &["serve", "--print-defaults"],
        &["completions", "bash"],
        &["--help"],
    ];
    for arguments in commands {
        let run = async |err: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dering"));
            command.args(arguments).current_dir(folder.path());
            command.stdin(Stdio::null()).stdout(nobody()).stderr(err).kill_on_drop(true);
            in_time(command.spawn().unwrap().wait_with_output()).await.unwrap()
        };
        let output = run(Stdio::piped()).await;
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        // Nor does it end in a panic when even its complaints are not read.
        let output = run(nobody()).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_command_line_names_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let output = dering(folder.path(), &["--help"]).await;
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for command in ["demo", "serve", "gateway", "amd", "flow", "call", "calls", "app", "token", "webhook"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {help}");
    }
}

#[tokio::test]
async fn commands_that_cannot_do_their_work_say_why_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("notes.wav"), "this is not audio").unwrap();
    let said = complaint(folder, &["amd", "notes.wav"]).await;
    assert!(said.contains("notes.wav is not an audio file that can be read (it is text)"), "{said}");
    assert_eq!(said.matches("ffmpeg").count(), 1, "{said}");
    let said = complaint(folder, &["token", "--app", "shop"]).await;
    assert!(said.contains("data/dering.db does not exist"), "{said}");
    let said = complaint(folder, &["demo", "--exit"]).await;
    assert!(said.contains("there is no folder flows/callees"), "{said}");
    let said = complaint(folder, &["gateway", "--callees", "none"]).await;
    assert!(said.contains("none: cannot read this folder"), "{said}");
    let said = complaint(folder, &["flow", "check", "none.yaml"]).await;
    assert!(said.contains("none.yaml"), "{said}");
    let said = complaint(folder, &["serve", "--config", "none.yaml"]).await;
    assert!(said.contains("none.yaml cannot be read"), "{said}");
    std::fs::write(folder.join("dering.yaml"), "listen: 127.0.0.1:0\nlog:\n  filtre: info\n").unwrap();
    let said = complaint(folder, &["serve"]).await;
    assert!(said.contains("dering.yaml") && said.contains("filtre") && said.contains('3'), "{said}");
    std::fs::write(folder.join("dering.yaml"), "listen: 127.0.0.1:0\n").unwrap();
    let said = complaint(folder, &["serve"]).await;
    assert!(said.contains("set `flows` to the folder"), "{said}");
}

#[tokio::test]
async fn a_broken_flow_is_reported_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let output = dering(folder.path(), &["flow", "check", "flows/broken.yaml"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("flows/broken.yaml:2:8: error: there is no scene `nowhere`"), "{said}");
    let output = dering(folder.path(), &["flow", "check", "flows/mute.yaml"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("flows/mute.yaml:3:") && said.contains("missing.wav"), "{said}");
}

#[tokio::test]
async fn a_second_server_on_the_same_port_or_database_is_refused() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let address = system.app.address();
    std::fs::write(folder.join("port.yaml"), format!("listen: {address}\ndatabase: other.db\n")).unwrap();
    let said = complaint(folder, &["serve", "--config", "port.yaml"]).await;
    assert!(
        said.contains(&format!("cannot listen on {address}")) && said.contains("another dering"),
        "{said}"
    );
    assert!(!folder.join("other.db").exists(), "nothing was touched");
    std::fs::write(folder.join("database.yaml"), "listen: 127.0.0.1:0\ndatabase: dering.db\n").unwrap();
    let said = complaint(folder, &["serve", "--config", "database.yaml"]).await;
    assert!(said.contains("dering.db is in use by another process"), "{said}");
    // A token may be made beside the running server, for an app that exists.
    let output = dering(folder, &["token", "--app", APP, "--database", "dering.db"]).await;
    let token = String::from_utf8(output.stdout).unwrap();
    let body = json!({ "target": format!("tel:{PERSON}") }).to_string();
    assert_eq!(system.client.post_dial("short", token.trim(), body).await.status, 200);
    let said = complaint(folder, &["token", "--app", "nobody", "--database", "dering.db"]).await;
    assert!(said.contains("there is no client app nobody"), "{said}");
}

#[tokio::test]
async fn callees_that_cannot_be_used_are_named_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let callees = folder.path().join("callees");
    std::fs::create_dir(&callees).unwrap();
    std::fs::write(callees.join("a.yaml"), "numbers: ['+15551001']\nring: soon\n").unwrap();
    std::fs::write(callees.join("b.yaml"), "numbers: ['+15551002']\nscript: [ { play: none.wav } ]\n")
        .unwrap();
    let said =
        complaint(folder.path(), &["gateway", "--callees", "callees", "--listen", "127.0.0.1:0"]).await;
    assert!(said.contains("a.yaml:2:7: `soon` is not a duration"), "{said}");
    assert!(said.contains("b.yaml") && said.contains("there is no audio file callees/none.wav"), "{said}");
}

#[tokio::test]
async fn a_server_without_espeak_runs_calls_and_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    write_fixtures(folder.path());
    let carrier = Carrier::start(folder.path()).await;
    let store =
        dering::store::Store::open(dering::store::Options::file(folder.path().join("dering.db"))).await;
    let store = store.unwrap();
    let (secret, key) = create_credentials(&store).await;
    store.close().await;
    let inbox = dering::outbox::receiver::Inbox::new(vec![secret.clone()]);
    let receiver = dering::outbox::receiver::Receiver::start(inbox.router(), local()).await.unwrap();
    let server = Server::start(folder.path(), &carrier, &[("PATH", "/nowhere")]).await;
    let client = Client::new(server.address, secret, key);
    let call_id = client.dial("speak", PERSON, json!({ "notifyUrl": receiver.url() })).await;
    last_word(&inbox, &call_id).await;
    let call = client.read(&format!("/v1/calls/{call_id}")).await.json();
    assert_eq!(call["outcome"], "no_voice", "{call}");
    let shown = client.read(&format!("/v1/calls/{call_id}/events")).await.text();
    assert!(shown.contains("install the Debian package espeak-ng"), "{shown}");
    server.kill().await;
}

#[tokio::test]
async fn apps_and_keys_are_made_and_revoked_while_the_server_runs() {
    let system = TestSystem::start().await;
    let folder = system.folder.path();
    let command = async |arguments: &[&str]| {
        let output = dering(folder, &[arguments, &["--database", "dering.db"]].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let secret = command(&["app", "add", "late", "--bot", "short"]).await;
    let token = access::mint("late", &secret.into(), std::time::Duration::from_secs(60), &[]).unwrap();
    let body = || json!({ "target": format!("tel:{PERSON}") }).to_string();
    assert_eq!(system.client.post_dial("short", token.expose_secret(), body()).await.status, 200);
    let newer = command(&["app", "rotate", "late", "--retire"]).await;
    assert_eq!(system.client.post_dial("short", token.expose_secret(), body()).await.status, 401);
    let listed = command(&["app", "secrets", "late"]).await;
    assert!(
        listed.contains("1  retired") && listed.contains("2  active") && !listed.contains(&newer),
        "{listed}"
    );

    // A key that is tied to a bot sees the calls of that bot only.
    let key = command(&["app", "key", "watcher", "--calls", "--bot", "stay"]).await;
    let watcher = Client::new(system.app.address(), "none".into(), key.into());
    let (theirs, own) =
        (system.client.dial("short", PERSON, json!({})), system.client.dial("stay", PERSON, json!({})));
    let (theirs, own) = tokio::join!(theirs, own);
    assert_eq!(watcher.read(&format!("/v1/calls/{own}")).await.status, 200);
    let listed = watcher.read("/v1/calls").await.json();
    assert!(listed["calls"].as_array().unwrap().iter().all(|call| call["botId"] == "stay"), "{listed}");
    for path in [format!("/v1/calls/{theirs}").as_str(), "/metrics", "/v1/webhooks/endpoints"] {
        let (status, code, _) = watcher.read(path).await.problem();
        assert_eq!((status, code.as_str()), (403, "bot_not_allowed"), "{path}");
    }
    assert_eq!(watcher.hang_up(&own).await.status, 202);
    let id = command(&["app", "keys"]).await;
    let id = id.lines().find(|line| line.contains("watcher")).unwrap().split(' ').next().unwrap().to_owned();
    command(&["app", "revoke", &id]).await;
    assert_eq!(watcher.read("/v1/calls?botId=stay").await.status, 401);

    let log = command(&["audit"]).await;
    for told in
        ["key.revoke", "call.hangup", "secret.create", "app.create", "cli:", format!("key:{id}").as_str()]
    {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(!log.contains(&newer));
}
