//! A random carrier against the state of a trunk, on time that the test makes: whatever comes in whatever
//! order, every call ends, with one end and at most one record, and strangers' sessions stay strangers'.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use callcore::audio::Framer;
use callcore::call::DialStatus;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::super::room::Patience;
use super::*;
use crate::media::{Codec, Codecs};
use crate::trunk::leg::LegEvent;

const HOST: Host = 0;
const PATIENCE: Patience =
    Patience { away: Duration::from_secs(10), ring: Duration::from_secs(60), cdr: Duration::from_secs(2) };
const OURS: [&str; 3] = ["a", "b", "c"];
const THEIRS: [&str; 2] = ["x", "y"];

fn record(id: &str) -> CarrierCdr {
    serde_json::from_value(serde_json::json!({
        "sessionId": id, "destination": "", "startTime": "", "answerTime": null, "endTime": "",
        "duration": 0, "billableSeconds": 0, "disposition": "BUSY", "hangupBy": null,
        "hangupCauseCode": 17, "hangupCauseText": "",
    }))
    .expect("a record")
}

#[derive(Clone, Debug)]
enum Step {
    /// A dial request leaves; its answer comes later.
    Dial(usize),
    /// The answer to a dial request.
    Answer(usize),
    Says(Speaker, &'static str, Said),
    Asks(usize, LegCommand),
    Up,
    Down,
    Wait(u64),
    Read(usize),
    Leave(usize),
    /// The carrier's REST side answers what was asked.
    Fetched(bool),
}

#[derive(Clone, Debug)]
enum Said {
    Report(Report),
    Cdr,
}

fn steps() -> impl Strategy<Value = Step> {
    let ids = prop::sample::select([OURS.as_slice(), THEIRS.as_slice()].concat());
    let said = prop_oneof![
        2 => Just(Report::Announced),
        3 => Just(Report::Joined),
        1 => Just(Report::JoinRefused),
        1 => Just(Report::Status(DialStatus::Dialing)),
        1 => Just(Report::Status(DialStatus::Ringing)),
        3 => Just(Report::Status(DialStatus::Connected)),
        1 => Just(Report::Status(DialStatus::Busy)),
        1 => Just(Report::Status(DialStatus::Failed)),
        4 => (0..700_usize).prop_map(|n| Report::Audio(Bytes::from(vec![0x55; n]))),
        1 => Just(Report::Digit('1')),
        2 => "[ab]".prop_map(Report::CheckPoint),
        1 => Just(Report::Hangup),
    ];
    let said = prop_oneof![12 => said.prop_map(Said::Report), 1 => Just(Said::Cdr)];
    let speaker =
        prop_oneof![8 => Just(Speaker::Host(HOST)), 1 => Just(Speaker::Host(7)), 1 => Just(Speaker::Socket)];
    let command = prop_oneof![
        Just(LegCommand::Audio(Bytes::from_static(b"xx"))),
        "[ab]".prop_map(LegCommand::CheckPoint),
        Just(LegCommand::Interruption),
        Just(LegCommand::Hangup),
    ];
    prop_oneof![
        2 => (0..3_usize).prop_map(Step::Dial),
        3 => (0..3_usize).prop_map(Step::Answer),
        12 => (speaker, ids, said).prop_map(|(from, id, said)| Step::Says(from, id, said)),
        4 => (0..3_usize, command).prop_map(|(n, command)| Step::Asks(n, command)),
        2 => Just(Step::Up),
        1 => Just(Step::Down),
        3 => (0..6_000_u64).prop_map(Step::Wait),
        2 => (0..3_usize).prop_map(Step::Read),
        1 => (0..3_usize).prop_map(Step::Leave),
        1 => any::<bool>().prop_map(Step::Fetched),
    ]
}

/// What became of one of our calls.
struct Ours {
    events: Option<mpsc::Receiver<LegEvent>>,
    heard: Vec<LegEvent>,
    framer: Framer,
    bytes: usize,
    frames: usize,
    left: bool,
}

struct World {
    rooms: Rooms,
    now: Instant,
    is_up: bool,
    dialling: BTreeSet<usize>,
    ours: BTreeMap<usize, Ours>,
    actions: Vec<SessionAction>,
    fetching: Vec<Arc<str>>,
    fetched: BTreeMap<Arc<str>, u32>,
    codec: Codec,
}

impl World {
    fn new(codec: Codec) -> Self {
        Self {
            rooms: Rooms::default(),
            now: Instant::now(),
            is_up: false,
            dialling: BTreeSet::new(),
            ours: BTreeMap::new(),
            actions: Vec::new(),
            fetching: Vec::new(),
            fetched: BTreeMap::new(),
            codec,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Dial(n) if !self.ours.contains_key(&n) => {
                if self.dialling.insert(n) {
                    self.rooms.placing();
                }
            }
            Step::Answer(n) if self.dialling.remove(&n) => self.admit(n),
            Step::Says(from, id, said) => {
                let report = match said {
                    Said::Report(report) => report,
                    Said::Cdr => Report::Cdr(record(id)),
                };
                self.rooms.report(from, id, report, self.now, &mut self.actions);
            }
            Step::Asks(n, command) => self.rooms.command(OURS[n], Some(command), self.now, &mut self.actions),
            Step::Up => {
                self.is_up = true;
                self.rooms.host_up(HOST, &mut self.actions);
            }
            Step::Down => {
                self.is_up = false;
                self.rooms.host_down(HOST, self.now, &mut self.actions);
            }
            Step::Wait(ms) => self.pass(Duration::from_millis(ms)),
            Step::Read(n) => self.read(n),
            Step::Leave(n) => {
                if let Some(ours) = self.ours.get_mut(&n) {
                    ours.events = None;
                    ours.left = true;
                    self.rooms.command(OURS[n], None, self.now, &mut self.actions);
                }
            }
            Step::Fetched(found) => {
                if let Some(id) = self.fetching.pop() {
                    let cdr = found.then(|| record(&id));
                    self.rooms.record(&id, cdr, &mut self.actions);
                }
            }
            Step::Dial(_) | Step::Answer(_) => {}
        }
        self.settle();
    }

    fn admit(&mut self, n: usize) {
        let (events, heard) = mpsc::channel(8);
        let room = Room::new(events, PATIENCE, self.now);
        let codecs = Codecs { sent: self.codec, received: self.codec };
        let route = Route { media: Media::Host(HOST), codecs, is_labelled: false };
        let id: Arc<str> = OURS[n].into();
        let ours = Ours {
            events: Some(heard),
            heard: Vec::new(),
            framer: Framer::default(),
            bytes: 0,
            frames: 0,
            left: false,
        };
        self.ours.insert(n, ours);
        self.rooms.admit(&id, room, route, None, self.now, &mut self.actions);
        if self.is_up {
            self.rooms.join(&id, &mut self.actions);
        }
        self.rooms.settled();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.rooms.tick(self.now, &mut self.actions);
    }

    fn read(&mut self, n: usize) {
        let Some(ours) = self.ours.get_mut(&n) else { return };
        let Some(events) = &mut ours.events else { return };
        while let Ok(event) = events.try_recv() {
            if let LegEvent::Audio { pcm: bytes, .. } = &event {
                ours.bytes += bytes.len();
                ours.framer.push(bytes, |_| ours.frames += 1);
            } else {
                ours.heard.push(event);
            }
        }
    }

    fn settle(&mut self) {
        for (id, action) in self.actions.drain(..) {
            assert!(OURS.contains(&&*id), "a action for {id}, which is not ours");
            if action == Action::FetchCdr {
                *self.fetched.entry(Arc::clone(&id)).or_default() += 1;
                self.fetching.push(id);
            }
        }
        self.rooms.sweep_all();
    }
}

proptest! {
    #[test]
    fn every_call_ends_once_with_at_most_one_record_and_strangers_are_left_alone(
        all in prop::collection::vec(steps(), 0..150),
        codec in prop::sample::select(vec![Codec::Pcm16, Codec::Ulaw, Codec::Alaw]),
    ) {
        let mut world = World::new(codec);
        for step in all {
            world.step(step);
        }
        // Every request is answered and every session hangs up, as its limits make it, and then the carrier
        // says and gives nothing any more.
        for n in 0..OURS.len() {
            world.step(Step::Answer(n));
            world.step(Step::Asks(n, LegCommand::Hangup));
        }
        for _ in 0..30 {
            world.step(Step::Wait(10_000));
            while !world.fetching.is_empty() {
                world.step(Step::Fetched(false));
            }
            for n in 0..OURS.len() {
                world.step(Step::Read(n));
            }
        }
        prop_assert!(world.rooms.is_empty(), "{:?} are still open", world.rooms);
        prop_assert!(world.fetched.values().all(|times| *times <= 1), "{:?}", world.fetched);
        for (n, ours) in &mut world.ours {
            // The audio came through in whole frames, however it was cut.
            prop_assert_eq!(ours.frames, ours.bytes / 2 / 160);
            if ours.left {
                continue;
            }
            let is_end = |e: &LegEvent| matches!(e, LegEvent::Hangup | LegEvent::Lost { .. });
            let end = ours.heard.iter().position(is_end);
            prop_assert!(end.is_some(), "call {} never ended: {:?}", n, ours.heard);
            let (before, after) = ours.heard.split_at(end.unwrap_or_default());
            prop_assert!(!before.iter().any(|e| matches!(e, LegEvent::Cdr(_))), "{:?}", before);
            prop_assert!(matches!(after, [_] | [_, LegEvent::Cdr(_)]), "after the end: {:?}", after);
            if let [_, LegEvent::Cdr(cdr)] = after {
                prop_assert_eq!(&*cdr.session_id, OURS[*n]);
            }
            let closed = ours.events.as_mut().is_none_or(|events| events.try_recv().is_err() && events.is_closed());
            prop_assert!(closed, "call {}'s events are still open", n);
        }
    }
}
