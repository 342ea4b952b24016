//! Bytes over HTTP, resumed where they stopped.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::RANGE;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::error::{Missed, ModelError};
use super::private;

/// A source that sends nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes of how many are here.
    Fetching { here: u64, of: u64 },
    /// So many tensors of how many are written.
    Converting { done: usize, of: usize },
}

/// Why there is no model.
pub(in crate::speech) enum NoModel {
    /// Another source may have it.
    Missed(Vec<Missed>),
    /// Nor will another source help.
    Hopeless(ModelError),
}

impl From<ModelError> for NoModel {
    fn from(error: ModelError) -> Self {
        Self::Hopeless(error)
    }
}

impl NoModel {
    /// One source did not have it.
    pub(in crate::speech) fn missed(from: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Missed(vec![Missed { from: from.into(), reason: reason.into() }])
    }
}

pub(in crate::speech) fn client() -> Result<Client, reqwest::Error> {
    // A second call finds the provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().connect_timeout(CONNECT).read_timeout(STALLED).build()
}

/// A file that is to come over HTTP.
pub(in crate::speech) struct Wanted<'a> {
    /// What it is for.
    pub(in crate::speech) name: &'a str,
    pub(in crate::speech) url: Url,
    pub(in crate::speech) bytes: u64,
}

/// Appends to `part` what is missing; the number of bytes that came. `progress` is told how many are there.
pub(in crate::speech) async fn download(
    client: &Client,
    wanted: &Wanted<'_>,
    part: &Path,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<u64, NoModel> {
    let fail = |reason: String| NoModel::missed(shown(wanted.url.as_str()), reason);
    let at = |source| NoModel::Hopeless(ModelError::File { path: part.into(), source });
    let begun = fs::metadata(part).await.map_or(0, |found| found.len());
    let begun = if begun < wanted.bytes { begun } else { 0 };
    let request = client.get(wanted.url.clone());
    let request = if begun > 0 { request.header(RANGE, format!("bytes={begun}-")) } else { request };
    let response = request.send().await.map_err(|error| fail(reason(&error)))?;
    let resumed = response.status() == StatusCode::PARTIAL_CONTENT;
    if !response.status().is_success() {
        return Err(fail(format!("the answer is {}", response.status())));
    }
    let mut here = if resumed { begun } else { 0 };
    let mut file = open(part, resumed).await.map_err(at)?;
    let came = here;
    let ended = append(wanted, response, &mut file, &mut here, progress).await;
    // What came is kept however it ended, so that the next try goes on from there.
    file.sync_all().await.map_err(at)?;
    match ended {
        Ok(()) if here < wanted.bytes => {
            Err(fail(format!("it ended after {here} of {} bytes; fetch again to go on", wanted.bytes)))
        }
        Ok(()) => Ok(here - came),
        Err(Broken::Source(reason)) => Err(fail(reason)),
        Err(Broken::Disk(error)) => Err(full(wanted, here, error, part).into()),
    }
}

/// Why the bytes stopped.
enum Broken {
    Source(String),
    Disk(io::Error),
}

/// Writes what the source sends; `here` counts the bytes of the file.
async fn append(
    wanted: &Wanted<'_>,
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
        if *here + block.len() as u64 > wanted.bytes {
            let reason = format!("it sends more than the {} bytes of the model", wanted.bytes);
            return Err(Broken::Source(reason));
        }
        file.write_all(&block).await.map_err(Broken::Disk)?;
        *here += block.len() as u64;
        progress(*here);
    }
    file.flush().await.map_err(Broken::Disk)
}

async fn open(part: &Path, resumed: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(resumed).truncate(!resumed).mode(private::MODE);
    options.open(part).await
}

fn full(wanted: &Wanted<'_>, here: u64, error: io::Error, part: &Path) -> ModelError {
    if error.kind() == io::ErrorKind::StorageFull {
        let needed = wanted.bytes.saturating_sub(here);
        return ModelError::Full { name: wanted.name.into(), needed };
    }
    ModelError::File { path: part.into(), source: error }
}

/// An address without the name and password that may stand in it.
pub(in crate::speech) fn shown(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.into() };
    // Addresses that cannot have either have none.
    let _no_name = url.set_username("");
    let _no_password = url.set_password(None);
    url.to_string()
}

/// The innermost cause says what happened; the outer ones only that it did.
pub(in crate::speech) fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
