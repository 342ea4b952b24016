//! `dering gateway dial-in` against our own server: the built-in carrier and the built-in bot, by their wire.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use dering::gateway::dial_in::{Error, Options, Report, dial_in};
use dering::gateway::record::{Happening, Party};
use dering::speech::tts::{self, Synthesizer, Tts};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::inbound_fixture::{CALLER, KEYS, LONG, LONG_BYTES, SHORT, TestSystem, UNKNOWN};
use crate::peer::within;

fn options(system: &TestSystem, did: &str, script: &str) -> Options {
    let callee = system.folder.path().join("caller.yaml");
    fs::write(&callee, format!("numbers: ['1']\nnoise: 'off'\ncap: 20s\nscript: {script}\n")).unwrap();
    let fake = Synthesizer::Fake(tts::fake::Fake::default());
    Options {
        url: system.url(),
        token: None,
        ca: None,
        from: CALLER.into(),
        did: did.into(),
        session_id: Some("s1".into()),
        callee,
        tts: Tts::new(tts::Options { synthesizer: fake, ..tts::Options::default() }),
        recordings: None,
        seed: 1,
        ring: Duration::from_secs(20),
        ignores_interrupt: false,
    }
}

async fn placed(options: Options) -> Result<Report, Error> {
    within("the end of the call", dial_in(options, CancellationToken::new())).await
}

fn happened(report: &Report, wanted: impl Fn(&Happening) -> bool) -> bool {
    report.events.iter().any(|entry| wanted(&entry.happening))
}

#[tokio::test]
async fn a_caller_who_listens_to_the_end_is_hung_up_on_and_both_sides_agree() {
    let system = TestSystem::start().await;
    let mut options = options(&system, SHORT, "[ { silence: 20s } ]");
    options.recordings = Some(system.folder.path().join("recorded"));
    let report = placed(options).await.unwrap();
    assert!(report.is_in_order(), "{report:?}");
    assert_eq!((report.ended_by, report.heard_ms), (Some(Party::Bot), 500));
    let recording: PathBuf = report.recording.unwrap();
    assert!(recording.is_file() && recording.with_extension("json").is_file());
    let call = system.ended("s1").await;
    assert_eq!((&call["outcome"], &call["caller"]), (&json!("told"), &json!(CALLER)));
    let record = system.cdr("s1").await;
    assert_eq!(record["startTime"], report.cdr.start_time, "the carrier's record, not ours");
    assert_eq!(record["hangupBy"], "CALLEE");
}

#[tokio::test]
async fn a_caller_presses_keys_hears_keys_and_hangs_up() {
    let system = TestSystem::start().await;
    let script = "[ { wait_until_bot_stops: { silence: 300ms } }, { dtmf: '42' }, { silence: 20s } ]";
    let report = placed(options(&system, KEYS, script)).await.unwrap();
    assert!(report.is_in_order(), "{report:?}");
    assert!(happened(&report, |h| *h == Happening::BotKey { key: '#' }), "{report:?}");
    let call = system.ended("s1").await;
    assert_eq!(call["outcome"], "right", "{report:?} {:?}", system.timeline(&call).await);

    let mut second = options(&system, LONG, "[ { silence: 400ms }, hang_up ]");
    second.session_id = Some("s2".into());
    let report = placed(second).await.unwrap();
    assert_eq!(report.ended_by, Some(Party::Callee));
    assert!(report.is_in_order(), "{report:?}");
    let call = system.ended("s2").await;
    assert_eq!(
        (&call["outcome"], &system.cdr("s2").await["hangupBy"]),
        (&json!("caller_hung_up"), &json!("CALLER")),
        "{report:?} {:?}",
        system.timeline(&call).await
    );
}

#[tokio::test]
async fn barge_in_works_with_a_carrier_that_ignores_interrupt() {
    for ignores_interrupt in [false, true] {
        let system = TestSystem::start().await;
        let mut options = options(&system, LONG, "[ { silence: 1s }, { dtmf: '1' }, { silence: 20s } ]");
        options.ignores_interrupt = ignores_interrupt;
        let report = placed(options).await.unwrap();
        assert_eq!(report.ended_by, Some(Party::Bot));
        // All of the ten seconds at once would wait if nobody kept the pace.
        assert!(report.heard_ms * 16 < LONG_BYTES / 2 && report.most_waiting_ms <= 2_000, "{report:?}");
        let interrupted = happened(&report, |h| matches!(h, Happening::Interruption { .. }));
        assert_eq!(interrupted, !ignores_interrupt);
        assert_eq!(system.ended("s1").await["outcome"], "impatient");
    }
}

#[tokio::test]
async fn a_call_that_nobody_takes_and_a_secret_that_is_wrong_are_told_apart() {
    let system = TestSystem::with(|config| config.inbound.secret = Some("s3cret".into())).await;
    let mut known = options(&system, UNKNOWN, "[ { silence: 20s } ]");
    let refused = placed(known.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { status: 401 }), "{refused}");
    known.token = Some("s3cret".into());
    let report = placed(known).await.unwrap();
    assert!(!report.is_in_order());
    assert_eq!((report.answered_after_ms, report.ended_by), (None, Some(Party::Bot)));
    assert_eq!(system.ended("s1").await["outcome"], "no_route");
}

#[tokio::test]
async fn the_command_tells_the_call_as_json_and_its_exit_code_says_how_it_ended() {
    let system = TestSystem::start().await;
    let callee = options(&system, SHORT, "[ { silence: 20s } ]").callee;
    for (did, code, ended_by) in [(SHORT, 0, "bot"), (UNKNOWN, 1, "bot")] {
        let output = within(
            "the end of the command",
            tokio::process::Command::new(env!("CARGO_BIN_EXE_dering"))
                .args(["gateway", "dial-in", &system.url(), "--did", did, "--json", "--callee"])
                .arg(&callee)
                .kill_on_drop(true)
                .output(),
        )
        .await
        .unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["endedBy"], ended_by, "{told}");
        assert_eq!(told["cdr"]["destination"], did);
        assert_eq!(told["answeredAfterMs"].is_u64(), code == 0);
    }
}
