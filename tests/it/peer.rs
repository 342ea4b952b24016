//! Independent peers in node, from `tests/peers`: started on a free port, spoken to in JSON lines, killed
//! on drop. Without node or npm a test prints so and returns.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(120);

/// Fails a test that waits for something that does not come; never a measure of success.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited {} s in vain for {what}", PATIENCE.as_secs()))
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

fn is_present(program: &str) -> bool {
    std::process::Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs the packages once, however many test processes ask; `false` when node or npm is missing.
pub(crate) fn is_ready() -> bool {
    if !is_present("node") || !is_present("npm") {
        println!("skipped: this test needs node and npm");
        return false;
    }
    let lock = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("npm.lock");
    let lock = File::create(lock).expect("the target folder is writable");
    lock.lock().expect("the lock file can be locked");
    let changed = |name: &str| folder().join(name).metadata().and_then(|file| file.modified()).ok();
    let (installed, wanted) = (changed("node_modules/.package-lock.json"), changed("package-lock.json"));
    if installed.is_none() || installed < wanted {
        let run = std::process::Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder())
            .output()
            .expect("npm starts");
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "npm ci failed in tests/peers; is the registry reachable? {errors}");
    }
    true
}

/// A running node script.
pub(crate) struct Peer {
    child: Child,
    told: ChildStdin,
    pub(crate) reports: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl Peer {
    /// Runs `tests/peers/<script>` with `options`, and waits until it listens.
    pub(crate) async fn start(script: &str, options: Value) -> Self {
        let mut child = Command::new("node")
            .arg(script)
            .arg(options.to_string())
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let told = child.stdin.take().expect("piped");
        let reports = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut peer = Self { child, told, reports, port: 0 };
        let port = peer.wait_for("its port", |report| report["port"].as_u64()).await;
        peer.port = u16::try_from(port).expect("a port");
        peer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next thing the peer saw.
    pub(crate) async fn report(&mut self) -> Value {
        let line = within("a report of the peer", self.reports.next_line()).await.expect("readable output");
        serde_json::from_str(&line.expect("the peer is alive")).expect("reports are JSON")
    }

    /// The first report that `pick` wants; those before it are dropped.
    pub(crate) async fn wait_for<T>(&mut self, what: &str, mut pick: impl FnMut(&Value) -> Option<T>) -> T {
        within(what, async {
            loop {
                let report = self.report().await;
                if let Some(found) = pick(&report) {
                    return found;
                }
            }
        })
        .await
    }

    /// The arguments of the next event called `name`.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        self.wait_for(name, |report| (report["event"] == name).then(|| report["args"].clone())).await
    }

    /// The body of the next REST request that begins with `request`, such as `POST /pbx/call`.
    pub(crate) async fn rest(&mut self, request: &str) -> Value {
        self.wait_for(request, |report| {
            report["rest"].as_str()?.starts_with(request).then(|| report["body"].clone())
        })
        .await
    }

    pub(crate) async fn tell(&mut self, what: Value) {
        let line = format!("{what}\n");
        self.told.write_all(line.as_bytes()).await.expect("the peer reads");
    }

    /// Sends one event to everybody in `room`.
    pub(crate) async fn emit(&mut self, room: &str, name: &str, payload: Value) {
        self.tell(json!({"room": room, "emit": [[name, payload]]})).await;
    }

    /// `STOP`s or `CONT`inues the process.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("running").to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), id]).status().await.expect("kill starts");
        assert!(sent.success());
    }

    /// Kills the process; its port is free again when this returns.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("the peer can be killed");
    }
}

/// How peers write bytes.
pub(crate) fn hex(bytes: &[u8]) -> Value {
    json!({"$hex": bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()})
}
