//! Bringing a model here: over HTTP, resumed where it stopped, or from a file; kept only when its digest is right.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::RANGE;
use reqwest::{Client, Response, StatusCode};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::{Model, ModelError, State};

/// A source that sends nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// How a model came to be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It was here already, and is right.
    Already,
    /// So many bytes came over the network.
    Downloaded(u64),
    /// A copy of a file on this machine.
    Imported,
}

/// Where a model is taken from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The address of a folder; the model's file name is appended.
    Folder(String),
    /// A file on this machine.
    File(PathBuf),
}

/// Puts `model` into `folder`. What was fetched before is kept and gone on from; what is there and right is
/// left alone. `progress` is told how many bytes are here.
///
/// # Errors
/// When the source cannot be reached or read, the disk is full, or the bytes are not the published ones.
pub async fn fetch(
    model: &Model,
    source: &Source,
    folder: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Fetched, ModelError> {
    let path = model.path(folder);
    if model.state(folder) == State::Present && verified(model, &path).await.is_ok() {
        progress(model.bytes);
        return Ok(Fetched::Already);
    }
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| ModelError::File { path, source }
    };
    fs::create_dir_all(folder).await.map_err(at(folder))?;
    let part = model.part(folder);
    let fetched = match source {
        Source::File(from) => {
            fs::copy(from, &part).await.map_err(at(from))?;
            progress(model.bytes);
            Fetched::Imported
        }
        Source::Folder(base) => Fetched::Downloaded(download(model, base, &part, &mut progress).await?),
    };
    if let Err(error) = verified(model, &part).await {
        // Going on from wrong bytes would never end well.
        fs::remove_file(&part).await.map_err(at(&part))?;
        return Err(error);
    }
    fs::rename(&part, &path).await.map_err(at(&path))?;
    Ok(fetched)
}

async fn verified(model: &Model, path: &Path) -> Result<(), ModelError> {
    let (model, path) = (model.clone(), path.to_path_buf());
    let shown = path.clone();
    tokio::task::spawn_blocking(move || model.verify_file(&path, |_| {}))
        .await
        .unwrap_or_else(|error| Err(ModelError::File { path: shown, source: io::Error::other(error) }))
}

/// Appends to `part` what is missing; the number of bytes that came.
async fn download(
    model: &Model,
    base: &str,
    part: &Path,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<u64, ModelError> {
    let url = format!("{}/{}", base.trim_end_matches('/'), model.file);
    let fail =
        |reason: String| ModelError::Unreachable { url: url.clone(), reason, file: model.file.clone() };
    let at = |source| ModelError::File { path: part.into(), source };
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(STALLED)
        .build()
        .map_err(|error| fail(reason(&error)))?;
    let begun = fs::metadata(part).await.map_or(0, |found| found.len());
    let begun = if begun < model.bytes { begun } else { 0 };
    let request = client.get(&url);
    let request = if begun > 0 { request.header(RANGE, format!("bytes={begun}-")) } else { request };
    let response = request.send().await.map_err(|error| fail(reason(&error)))?;
    let resumed = response.status() == StatusCode::PARTIAL_CONTENT;
    if !response.status().is_success() {
        return Err(fail(format!("the answer is {}", response.status())));
    }
    let mut here = if resumed { begun } else { 0 };
    let mut file = open(part, resumed).await.map_err(at)?;
    let came = here;
    let ended = append(model, response, &mut file, &mut here, progress).await;
    // What came is kept however it ended, so that the next try goes on from there.
    file.sync_all().await.map_err(at)?;
    match ended {
        Ok(()) if here < model.bytes => {
            Err(fail(format!("it ended after {here} of {} bytes; fetch again to go on", model.bytes)))
        }
        Ok(()) => Ok(here - came),
        Err(Broken::Source(reason)) => Err(fail(reason)),
        Err(Broken::Disk(error)) => Err(full(model, here, error, part)),
    }
}

/// Why the bytes stopped.
enum Broken {
    Source(String),
    Disk(io::Error),
}

/// Writes what the source sends; `here` counts the bytes of the file.
async fn append(
    model: &Model,
    response: Response,
    file: &mut File,
    here: &mut u64,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), Broken> {
    let mut body = response.bytes_stream();
    while let Some(block) = body.next().await {
        let block = block.map_err(|error| {
            Broken::Source(format!("it broke off after {here} bytes ({})", reason(&error)))
        })?;
        if *here + block.len() as u64 > model.bytes {
            let reason = format!("it sends more than the {} bytes of the model", model.bytes);
            return Err(Broken::Source(reason));
        }
        file.write_all(&block).await.map_err(Broken::Disk)?;
        *here += block.len() as u64;
        progress(*here);
    }
    file.flush().await.map_err(Broken::Disk)
}

async fn open(part: &Path, resumed: bool) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).append(resumed).truncate(!resumed).open(part).await
}

fn full(model: &Model, here: u64, error: io::Error, part: &Path) -> ModelError {
    if error.kind() == io::ErrorKind::StorageFull {
        return ModelError::Full { name: model.name.clone(), needed: model.bytes.saturating_sub(here) };
    }
    ModelError::File { path: part.into(), source: error }
}

/// The innermost cause says what happened; the outer ones only that it did.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
