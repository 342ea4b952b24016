//! Our trunk against our gateway, from the dial request to the record.

use std::path::Path;
use std::time::Duration;

use callcore::audio::frame::to_pcm16le;
use callcore::audio::tone;
use callcore::call::{DialStatus, Disposition, HangupBy};
use dering::gateway::{self, Account, Gateway};
use dering::speech::tts::{self, Synthesizer, Tts, fake::Fake};
use dering::trunk::socketio::{SocketIoTrunk, Version};
use dering::trunk::{LegCommand, LegEvent, Order};
use secrecy::SecretString;

use crate::peer::within;
use crate::trunk_fixture::options;

/// Beeps, waits until the bot is heard, presses a key and hangs up.
const CALLEE: &str = "numbers: ['0811']\nring: 100ms\nnoise: off\nscript:\n  - beep: { hz: 850, length: 300ms }\n  \
                      - wait_for_bot: { timeout: 30s }\n  - dtmf: \"5\"\n  - silence: 1500ms\n  - hang_up\n";

async fn gateway(folder: &Path, change: impl FnOnce(&mut gateway::Options)) -> gateway::Running {
    std::fs::write(folder.join("callee.yaml"), CALLEE).expect("the folder is writable");
    let mut options = gateway::Options {
        accounts: vec![Account { name: "tests".into(), token: SecretString::from("t") }],
        callees: folder.to_path_buf(),
        tts: Tts::new(tts::Options {
            synthesizer: Synthesizer::Fake(Fake::default()),
            ..tts::Options::default()
        }),
        ..gateway::Options::default()
    };
    change(&mut options);
    Gateway::start(options).await.expect("the gateway starts")
}

/// What one call was like.
#[derive(Debug, Default)]
struct Told {
    statuses: Vec<DialStatus>,
    loudest: i16,
    marks: Vec<String>,
    digits: String,
    ended: bool,
    record: Option<callcore::call::CarrierCdr>,
}

async fn call(trunk: &SocketIoTrunk) -> Told {
    let order = Order { caller: Some("021".into()), ..Order::to("0811") };
    let mut leg = within("a call", trunk.place(order)).await.expect("the gateway takes the call");
    let speech = to_pcm16le(&tone::tone(&[440.0], 600, -10.0));
    let mut told = Told::default();
    while let Some(event) = within("the end of the call", leg.events.recv()).await {
        match event {
            LegEvent::Status(status) => {
                told.statuses.push(status);
                if status == DialStatus::Connected {
                    for packet in speech.chunks(2_560) {
                        let audio = LegCommand::Audio(bytes::Bytes::copy_from_slice(packet));
                        leg.commands.send(audio).await.expect("the trunk takes audio");
                    }
                    leg.commands.send(LegCommand::CheckPoint("said".into())).await.expect("and marks");
                }
            }
            LegEvent::Audio(bytes) => {
                let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
                told.loudest = told.loudest.max(samples.max().unwrap_or(0));
            }
            LegEvent::CheckPoint(name) => told.marks.push(name),
            LegEvent::Digit(digit) => told.digits.push(digit),
            LegEvent::RoundTrip(_) => {}
            LegEvent::Hangup => told.ended = true,
            LegEvent::Cdr(cdr) => told.record = Some(cdr),
            LegEvent::Lost { reason } => panic!("the call was lost: {reason}"),
        }
    }
    told
}

fn is_whole(told: &Told, what: &str) {
    let statuses = [DialStatus::Dialing, DialStatus::Ringing, DialStatus::Connected];
    assert!(told.statuses.ends_with(&statuses[1..]), "{what}: {told:?}");
    assert!(told.loudest > 1_000, "{what}: the callee was not heard: {told:?}");
    assert_eq!((told.marks.as_slice(), told.digits.as_str()), (&["said".to_owned()][..], "5"), "{what}");
    assert!(told.ended, "{what}: {told:?}");
}

#[tokio::test]
async fn a_call_through_the_gateway_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(folder.path(), |_| ()).await;
    let mut options = options(format!("http://{}", gateway.address()));
    options.cdr_wait = Duration::from_secs(10);
    let (trunk, _) = SocketIoTrunk::start(options).expect("a good configuration");
    let told = call(&trunk).await;
    is_whole(&told, "1.0.4");
    assert_eq!(trunk.version(), Some(Version::V1_0_4));
    let record = told.record.expect("a record");
    assert_eq!((record.disposition, record.hangup_by), (Disposition::Answered, Some(HangupBy::Callee)));
    let fetched = within("the record", trunk.cdr(&record.session_id)).await.expect("an answer");
    assert_eq!(fetched.expect("the same record"), record);
    gateway.shutdown().await;
}
