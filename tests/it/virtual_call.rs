//! Whole calls without a clock or a socket: the pure call, the gateway's pure play-out and a scripted
//! callee with real speech, stepped 20 ms at a time.

use std::path::Path;
use std::sync::Arc;

use callcore::audio::frame::{FRAME_MS, FRAME_SAMPLES};
use callcore::call::{Call, DialStatus, Effect, Fact, Input, Notice, Settings, Summary};
use callcore::clock::CallTime;
use callcore::flow::{Part, Run};
use dering::flows::{self, Stored};
use dering::gateway::callees;
use dering::gateway::callees::script::{Event as ScriptEvent, Script};
use dering::gateway::playout::{self, Playout};
use dering::speech::file;
use dering::speech::tts::{self, Tts};
use serde_json::{Map, Value, json};

/// No call of these tests lasts longer, ms.
const LONGEST_MS: u64 = 120_000;

/// What one call left behind.
pub(crate) struct Played {
    pub(crate) summary: Summary,
    pub(crate) notices: Vec<Notice>,
    /// With the ms since the answer.
    pub(crate) facts: Vec<(u64, Fact)>,
    /// What the callee did and heard, with the ms since the answer.
    pub(crate) callee: Vec<(u64, String)>,
}

impl Played {
    /// When `what` happened first at the callee.
    pub(crate) fn at(&self, what: &str) -> Option<u64> {
        self.callee.iter().find(|(_, seen)| seen == what).map(|(ms, _)| *ms)
    }

    /// When `what` happened first at the callee, at or after `from` ms.
    pub(crate) fn at_after(&self, what: &str, from: u64) -> Option<u64> {
        self.callee.iter().find(|(ms, seen)| *ms >= from && seen == what).map(|(ms, _)| *ms)
    }

    pub(crate) fn amd_events(&self) -> Vec<String> {
        let events = self.facts.iter().filter(|(_, fact)| fact.kind() == "amd");
        events.map(|(_, fact)| fact.detail()["event"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Whether speech can be made here; says so when not.
pub(crate) fn can_speak() -> bool {
    let found = std::process::Command::new("espeak-ng").arg("--version").output().is_ok();
    if !found {
        println!("skipped: espeak-ng is not installed");
    }
    found
}

struct TestSystem {
    call: Call,
    flow: Stored,
    tts: Tts,
    playout: Playout,
    played: Vec<(u64, String)>,
    facts: Vec<(u64, Fact)>,
    notices: Vec<Notice>,
    summary: Option<Summary>,
    answered_ms: u64,
    hung_up: bool,
}

impl TestSystem {
    async fn render(&self, part: &Part) -> Result<Arc<[i16]>, String> {
        match part {
            Part::Say { text, language, voice } => {
                self.tts.say(text, language, voice.as_deref()).await.map_err(|e| e.to_string())
            }
            Part::File(name) => file::load(self.flow.folder.join(name)).await.map_err(|e| e.to_string()),
            Part::Checkpoint(_) | Part::Protected(_) | Part::Beep => Ok(Arc::from([])),
        }
    }

    async fn drain(&mut self, now: CallTime) {
        let since = now.as_ms().saturating_sub(self.answered_ms);
        while let Some(effect) = self.call.poll_effect() {
            match effect {
                Effect::SendAudio(chunk) => {
                    self.playout.push(chunk.samples()).unwrap();
                    self.playout.push(&vec![0; chunk.padding()]).unwrap();
                }
                Effect::SendCheckPoint(name) => assert!(self.playout.mark(name)),
                Effect::SendInterruption => {
                    self.playout.interrupt();
                    self.played.push((since, "interruption".into()));
                }
                Effect::SendHangup => self.hung_up = true,
                Effect::SendDigit { .. }
                | Effect::Show(_)
                | Effect::MuteRecording(_)
                | Effect::SeekRecord
                | Effect::Recognise { .. }
                | Effect::KeepMessage { .. }
                | Effect::EndMessage { .. }
                | Effect::Request { .. }
                | Effect::SendTransfer { .. } => {}
                Effect::Render { play, part, what, .. } => {
                    let result = self.render(&what).await;
                    self.call.handle(Input::Rendered { play, part, result }, now);
                }
                Effect::Record(fact) => self.facts.push((since, fact)),
                Effect::Notify(notice) => self.notices.push(notice),
                Effect::Finish(summary) => self.summary = Some(*summary),
            }
        }
    }

    async fn tell(&mut self, input: Input, now: CallTime) {
        self.call.handle(input, now);
        self.drain(now).await;
    }
}

/// Calls `number` of `flows/callees` with `flow`; the callee answers after `ring_ms`.
pub(crate) async fn call(flow: &str, number: &str, ring_ms: u64) -> Played {
    call_in_noise(flow, number, ring_ms, 7).await
}

/// The same, with the noise of `seed` on the line.
async fn call_in_noise(flow: &str, number: &str, ring_ms: u64, seed: u64) -> Played {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let stored = flows::check_file(&root.join(format!("{flow}.yaml"))).unwrap().stored.unwrap();
    let tts = Tts::new(tts::Options::default());
    let all = callees::load_dir(&root.join("callees")).unwrap();
    let callee = all.find(number).unwrap();
    let prepared = callee.prepared(&tts).await.unwrap();
    let mut script = Script::new(prepared, seed);
    let metadata = json!({
        "name": "Alex", "amount": "120 dollars", "due": "Friday", "day": "on Monday", "other_day": "Tuesday",
    });
    let Value::Object(metadata): Value = metadata else { unreachable!() };
    let call = Call::new(settings(&stored), run(&stored, metadata));
    let mut system = TestSystem {
        call,
        flow: stored,
        tts,
        playout: Playout::new(10_000),
        played: Vec::new(),
        facts: Vec::new(),
        notices: Vec::new(),
        summary: None,
        answered_ms: ring_ms,
        hung_up: false,
    };
    let at = CallTime::from_ms;
    system.tell(Input::Placed { session_id: "virtual".into() }, at(5)).await;
    system.tell(Input::Status(DialStatus::Ringing), at(10)).await;
    system.tell(Input::Status(DialStatus::Connected), at(ring_ms)).await;
    let (mut heard, mut said) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
    let mut ms = ring_ms;
    while system.summary.is_none() && ms < ring_ms + LONGEST_MS {
        ms += FRAME_MS;
        if !system.hung_up {
            system.playout.next_frame(&mut heard);
            script.exchange(&heard, &mut said);
            system.call.audio(&said, at(ms));
            system.drain(at(ms)).await;
            carrier_events(&mut system, &mut script, at(ms)).await;
        }
        if system.call.poll_timeout().is_some_and(|due| due <= at(ms)) {
            system.call.handle_timeout(at(ms));
            system.drain(at(ms)).await;
        }
    }
    Played {
        summary: system.summary.expect("the call ends"),
        notices: system.notices,
        facts: system.facts,
        callee: system.played,
    }
}

fn run(stored: &Stored, metadata: Map<String, Value>) -> Run {
    Run::new(Arc::clone(&stored.flow), metadata).unwrap()
}

fn settings(stored: &Stored) -> Settings {
    Settings { machine_detection: stored.flow.amd().mode, ..Settings::default() }
}

async fn carrier_events(system: &mut TestSystem, script: &mut Script, now: CallTime) {
    while let Some(event) = system.playout.poll_event() {
        match event {
            playout::Event::Started { at_ms } => system.played.push((at_ms, "bot starts".into())),
            playout::Event::Stopped { at_ms } => system.played.push((at_ms, "bot stops".into())),
            playout::Event::Interrupted { .. }
            | playout::Event::Pressed { .. }
            | playout::Event::Sound { .. } => {}
            playout::Event::CheckPoint { at_ms, name } => {
                let shown = name.split('#').next().unwrap_or_default().to_owned();
                system.played.push((at_ms, shown));
                system.tell(Input::CheckPoint(name), now).await;
            }
        }
    }
    while let Some(event) = script.poll_event() {
        match event {
            ScriptEvent::Began { at_ms, sound } => system.played.push((at_ms, format!("{sound:?} begins"))),
            ScriptEvent::Ended { at_ms, sound } => system.played.push((at_ms, format!("{sound:?} ends"))),
            ScriptEvent::Key { at_ms, key } => {
                system.played.push((at_ms, format!("key {key}")));
                system.tell(Input::Digit(key), now).await;
            }
            ScriptEvent::HungUp { .. } => system.tell(Input::RemoteHangup, now).await,
        }
    }
}

#[tokio::test]
async fn a_person_who_presses_1_confirms() {
    if !can_speak() {
        return;
    }
    let played = call("payment-reminder", "+15550001", 2_000).await;
    assert_eq!(played.amd_events(), ["amd_human_detected", "amd_stopped"], "{:#?}", played.facts);
    assert_eq!(played.summary.outcome, "confirmed", "{:#?}", played.facts);
}

#[tokio::test]
async fn a_person_who_talks_over_the_bot_stops_it_within_300_ms() {
    if !can_speak() {
        return;
    }
    let played = call("payment-reminder", "+15550002", 2_000).await;
    let bot = played.at("bot starts").unwrap();
    let onset = played.at_after("Speech begins", bot).unwrap();
    let stopped = played.at_after("bot stops", onset).unwrap();
    assert!(stopped - onset <= 300, "{} ms: {:?}", stopped - onset, played.callee);
    assert_eq!(played.summary.outcome, "confirmed", "{:#?}", played.facts);
}

#[tokio::test]
async fn a_message_begins_behind_300_ms_of_quiet_after_the_beep() {
    if !can_speak() {
        return;
    }
    for number in ["+15550003", "+15550005"] {
        let played = call("payment-reminder", number, 2_000).await;
        let beep = played.at("Beep ends").unwrap();
        let message = played.at("bot starts").unwrap();
        assert!((beep + 280..=beep + 360).contains(&message), "{number}: beep {beep}, message {message}");
        assert!(played.summary.message_left, "{number}: {:?}", played.callee);
        assert_eq!(played.summary.outcome, "message_left");
        assert_eq!(played.summary.last_checkpoint.as_deref(), Some("message_end"));
        let last = played.notices.last().map(|notice| notice.state.amd_event());
        assert_eq!(last, Some(None), "the final notification is the last one");
    }
}

#[tokio::test]
async fn a_message_is_said_again_until_it_was_heard_whole_behind_the_last_beep() {
    if !can_speak() {
        return;
    }
    for (flow, number, starts) in [
        ("payment-reminder", "+15550017", 2),
        ("payment-reminder", "+15550018", 1),
        ("appointment", "+15550019", 2),
    ] {
        let played = call(flow, number, 2_000).await;
        let last_of =
            |what: &str| played.callee.iter().rev().find(|(_, seen)| seen == what).map(|(at, _)| *at);
        let (beep, message) = (last_of("Beep ends").unwrap(), last_of("bot starts").unwrap());
        assert!((beep + 280..=beep + 360).contains(&message), "{number}: {:?}", played.callee);
        let begun = played.callee.iter().filter(|(_, seen)| seen == "bot starts").count();
        assert_eq!(begun, starts, "{number}: {:?}", played.callee);
        let ended = (played.summary.outcome.as_str(), played.summary.message_left);
        assert_eq!(ended, ("message_left", true), "{number}: {:?}", played.facts);
        assert_eq!(played.summary.last_checkpoint.as_deref(), Some("message_end"));
    }
}

#[tokio::test]
async fn a_mailbox_that_never_beeps_gets_no_message() {
    if !can_speak() {
        return;
    }
    let played = call("payment-reminder", "+15550004", 2_000).await;
    assert_eq!(played.summary.outcome, "no_beep", "{:#?}", played.facts);
    assert!(!played.summary.message_left);
    assert_eq!(played.at("bot starts"), None, "nothing was said");
}

#[tokio::test]
async fn fax_and_silence_are_told_apart_from_people() {
    if !can_speak() {
        return;
    }
    for (number, outcome) in [("+15550008", "fax"), ("+15550009", "no_speech")] {
        let played = call("payment-reminder", number, 2_000).await;
        assert_eq!(played.summary.outcome, outcome, "{number}: {:#?}", played.facts);
        assert_eq!(played.at("bot starts"), None, "{number}: nothing was said");
    }
}

#[tokio::test]
async fn the_cast_of_the_demo_ends_the_same_whatever_the_noise_on_the_line() {
    if !can_speak() {
        return;
    }
    let cast = [
        ("payment-reminder", "+15550001", "confirmed"),
        ("payment-reminder", "+15550002", "confirmed"),
        ("payment-reminder", "+15550003", "message_left"),
        ("payment-reminder", "+15550004", "no_beep"),
        ("payment-reminder", "+15550005", "message_left"),
        ("payment-reminder", "+15550017", "message_left"),
        ("payment-reminder", "+15550018", "message_left"),
        ("appointment", "+15550019", "message_left"),
        ("payment-reminder", "+15550008", "fax"),
        ("payment-reminder", "+15550009", "no_speech"),
        ("plan-change", "+15550013", "taken"),
        ("plan-change", "+15550014", "taken"),
        ("plan-change", "+15550015", "call_back"),
        ("plan-change", "+15550016", "call_back"),
    ];
    for seed in 1..=6 {
        for (flow, number, outcome) in cast {
            let played = call_in_noise(flow, number, 2_000, seed).await;
            assert_eq!(played.summary.outcome, outcome, "{number} in noise {seed}: {:#?}", played.facts);
            if flow == "plan-change" {
                takes_turns(&played, number, seed);
            }
        }
    }
}

/// What the demo expects of the calls that are about turn-taking.
fn takes_turns(played: &Played, number: &str, seed: u64) {
    let times = |kind: &str| played.facts.iter().filter(|(_, fact)| fact.kind() == kind).count();
    let turns = ["talk_over", "resumed", "interruption_deferred", "interruption"].map(times);
    let shown = format!("{number} in noise {seed}: {turns:?} {:#?}", played.facts);
    match number {
        "+15550013" => assert_eq!(turns, [2, 2, 0, 0], "a cough and a sign of listening: {shown}"),
        "+15550014" => assert_eq!(turns, [0, 0, 0, 0], "an echo: {shown}"),
        "+15550015" => {
            assert_eq!(turns, [1, 0, 1, 1], "a voice over the notice: {shown}");
            let (heard, cut) = (played.at("notice").unwrap(), played.at("interruption").unwrap());
            assert!((heard..=heard + 60).contains(&cut), "{shown}");
        }
        _ => {
            assert_eq!(turns[3], 1, "a voice in noise: {shown}");
            // The second time the callee speaks is the one that interrupts.
            let bot = played.at("bot starts").unwrap();
            let onset = played.at_after("Speech begins", bot).unwrap();
            let silent = played.at_after("bot stops", onset).unwrap();
            assert!(silent <= onset + 300, "{silent} after {onset}: {shown}");
        }
    }
}

#[tokio::test]
async fn after_a_false_alarm_the_bot_goes_on_where_the_callee_stopped_hearing() {
    if !can_speak() {
        return;
    }
    let paused = call("plan-change", "+15550013", 2_000).await;
    let whole = call("plan-change", "+15550014", 2_000).await;
    // How long the bot sounded until the explanation was over.
    let sounded = |played: &Played| {
        let end = played.at("data").unwrap();
        let edges = played.callee.iter().take_while(|(ms, _)| *ms < end);
        edges.fold((end, None), |(sum, stopped), (ms, what)| match (what.as_str(), stopped) {
            ("bot stops", _) => (sum, Some(*ms)),
            ("bot starts", Some(since)) => (sum - (ms - since), None),
            ("bot starts", None) => (sum - ms, None),
            _ => (sum, stopped),
        })
    };
    let (paused_ms, whole_ms) = (sounded(&paused).0, sounded(&whole).0);
    // Nothing is left out; at most a frame of each pause is heard twice.
    assert!(
        (whole_ms..=whole_ms + 40).contains(&paused_ms),
        "{paused_ms} for {whole_ms}: {:?}",
        paused.callee
    );
}

#[tokio::test]
async fn who_spoke_up_is_told_with_the_words_that_were_heard() {
    if !can_speak() {
        return;
    }
    let played = call("plan-change", "+15550015", 2_000).await;
    let told = |notice: &Notice| format!("{notice:?}");
    let told = played.notices.iter().map(told).find(|told| told.contains("spoke_up")).unwrap();
    assert!(told.contains("This call is recorded.") && told.contains("10"), "{told}");
}
