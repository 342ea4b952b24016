//! Calls of browsers, from the offer to the record: an independent end of the same library over loopback, and Chromium.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callcore::audio::{g711, tone, wav};
use dering::access::Role;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use rtp::Law;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use webrtc::testing::Browser;
use webrtc::{Identity, Output, TransportAddress};

use crate::peer::{self, Peer};
use crate::system_fixture::{Reply, TestSystem, in_time, local, reply_to};
use crate::system_page::browser;

const PATH: &str = "/v1/browser-calls";
const TOKENS: &str = "/v1/browser-tokens";
/// Payload type of keys in the browser's offer.
const KEYS: u8 = 101;

/// Somebody who sends requests.
#[derive(Clone, Copy)]
pub(crate) enum As {
    Nobody,
    Program,
    /// The client app that may dial.
    App,
}

pub(crate) async fn ask(system: &TestSystem, whose: As, method: Method, path: &str, body: &Value) -> Reply {
    let url = format!("http://{}{path}", system.app.address());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.request(method, url).body(body.to_string());
    match whose {
        As::Nobody => {}
        As::Program => request = request.bearer_auth(system.client.key.expose_secret()),
        As::App => request = request.bearer_auth(system.client.token()),
    }
    reply_to(request).await
}

/// Posts with an idempotency key.
pub(crate) async fn keyed(system: &TestSystem, url: &str, body: &Value) -> Reply {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url).bearer_auth(system.client.key.expose_secret());
    reply_to(request.header("idempotency-key", "once").body(body.to_string())).await
}

/// How a browser reaches the server.
enum Way {
    Udp(UdpSocket),
    /// Both ways, and where the server is, once the connection was opened.
    Tcp(Option<(SocketAddr, mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>)>),
}

impl Way {
    fn send(&self, datagram: Vec<u8>, to: SocketAddr) {
        match self {
            Self::Udp(socket) => drop(socket.try_send_to(&datagram, to)),
            Self::Tcp(Some((_, going, _))) => drop(going.try_send(datagram.into())),
            Self::Tcp(None) => {}
        }
    }

    async fn receive(&mut self) -> (Bytes, SocketAddr) {
        match self {
            Self::Udp(socket) => {
                let mut datagram = vec![0; 2_048];
                let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
                datagram.truncate(length);
                (datagram.into(), from)
            }
            Self::Tcp(Some((server, _, coming))) => match coming.recv().await {
                Some(datagram) => (datagram, *server),
                None => std::future::pending().await,
            },
            Self::Tcp(None) => std::future::pending().await,
        }
    }
}

/// A browser with a socket.
pub(crate) struct Page {
    browser: Browser,
    way: Way,
    sequence: u64,
    heard: Vec<i16>,
    is_connected: bool,
    is_over: bool,
    /// Keys to press once it has connected, one each 300 ms.
    keys: Vec<u8>,
}

impl Page {
    pub(crate) async fn open() -> (Self, String) {
        let socket = UdpSocket::bind(local()).await.unwrap();
        let address = socket.local_addr().unwrap();
        Self::at(address.into(), Way::Udp(socket))
    }

    fn at(home: TransportAddress, way: Way) -> (Self, String) {
        let identity = Identity::new(11).unwrap();
        let laws = [Law::Ulaw, Law::Alaw];
        let (browser, offer) = Browser::offering(&identity, home, &laws, Instant::now().into_std());
        let page = Self {
            browser,
            way,
            sequence: 0,
            heard: Vec::new(),
            is_connected: false,
            is_over: false,
            keys: Vec::new(),
        };
        (page, offer)
    }

    /// Takes the answer of the server.
    pub(crate) fn accept(&mut self, sdp: &str) {
        self.browser.accept(sdp).unwrap();
    }

    /// What was heard, at 8 kHz.
    pub(crate) fn heard(&self) -> &[i16] {
        &self.heard
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.browser.poll().unwrap() {
                Output::Wait(until) => return until.into(),
                Output::Send { to, datagram } => self.way.send(datagram, to.address),
                Output::Connected => self.is_connected = true,
                Output::Packet(received) => {
                    let packet = received.packet();
                    if packet.payload_type == Law::Ulaw.payload_type() {
                        g711::ulaw(packet.payload, &mut self.heard);
                    }
                }
                Output::Closed => self.is_over = true,
                Output::Away | Output::Picture(_) | Output::KeyFrameWanted => {}
            }
        }
    }

    /// Sends 20 ms: silence, or a part of a key.
    fn say(&mut self) {
        self.sequence += 1;
        let now = Instant::now().into_std();
        let (turn, part) = (self.sequence / 15, self.sequence % 15);
        let key = self.keys.get(usize::try_from(turn).unwrap_or(usize::MAX).wrapping_sub(2)).copied();
        match key.filter(|_| part < 8) {
            Some(key) => {
                // The end is said three times (RFC 4733, section 2.5.1.4).
                let end = if part >= 5 { 0x80 } else { 0 };
                let length = u16::try_from((part.min(5) + 1) * 160).unwrap().to_be_bytes();
                let event = [key, end | 10, length[0], length[1]];
                // All packets of a key have the time at which it began.
                self.browser.say_at(KEYS, (self.sequence, turn * 15 * 160), &event, now);
            }
            None => self.browser.say(0, self.sequence, &[0xff; 160], now),
        }
    }

    /// Lives until `done`, or until the call is over.
    pub(crate) async fn live(&mut self, done: impl Fn(&Self) -> bool) {
        let mut frames = interval(Duration::from_millis(20));
        in_time(async {
            while !self.is_over && !done(self) {
                let next = self.drain();
                tokio::select! {
                    (datagram, from) = self.way.receive() => {
                        let now = Instant::now().into_std();
                        self.browser.receive(&datagram, from, now).unwrap();
                    }
                    _ = frames.tick() => if self.is_connected {
                        self.say();
                    },
                    () = tokio::time::sleep_until(next) => {
                        self.browser.handle_timeout(Instant::now().into_std()).unwrap();
                    }
                }
            }
        })
        .await;
    }
}

/// Offers, and takes the answer; the page, the call's id and its secret address.
async fn call(system: &TestSystem, whose: As, mut body: Value) -> (Page, String, String) {
    let (mut page, offer) = Page::open().await;
    body["sdp"] = offer.into();
    let reply = ask(system, whose, Method::POST, PATH, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let told = reply.json();
    page.browser.accept(told["sdp"].as_str().unwrap()).unwrap();
    let location = reply.headers["location"].to_str().unwrap().to_owned();
    (page, told["callId"].as_str().unwrap().to_owned(), location)
}

/// The call once it has ended, and its record.
pub(crate) async fn ended(system: &TestSystem, call_id: &str) -> (Value, Value) {
    in_time(async {
        loop {
            let call = system.client.read(&format!("/v1/calls/{call_id}")).await.json();
            if !call["endedMs"].is_null() {
                let session = call["sessionId"].as_str().unwrap();
                let record = system.client.read(&format!("/v1/cdr/{session}")).await;
                if record.status == 200 {
                    return (call, record.json());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_browser_hears_the_bot_and_the_record_is_that_of_a_call() {
    let system = TestSystem::start().await;
    let (mut page, call_id, _) = call(&system, As::Program, json!({ "flow": "short" })).await;
    page.live(|_| false).await;
    let loud = page.heard.iter().filter(|sample| sample.unsigned_abs() > 1_000).count();
    assert!(loud > 1_000, "half a second of a tone at 8 kHz: {loud} of {} samples", page.heard.len());
    let (call, record) = ended(&system, &call_id).await;
    assert_eq!(call["trunk"], "browser");
    assert_eq!(call["direction"], "inbound");
    assert_eq!((&call["flow"], &call["outcome"]), (&json!("short"), &json!("told")));
    assert_eq!(call["lastCheckpoint"], "told", "it was sent, and the browser was there: {call}");
    assert_eq!(call["disposition"], "ANSWERED");
    assert!(record.to_string().contains("ANSWERED"), "{record}");
    let recording = system.client.read(&format!("/v1/calls/{call_id}/recording")).await;
    assert!(recording.bytes.len() > 8_000, "{} bytes", recording.bytes.len());
}

/// Opens the connection that an answer offers.
async fn connect(socket: TcpSocket, answer: &str) -> Way {
    let candidate = answer.lines().find(|line| line.contains(" tcp ") && line.contains("tcptype passive"));
    let mut words = candidate.unwrap_or_else(|| panic!("no TCP in {answer}")).split(' ').skip(4);
    let server = format!("{}:{}", words.next().unwrap(), words.next().unwrap()).parse().unwrap();
    let stream = socket.connect(server).await.unwrap();
    let framing = LengthDelimitedCodec::builder().length_field_length(2).new_codec();
    let (mut write, mut read) = Framed::new(stream, framing).split();
    let (going, mut sent) = mpsc::channel::<Bytes>(512);
    let (received, coming) = mpsc::channel(512);
    tokio::spawn(async move {
        while let Some(datagram) = sent.recv().await {
            let _over = write.send(datagram).await;
        }
    });
    tokio::spawn(async move {
        while let Some(Ok(datagram)) = read.next().await {
            let _over = received.send(datagram.freeze()).await;
        }
    });
    Way::Tcp(Some((server, going, coming)))
}

#[tokio::test]
async fn a_browser_in_a_network_without_udp_calls_over_tcp() {
    let system = TestSystem::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(local()).unwrap();
    let home = TransportAddress::tcp(socket.local_addr().unwrap());
    let (mut page, offer) = Page::at(home, Way::Tcp(None));
    let reply =
        ask(&system, As::Program, Method::POST, PATH, &json!({ "flow": "short", "sdp": offer })).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let (told, answer) = (reply.json(), reply.json()["sdp"].as_str().unwrap().to_owned());
    page.way = connect(socket, &answer).await;
    page.accept(&answer);
    page.live(|_| false).await;
    let loud = page.heard.iter().filter(|sample| sample.unsigned_abs() > 1_000).count();
    assert!(loud > 1_000, "half a second of a tone at 8 kHz: {loud} of {} samples", page.heard.len());
    let (call, _) = ended(&system, told["callId"].as_str().unwrap()).await;
    assert_eq!((&call["outcome"], &call["disposition"]), (&json!("told"), &json!("ANSWERED")), "{call}");
}

#[tokio::test]
async fn a_connection_that_names_no_call_is_closed() {
    let system = TestSystem::start().await;
    let reply = ask(
        &system,
        As::Program,
        Method::POST,
        PATH,
        &json!({ "flow": "short", "sdp": Page::open().await.1 }),
    )
    .await;
    let answer = reply.json()["sdp"].as_str().unwrap().to_owned();
    let Way::Tcp(Some((_, going, mut coming))) = connect(TcpSocket::new_v4().unwrap(), &answer).await else {
        unreachable!("it is TCP")
    };
    going.send(Bytes::from_static(b"GET / HTTP/1.1")).await.unwrap();
    let told = in_time(coming.recv()).await;
    assert!(told.is_none(), "nothing is said to a stranger: {told:?}");
}

#[tokio::test]
async fn keys_of_a_browser_are_answers_like_any_others() {
    let system = TestSystem::start().await;
    let (mut page, call_id, _) = call(&system, As::Program, json!({ "flow": "card" })).await;
    page.keys = vec![4, 7, 1, 1];
    page.live(|_| false).await;
    let (call, _) = ended(&system, &call_id).await;
    assert_eq!(call["outcome"], "told", "{call}");
}

#[tokio::test]
async fn who_hangs_up_in_the_browser_is_the_caller_in_the_record() {
    let system = TestSystem::start().await;
    let (mut page, call_id, location) = call(&system, As::Program, json!({ "flow": "stay" })).await;
    page.live(|page| page.heard.len() > 1_600).await;
    let nothing = json!({});
    let guess = format!("{PATH}/{}", "0".repeat(32));
    assert_eq!(ask(&system, As::Nobody, Method::DELETE, &guess, &nothing).await.status, 404);
    assert_eq!(ask(&system, As::Nobody, Method::DELETE, &location, &nothing).await.status, 204);
    page.live(|_| false).await;
    assert_eq!(ask(&system, As::Nobody, Method::DELETE, &location, &nothing).await.status, 404);
    let (call, record) = ended(&system, &call_id).await;
    assert_eq!(call["causeCode"], 16, "{call}");
    assert!(record.to_string().to_lowercase().contains("caller"), "{record}");
}

#[tokio::test]
async fn a_page_that_goes_away_without_a_word_is_lost_and_nothing_stays() {
    let system = TestSystem::start().await;
    let (mut page, call_id, _) = call(&system, As::Program, json!({ "flow": "stay" })).await;
    page.live(|page| page.heard.len() > 1_600).await;
    drop(page);
    let (call, _) = ended(&system, &call_id).await;
    assert_eq!(call["causeCode"], 38, "{call}");
    in_time(async {
        while !system.app.calls().live().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_is_good_for_one_call_of_its_flow() {
    let system = TestSystem::start().await;
    let made = ask(&system, As::Program, Method::POST, TOKENS, &json!({ "flow": "short" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].clone();
    let (mut page, call_id, _) = call(&system, As::Nobody, json!({ "token": token })).await;
    let (_, offer) = Page::open().await;
    let again = json!({ "token": token, "sdp": offer });
    let (status, code, detail) = ask(&system, As::Nobody, Method::POST, PATH, &again).await.problem();
    assert_eq!((status, code.as_str()), (401, "credentials_invalid"), "{detail}");
    page.live(|_| false).await;
    assert_eq!(ended(&system, &call_id).await.0["flow"], "short");
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_a_sentence() {
    let system = TestSystem::start().await;
    let (_page, offer) = Page::open().await;
    let data = format!("{offer}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    for (whose, body, status, code, words) in [
        (As::Nobody, json!({ "flow": "short", "sdp": offer }), 401, "credentials_missing", ""),
        (As::Nobody, json!({}), 401, "credentials_missing", ""),
        (
            As::Nobody,
            json!({ "token": "bt_guess", "sdp": offer }),
            401,
            "credentials_invalid",
            "good for one call",
        ),
        (As::Program, json!({ "sdp": offer }), 400, "malformed", "name the flow"),
        (As::Program, json!({ "flow": "short" }), 400, "malformed", "send the offer"),
        (As::Program, json!({ "flow": "none", "sdp": offer }), 404, "not_found", "none"),
        (As::Program, json!({ "flow": "named", "sdp": offer }), 422, "invalid", "name"),
        (As::Program, json!({ "flow": "short", "sdp": "garbage" }), 422, "invalid", "session description"),
        (As::Program, json!({ "flow": "short", "sdp": data }), 422, "invalid", "one audio stream"),
        (As::Program, json!({ "flow": "short", "sdp": "v".repeat(40_000) }), 400, "malformed", "32768"),
    ] {
        let (was, told, detail) = ask(&system, whose, Method::POST, PATH, &body).await.problem();
        assert_eq!((was, told.as_str()), (status, code), "{detail}");
        assert!(detail.contains(words), "{words}: {detail}");
    }
    let flow = json!({ "flow": "none" });
    assert_eq!(ask(&system, As::Program, Method::POST, TOKENS, &flow).await.status, 404);
    assert_eq!(ask(&system, As::Nobody, Method::POST, TOKENS, &flow).await.status, 401);
}

#[tokio::test]
async fn an_address_has_so_many_calls_and_no_more() {
    let system = TestSystem::start().await;
    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(call(&system, As::Program, json!({ "flow": "stay" })).await);
    }
    let (_page, offer) = Page::open().await;
    let body = json!({ "flow": "stay", "sdp": offer });
    let (status, code, detail) = ask(&system, As::Program, Method::POST, PATH, &body).await.problem();
    assert_eq!((status, code.as_str()), (429, "rate_limited"), "{detail}");
    assert!(detail.contains("webrtc.per_address"), "{detail}");
}

#[tokio::test]
async fn somebody_talks_to_a_flow_in_chromium() {
    let Some(browser) = browser() else { return };
    if !peer::is_ready() {
        return;
    }
    let system = TestSystem::start().await;
    let microphone = system.folder.path().join("microphone.wav");
    // A second of silence, a second of something loud, and so on: the browser plays it again and again.
    let quiet = vec![0; 8_000];
    let loud = tone::tone(&[300.0, 700.0], 1_000, -12.0);
    std::fs::write(&microphone, wav::write_8k(&[&[quiet, loud].concat()])).unwrap();
    let link = system.app.sign_in_link("Ada", Role::Admin).await.unwrap();
    let address: SocketAddr = system.app.address();
    let options = json!({
        "browser": browser,
        "welcome": link.expose_secret(),
        "base": format!("http://{address}"),
        "microphone": microphone,
    });
    let mut talk = Peer::start("talk.js", options).await;
    let mut calls = Vec::new();
    loop {
        let report = talk.report().await;
        if let Some(why) = report["failed"].as_str() {
            panic!("{why}");
        }
        if let Some(call_id) = report["ended"].as_str() {
            calls.push(ended(&system, call_id).await.0);
            talk.tell(json!({})).await;
        }
        if report["done"] == true {
            println!("{}", report["measured"]);
            break;
        }
    }
    let outcomes: Vec<_> = calls.iter().map(|call| call["outcome"].as_str().unwrap_or_default()).collect();
    assert_eq!(outcomes[..2], ["told", "told"], "the bot was heard to its end; keys were pressed");
    assert_eq!(calls[2]["causeCode"], 16, "hung up by hand");
}
