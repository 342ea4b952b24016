//! What the tests of the trunk share: a carrier made of the reference servers, a trunk that calls there, and
//! the two ends of a call.

use std::time::Duration;

use bytes::Bytes;
use callcore::call::{DialStatus, Disposition, HangupBy, Link};
use callcore::retry::Backoff;
use dering::trunk::ocs::{OcsCarrier, Options};
use dering::trunk::{Leg, LegCommand, LegEvent, Order};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::peer::{self, Peer, within};

/// Options with which nothing is given up because the computer is busy.
pub(crate) fn options(url: String) -> Options {
    let mut options = Options::new("test", url, SecretString::from("t"));
    options.backoff = Backoff { first_ms: 20, cap_ms: 100 };
    options.connect_timeout = Duration::from_secs(20);
    options.down_timeout = Duration::from_secs(20);
    options
}

/// A carrier and a trunk that leads there.
pub(crate) struct Scene {
    pub(crate) peer: Peer,
    pub(crate) trunk: OcsCarrier,
    pub(crate) task: JoinHandle<()>,
}

impl Scene {
    /// `None` without node.
    pub(crate) async fn start(carrier: Value) -> Option<Self> {
        Self::with(carrier, |_| ()).await
    }

    /// As [`Self::set`], with other options of the trunk.
    pub(crate) async fn with(carrier: Value, change: impl FnOnce(&mut Options)) -> Option<Self> {
        if !peer::is_ready() {
            return None;
        }
        let peer = Peer::start("carrier.js", carrier).await;
        let mut options = options(peer.url());
        change(&mut options);
        let (trunk, task) = OcsCarrier::start(options).expect("a good configuration");
        Some(Self { peer, trunk, task })
    }

    /// A call whose callee has answered.
    pub(crate) async fn answered(&mut self) -> Leg {
        let mut leg = place(&self.trunk).await;
        connect(&mut self.peer, &mut leg).await;
        leg
    }
}

pub(crate) async fn place(trunk: &OcsCarrier) -> Leg {
    within("a call", trunk.place(Order::to("08123456789"))).await.expect("the carrier takes the call")
}

/// The next event of the call; how far the carrier is away, and how the way to it is, is left out, because nobody can
/// foresee it.
pub(crate) async fn heard(leg: &mut Leg) -> LegEvent {
    loop {
        let event = within("an event of the call", leg.events.recv()).await.expect("the call is still there");
        let is_of_the_way = matches!(
            event,
            LegEvent::RoundTrip(_) | LegEvent::Delivered { .. } | LegEvent::Alive | LegEvent::Link { .. }
        );
        if !is_of_the_way {
            return event;
        }
    }
}

/// The audio that comes next.
pub(crate) async fn heard_audio(leg: &mut Leg) -> Bytes {
    let event = heard(leg).await;
    let LegEvent::Audio { pcm, .. } = event else { panic!("{event:?} is no audio") };
    pcm
}

/// How the way to the carrier is told to be next.
pub(crate) async fn way(leg: &mut Leg) -> Link {
    loop {
        let event = within("word of the way", leg.events.recv()).await.expect("the call is still there");
        if let LegEvent::Link { link, .. } = event {
            return link;
        }
    }
}

pub(crate) async fn over(leg: &mut Leg) {
    while let Some(event) = within("the end of the events", leg.events.recv()).await {
        let is_of_the_way =
            matches!(event, LegEvent::RoundTrip(_) | LegEvent::Delivered { .. } | LegEvent::Alive);
        assert!(is_of_the_way, "{event:?} after the end");
    }
}

pub(crate) async fn ask(leg: &Leg, command: LegCommand) {
    leg.commands.send(command).await.expect("the trunk takes commands");
}

/// Until the callee has answered.
pub(crate) async fn connect(peer: &mut Peer, leg: &mut Leg) {
    peer.event("joinRoom").await;
    peer.emit(&leg.session_id, "dialStatus", json!({"sessionId": leg.session_id, "status": "Connected"}))
        .await;
    assert_eq!(heard(leg).await, LegEvent::Status(DialStatus::Connected));
}

/// A record as the carrier writes it.
pub(crate) fn cdr(session: &str) -> Value {
    json!({
        "sessionId": session, "destination": "08123456789",
        "startTime": "2026-01-01T00:00:00.000Z", "answerTime": "2026-01-01T00:00:05.000Z",
        "endTime": "2026-01-01T00:00:15.000Z", "duration": 15, "billableSeconds": 10,
        "disposition": "ANSWERED", "hangupBy": "CALLER", "hangupCauseCode": 16,
        "hangupCauseText": "Call completed successfully",
    })
}

/// The next event is that record.
pub(crate) async fn record(leg: &mut Leg) {
    let event = heard(leg).await;
    let LegEvent::Cdr(cdr) = event else { panic!("{event:?} instead of the record") };
    assert_eq!((cdr.disposition, cdr.hangup_by), (Disposition::Answered, Some(HangupBy::Caller)));
    assert_eq!((cdr.duration, cdr.billable_seconds, cdr.hangup_cause_code), (15, 10, 16));
}
