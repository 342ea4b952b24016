//! Recognisers behind HTTP and WebSocket, against servers that behave and servers that do not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use callcore::audio::tone::tone;
use callcore::flow::Expected;
use dering::speech::stt::deepgram::{self, Deepgram};
use dering::speech::stt::{
    Preference, Recognizer, Recognizers, Request, StreamOptions, SttError, SttOptions, Urgency, openai,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server;

use crate::speech_services::{Answer, KEY, Service, said};

const PATIENCE: Duration = Duration::from_secs(120);

fn expecting(phrases: &str) -> Arc<[String]> {
    phrases.split(", ").map(str::to_owned).collect()
}

fn utterance(patience_ms: u64) -> Request {
    Request {
        in_time: None,
        audio: tone(&[300.0, 700.0], 900, -20.0).into(),
        language: Some("id-ID".into()),
        expected: expecting("ya, tidak"),
        answers: Arc::default(),
        patience: Duration::from_millis(patience_ms),
        urgency: Urgency::Final,
    }
}

fn recognizer(url: &str) -> Recognizer {
    let options = openai::Options {
        base_url: url.into(),
        key: Some(KEY.into()),
        model: "whisper-1".into(),
        language: None,
    };
    Recognizer::OpenAi(openai::OpenAi::new(options).unwrap())
}

#[tokio::test]
async fn a_whisper_server_is_sent_a_wav_with_language_and_expected_words() {
    let answer =
        json!({ "text": " ya, benar ", "segments": [{ "avg_logprob": -0.2, "no_speech_prob": 0.05 }] });
    let (url, service) = Service::start(said(answer.to_string())).await;
    let transcript = recognizer(&format!("{url}/v1/")).transcribe(utterance(5_000)).await.unwrap();
    assert_eq!(transcript.text, "ya, benar");
    assert!((transcript.confidence - 0.818).abs() < 0.01, "{transcript:?}");
    let (headers, body) = service.only_request();
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    for part in ["RIFF", "name=\"language\"\r\n\r\nid\r\n", "ya, tidak", "whisper-1"] {
        assert!(body.contains(part), "{part} is missing");
    }
}

#[tokio::test]
async fn a_server_without_probabilities_is_believed_and_one_that_hallucinates_is_not() {
    for (text, expected) in [("two", "two"), ("Thanks for watching!", "")] {
        let (url, _) = Service::start(said(json!({ "text": text }).to_string())).await;
        let transcript = recognizer(&url).transcribe(utterance(5_000)).await.unwrap();
        assert_eq!(transcript.text, expected);
    }
}

#[tokio::test]
async fn a_whisper_server_that_fails_is_told_apart_by_how() {
    type Case = (Answer, u64, fn(&SttError) -> bool);
    let cases: [Case; 6] = [
        (Answer::Never, 80, |e| matches!(e, SttError::TooLate(80))),
        (Answer::Stalls, 80, |e| matches!(e, SttError::TooLate(80))),
        (said("<html>"), 5_000, |e| matches!(e, SttError::Engine(why) if why.contains("no transcript"))),
        (said(vec![0xff; 400_000]), 5_000, |e| matches!(e, SttError::Engine(_))),
        (Answer::Body(StatusCode::TOO_MANY_REQUESTS, Bytes::new()), 5_000, |e| {
            matches!(e, SttError::Overloaded { .. })
        }),
        (
            Answer::Body(StatusCode::UNAUTHORIZED, "no such key".into()),
            5_000,
            |e| matches!(e, SttError::Engine(why) if why.contains("401") && why.contains("no such key")),
        ),
    ];
    for (answer, patience, expected) in cases {
        let (url, _) = Service::start(answer).await;
        let error = recognizer(&url).transcribe(utterance(patience)).await.unwrap_err();
        assert!(expected(&error), "{error}");
        assert!(!error.to_string().contains(KEY));
    }
    let nobody = recognizer("http://127.0.0.1:1").transcribe(utterance(5_000)).await.unwrap_err();
    assert!(matches!(nobody, SttError::Engine(_)), "{nobody}");
}

/// What a streaming service does after the handshake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manners {
    /// An interim result for each block of audio, the final ones when it is told to flush.
    Behaves,
    /// The same, but it never says that it has flushed, and not where in the stream its words were.
    Mumbles,
    SaysNothing,
    /// Hangs up at the first audio.
    Drops,
    /// Hangs up in the middle of the first stream, and behaves from then on.
    DropsOnce,
    Garbage,
    Complains,
}

/// One stream that a client opened.
#[derive(Clone, Debug, Default)]
struct Seen {
    address: String,
    key: String,
    audio_bytes: usize,
    told: Vec<String>,
}

struct Streams {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Streams {
    fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
async fn streaming(manners: Manners) -> Streams {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let notes = Arc::clone(&kept);
            let handshake = move |request: &server::Request, response: server::Response| {
                let key = request.headers()["authorization"].to_str().unwrap().to_owned();
                let address = request.uri().to_string();
                notes.lock().unwrap().push(Seen { address, key, ..Seen::default() });
                Ok(response)
            };
            let socket = tokio_tungstenite::accept_hdr_async(tcp, handshake).await.unwrap();
            let number = kept.lock().unwrap().len() - 1;
            tokio::spawn(serve(socket, manners, Arc::clone(&kept), number));
        }
    });
    Streams { url, seen }
}

async fn serve(
    mut socket: WebSocketStream<TcpStream>,
    manners: Manners,
    seen: Arc<Mutex<Vec<Seen>>>,
    number: usize,
) {
    let mumbles = manners == Manners::Mumbles;
    let results = |text: &str, (start, end): (usize, usize), is_final: bool, flushed: bool| {
        let channel = json!({ "alternatives": [{ "transcript": text, "confidence": 0.9 }] });
        let seconds = |bytes: usize| bytes as f64 / 16_000.0;
        let mut message = json!({ "type": "Results", "is_final": is_final, "speech_final": is_final,
            "channel": channel });
        if !mumbles {
            message["start"] = seconds(start).into();
            message["duration"] = seconds(end - start).into();
            message["from_finalize"] = flushed.into();
        }
        Message::text(message.to_string())
    };
    let (mut heard, mut decided) = (0, 0);
    while let Some(Ok(message)) = socket.next().await {
        match (message, manners) {
            (Message::Binary(_), Manners::Drops) => return,
            (Message::Binary(_), Manners::DropsOnce) if number == 0 => return,
            (Message::Binary(_), Manners::Garbage) => {
                socket.send(Message::text("{not json")).await.ok();
            }
            (Message::Binary(_), Manners::Complains) => {
                socket.send(Message::text(r#"{"type":"Error","message":"no credit is left"}"#)).await.ok();
            }
            (Message::Binary(_), Manners::SaysNothing) => {}
            (Message::Binary(audio), _) => {
                heard += audio.len();
                seen.lock().unwrap()[number].audio_bytes = heard;
                socket.send(results("dua", (decided, heard), false, false)).await.ok();
            }
            (Message::Text(text), _) => {
                seen.lock().unwrap()[number].told.push(text.to_string());
                if manners == Manners::SaysNothing {
                    continue;
                }
                if text.contains("Finalize") {
                    let middle = decided + (heard - decided) / 2;
                    socket.send(Message::text(r#"{"type":"Metadata"}"#)).await.ok();
                    socket.send(results("dua puluh", (decided, middle), true, false)).await.ok();
                    socket.send(results("lima", (middle, heard), true, true)).await.ok();
                    decided = heard;
                }
                if text.contains("CloseStream") {
                    socket.close(None).await.ok();
                }
            }
            _ => {}
        }
    }
}

fn deepgram(url: &str) -> Deepgram {
    Deepgram::new(deepgram::Options {
        url: url.into(),
        key: KEY.into(),
        model: "nova-3".into(),
        language: "en".into(),
        endpointing_ms: Some(300),
        utterance_end_ms: None,
    })
    .unwrap()
}

fn ear(recognizer: Recognizer, manner: SttOptions) -> dering::speech::stt::CallRecogniser {
    Recognizers::from(recognizer).choose(Preference::default()).unwrap().recogniser(manner)
}

fn speech(ms: u64) -> Arc<[i16]> {
    tone(&[300.0, 700.0], ms, -20.0).into()
}

#[tokio::test]
async fn a_whole_utterance_goes_through_a_stream_of_its_own() {
    for manners in [Manners::Behaves, Manners::Mumbles] {
        let streams = streaming(manners).await;
        let service = Recognizer::Deepgram(deepgram(&streams.url));
        let transcript = service.transcribe(utterance(20_000)).await.unwrap();
        assert_eq!(transcript.text, "dua puluh lima", "{manners:?}");
        assert!((transcript.confidence - 0.9).abs() < 0.01);
        let seen = streams.all().remove(0);
        for part in ["language=id-ID", "sample_rate=8000", "keyterm=ya", "keyterm=tidak"] {
            assert!(seen.address.contains(part), "{}", seen.address);
        }
        assert_eq!((seen.key, seen.audio_bytes), (format!("Token {KEY}"), 14_400));
    }
}

#[tokio::test]
async fn a_call_keeps_its_stream_and_sends_each_sound_once() {
    let streams = streaming(Manners::Behaves).await;
    let manner =
        SttOptions { language: Some("id".into()), endpointing_ms: Some(450), ..SttOptions::default() };
    let mut ear = ear(Recognizer::Deepgram(deepgram(&streams.url)), manner);
    for utterance in 1..=2 {
        for ms in [600, 1_100] {
            let interim = ear
                .interim(utterance, speech(ms), Expected::phrases(expecting("ya")))
                .expect("one at a time");
            assert_eq!(interim.await.expect("words").text, "dua");
        }
        let words =
            ear.finish(utterance, speech(1_500), Expected::phrases(expecting("ya")), PATIENCE).await.unwrap();
        assert_eq!(words.text, "dua puluh lima");
    }
    let seen = streams.all();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].audio_bytes, 2 * 1_500 * 16, "only what was new went up");
    assert!(seen[0].address.contains("endpointing=450"), "{}", seen[0].address);
    let finalized = seen[0].told.iter().filter(|told| told.contains("Finalize")).count();
    assert_eq!(finalized, 2);
}

#[tokio::test]
async fn an_utterance_that_ended_early_does_not_run_into_the_next() {
    let streams = streaming(Manners::Behaves).await;
    let mut ear = ear(Recognizer::Deepgram(deepgram(&streams.url)), SttOptions::default());
    let interim = ear.interim(1, speech(900), Expected::default()).expect("the first");
    assert_eq!(interim.await.expect("words").text, "dua");
    // Its words were enough: nobody asks for the last ones.
    let words = ear.finish(2, speech(700), Expected::default(), PATIENCE).await.unwrap();
    assert_eq!(words.text, "dua puluh lima");
    assert_eq!(streams.all()[0].audio_bytes, 1_600 * 16);
}

#[tokio::test]
async fn other_expectations_are_told_to_the_service() {
    let streams = streaming(Manners::Behaves).await;
    let mut ear = ear(Recognizer::Deepgram(deepgram(&streams.url)), SttOptions::default());
    for (utterance, phrase) in [(1, "ya"), (2, "ya"), (3, "agen")] {
        ear.finish(utterance, speech(700), Expected::phrases(expecting(phrase)), PATIENCE).await.unwrap();
    }
    let addresses: Vec<String> = streams.all().into_iter().map(|seen| seen.address).collect();
    assert!(addresses.len() == 2 && addresses[1].contains("keyterm=agen"), "{addresses:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_is_replaced_and_nothing_that_was_said_is_lost() {
    let streams = streaming(Manners::DropsOnce).await;
    let mut ear = ear(Recognizer::Deepgram(deepgram(&streams.url)), SttOptions::default());
    let interim = ear.interim(1, speech(600), Expected::default()).expect("the first");
    assert_eq!(interim.await, None);
    let words = ear.finish(1, speech(1_500), Expected::default(), PATIENCE).await.unwrap();
    assert_eq!(words.text, "dua puluh lima");
    assert_eq!(streams.all()[1].audio_bytes, 1_500 * 16);
}

#[tokio::test]
async fn a_stream_that_stalls_drops_or_babbles_ends_in_an_error_in_time() {
    for (manners, patience) in [
        (Manners::SaysNothing, 100),
        (Manners::Drops, 20_000),
        (Manners::Garbage, 20_000),
        (Manners::Complains, 20_000),
    ] {
        let streams = streaming(manners).await;
        let error =
            Recognizer::Deepgram(deepgram(&streams.url)).transcribe(utterance(patience)).await.unwrap_err();
        match manners {
            Manners::SaysNothing => assert_eq!(error, SttError::TooLate(100)),
            Manners::Complains => assert!(error.to_string().contains("no credit is left"), "{error}"),
            Manners::Behaves | Manners::Mumbles | Manners::Drops | Manners::DropsOnce | Manners::Garbage => {
                assert!(matches!(error, SttError::Engine(_)), "{manners:?}: {error}")
            }
        }
    }
    let error =
        Recognizer::Deepgram(deepgram("ws://127.0.0.1:1")).transcribe(utterance(20_000)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened") && !error.to_string().contains(KEY), "{error}");
}

#[tokio::test]
async fn a_session_that_is_dropped_says_goodbye() {
    let streams = streaming(Manners::Behaves).await;
    let mut session = deepgram(&streams.url).session(StreamOptions::default());
    session.finish(1, speech(300)).await.unwrap();
    assert!(!session.is_broken());
    drop(session);
    let goodbye = async {
        while !streams.all()[0].told.iter().any(|told| told.contains("CloseStream")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, goodbye).await.expect("the stream is closed");
}

#[tokio::test]
async fn a_service_paid_by_the_request_is_asked_once_unless_told_otherwise() {
    let (url, service) = Service::start(said(json!({ "text": "dua" }).to_string())).await;
    let mut quiet = ear(recognizer(&url), SttOptions::default());
    assert!(quiet.interim(1, speech(900), Expected::default()).is_none());
    assert_eq!(quiet.finish(1, speech(1_200), Expected::default(), PATIENCE).await.unwrap().text, "dua");
    service.only_request();
    let mut eager = ear(recognizer(&url), SttOptions { interim: Some(true), ..SttOptions::default() });
    let interim = eager.interim(1, speech(900), Expected::default()).expect("asked for");
    assert_eq!(interim.await.expect("words").text, "dua");
}
