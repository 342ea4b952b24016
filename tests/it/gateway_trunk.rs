//! Our own client against our own gateway, in every version and over every wire: the two halves agree.

use callcore::audio::frame::to_pcm16le;
use callcore::call::{DialStatus, Disposition, HangupBy};
use dering::media::Codec;
use dering::trunk::ocs::{MediaWire, OcsCarrier, Options, Version};
use dering::trunk::{LegCommand, LegEvent, Order};
use secrecy::SecretString;

use crate::gateway_conformance::{CAST, accounts};
use crate::gateway_fixture::Fixture;
use crate::peer::within;
use crate::trunk_fixture::{ask, heard, options, over};

/// Places a call, speaks, presses a key, hangs up; returns what the callee heard.
async fn whole_call(fixture: &Fixture, version: &str, change: impl FnOnce(&mut Options)) -> Vec<i16> {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut options = options(fixture.url());
    options.token = SecretString::from(version.to_owned());
    change(&mut options);
    let (trunk, task) = OcsCarrier::start(options).expect("a good configuration");
    let order = Order { caller: Some("+6221555000".into()), ..Order::to("+15552000") };
    let mut leg = within("a call", trunk.place(order)).await.expect("the gateway takes the call");
    let id = leg.session_id.clone();
    while heard(&mut leg).await != LegEvent::Status(DialStatus::Connected) {}

    let said: Vec<i16> = (0..3_200).map(|n| 2_000 + n).collect();
    for chunk in to_pcm16le(&said).chunks(2_560) {
        ask(&leg, LegCommand::Audio(chunk.to_vec().into())).await;
    }
    ask(&leg, LegCommand::CheckPoint("said".into())).await;
    let (mut frames, mut said_all) = (0, false);
    while !said_all || frames < 10 {
        let event = heard(&mut leg).await;
        if let LegEvent::Audio { pcm: bytes, .. } = &event {
            assert_eq!(bytes.len(), 320);
            frames += 1;
        } else {
            assert_eq!(event, LegEvent::CheckPoint("said".into()), "{version}: in the middle of a call");
            said_all = true;
        }
    }
    ask(&leg, LegCommand::Digit { digit: '4', duration_ms: 100 }).await;
    ask(&leg, LegCommand::CheckPoint("pressed".into())).await;
    while heard(&mut leg).await != LegEvent::CheckPoint("pressed".into()) {}
    ask(&leg, LegCommand::Hangup).await;
    while heard(&mut leg).await != LegEvent::Hangup {}
    if version != "1.0.3" {
        let LegEvent::Cdr(cdr) = heard(&mut leg).await else { panic!("{version}: no record") };
        assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
        assert_eq!((cdr.session_id, cdr.destination.as_str()), (id.clone(), "+15552000"));
        assert_eq!(cdr.source.as_deref(), (version == "1.0.5").then_some("+6221555000"));
    }
    over(&mut leg).await;
    drop((leg, trunk));
    within("the trunk to end", task).await.expect("no panic");
    // 1.0.3 says nothing when the recording is complete.
    within("the end of the call", async {
        while fixture.gateway.calls() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (_, heard, timeline) = fixture.recording(&id);
    assert!(timeline.to_string().contains("\"bot_key\""), "{version}: the key was pressed");
    let begin = heard.iter().position(|s| s.unsigned_abs() > 1_000).expect("something was heard");
    heard[begin..begin + said.len()].to_vec()
}

async fn system() -> Fixture {
    Fixture::start_with(&CAST, |options| {
        let recordings = options.recordings.take();
        accounts(options);
        options.recordings = recordings;
    })
    .await
}

/// Every sample, in order, none twice.
fn is_exact(heard: &[i16], what: &str) {
    let said: Vec<i16> = (0..3_200).map(|n| 2_000 + n).collect();
    assert!(heard == said, "{what}");
}

/// The same sound within the steps of G.711.
fn is_close(heard: &[i16], what: &str) {
    let far =
        heard.iter().zip(2_000_i16..).filter(|(h, s)| (i32::from(**h) - i32::from(*s)).abs() > 200).count();
    assert_eq!(far, 0, "{what}");
}

#[tokio::test]
async fn the_versions_with_one_host_carry_a_call() {
    let fixture = system().await;
    is_exact(&whole_call(&fixture, "1.0.3", |o| o.version = Some(Version::V1_0_3)).await, "1.0.3");
    is_exact(&whole_call(&fixture, "1.0.4", |_| ()).await, "1.0.4, found out");
    is_close(&whole_call(&fixture, "1.0.4", |o| o.codec = Codec::Alaw).await, "1.0.4, A-law");
}

#[tokio::test]
async fn the_media_host_of_1_0_5_carries_a_call_over_both_wires() {
    let fixture = system().await;
    for (media, what) in [(MediaWire::SocketIo, "Socket.IO"), (MediaWire::WebSocket, "WebSocket")] {
        for codec in [Codec::Pcm16, Codec::Ulaw, Codec::Alaw] {
            let heard = whole_call(&fixture, "1.0.5", |options| {
                options.version = Some(Version::V1_0_5);
                (options.media, options.codec) = (media, codec);
            })
            .await;
            let what = format!("{what}, {codec:?}");
            if codec == Codec::Pcm16 { is_exact(&heard, &what) } else { is_close(&heard, &what) }
        }
    }
}
