//! Batches of calls: whole or not at all, in order, and readable afterwards.

use std::collections::BTreeSet;

use callcore::call::Disposition;
use dering::store::{
    CallBatch, CallFilter, CallState, CallUpdate, Cursor, Error, NewRecording, NewTranscript, NodeId,
    NotificationState, Options, Progress, Speaker, Store, Visibility,
};
use dering::wallclock::now_ms;
use serde_json::json;
use sqlx::Connection;
use sqlx_sqlite::SqliteConnection;

use crate::store_fixture::{begun, event, later, notification, store_with_app};

#[tokio::test]
async fn everything_in_a_batch_can_be_read_back() {
    let store = store_with_app().await;
    let transcript = NewTranscript {
        t_ms: 2_100,
        end_t_ms: Some(2_900),
        speaker: Speaker::Callee,
        source: "whisper".to_owned(),
        text: "Halo?".to_owned(),
        confidence: Some(0.75),
    };
    let recording = NewRecording {
        path: "recordings/c1.wav".to_owned(),
        channels: 2,
        sample_rate_hz: 8_000,
        duration_ms: 12_000,
        started_ms: 5,
        keep_days: None,
    };
    let batch = CallBatch {
        update: Some(CallUpdate { session_id: Some("s1".to_owned()), ..CallUpdate::default() }),
        events: vec![event("dialed")],
        notifications: vec![notification("c1", "http://127.0.0.1:9/n", "Answered")],
        evidence: Some(json!({"words": 2})),
        transcripts: vec![transcript],
        recording: Some(recording),
        ..begun("c1", 5)
    };
    store.record(batch).await.unwrap();

    let call = store.call("c1").await.unwrap().unwrap();
    assert_eq!((call.metadata, call.state.as_str()), (json!({"name": "Budi"}), "dialing"));
    assert_eq!(store.call_of_session("s1").await.unwrap().unwrap().id, "c1");
    assert_eq!(store.events("c1", 0, 10).await.unwrap()[0].detail, json!({"scene": "dialed"}));
    assert_eq!(store.notifications("c1").await.unwrap()[0].state, NotificationState::Due);
    assert_eq!(store.evidence("c1").await.unwrap(), Some(json!({"words": 2})));
    assert_eq!(store.transcripts("c1").await.unwrap()[0].text, "Halo?");
    assert_eq!(store.recording("c1").await.unwrap().unwrap().duration_ms, 12_000);
    assert_eq!(store.call("c2").await.unwrap(), None);
}

#[tokio::test]
async fn an_update_leaves_alone_what_it_does_not_name() {
    let store = store_with_app().await;
    store.record(begun("c1", 5)).await.unwrap();
    let answered =
        CallUpdate { answered_ms: Some(40), state: Some(CallState::Connected), ..CallUpdate::default() };
    let ended = CallUpdate {
        ended_ms: Some(90),
        disposition: Some(Disposition::Answered),
        message_left: Some(false),
        ..CallUpdate::default()
    };
    for update in [answered, ended] {
        store.record(CallBatch { update: Some(update), ..later("c1") }).await.unwrap();
    }
    let call = store.call("c1").await.unwrap().unwrap();
    assert_eq!((call.answered_ms, call.ended_ms, call.state.as_str()), (Some(40), Some(90), "connected"));
    assert_eq!(
        (call.disposition.map(|disposition| disposition.as_str()), call.message_left),
        (Some("ANSWERED"), Some(false))
    );
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_no_trace() {
    let store = store_with_app().await;
    store.record(begun("c1", 5)).await.unwrap();

    let twice = CallBatch { events: vec![event("dialed")], ..begun("c1", 6) };
    let refused = store.record(twice).await.unwrap_err();
    assert_eq!(refused.to_string(), "the call c1 exists already");
    assert!(store.events("c1", 0, 10).await.unwrap().is_empty());

    let stray = CallBatch { events: vec![event("dialed")], ..later("nobody") };
    assert!(matches!(store.record(stray).await, Err(Error::UnknownCall(id)) if id == "nobody"));
    assert!(store.events("nobody", 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn batches_that_share_a_commit_fail_alone() {
    let store = store_with_app().await;
    let writes = (0..300).map(|n| {
        // Every third one names a call that does not exist.
        let batch = match n % 3 {
            2 => CallBatch { events: vec![event("lost")], ..later(&format!("missing-{n}")) },
            _ => CallBatch { events: vec![event("dialed"), event("ringing")], ..begun(&format!("c{n}"), n) },
        };
        let store = store.clone();
        tokio::spawn(async move { store.record(batch).await })
    });
    let mut kept = 0;
    for (n, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(()) => kept += 1,
            Err(error) => {
                assert_eq!(error.to_string(), format!("there is no call missing-{n} in the database"))
            }
        }
    }
    assert_eq!(kept, 200);
    assert_eq!(store.events("c298", 0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_timeline_is_numbered_without_gaps_and_read_from_any_place() {
    let store = store_with_app().await;
    store.record(CallBatch { events: vec![event("dialed")], ..begun("c1", 5) }).await.unwrap();
    let two = CallBatch { events: vec![event("ringing"), event("answered")], ..later("c1") };
    store.record(two).await.unwrap();
    let scenes = |rows: Vec<dering::store::EventRow>| {
        rows.into_iter().map(|row| (row.seq, row.detail["scene"].clone())).collect::<Vec<_>>()
    };
    let rest = [(2, json!("ringing")), (3, json!("answered"))];
    assert_eq!(scenes(store.events("c1", 1, 10).await.unwrap()), rest);
    assert_eq!(scenes(store.events("c1", 1, 1).await.unwrap()), rest[..1]);
}

#[tokio::test]
async fn pages_of_calls_show_each_call_once_newest_first() {
    let store = store_with_app().await;
    // Three calls begin in the same millisecond, so the time alone cannot order them.
    for (n, created) in [1, 2, 2, 2, 3].into_iter().enumerate() {
        store.record(begun(&format!("c{n}"), created)).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = store.calls(&CallFilter::within(Visibility::all()), after.as_ref(), 2).await.unwrap();
        seen.extend(page.items.into_iter().map(|call| call.id));
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen, ["c4", "c3", "c2", "c1", "c0"]);
    assert!("yesterday".parse::<Cursor>().is_err());
}

#[tokio::test]
async fn calls_are_narrowed_by_app_and_progress() {
    let store = store_with_app().await;
    let gone = store.as_node(NodeId::fresh());
    for id in ["live", "over"] {
        gone.record(begun(id, 5)).await.unwrap();
    }
    let update = Some(CallUpdate { ended_ms: Some(9), ..CallUpdate::default() });
    store.record(CallBatch { update, ..later("over") }).await.unwrap();

    let ids = async |filter: CallFilter| {
        let page = store.calls(&filter, None, 10).await.unwrap();
        page.items.into_iter().map(|call| call.id).collect::<BTreeSet<_>>()
    };
    let live = CallFilter { progress: Progress::Live, ..CallFilter::within(Visibility::all()) };
    let others = CallFilter { app_id: Some("cs-other".to_owned()), ..CallFilter::within(Visibility::all()) };
    assert_eq!(ids(live).await, ["live".to_owned()].into());
    assert_eq!(ids(others).await, BTreeSet::new());
    let unfinished = store.take_over_calls(now_ms()).await.unwrap();
    assert_eq!(unfinished.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["live"]);
}

#[tokio::test]
async fn what_was_recorded_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::file(folder.path().join("calls.db"));
    let store = Store::open(options.clone()).await.unwrap();
    store.record(begun("c1", 5)).await.unwrap();
    store.close().await;
    assert!(matches!(store.record(begun("c2", 5)).await, Err(Error::Closed)));

    let store = Store::open(options).await.unwrap();
    assert!(store.call("c1").await.unwrap().is_some());
    assert!(store.call("c2").await.unwrap().is_none());
}

/// So many calls, straight into the database file: writing them one by one takes long. The third of them has a number of its own.
async fn many(folder: &std::path::Path, calls: u32) -> Store {
    let file = folder.join("calls.db");
    let store = Store::open(Options::file(file.clone())).await.unwrap();
    crate::store_fixture::create_app(&store).await;
    store.record(begun("c", 0)).await.unwrap();
    store.close().await;
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let copies = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         INSERT INTO calls (id, app_id, bot_id, trunk, direction, target, caller, flow, flow_digest, metadata, notify_headers, \
         state, created_ms) SELECT 'c' || i, app_id, bot_id, trunk, direction, \
         CASE i WHEN 3 THEN '+15552007777' ELSE printf('+155520%05d', i % 5000) END, \
         caller, flow, flow_digest, metadata, notify_headers, state, i FROM calls, n WHERE id = 'c'";
    sqlx::query(copies).bind(calls).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    Store::open(Options::file(file)).await.unwrap()
}

#[tokio::test]
async fn a_part_of_a_number_is_looked_for_among_so_many_calls_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = many(folder.path(), 31_000).await;
    let of = |digits: &str, begins| CallFilter {
        digits: Some(digits.to_owned()),
        begins,
        ..CallFilter::within(Visibility::all())
    };
    let part = of("07777", false);
    let first = store.calls(&part, None, 10).await.unwrap();
    assert_eq!(first.items.len(), 0, "it is older than what one page looks at");
    let further = first.next.expect("the search can go on");
    assert_eq!((further.at_ms(), store.count_calls(&part, 10).await.unwrap()), (1_000, 0));
    let second = store.calls(&part, Some(&further), 10).await.unwrap();
    assert_eq!((second.items.len(), second.items[0].id.as_str(), second.next), (1, "c3", None));
    for (filter, found) in [
        (of("15552007777", false), 1),
        (of("155520077", true), 1),
        (of("155520", true), 10),
        (of("5552", false), 10),
        (CallFilter { since_ms: Some(2), until_ms: Some(9), ..of("07777", false) }, 1),
    ] {
        let page = store.calls(&filter, None, 10).await.unwrap();
        assert_eq!(page.items.len(), found, "{filter:?}");
        assert_eq!(page.next.is_some(), found == 10, "{filter:?}");
    }
}
