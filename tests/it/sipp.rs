//! `sipp`, a SIP peer that nobody here wrote, as the tests use it. Its scenarios are in `tests/sipp/`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dering::sip::Transport;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longer than anything takes that should happen at all.
const LONG: Duration = Duration::from_secs(120);

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

/// Where media begins, and how many ports a `sipp` takes in all.
const MEDIA: u16 = 4;
const PORTS: u16 = 8;

/// A port that nobody has over UDP and TCP, and those after it neither, as far as can be known.
fn free_ports() -> u16 {
    let is_free = |port: u16| {
        let address = (Ipv4Addr::LOCALHOST, port);
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    loop {
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port() & !3;
        if (port..port + PORTS).all(is_free) {
            return port;
        }
    }
}

pub(crate) fn start(folder: tempfile::TempDir, arguments: &[&str], transport: Transport) -> Sipp {
    let port = free_ports();
    let media = port + MEDIA;
    let process = Command::new("sipp")
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-mp", &media.to_string(), "-rtp_echo"])
        .args(["-m", "1", "-nostdin", "-timeout", "110s", "-timeout_error"])
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
