//! Recognisers and voices behind HTTP and WebSocket, against servers that behave and servers that do not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use callcore::audio::level::rms_dbfs;
use callcore::audio::tone::tone;
use callcore::audio::wav;
use dering::speech::stt::deepgram::{self, Deepgram};
use dering::speech::stt::{Recognizer, Request, SttError, openai};
use dering::speech::tts::{self, Loudness, Synthesizer, Tts, fake::Fake, piper::Piper};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server;

const KEY: &str = "a-secret";

fn utterance(patience_ms: u64) -> Request {
    Request {
        audio: tone(&[300.0, 700.0], 900, -20.0).into(),
        language: Some("id-ID".into()),
        prompt: Some("ya, tidak".into()),
        patience: Duration::from_millis(patience_ms),
    }
}

/// What a service is to do with every request, and what it was asked.
#[derive(Clone)]
struct Service {
    answer: Answer,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
enum Answer {
    Body(StatusCode, Bytes),
    Never,
    /// The head of an answer, then nothing.
    Stalls,
}

impl Service {
    async fn start(answer: Answer) -> (String, Self) {
        let service = Self { answer, asked: Arc::default() };
        let app = Router::new()
            .route("/v1/audio/transcriptions", post(reply))
            .route("/v1/audio/speech", post(reply))
            .route("/", post(reply))
            .with_state(service.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, service)
    }

    fn only_request(&self) -> (HeaderMap, String) {
        let asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        (asked[0].0.clone(), String::from_utf8_lossy(&asked[0].1).into_owned())
    }
}

async fn reply(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    service.asked.lock().unwrap().push((headers, body));
    match service.answer {
        Answer::Body(status, body) => (status, Body::from(body)),
        Answer::Never => std::future::pending().await,
        Answer::Stalls => {
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
            (StatusCode::OK, Body::from_stream(first.chain(futures_util::stream::pending())))
        }
    }
}

fn said(body: impl Into<Bytes>) -> Answer {
    Answer::Body(StatusCode::OK, body.into())
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
#[derive(Clone, Copy)]
enum Manner {
    /// An interim result while audio comes, the final one when it has ended.
    Behaves,
    SaysNothing,
    Drops,
    Garbage,
    Late,
}

struct Stream {
    url: String,
    /// Request line and key, and bytes of audio received.
    seen: Arc<Mutex<(String, String, usize)>>,
}

#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
async fn streaming(manner: Manner) -> Stream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new((String::new(), String::new(), 0)));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let notes = Arc::clone(&kept);
                let handshake = move |request: &server::Request, response: server::Response| {
                    let key = request.headers()["authorization"].to_str().unwrap().to_owned();
                    let mut notes = notes.lock().unwrap();
                    (notes.0, notes.1) = (request.uri().to_string(), key);
                    Ok(response)
                };
                let socket = tokio_tungstenite::accept_hdr_async(tcp, handshake).await.unwrap();
                serve(socket, manner, &kept).await;
            });
        }
    });
    Stream { url, seen }
}

async fn serve(
    mut socket: WebSocketStream<TcpStream>,
    manner: Manner,
    seen: &Mutex<(String, String, usize)>,
) {
    let results = |is_final: bool, text: &str| {
        let alternatives = json!([{ "transcript": text, "confidence": 0.9 }]);
        let channel = json!({ "alternatives": alternatives });
        Message::text(
            json!({ "type": "Results", "is_final": is_final, "speech_final": is_final, "channel": channel })
                .to_string(),
        )
    };
    while let Some(Ok(message)) = socket.next().await {
        match (message, manner) {
            (Message::Binary(audio), Manner::Behaves) => {
                seen.lock().unwrap().2 += audio.len();
                socket.send(results(false, "dua")).await.ok();
            }
            (Message::Text(text), Manner::Behaves | Manner::Late) if text.contains("CloseStream") => {
                if matches!(manner, Manner::Late) {
                    std::future::pending::<()>().await;
                }
                socket.send(Message::text(r#"{"type":"Metadata"}"#)).await.ok();
                socket.send(results(true, "dua puluh")).await.ok();
                socket.send(results(true, "lima")).await.ok();
                socket.close(None).await.ok();
            }
            (Message::Binary(_), Manner::Drops) => return,
            (Message::Binary(_), Manner::Garbage) => {
                socket.send(Message::text("{not json")).await.ok();
            }
            (Message::Binary(_), Manner::SaysNothing) => std::future::pending().await,
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

#[tokio::test]
async fn a_stream_yields_interim_words_and_joins_the_final_ones() {
    let stream = streaming(Manner::Behaves).await;
    let service = deepgram(&stream.url);
    let transcript = Recognizer::Deepgram(service.clone()).transcribe(utterance(5_000)).await.unwrap();
    assert_eq!(transcript.text, "dua puluh lima");
    {
        let seen = stream.seen.lock().unwrap();
        assert!(seen.0.contains("language=id-ID") && seen.0.contains("sample_rate=8000"), "{}", seen.0);
        assert_eq!((seen.1.as_str(), seen.2), (format!("Token {KEY}").as_str(), 14_400));
    }
    let mut hearing = service.listen(None).await.unwrap();
    hearing.push(tone(&[300.0], 100, -20.0).into());
    let first = hearing.next().await.unwrap();
    assert!(matches!(&first, deepgram::Words::Interim(words) if words.text == "dua"), "{first:?}");
    let mut rest = hearing.finish();
    let mut finals = 0;
    while let Some(words) = rest.recv().await {
        finals += usize::from(matches!(words, deepgram::Words::Final { .. }));
    }
    assert_eq!(finals, 2);
}

#[tokio::test]
async fn a_stream_that_stalls_drops_or_babbles_ends_in_an_error_in_time() {
    for (manner, patience) in
        [(Manner::SaysNothing, 100), (Manner::Late, 100), (Manner::Drops, 5_000), (Manner::Garbage, 5_000)]
    {
        let stream = streaming(manner).await;
        let error =
            Recognizer::Deepgram(deepgram(&stream.url)).transcribe(utterance(patience)).await.unwrap_err();
        match manner {
            Manner::SaysNothing | Manner::Late => assert_eq!(error, SttError::TooLate(100)),
            Manner::Drops | Manner::Garbage | Manner::Behaves => {
                assert!(matches!(error, SttError::Engine(_)), "{error}");
            }
        }
    }
    let error =
        Recognizer::Deepgram(deepgram("ws://127.0.0.1:1")).transcribe(utterance(5_000)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened") && !error.to_string().contains(KEY), "{error}");
}

fn speaks(url: &str) -> Tts {
    let service = tts::openai::OpenAi::new(tts::openai::Options {
        base_url: url.into(),
        key: Some(KEY.into()),
        model: "tts-1".into(),
        voice: "alloy".into(),
    });
    Tts::new(tts::Options {
        synthesizer: Synthesizer::OpenAi(service.unwrap()),
        fallback: Some(Synthesizer::Fake(Fake::default())),
        loudness: Loudness::Lufs(-16.0),
        ..tts::Options::default()
    })
}

#[tokio::test]
async fn a_voice_service_is_asked_once_and_made_as_loud_as_every_voice() {
    let file = wav::write_8k(&[&tone(&[300.0, 900.0], 1_200, -35.0)]);
    let (url, service) = Service::start(said(file.clone())).await;
    let tts = speaks(&url);
    let samples = tts.say("Selamat pagi", "id-ID", None).await.unwrap();
    tts.say("Selamat pagi", "id-ID", None).await.unwrap();
    assert!((9_000..9_900).contains(&samples.len()), "{}", samples.len());
    assert!(rms_dbfs(&samples) > -22.0);
    let (headers, body) = service.only_request();
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    assert!(body.contains("Selamat pagi") && body.contains("alloy"));

    let (url, service) = Service::start(said(file)).await;
    let piper = Synthesizer::Piper(Piper::server(&url).unwrap());
    let tts = Tts::new(tts::Options { synthesizer: piper, ..tts::Options::default() });
    tts.say("Halo", "id", Some("id_ID-news_tts-medium")).await.unwrap();
    assert!(service.only_request().1.contains("id_ID-news_tts-medium"));
}

#[tokio::test]
async fn a_voice_service_that_fails_leaves_the_prompt_to_the_other_voice() {
    for answer in [
        said("this is no audio"),
        Answer::Body(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
        Answer::Body(StatusCode::TOO_MANY_REQUESTS, Bytes::new()),
    ] {
        let (url, _) = Service::start(answer).await;
        let samples = speaks(&url).say("Good morning", "en", None).await.unwrap();
        assert!(samples.len() > 4_000);
    }
}
