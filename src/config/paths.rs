//! Relative paths of a configuration are relative to the folder of its file, wherever the server is started.

use std::path::{Path, PathBuf};

use super::speech::{Recognition, SpeechToText, TextToSpeech};
use super::{Config, Recordings};
use crate::speech::models::built_in;

impl Config {
    /// Makes relative paths begin in `folder`.
    pub(super) fn move_to(&mut self, folder: &Path) {
        if folder.as_os_str().is_empty() {
            return;
        }
        let Recordings { folder: recordings, .. } = &mut self.recordings;
        let always = [&mut self.database, recordings, &mut self.speech_cache, &mut self.flows];
        let there = |path: &mut PathBuf| *path = folder.join(&*path);
        always.into_iter().for_each(there);
        let mut sometimes =
            vec![&mut self.flow_versions, &mut self.auth.secret_key_file, &mut self.amd.params];
        sometimes.extend(
            self.trunks.iter_mut().flat_map(|trunk| [&mut trunk.token_file, &mut trunk.password_file]),
        );
        sometimes.push(&mut self.inbound.secret_file);
        sometimes.into_iter().flatten().for_each(there);
        if let Some(tls) = &mut self.inbound.tls {
            [&mut tls.cert, &mut tls.key].into_iter().for_each(there);
        }
        if let Some(openid) = &mut self.console.openid {
            openid.client_secret_file.iter_mut().for_each(there);
        }
        self.amd.sets.values_mut().for_each(there);
        listening(&mut self.speech_to_text, folder);
        speaking(&mut self.text_to_speech, folder);
    }
}

fn listening(settings: &mut SpeechToText, folder: &Path) {
    let there = |path: &mut PathBuf| *path = folder.join(&*path);
    let is_local = |engine: Option<Recognition>| matches!(engine, None | Some(Recognition::Whisper));
    let is_file = |model: &&mut PathBuf| !built_in::is_meant(model);
    if is_local(settings.engine) {
        settings.model.iter_mut().filter(is_file).for_each(there);
    }
    settings.models.iter_mut().for_each(there);
    settings.key.file.iter_mut().for_each(there);
    for other in settings.others.values_mut() {
        if is_local(other.engine) {
            other.model.iter_mut().filter(is_file).for_each(there);
        }
        other.key.file.iter_mut().for_each(there);
    }
}

fn speaking(settings: &mut TextToSpeech, folder: &Path) {
    let there = |path: &mut PathBuf| *path = folder.join(&*path);
    settings.voices.iter_mut().for_each(there);
    settings.key.file.iter_mut().for_each(there);
    // A plain name is looked for in PATH.
    settings.program.iter_mut().filter(|program| program.components().count() > 1).for_each(there);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_where_the_file_is() {
        let text = "database: my.db\nrecordings: /srv/calls\ntrunks: [{ name: a, url: 'http://x', token_file: t }]\n\
                    speech_to_text: { engine: openai, model: whisper-1, others: { w: { model: m.bin }, n: { model: phone-nano } } }\n\
                    text_to_speech: { program: piper, voices: v }\namd: { sets: { faq: f.yaml } }\n";
        let mut config = super::super::parse("d", text).unwrap();
        config.move_to(Path::new("/etc/dering"));
        let at = |path: &str| Path::new("/etc/dering").join(path);
        assert_eq!((config.database.clone(), config.flows.clone()), (at("my.db"), at("flows")));
        assert_eq!(config.recordings.folder, Path::new("/srv/calls"));
        assert_eq!(config.trunks[0].token_file, Some(at("t")));
        assert_eq!(config.speech_to_text.model.as_deref(), Some(Path::new("whisper-1")));
        assert_eq!(config.speech_to_text.others["w"].model, Some(at("m.bin")));
        assert_eq!(config.speech_to_text.others["n"].model.as_deref(), Some(Path::new(built_in::NAME)));
        assert_eq!(config.text_to_speech.program.as_deref(), Some(Path::new("piper")));
        assert_eq!(
            (config.text_to_speech.voices.clone(), config.amd.sets["faq"].clone()),
            (Some(at("v")), at("f.yaml"))
        );
        assert_eq!(config.list_files(), at("lists"));
    }
}
