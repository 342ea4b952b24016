//! What hearing and speaking need, brought here for the demo: a model, and a voice for the callees. Without a network that is
//! said, and the demo goes on without.

use std::path::PathBuf;
use std::time::Duration;

use crate::speech::models::Manifest;
use crate::speech::tts::kokoro::Kokoro;

const MODEL: &str = "base";
/// Nobody waits longer for a download.
const PATIENCE: Duration = Duration::from_secs(900);

/// What is here now.
pub(super) struct SpeechKit {
    /// Somebody hears.
    pub(super) hears: bool,
    /// A voice like a person's.
    pub(super) voice: Option<Kokoro>,
}

/// Brings what is not here. What could not be brought is told on standard error.
pub(super) async fn bring(models: PathBuf, voices: PathBuf) -> SpeechKit {
    let hears = match model(&models).await {
        Ok(()) => true,
        Err(error) => {
            super::note(&format!("The speech model \"{MODEL}\" could not be fetched: {error:#}"));
            super::note("Without it nobody hears the callees, so they press keys instead.");
            false
        }
    };
    let voice = if hears { voice(voices).await } else { None };
    SpeechKit { hears, voice }
}

/// One that is here already will do, whichever it is.
async fn model(folder: &std::path::Path) -> anyhow::Result<()> {
    anyhow::ensure!(cfg!(feature = "whisper"), "this dering was built without whisper");
    let manifest = Manifest::built_in()?;
    if !manifest.here(folder).is_empty() {
        return Ok(());
    }
    let model = manifest.find(MODEL)?;
    super::note(&format!("Fetching the speech model \"{MODEL}\" ({} MB, once)", model.bytes / 1_000_000));
    let sources = super::offer::sources(&manifest, model);
    let fetched = super::models::bring(model, &sources, folder);
    tokio::time::timeout(PATIENCE, fetched).await.map(|fetched| fetched.map(|_| ()))?
}

async fn voice(folder: PathBuf) -> Option<Kokoro> {
    let to = folder.join("kokoro");
    if Kokoro::new(&to, 1).is_err() {
        super::note(
            "Fetching a voice for the callees, Kokoro (120 MB, and ONNX Runtime where Python has none; once)",
        );
        let fetched = super::voices::bring_kokoro(&to);
        let error = match tokio::time::timeout(PATIENCE, fetched).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("it took too long".into()),
        };
        if let Some(error) = error {
            super::note(&format!(
                "The voice could not be fetched, so espeak-ng speaks for the callees: {error}"
            ));
            return None;
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Kokoro::new(&to, cores).ok()
}
