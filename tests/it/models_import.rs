//! `dering models import`: a faster-whisper folder becomes a model, or a sentence that says why not.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dering::speech::models::Manifest;
use dering::speech::models::import::{Weights, import};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::ct2_model::{VOCABULARY, model_of, vocabulary};

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.bin"), model_of("WhisperSpec")).unwrap();
    std::fs::write(folder.path().join("vocabulary.txt"), vocabulary(VOCABULARY)).unwrap();
    folder
}

fn import_here(folder: &Path, weights: Weights) -> Result<PathBuf, String> {
    let to = folder.join("ggml-made.bin");
    let imported = import(folder, &to, weights, |_, _| {}).map_err(|error| error.to_string())?;
    assert_eq!(to.metadata().map(|found| found.len()).ok(), Some(imported.bytes));
    Ok(to)
}

struct Tensor {
    kind: u32,
    /// The one that runs fastest first.
    shape: Vec<u32>,
    data: Vec<u8>,
}

/// The tensors of a ggml file by name.
fn tensors(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let mut at = 48;
    let take = |at: &mut usize| {
        *at += 4;
        u32::from_le_bytes(bytes[*at - 4..*at].try_into().unwrap())
    };
    let (rows, columns) = (take(&mut at), take(&mut at));
    at += (rows * columns * 4) as usize;
    for _ in 0..take(&mut at) {
        at += take(&mut at) as usize;
    }
    let mut found = BTreeMap::new();
    while at < bytes.len() {
        let (dimensions, length, kind) = (take(&mut at), take(&mut at) as usize, take(&mut at));
        let shape: Vec<u32> = (0..dimensions).map(|_| take(&mut at)).collect();
        let name = String::from_utf8(bytes[at..at + length].to_vec()).unwrap();
        at += length;
        let count = shape.iter().product::<u32>() as usize;
        let size = match kind {
            0 => count * 4,
            1 => count * 2,
            7 => count / 32 * 24,
            8 => count / 32 * 34,
            other => panic!("{name} is of type {other}"),
        };
        found.insert(name, Tensor { kind, shape, data: bytes[at..at + size].to_vec() });
        at += size;
    }
    found
}

#[test]
fn what_ctranslate2_keeps_together_is_taken_apart_and_nothing_else_changes() {
    let folder = folder();
    let made = tensors(&import_here(folder.path(), Weights::F16).unwrap());
    let model = model_of("WhisperSpec");
    let data = |name: &str, bytes: usize| {
        let at = model.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        // Behind the name: 0, the rank, two dimensions, the type, the size.
        let from = at + name.len() + 1 + 1 + 8 + 1 + 4;
        &model[from..from + bytes]
    };
    let third = 64 * 64 * 2;
    let together = data("encoder/layer_0/self_attention/linear_0/weight", 3 * third);
    for (at, role) in ["query", "key", "value"].into_iter().enumerate() {
        let tensor = &made[&format!("encoder.blocks.0.attn.{role}.weight")];
        assert_eq!((tensor.kind, &tensor.shape[..]), (1, &[64, 64][..]));
        assert_eq!(tensor.data, together[at * third..(at + 1) * third], "{role}");
    }
    assert!(!made.contains_key("encoder.blocks.0.attn.key.bias"), "Whisper's keys have none");
    assert_eq!(made["encoder.conv1.bias"].shape, [1, 64], "added to every column");
    assert_eq!((made["decoder.positional_embedding"].kind, made["encoder.ln_post.weight"].kind), (0, 0));
    assert_eq!(made.len(), 3 + 2 + 4 + 2 + 15 + 24);
}

#[test]
fn weights_in_blocks_take_less_room_and_positions_stay_exact() {
    let folder = folder();
    let whole = std::fs::metadata(import_here(folder.path(), Weights::F16).unwrap()).unwrap().len();
    for (weights, kind, share) in [(Weights::Q8_0, 8, 0.62), (Weights::Q5_1, 7, 0.48)] {
        let path = import_here(folder.path(), weights).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!((size as f64) < whole as f64 * share, "{weights:?}: {size} of {whole}");
        let made = tensors(&path);
        assert_eq!(made["decoder.token_embedding.weight"].kind, kind);
        assert_eq!((made["encoder.conv1.weight"].kind, made["encoder.positional_embedding"].kind), (1, 0));
    }
}

#[cfg(feature = "whisper")]
#[tokio::test]
async fn a_model_that_was_taken_over_loads_and_runs() {
    use std::time::Duration;

    use dering::speech::stt::whisper::{Options, Whisper, Window};
    use dering::speech::stt::{Recognizer, Request};

    let folder = folder();
    for weights in [Weights::F16, Weights::Q8_0, Weights::Q5_1] {
        let path = import_here(folder.path(), weights).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let options = Options { window: Window::Fixed(100), ..Options::new(path) };
        let recognizer = Recognizer::Whisper(Whisper::load(&options).unwrap());
        let hum: Vec<i16> = (0..8_000).map(|n| ((n as f32 * 0.2).sin() * 6_000.0) as i16).collect();
        recognizer.transcribe(Request::new(hum, Duration::from_secs(60))).await.unwrap();
    }
}

#[cfg(feature = "whisper")]
#[test]
fn a_model_that_would_end_the_process_is_refused_when_it_is_loaded() {
    use dering::speech::stt::whisper::{Options, Whisper};

    let folder = folder();
    let path = import_here(folder.path(), Weights::F16).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let space = [1, 0, 0, 0, b' '];
    let at = bytes.windows(space.len()).position(|window| window == space).unwrap();
    bytes[at + 4] = b'_';
    std::fs::write(&path, bytes).unwrap();
    let error = Whisper::load(&Options::new(path)).unwrap_err().to_string();
    assert!(error.contains("no token for a space"), "{error}");
}

#[test]
fn a_model_cut_off_anywhere_is_damaged_and_leaves_nothing() {
    let folder = folder();
    let whole = model_of("WhisperSpec");
    let early = (4..600).step_by(47);
    for length in early.chain((1_000..whole.len()).step_by(whole.len() / 7)) {
        std::fs::write(folder.path().join("model.bin"), &whole[..length]).unwrap();
        let error = import_here(folder.path(), Weights::F16).unwrap_err();
        assert!(
            error.contains("cut off or damaged") && error.contains("bring it here again"),
            "{length}: {error}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half made is left");
}

#[test]
fn what_is_no_such_model_says_what_to_do() {
    let folder = folder();
    let model = folder.path().join("model.bin");
    for (bytes, said) in [
        (b"GGUF....".to_vec(), "does not begin like one"),
        (b"\x02\0\0\0....".to_vec(), "old version 2"),
        (model_of("TransformerSpec"), "not a Whisper"),
        (Vec::new(), "it is empty"),
    ] {
        std::fs::write(&model, bytes).unwrap();
        let error = import_here(folder.path(), Weights::F16).unwrap_err();
        assert!(error.contains(said) && error.contains("faster-whisper folder"), "{error}");
    }
    std::fs::remove_file(&model).unwrap();
    let error = import_here(folder.path(), Weights::F16).unwrap_err();
    assert!(error.contains("has no model.bin"), "{error}");
}

#[test]
fn a_vocabulary_of_another_model_is_refused() {
    let folder = folder();
    let path = folder.path().join("vocabulary.txt");
    for size in [51_864, 51_866] {
        std::fs::write(&path, vocabulary(size)).unwrap();
        let error = import_here(folder.path(), Weights::F16).unwrap_err();
        assert!(
            error.contains(&size.to_string()) && error.contains("take both from the same folder"),
            "{error}"
        );
    }
    std::fs::write(&path, vocabulary(VOCABULARY).replace("\nĠ\n", "\n_\n")).unwrap();
    let error = import_here(folder.path(), Weights::F16).unwrap_err();
    assert!(error.contains("no token for a space"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = import_here(folder.path(), Weights::F16).unwrap_err();
    assert!(error.contains("has no vocabulary.txt"), "{error}");
}

fn dering(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dering")).args(args).output().unwrap()
}

#[test]
fn the_command_names_the_model_after_its_folder_and_lists_it() {
    let outer = tempfile::tempdir().unwrap();
    let source = outer.path().join("faster-whisper-Mine");
    std::fs::rename(folder().keep(), &source).unwrap();
    let models = outer.path().join("models");
    let (source, models) = (source.to_str().unwrap(), models.to_str().unwrap());
    let import = dering(&["models", "import", source, "--folder", models, "--weights", "q8_0"]);
    let said = String::from_utf8(import.stdout).unwrap();
    assert!(import.status.success() && said.contains("ggml-mine-q8_0.bin"), "{said}");
    let list = dering(&["models", "list", "--quick", "--folder", models]);
    let said = String::from_utf8(list.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("mine-q8_0")).unwrap();
    assert!(line.contains("in use"), "{line}");
    let again = dering(&["models", "import", source, "--folder", models, "--weights", "q8_0"]);
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && said.contains("--name"), "{said}");
}

/// The prototype of the conversion, written in another language by others, made a file of these bytes.
#[test]
fn the_real_model_comes_out_as_the_reference_to_the_last_bit() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/models/faster-whisper-base");
    if !folder.exists() {
        return println!("skipped: this test needs {}", folder.display());
    }
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("ggml-base.bin");
    import(&folder, &to, Weights::F16, |_, _| {}).unwrap();
    let found = hex::encode(Sha256::digest(std::fs::read(&to).unwrap()));
    let base = Manifest::built_in().unwrap().find("base").unwrap().clone();
    assert_eq!(Some(found), base.converted.map(|made| made.sha256));
}
