//! The rules of ARCHITECTURE.md that a compiler does not hold.

use std::fs;
use std::path::{Path, PathBuf};

use callcore::call::FactKind;
use callcore::flow::NoteKind;
use strum::IntoEnumIterator;

/// Longest source file, lines. Past 400 ask whether it is one room.
const LONGEST: usize = 500;

/// Shell modules, low to high; equal ranks may not import one another.
const SHELL: [(&str, u8); 28] = [
    ("wallclock", 0),
    ("cdr_wire", 0),
    ("net", 0),
    ("accuracy", 0),
    ("sheets", 1),
    ("bus", 1),
    ("telemetry", 1),
    ("kore", 1),
    ("media", 1),
    ("sip", 1),
    ("store", 2),
    ("speech", 2),
    ("trunk", 2),
    ("access", 3),
    ("gateway", 3),
    ("flows", 3),
    ("lists", 3),
    ("outbox", 3),
    ("session", 4),
    ("campaigns", 5),
    ("trials", 5),
    ("api", 6),
    ("console", 7),
    ("config", 7),
    ("server", 8),
    ("app", 9),
    ("demo", 10),
    ("cli", 11),
];

const CORE: [(&str, u8); 14] = [
    ("clock", 0),
    ("ids", 0),
    ("retry", 0),
    ("number", 0),
    ("yaml", 0),
    ("audio", 1),
    ("detect", 2),
    ("playback", 2),
    ("language", 1),
    ("amd", 3),
    ("flow", 3),
    ("campaign", 5),
    ("call", 4),
    ("testing", 5),
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The top-level module that a file belongs to.
fn module(path: &Path, folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let first = path.strip_prefix(root).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn imports_point_down(folder: &str, ranks: &[(&str, u8)]) {
    let rank = |name: &str| ranks.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank);
    let mut wrong = Vec::new();
    for (path, text) in sources(folder) {
        let own = module(&path, folder);
        let Some(own_rank) = rank(&own) else { continue };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let names: Vec<&str> = match rest.strip_prefix('{') {
                    Some(list) => list.split(',').map(str::trim).collect(),
                    None => vec![rest],
                };
                for name in names {
                    let name: String =
                        name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    // Tests may take what tests are made of.
                    let is_testing = name == "testing" && code(&path, &text).is_empty();
                    if name != own && !is_testing && rank(&name).is_some_and(|other| other >= own_rank) {
                        wrong.push(format!("{}: {line}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports must point to lower modules:\n{}", wrong.join("\n"));
}

#[test]
fn the_shell_imports_only_from_lower_modules() {
    imports_point_down("src", &SHELL);
}

#[test]
fn the_core_imports_only_from_lower_modules() {
    imports_point_down("crates/callcore/src", &CORE);
}

/// So that the flow language can be a crate of its own, and be compiled for a browser.
#[test]
fn the_flow_language_needs_nothing_of_audio_or_calls() {
    let mut wrong = Vec::new();
    for (path, text) in sources("crates/callcore/src") {
        if !["flow", "language", "yaml"].contains(&module(&path, "crates/callcore/src").as_str()) {
            continue;
        }
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !["clock", "flow", "ids", "language", "number", "yaml"].contains(&name.as_str()) {
                wrong.push(format!("{}: crate::{name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_place_in_the_ranks() {
    for (folder, ranks) in [("src", &SHELL[..]), ("crates/callcore/src", &CORE[..])] {
        for (path, _) in sources(folder) {
            let module = module(&path, folder);
            let known = ranks.iter().any(|(name, _)| *name == module) || module == "lib" || module == "main";
            assert!(known, "{} has no rank in tests/it/architecture.rs", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_own() {
    let mut wrong = Vec::new();
    for folder in ["src", "crates/callcore/src", "crates/rtp/src", "crates/webrtc/src"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LONGEST {
                wrong.push(format!("{}: {lines} lines", path.display()));
            }
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            if !is_test && !text.starts_with("//!") {
                wrong.push(format!("{}: does not open with //!", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_lives_in_the_store_and_the_environment_in_the_configuration() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = module(&path, "src");
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        if module != "store" && (code.contains("sqlx::") || code.contains("sqlx_sqlite::")) {
            wrong.push(format!("{}: sqlx outside store/", path.display()));
        }
        let engine = path.components().any(|part| part.as_os_str() == "sqlite");
        if !engine && (code.contains("sqlx_sqlite::") || code.contains("Sqlite::")) {
            wrong.push(format!("{}: SQLite outside store/sqlite/", path.display()));
        }
        if !["config", "cli"].contains(&module.as_str()) && code.contains("std::env::") {
            wrong.push(format!("{}: the environment outside config/ and cli/", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `speech::sound` asks what a file states before it decodes it; no other way in may be forgotten.
#[test]
fn sound_comes_in_by_one_door() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let inside = path.components().any(|part| part.as_os_str() == "sound") || path.ends_with("tests.rs");
        // A stream of MP3 frames from a client, not a file; its packets have bounds of their own.
        let stream = path.ends_with("gateway/codec.rs");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let decodes = ["wav::read_8k", "Wav::open", "symphonia::"].iter().any(|way| code.contains(way));
        if decodes && !inside && !stream {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "these decode sound themselves:\n{}", wrong.join("\n"));
}

/// What runs: a file without its tests and comments. Empty for files that are tests altogether.
fn code(path: &Path, text: &str) -> String {
    if path.components().any(|part| part.as_os_str().to_string_lossy().contains("test"))
        || path.ends_with("samples.rs")
    {
        return String::new();
    }
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Bodies are read into the types that the description shows; a type for the description alone could drift from them.
#[test]
fn no_type_is_there_for_the_description_alone() {
    let mut wrong = Vec::new();
    for folder in ["src", "crates/callcore/src", "crates/rtp/src", "crates/spectral/src", "crates/webrtc/src"]
    {
        for (path, text) in sources(folder) {
            if text.contains("dead_code") {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "these excuse code that nothing runs:\n{}", wrong.join("\n"));
}

/// A mistyped kind in a statement or a comparison would be silently never met. Kinds of one word are words of much
/// else, too, and are left out here.
#[test]
fn kinds_of_timeline_entries_are_types_and_not_texts() {
    // Two outcomes, a migration, a setting and a field that read the same.
    const OTHERS: [&str; 5] = ["not_dialled.rs", "schema.rs", "closing.rs", "shape.rs", "shapes.rs"];
    let kinds = FactKind::iter().map(FactKind::as_str).chain(NoteKind::iter().map(NoteKind::as_str));
    let kinds: Vec<&str> = kinds.filter(|kind| kind.contains('_')).collect();
    let mut wrong = Vec::new();
    for (folder, rooms) in [("src", None), ("crates/callcore/src", Some(["call", "amd"]))] {
        for (path, text) in sources(folder) {
            let other = OTHERS.iter().any(|name| path.ends_with(name));
            if other || rooms.is_some_and(|rooms| !rooms.contains(&module(&path, folder).as_str())) {
                continue;
            }
            let code = code(&path, &text);
            let named =
                |kind: &&str| code.contains(&format!("\"{kind}\"")) || code.contains(&format!("'{kind}'"));
            wrong.extend(
                kinds.iter().filter(|kind| named(kind)).map(|kind| format!("{}: {kind}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "take these from `FactKind` or `NoteKind`:\n{}", wrong.join("\n"));
}

/// A renamed parameter or a new route must not change who may do what: rights are named by handlers, as types.
#[test]
fn no_route_decides_a_right() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        if module(&path, "src") != "access" && !path.ends_with("api/may.rs") {
            continue;
        }
        let code = code(&path, &text);
        let routes = ["MatchedPath", ".uri(", "\"/v1", "\"/api/", "OriginalUri"];
        wrong.extend(
            routes
                .iter()
                .filter(|route| code.contains(**route))
                .map(|route| format!("{}: {route}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever forgets to say whose calls are meant must not get everybody's.
#[test]
fn nothing_is_visible_by_default() {
    let (_, text) =
        sources("src").into_iter().find(|(path, _)| path.ends_with("model/visibility.rs")).unwrap();
    assert!(!text.contains("Default"), "Visibility has a default");
}
