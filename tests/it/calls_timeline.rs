//! The timeline of a call: live, resumed, and for those who come late.

use callcore::call::Fact;
use dering::store::{CallBatch, NewEvent};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::calls_fixture::Desk;
use crate::system_fixture::{PERSON, in_time, reply_to};

/// A stream of server-sent events as a client reads it.
struct Live {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

/// One event: its id, its name, its data.
#[derive(Debug, PartialEq)]
struct Told {
    id: Option<i64>,
    name: String,
    data: String,
}

impl Live {
    async fn open(desk: &Desk, call_id: &str, last: Option<i64>) -> Self {
        let path = format!("/v1/calls/{call_id}/events");
        let mut request = desk.request(Method::GET, &path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = in_time(request.send()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: response.bytes_stream().boxed(), text: String::new() }
    }

    /// The next event; `None` when the stream is over.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((block, rest)) = self.text.clone().split_once("\n\n") {
                self.text = rest.to_owned();
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
                };
                if let Some(data) = field("data") {
                    let id = field("id").map(|id| id.parse().unwrap());
                    return Some(Told { id, name: field("event").unwrap_or_default(), data });
                }
                continue;
            }
            let block = in_time(self.bytes.next()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(&block).unwrap());
        }
    }

    async fn rest(mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            all.push(told);
        }
        all
    }
}

fn kinds(all: &[Told]) -> Vec<String> {
    let rows = all.iter().filter(|told| told.id.is_some());
    rows.map(|told| serde_json::from_str::<Value>(&told.data).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_reader_hears_the_whole_call_live_and_the_stream_ends_with_it() {
    let desk = Desk::start().await;
    let call_id = desk.system.dial("short", PERSON, json!({})).await;
    let all = Live::open(&desk, &call_id, None).await.rest().await;
    let kinds = kinds(&all);
    for kind in ["dialled", "placed", "dial_status", "checkpoint", "ended", "recording_ready"] {
        assert!(kinds.iter().any(|told| told == kind), "{kind} is missing: {kinds:?}");
    }
    let ids: Vec<i64> = all.iter().filter_map(|told| told.id).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());
    assert_eq!(all.last().map(|told| (told.id, told.name.as_str())), Some((None, "end")));
    let list = desk.get(&format!("/v1/calls/{call_id}/events")).await.json();
    assert_eq!(list["events"].as_array().unwrap().len(), ids.len());

    // Live and listed an event has the same names, which are those of the rest of the API.
    let live: Value = serde_json::from_str(&all[0].data).unwrap();
    assert_eq!(live, list["events"][0]);
    let names: Vec<&String> = live.as_object().unwrap().keys().collect();
    assert_eq!(names, ["atMs", "detail", "kind", "seq", "tMs"]);
}

#[tokio::test]
async fn a_reader_who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let desk = Desk::start().await;
    let call_id = desk.system.dial("stay", PERSON, json!({})).await;
    let mut live = Live::open(&desk, &call_id, None).await;
    let mut heard = vec![live.next().await.unwrap(), live.next().await.unwrap()];
    drop(live);
    // Something happens while nobody listens.
    let missed = NewEvent { at_ms: 1, t_ms: 1, fact: Fact::WordsDeleted {} };
    let batch = CallBatch { call_id: call_id.clone(), events: vec![missed], ..CallBatch::default() };
    desk.system.app.store().record(batch).await.unwrap();
    let mut live = Live::open(&desk, &call_id, heard.last().unwrap().id).await;
    while kinds(&heard).last().unwrap() != "words_deleted" {
        heard.push(live.next().await.unwrap());
    }
    desk.system.answered(&call_id).await;
    assert_eq!(desk.system.client.hang_up(&call_id).await.status, 202);
    heard.extend(live.rest().await);
    let ids: Vec<i64> = heard.iter().filter_map(|told| told.id).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());

    // Browsers come back until they are told that there is no more.
    let path = format!("/v1/calls/{call_id}/events");
    let last = ids.last().unwrap().to_string();
    let ask =
        desk.request(Method::GET, &path).header("accept", "text/event-stream").header("last-event-id", last);
    assert_eq!(reply_to(ask).await.status, 204);
}

#[tokio::test]
async fn a_reader_who_does_not_read_holds_no_call_up() {
    let desk = Desk::start().await;
    let call_id = desk.system.dial("short", PERSON, json!({})).await;
    let asleep = Live::open(&desk, &call_id, None).await;
    desk.system.last_word(&call_id).await;
    // Awake again, it is told everything all the same.
    assert!(kinds(&asleep.rest().await).contains(&"ended".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_watched_is_a_problem() {
    let desk = Desk::start().await;
    let stream = |path: &str| desk.request(Method::GET, path).header("accept", "text/event-stream");
    assert_eq!(reply_to(stream("/v1/calls/nobody/events")).await.problem().0, 404);
    let call_id = desk.system.dial("errands", PERSON, json!({})).await;
    let path = format!("/v1/calls/{call_id}/events");
    let odd = reply_to(stream(&path).header("last-event-id", "the last one")).await;
    assert_eq!((odd.status, odd.problem().1.as_str()), (400, "malformed"));
    assert_eq!(desk.get(&format!("{path}?after=soon")).await.problem().1, "malformed");
}
