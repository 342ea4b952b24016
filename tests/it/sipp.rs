//! `sipp`, a SIP peer that nobody here wrote, as the tests use it. Its scenarios are in `tests/sipp/`.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dering::sip::Transport;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longer than anything takes that should happen at all.
const LONG: Duration = Duration::from_secs(40);

/// A `sipp` that plays one scenario once.
pub(crate) struct Sipp {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

pub(crate) fn is_there() -> bool {
    let found =
        std::process::Command::new("sipp").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: this test needs sipp (Debian: sip-tester)");
    }
    found.is_ok()
}

/// A port that nobody has, and the two after it neither, as far as can be known.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn start(folder: tempfile::TempDir, arguments: &[&str], transport: Transport) -> Sipp {
    let (port, media) = (free_port(), free_port() & !3);
    let process = Command::new("sipp")
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mp", &media.to_string(), "-rtp_echo"])
        .args(["-m", "1", "-nostdin", "-timeout", "60s", "-timeout_error"])
        .args(["-t", if transport == Transport::Tcp { "t1" } else { "u1" }])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Sipp { process, address: SocketAddr::from(([127, 0, 0, 1], port)), _folder: folder }
}

/// Plays a scenario to who calls it.
pub(crate) fn plays(scenario: &str) -> Sipp {
    plays_over(scenario, Transport::Udp)
}

pub(crate) fn plays_over(scenario: &str, transport: Transport) -> Sipp {
    plays_text(&text(scenario), transport)
}

pub(crate) fn text(scenario: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sipp").join(scenario);
    std::fs::read_to_string(file).unwrap()
}

pub(crate) fn plays_text(scenario: &str, transport: Transport) -> Sipp {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.xml"), scenario).unwrap();
    start(folder, &["-sf", "scenario.xml"], transport)
}

impl Sipp {
    /// It has seen everything that its scenario expects.
    pub(crate) async fn ends_well(mut self) {
        let status = timeout(LONG, self.process.wait()).await.expect("sipp ends").unwrap();
        assert!(status.success(), "sipp missed something: {status}");
    }
}
