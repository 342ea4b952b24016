//! Why a folder is not taken over, as sentences that say what to do.

use std::io;
use std::path::PathBuf;

/// Why a folder is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(
        "{folder} has no {file}: a faster-whisper folder holds model.bin beside vocabulary.txt, vocabulary.json or \
         tokenizer.json",
        folder = folder.display()
    )]
    Incomplete { folder: PathBuf, file: &'static str },
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{path} is no model that CTranslate2 has written: {reason}; convert it with ct2-transformers-converter, or \
         take a faster-whisper folder",
        path = path.display()
    )]
    Foreign { path: PathBuf, reason: String },
    #[error("{path} is cut off or damaged: {reason}; bring it here again", path = path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{vocabulary} does not belong to {model}: {reason}; take both from the same folder",
        vocabulary = vocabulary.display(),
        model = model.display()
    )]
    Vocabulary { vocabulary: PathBuf, model: PathBuf, reason: String },
    #[error("the disk has no room for {path}", path = path.display())]
    Full { path: PathBuf },
}
