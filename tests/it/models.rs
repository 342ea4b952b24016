//! `dering models`: fetching over HTTP that breaks off, lies, or is not there.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use dering::speech::models::{self, Fetched, Manifest, Model, ModelError, Progress, Source, State as Here};
use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;

const BYTES: usize = 300_000;

fn content() -> Vec<u8> {
    (0..BYTES).map(|n| (n * 7 % 251) as u8).collect()
}

fn model() -> Model {
    use sha2::{Digest, Sha256};
    let sha256 = Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = BYTES as u64;
    Model {
        name: "m".into(),
        file: "m.bin".into(),
        bytes,
        sha256,
        languages: "en".into(),
        licence: "MIT".into(),
        converted: None,
    }
}

/// From one source; `here` is told how many bytes are there.
async fn fetch(
    model: &Model,
    source: &Source,
    folder: &Path,
    mut here: impl FnMut(u64) + Send,
) -> Result<Fetched, ModelError> {
    let progress = |step| match step {
        Progress::Fetching { here: bytes, .. } => here(bytes),
        Progress::Converting { .. } => {}
    };
    models::fetch(model, std::slice::from_ref(source), folder, progress).await
}

#[derive(Clone)]
struct Mirror {
    content: Arc<Vec<u8>>,
    /// Breaks off after so many bytes, once; when it is told that they have come.
    breaks_at: Arc<Mutex<Option<usize>>>,
    have_come: Arc<Notify>,
    ranges: Arc<Mutex<Vec<String>>>,
}

async fn serve(content: Vec<u8>, breaks_at: Option<usize>) -> (Source, Mirror) {
    let mirror = Mirror {
        content: Arc::new(content),
        breaks_at: Arc::new(Mutex::new(breaks_at)),
        have_come: Arc::default(),
        ranges: Arc::default(),
    };
    let app = Router::new().route("/models/m.bin", get(file)).with_state(mirror.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = Source::Folder(format!("http://{}/models/", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (source, mirror)
}

async fn file(State(mirror): State<Mirror>, headers: HeaderMap) -> impl IntoResponse {
    let range = headers.get("range").map(|value| value.to_str().unwrap().to_owned());
    let from: usize = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .unwrap_or(0);
    mirror.ranges.lock().unwrap().extend(range);
    let status = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let rest = mirror.content[from..].to_vec();
    let breaks_at = mirror.breaks_at.lock().unwrap().take();
    let Some(at) = breaks_at else { return (status, Body::from(rest)) };
    let first = futures_util::stream::iter([Ok(rest[..at].to_vec())]);
    let cut = futures_util::stream::once(async move {
        mirror.have_come.notified().await;
        Err(std::io::Error::other("the line is cut"))
    });
    (status, Body::from_stream(first.chain(cut).boxed()))
}

#[tokio::test]
async fn a_download_that_broke_off_goes_on_where_it_stopped() {
    let (source, mirror) = serve(content(), Some(100_000)).await;
    let folder = tempfile::tempdir().unwrap();
    let have_come = Arc::clone(&mirror.have_come);
    let cut = move |here| {
        if here == 100_000 {
            have_come.notify_one();
        }
    };
    let error = fetch(&model(), &source, folder.path(), cut).await.unwrap_err();
    assert!(matches!(error, ModelError::Unreachable { .. }), "{error}");
    let Here::Begun(kept) = model().state(folder.path()) else { panic!("nothing was kept") };
    assert_eq!(kept, 100_000, "every byte that came is kept");
    let mut last = 0;
    let fetched = fetch(&model(), &source, folder.path(), |here| last = here).await.unwrap();
    assert_eq!((fetched, last), (Fetched::Downloaded(BYTES as u64 - kept), BYTES as u64));
    assert_eq!(*mirror.ranges.lock().unwrap(), [format!("bytes={kept}-")]);
    assert_eq!(fetch(&model(), &source, folder.path(), |_| {}).await.unwrap(), Fetched::Already);
    assert_eq!(std::fs::read(folder.path().join("m.bin")).unwrap(), content());
}

#[tokio::test]
async fn other_bytes_than_the_published_ones_are_not_kept() {
    let mut wrong = content();
    wrong[5] ^= 1;
    let mut long = content();
    long.push(0);
    for bytes in [wrong, long, content()[..1_000].to_vec()] {
        let (source, _) = serve(bytes, None).await;
        let folder = tempfile::tempdir().unwrap();
        let error = fetch(&model(), &source, folder.path(), |_| {}).await.unwrap_err();
        assert!(!folder.path().join("m.bin").exists(), "{error}");
    }
}

#[tokio::test]
async fn a_mirror_that_is_not_there_names_the_ways_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Source::Folder("http://127.0.0.1:1".into());
    let error = fetch(&model(), &nowhere, folder.path(), |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("--mirror") && error.contains("--file"), "{error}");
}

#[tokio::test]
async fn a_copy_from_this_machine_is_taken_over_when_it_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.bin");
    std::fs::write(&copy, content()).unwrap();
    let into = folder.path().join("models");
    let source = Source::File(copy.clone());
    assert_eq!(fetch(&model(), &source, &into, |_| {}).await.unwrap(), Fetched::Imported);
    std::fs::write(&copy, b"else").unwrap();
    let other = folder.path().join("others");
    assert!(matches!(fetch(&model(), &source, &other, |_| {}).await, Err(ModelError::Digest { .. })));
    assert_eq!(model().state(&other), Here::Absent);
}

fn dering(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dering")).args(args).output().unwrap()
}

#[test]
fn a_person_sees_what_is_here_and_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let list = dering(&["models", "list", "--folder", path]);
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(list.status.success() && text.contains("tiny-q5_1"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let tiny = Manifest::built_in().unwrap().find("tiny").unwrap().file.clone();
    std::fs::write(folder.path().join(tiny), "not a model").unwrap();
    let verify = dering(&["models", "verify", "--folder", path]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8(verify.stdout).unwrap().contains("WRONG"));
    let unknown = dering(&["models", "fetch", "huge", "--folder", path]);
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("tiny-q5_1"));
}
