//! A flow with its audio in one piece: from a file with its folder, a zip, or a text alone. What comes from
//! outside is held to limits before it is unpacked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::refused::{Refused, refused};
use super::{Around, Check, Error, Pictures, check_text, is_test_file, read_text, unpack};
use crate::speech::file;
use callcore::audio::wav;
use callcore::flow::{Diagnostic, Flow, MAX_BYTES, Severity, parse, parse_with};
use sha2::{Digest as _, Sha256};

/// How every zip begins.
const ZIP: &[u8] = b"PK";

/// The files of a bundle, by their paths from the flow's own folder.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The flow file's own name.
    pub name: String,
    pub text: String,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A flow that passed every check, with its audio as calls play it.
#[derive(Clone, Debug)]
pub struct Usable {
    pub flow: Arc<Flow>,
    pub digest: String,
    /// Where it was read.
    pub file: PathBuf,
    pub text: String,
    pub(super) around: Around,
    pub warnings: Vec<Diagnostic>,
}

impl Usable {
    /// The files that it needs beside its own, by their paths from its folder.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let Around { sounds, pictures, called } = &self.around;
        sounds.keys().chain(pictures.keys()).chain(called.keys()).map(String::as_str)
    }

    /// What it shows.
    pub(super) fn pictures(&self) -> Pictures {
        let pictures = self.around.pictures.iter();
        pictures.map(|(path, picture)| (path.clone(), picture.clip.clone())).collect()
    }
}

impl Bundle {
    /// Reads an upload: a zip, or the YAML text of a flow that needs no audio.
    ///
    /// # Errors
    /// [`Refused::Bundle`] with the reason: no zip and no text, too large, a path out of its folder, a link,
    /// no flow or more than one.
    pub fn read(bytes: &[u8], check: &Check) -> Result<Self, Refused> {
        if bytes.starts_with(ZIP) {
            return Self::of_files(unpack::files(bytes, check)?);
        }
        if bytes.len() > MAX_BYTES {
            return refused(too_long(bytes.len() as u64));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                Ok(Self { name: "flow.yaml".to_owned(), text: text.to_owned(), files: BTreeMap::new() })
            }
            Err(_) => refused("this is neither a zip nor a YAML text in UTF-8; send one of them"),
        }
    }

    /// The one flow among `files` and what lies around it.
    fn of_files(mut files: BTreeMap<String, Vec<u8>>) -> Result<Self, Refused> {
        let flows: Vec<String> = files.keys().filter(|path| is_flow(path)).cloned().collect();
        let first = not_called(&flows, &files);
        let path = match first.as_slice() {
            [one] => (*one).clone(),
            [] => {
                return refused(
                    "the zip holds no flow: a file that ends in .yaml, at its top or in one folder",
                );
            }
            several => {
                return refused(format!(
                    "the zip holds {} flows that none of the others calls ({}); upload each by itself",
                    several.len(),
                    several.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ")
                ));
            }
        };
        let bytes = files.remove(&path).unwrap_or_default();
        if bytes.len() > MAX_BYTES {
            return refused(too_long(bytes.len() as u64));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return refused(format!("`{path}` is not a text in UTF-8; save it as UTF-8"));
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let files = files
            .into_iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_owned(), bytes)))
            .collect();
        Ok(Self { name: name.to_owned(), text, files })
    }

    /// Checks the flow and its audio.
    ///
    /// # Errors
    /// [`Refused::Flow`] with everything that is wrong.
    pub fn check(&self, check: &Check) -> Result<Usable, Refused> {
        let (flow, around, findings) = check_text(
            &self.name,
            &self.text,
            check,
            |path| Ok(self.files.get(path).cloned()),
            |_| self.files.keys().cloned().collect(),
        );
        match flow {
            Some(flow) => Ok(usable(flow, PathBuf::from(&self.name), self.text.clone(), around, findings)),
            None => Err(Refused::Flow(findings)),
        }
    }

    /// The files of flow tests among the rest.
    pub fn tests(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .filter(|(path, _)| !path.contains('/') && is_test_file(Path::new(path)))
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }
}

/// The flow in `file` with the audio around it, unless there are errors, and everything found.
///
/// # Errors
/// The file cannot be read.
pub fn bundle_of_file(path: &Path) -> Result<(Option<Usable>, Vec<Diagnostic>), Error> {
    let text = match read_text(path)? {
        Ok(text) => text,
        Err(finding) => return Ok((None, vec![finding])),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.display().to_string();
    let (flow, around, findings) = check_text(
        &name,
        &text,
        &Check::at_home(),
        |file| read_file(&folder.join(file)),
        |missing| files_around(folder, missing),
    );
    let usable = flow.map(|flow| usable(flow, path.to_owned(), text, around, findings.clone()));
    Ok((usable, findings))
}

/// The flow in `file` as far as it can be read in spite of its errors, and its text.
///
/// # Errors
/// The file cannot be read.
pub fn draft_of_file(path: &Path) -> Result<Option<(Flow, String)>, Error> {
    let Ok(text) = read_text(path)? else { return Ok(None) };
    let parsed = parse(&path.display().to_string(), &text);
    Ok(parsed.flow.or(parsed.draft).map(|flow| (flow, text)))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    let failed = |error: std::io::Error| format!("cannot read the file {}: {error}", path.display());
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).map_err(failed)?;
    read.take(file::PROMPT.bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// The files in the folder in which `missing` would lie, as a flow in `folder` would name them.
fn files_around(folder: &Path, missing: &str) -> Vec<String> {
    let beside = missing.rsplit_once('/').map_or("", |(beside, _)| beside);
    let entries = std::fs::read_dir(folder.join(beside)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.map(|name| if beside.is_empty() { name } else { format!("{beside}/{name}") }).collect()
}

fn usable(flow: Flow, file: PathBuf, text: String, around: Around, findings: Vec<Diagnostic>) -> Usable {
    let warnings = findings.into_iter().filter(|finding| finding.severity == Severity::Warning).collect();
    Usable { flow: Arc::new(flow), digest: digest(&text, &around), file, text, around, warnings }
}

/// SHA-256 of the text; with audio, pictures or called flows, of everybody's own.
fn digest(text: &str, around: &Around) -> String {
    let Around { sounds, pictures, called } = around;
    if sounds.is_empty() && pictures.is_empty() && called.is_empty() {
        return hex(&Sha256::digest(text.as_bytes()));
    }
    let mut whole = Sha256::new();
    whole.update(Sha256::digest(text.as_bytes()));
    for (path, samples) in sounds {
        whole.update((path.len() as u64).to_le_bytes());
        whole.update(path.as_bytes());
        whole.update(Sha256::digest(wav::write_8k(&[samples])));
    }
    for (path, picture) in pictures {
        whole.update((path.len() as u64).to_le_bytes());
        whole.update(path.as_bytes());
        whole.update(Sha256::digest(&picture.file));
    }
    for (path, text) in called {
        whole.update((path.len() as u64).to_le_bytes());
        whole.update(path.as_bytes());
        whole.update(Sha256::digest(text.as_bytes()));
    }
    hex(&whole.finalize())
}

/// Those of the flow files that none of the others calls.
fn not_called<'f>(flows: &'f [String], files: &BTreeMap<String, Vec<u8>>) -> Vec<&'f String> {
    if let [one] = flows {
        return vec![one];
    }
    let mut called: Vec<String> = Vec::new();
    for path in flows {
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let text = files.get(path).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let found = RefCell::new(Vec::new());
        let find = |stem: &str| {
            let path = format!("{folder}{stem}.yaml");
            let text = String::from_utf8(files.get(&path)?.clone()).ok()?;
            found.borrow_mut().push(path);
            Some(text)
        };
        drop(parse_with(path, text, &find));
        called.extend(found.into_inner().into_iter().filter(|found| found != path));
    }
    flows.iter().filter(|path| !called.contains(path)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn is_flow(path: &str) -> bool {
    let path = Path::new(path);
    let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    yaml && !is_test_file(path) && path.components().count() <= 2
}

fn too_long(bytes: u64) -> String {
    format!("the flow has {} KiB; a flow has at most {} KiB", bytes / 1024, MAX_BYTES / 1024)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const PLAYS: &str = "flow: plays\nstart: a\nscenes: { a: [ { play: audio/a.wav } ] }\n";

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn why(bytes: &[u8]) -> String {
        match Bundle::read(bytes, &Check::default()) {
            Ok(bundle) => bundle
                .check(&Check::default())
                .map(|_| "usable".to_owned())
                .unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    /// With every `name` in it called `other`: no writer makes such a zip by itself.
    fn duplicate(mut zip: Vec<u8>, name: &[u8], other: &[u8]) -> Vec<u8> {
        for at in 0..zip.len() - name.len() {
            if zip[at..].starts_with(name) {
                zip[at..at + name.len()].copy_from_slice(other);
            }
        }
        zip
    }

    fn usable_of(bytes: &[u8]) -> Usable {
        Bundle::read(bytes, &Check::default()).unwrap().check(&Check::default()).unwrap()
    }

    fn beep(rate: u32) -> Vec<u8> {
        let mut bytes = wav::write_8k(&[&callcore::audio::tone::tone(&[440.0], 400, -20.0)]);
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        bytes
    }

    #[test]
    fn a_zip_with_or_without_a_folder_is_a_flow_with_its_audio_at_8_khz() {
        for folder in ["", "shop/"] {
            let zip = zipped(&[
                (&format!("{folder}plays.yaml"), PLAYS.as_bytes()),
                (&format!("{folder}audio/a.wav"), &beep(16_000)),
                ("__MACOSX/x", b"x"),
            ]);
            let usable = usable_of(&zip);
            assert_eq!(usable.flow.name(), "plays");
            assert_eq!(usable.around.sounds["audio/a.wav"].len(), 1_600, "half as many samples as at 16 kHz");
            assert_eq!(usable.digest.len(), 64);
        }
    }

    #[test]
    fn another_sound_is_another_version_and_another_folder_is_not() {
        let digest = |files: &[(&str, &[u8])]| usable_of(&zipped(files)).digest;
        let one = digest(&[("p.yaml", PLAYS.as_bytes()), ("audio/a.wav", &beep(8_000))]);
        assert_eq!(
            one,
            digest(&[("x/q.yaml", PLAYS.as_bytes()), ("x/audio/a.wav", &beep(8_000)), ("x/notes.txt", b"n")])
        );
        assert_ne!(one, digest(&[("p.yaml", PLAYS.as_bytes()), ("audio/a.wav", &beep(16_000))]));
    }

    #[test]
    fn flows_that_are_called_travel_along_and_count_for_the_version() {
        let main = "flow: main\nstart: a\nscenes: { a: [ { call: { flow: part } }, { hangup: done } ] }\n";
        let part = |words: &str| {
            format!("flow: part\nstart: a\nscenes: {{ a: [ {{ say: {words} }}, {{ play: a.wav }} ] }}\n")
        };
        let check = |part: &str| {
            let zip = zipped(&[
                ("main.yaml", main.as_bytes()),
                ("part.yaml", part.as_bytes()),
                ("a.wav", &beep(8_000)),
            ]);
            usable_of(&zip)
        };
        let (one, two) = (check(&part("Hello")), check(&part("Goodbye")));
        assert_ne!(one.digest, two.digest);
        assert_eq!(one.files().collect::<Vec<_>>(), ["a.wav", "part.yaml"]);
        let root = tempfile::tempdir().unwrap();
        super::super::keeping::keep(root.path(), &one).unwrap();
        assert_eq!(
            super::super::keeping::load(root.path(), "main", &one.digest).unwrap().flow.name(),
            "main"
        );
        let alone = zipped(&[("main.yaml", main.as_bytes())]);
        assert_eq!(why(&alone), "the flow has errors");
    }

    #[test]
    fn all_audio_of_an_upload_is_bounded_together() {
        // Fourteen minutes of silence: 840 kB, and a few hundred bytes in a zip.
        let silence = crate::speech::sound::silent_mp3_frame().repeat(35_000);
        let names: Vec<String> = (0..10).map(|n| format!("{n}.mp3")).collect();
        let steps: Vec<String> = names.iter().map(|name| format!("{{ play: {name} }}")).collect();
        let text = format!("flow: p\nstart: a\nscenes: {{ a: [ {} ] }}\n", steps.join(", "));
        let flow = ("p.yaml", text.as_bytes());
        let sounds = names.iter().map(|name| (name.as_str(), silence.as_slice()));
        let zip = zipped(&[flow].into_iter().chain(sounds).collect::<Vec<_>>());
        assert!(zip.len() < 50_000, "{} bytes", zip.len());
        let Err(Refused::Flow(found)) =
            Bundle::read(&zip, &Check::default()).unwrap().check(&Check::default())
        else {
            panic!("more than two hours of audio were decoded");
        };
        let together = "all audio of an upload takes at most 60 minutes";
        assert_eq!(found.iter().filter(|finding| finding.message.contains(together)).count(), 6);
    }

    #[test]
    fn what_could_harm_is_refused_with_the_reason() {
        let flow = ("p.yaml", "flow: p\nstart: a\nscenes: { a: [ hangup ] }\n".as_bytes());
        for bad in ["../../etc/passwd", "/etc/passwd", "a/../../b.wav", "c:\\x.wav", "..\\x.wav"] {
            assert!(why(&zipped(&[flow, (bad, b"x")])).contains("leads out of the bundle"), "{bad}");
        }
        let mut link = ZipWriter::new(Cursor::new(Vec::new()));
        link.add_symlink("a.wav", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        assert!(why(&link.finish().unwrap().into_inner()).contains("is a link"));
        let several = why(&zipped(&[flow, ("../a", b"x"), ("/b", b"y"), ("c.wav", b"z")]));
        assert!(
            several.contains("../a") && several.contains("/b") && !several.contains("c.wav"),
            "{several}"
        );
        let bomb = zipped(&[flow, ("audio/a.wav", &vec![0; 40 << 20])]);
        assert!(bomb.len() < 1 << 20 && why(&bomb).contains("40 MiB unpacked"), "{}", why(&bomb));
        let many: Vec<(String, Vec<u8>)> = (0..600).map(|n| (format!("{n}.txt"), Vec::new())).collect();
        let many: Vec<(&str, &[u8])> =
            many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert!(why(&zipped(&many)).contains("more than 500"));
        let twice = duplicate(zipped(&[flow, ("a.wav", b"one"), ("b.wav", b"two")]), b"b.wav", b"a.wav");
        assert!(why(&twice).contains("holds `a.wav` twice"), "{}", why(&twice));
        assert!(why(b"PK\x03\x04 and then nothing").contains("cannot be read"));
        assert!(why(&[0xff, 0xfe, 0x00]).contains("neither a zip nor"));
        assert!(why(&zipped(&[("readme.txt", b"x")])).contains("holds no flow"));
        assert!(why(&zipped(&[flow, ("q.yaml", b"flow: q")])).contains("none of the others calls"));
        assert!(why(&vec![b'#'; 10 << 20]).contains("KiB"));
        assert_eq!(
            why(&zipped(&[("p.yaml", PLAYS.as_bytes()), ("audio/a.wav", b"GIF89a")])),
            "the flow has errors"
        );
    }
}
