//! Taking over a Whisper model that was made for CTranslate2 (faster-whisper): its folder becomes one file in ggml
//! format, which is what runs here.
//!
//! | module | owns |
//! |---|---|
//! | `ct2` | the weights as CTranslate2 writes them |
//! | `vocabulary`, `mel` | what ggml keeps beside the weights: the bytes of each token, the filters of the spectrum |
//! | `layout` | which tensor of the one is which of the other |
//! | `ggml` | the file that comes of it |
//! | `quantise` | weights in blocks of fewer bits |

mod ct2;
mod error;
mod ggml;
mod layout;
mod mel;
mod quantise;
mod vocabulary;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use ct2::Archive;
use layout::Layout;
use vocabulary::Vocabulary;

pub use error::ImportError;
pub use quantise::Weights;

use super::private;

/// What became of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub path: PathBuf,
    pub bytes: u64,
    /// Whether it was trained on one language alone.
    pub is_english_only: bool,
}

/// Writes the model of `folder` to `to`, which appears there only when it is complete. Blocks for a few seconds;
/// `progress` is told how many of how many tensors are written.
///
/// # Errors
/// When the folder holds no Whisper model of CTranslate2, when it is damaged, or when the disk is full.
pub fn import(
    folder: &Path,
    to: &Path,
    weights: Weights,
    progress: impl FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let model = folder.join("model.bin");
    if !model.is_file() {
        return Err(ImportError::Incomplete { folder: folder.into(), file: "model.bin" });
    }
    let Some(vocabulary) = vocabulary::FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
    else {
        return Err(ImportError::Incomplete { folder: folder.into(), file: vocabulary::FILES[0] });
    };
    convert(&model, &vocabulary, to, weights, progress)
}

/// The same of a model and its vocabulary wherever they lie.
pub(super) fn convert(
    model: &Path,
    vocabulary: &Path,
    to: &Path,
    weights: Weights,
    progress: impl FnMut(usize, usize),
) -> Result<Imported, ImportError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source: io::Error| ImportError::File { path, source }
    };
    let words = Vocabulary::read(vocabulary)?;
    let file = File::open(model).map_err(at(model))?;
    let length = file.metadata().map_err(at(model))?.len();
    let read = |wrong: ct2::Wrong| wrong.of(model);
    let mut archive = Archive::open(BufReader::with_capacity(1 << 20, file), length).map_err(read)?;
    let layout = Layout::of(&archive).map_err(read)?;
    words.belongs_to(layout.shape.vocabulary).map_err(|reason| ImportError::Vocabulary {
        vocabulary: vocabulary.into(),
        model: model.into(),
        reason,
    })?;
    let part = to.with_added_extension("part");
    let unwritable = |source: io::Error| {
        if source.kind() == io::ErrorKind::StorageFull {
            return ImportError::Full { path: to.into() };
        }
        ImportError::File { path: part.clone(), source }
    };
    let out = private::create(&part).map_err(unwritable)?;
    let mut out = BufWriter::with_capacity(1 << 20, out);
    let written = write(&mut archive, &layout, &words, weights, &mut out, progress);
    let done = written.map_err(|stopped| match stopped {
        Stopped::Reading(wrong) => read(wrong),
        Stopped::Writing(error) => unwritable(error),
    });
    let done = done.and_then(|()| out.flush().map_err(unwritable));
    let done = done.and_then(|()| out.get_ref().sync_all().map_err(unwritable));
    if let Err(error) = done {
        // What is half written is worth nothing; the error says why it is.
        drop(std::fs::remove_file(&part));
        return Err(error);
    }
    let bytes = out.get_ref().metadata().map_err(unwritable)?.len();
    std::fs::rename(&part, to).map_err(at(to))?;
    Ok(Imported { path: to.into(), bytes, is_english_only: layout.shape.is_english_only() })
}

/// What kept a model from being written.
enum Stopped {
    Reading(ct2::Wrong),
    Writing(io::Error),
}

fn write<R: Read + Seek>(
    archive: &mut Archive<R>,
    layout: &Layout,
    words: &Vocabulary,
    weights: Weights,
    out: &mut impl Write,
    mut progress: impl FnMut(usize, usize),
) -> Result<(), Stopped> {
    let filters = mel::filters(layout.shape.mel_bands as usize);
    ggml::write_head(out, &layout.shape, weights, &filters, words.tokens()).map_err(Stopped::Writing)?;
    for (at, planned) in layout.tensors.iter().enumerate() {
        let tensor = planned.read(archive).map_err(Stopped::Reading)?;
        ggml::write_tensor(out, &planned.name, &tensor, planned.precision(weights))
            .map_err(Stopped::Writing)?;
        progress(at + 1, layout.tensors.len());
    }
    Ok(())
}
