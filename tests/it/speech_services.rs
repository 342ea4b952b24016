//! Voices behind HTTP, against servers that behave and servers that do not.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use callcore::audio::level::rms_dbfs;
use callcore::audio::tone::tone;
use callcore::audio::wav;
use dering::speech::tts::{self, Loudness, Synthesizer, Tts, fake::Fake, piper::Piper};
use futures_util::StreamExt;
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "a-secret";

/// What a service is to do with every request, and what it was asked.
#[derive(Clone)]
pub(crate) struct Service {
    answer: Answer,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
pub(crate) enum Answer {
    Body(StatusCode, Bytes),
    Never,
    /// The head of an answer, then nothing.
    Stalls,
}

impl Service {
    pub(crate) async fn start(answer: Answer) -> (String, Self) {
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

    /// The body of the first request that has this in it: the server tries its recognisers out, too.
    pub(crate) fn request_with(&self, what: &str) -> String {
        let asked = self.asked.lock().unwrap();
        let bodies = asked.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned());
        bodies.into_iter().find(|body| body.contains(what)).unwrap_or_default()
    }

    pub(crate) fn only_request(&self) -> (HeaderMap, String) {
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

pub(crate) fn said(body: impl Into<Bytes>) -> Answer {
    Answer::Body(StatusCode::OK, body.into())
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
