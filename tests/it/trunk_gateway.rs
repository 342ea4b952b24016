//! Our trunk against our gateway, from the dial request to the record.

use std::path::Path;
use std::time::Duration;

use callcore::audio::frame::to_pcm16le;
use callcore::audio::tone;
use callcore::call::{DialStatus, Disposition, HangupBy};
use dering::gateway::{self, Account, Gateway};
use dering::media::Codec;
use dering::speech::tts::{self, Synthesizer, Tts, fake::Fake};
use dering::trunk::ocs::{MediaWire, OcsCarrier, Version};
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

async fn call(trunk: &OcsCarrier) -> Told {
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
            LegEvent::Audio { pcm: bytes, .. } => {
                let samples = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
                told.loudest = told.loudest.max(samples.max().unwrap_or(0));
            }
            LegEvent::CheckPoint(name) => told.marks.push(name),
            LegEvent::Digit(digit) => told.digits.push(digit),
            LegEvent::RoundTrip(_)
            | LegEvent::Delivered { .. }
            | LegEvent::Transfer { .. }
            | LegEvent::Alive
            | LegEvent::Sight { .. }
            | LegEvent::Camera(_)
            | LegEvent::Link { .. } => {}
            LegEvent::AudioUnreadable { why, .. } => panic!("audio cannot be read: {why}"),
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
async fn a_call_through_the_gateway_is_whole_in_every_version_on_every_wire_and_in_every_codec() {
    use gateway::Version as Served;
    let plain = [(MediaWire::SocketIo, Codec::Pcm16)];
    let all = [MediaWire::SocketIo, MediaWire::WebSocket]
        .into_iter()
        .flat_map(|media| [Codec::Pcm16, Codec::Ulaw, Codec::Alaw].map(|codec| (media, codec)));
    let all: Vec<(MediaWire, Codec)> = all.collect();
    type Offer<'o> = (Served, Version, &'o [(MediaWire, Codec)]);
    let versions: [Offer<'_>; 3] = [
        (Served::V1_0_3, Version::V1_0_3, plain.as_slice()),
        (Served::V1_0_4, Version::V1_0_4, plain.as_slice()),
        (Served::V1_0_5, Version::V1_0_5, all.as_slice()),
    ];
    for (served, version, ways) in versions {
        let folder = tempfile::tempdir().expect("a folder");
        let gateway = gateway(folder.path(), |options| {
            options.version = served;
            // From 1.0.5 on media is at another address than REST.
            options.media_listen = (version == Version::V1_0_5).then(|| ([127, 0, 0, 1], 0).into());
        })
        .await;
        let calls =
            ways.iter().flat_map(|way| [(way, None), (way, Some(version))]).map(|((media, codec), told)| {
                let mut options = options(format!("http://{}", gateway.address()));
                (options.version, options.media, options.codec) = (told, *media, *codec);
                options.cdr_wait = Duration::from_secs(10);
                if version == Version::V1_0_3 {
                    options.cdr_wait = Duration::from_millis(50);
                }
                async move {
                    let (trunk, _) = OcsCarrier::start(options).expect("a good configuration");
                    let told = call(&trunk).await;
                    (format!("{version} {media:?} {codec:?}"), told, trunk)
                }
            });
        for (what, told, trunk) in futures_util::future::join_all(calls).await {
            is_whole(&told, &what);
            let found = trunk.version();
            // A carrier of 1.0.3 is not told apart from one of 1.0.4 unless we are told.
            assert!(found == Some(version) || version == Version::V1_0_3, "{what}: {found:?}");
            let Some(record) = told.record else {
                assert_eq!(version, Version::V1_0_3, "{what}: no record");
                continue;
            };
            assert_eq!(record.disposition, Disposition::Answered, "{what}");
            assert_eq!(record.hangup_by, Some(HangupBy::Callee), "{what}");
            let fetched = within("the record", trunk.cdr(&record.session_id)).await.expect("an answer");
            assert_eq!(fetched.as_ref(), Some(&record), "{what}");
            if version == Version::V1_0_5 {
                assert_eq!(record.source.as_deref(), Some("021"), "{what}");
            }
        }
        gateway.shutdown().await;
    }
}
