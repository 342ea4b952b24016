//! Filters of the log, part by part: `info,dering::trunk=debug`.

use std::ops::Range;

use callcore::language::{listed, nearest};
use callcore::yaml::Severity;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The modules that write into the log.
pub(super) const MODULES: [&str; 35] = [
    "access",
    "accuracy",
    "api",
    "app",
    "bus",
    "campaigns",
    "cdr_wire",
    "cli",
    "config",
    "console",
    "demo",
    "flows",
    "gateway",
    "kore",
    "lists",
    "media",
    "net",
    "outbox",
    "server",
    "session",
    "sheets",
    "sip",
    "speech",
    "store",
    "telemetry",
    "trials",
    "trunk",
    "wallclock",
    "axum",
    "hyper",
    "reqwest",
    "rustls",
    "socketioxide",
    "sqlx",
    "tower_http",
];
/// Those of [`MODULES`] that are ours.
const OURS: usize = 28;

/// A part that is wrong.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Its place in the text.
    pub(super) at: Range<usize>,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Each part that is wrong. A library that is not known is only warned of: it may write into the log.
pub(super) fn mistakes(text: &str) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        let at = start + part.len() - part.trim_start().len();
        let place = at..at + part.trim().len().max(1);
        start += part.len() + 1;
        if let Some((severity, message, hint)) = mistake(part.trim()) {
            found.push(Mistake { at: place, severity, message, hint });
        }
    }
    if found.is_empty()
        && let Err(error) = tracing_subscriber::EnvFilter::try_new(text)
    {
        let message = format!("this is no filter of the log: {error}");
        let (at, severity, hint) = (0..text.len(), Severity::Error, "write `info`".to_owned());
        found.push(Mistake { at, severity, message, hint });
    }
    found
}

fn mistake(part: &str) -> Option<(Severity, String, String)> {
    let error = |message: String, hint: String| Some((Severity::Error, message, hint));
    if part.is_empty() {
        return error("a part of the filter is empty".to_owned(), "take the comma out".to_owned());
    }
    // What is told of spans is not looked into.
    if part.contains(['[', '{']) {
        return None;
    }
    let (module, level) = match part.split_once('=') {
        Some((module, level)) => (Some(module.trim()), Some(level.trim())),
        None if part.contains("::") || part == "dering" || part == "callcore" => (Some(part), None),
        None => (None, Some(part)),
    };
    if let Some(level) = level
        && !LEVELS.contains(&level.to_lowercase().as_str())
    {
        let hint = match nearest(level, LEVELS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}; of one module, as in `info,dering::trunk=debug`", listed(LEVELS)),
        };
        return error(format!("the log has no level `{level}`"), hint);
    }
    module.and_then(unknown)
}

fn unknown(module: &str) -> Option<(Severity, String, String)> {
    let found = |severity, message: String, hint: String| Some((severity, message, hint));
    let mut names = module.split("::");
    let (first, second) = (names.next().unwrap_or_default(), names.next());
    let ours = || MODULES.into_iter().take(OURS);
    match (first, second) {
        ("dering", None) | ("callcore", _) => None,
        ("dering", Some(second)) if ours().any(|known| known == second) => None,
        ("dering", Some(second)) => {
            let hint = match nearest(second, ours()) {
                Some(near) => format!("did you mean `dering::{near}`?"),
                None => format!("there are {}", listed(ours())),
            };
            found(Severity::Error, format!("there is no module `dering::{second}`"), hint)
        }
        (library, _) if MODULES.contains(&library) && !ours().any(|known| known == library) => None,
        (name, _) if ours().any(|known| known == name) => found(
            Severity::Error,
            format!("there is no module `{name}`"),
            format!("did you mean `dering::{module}`?"),
        ),
        (name, _) => found(
            Severity::Warning,
            format!("no module `{name}` is known"),
            "modules of this server begin with `dering::`, as in `dering::trunk`".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_server_is_known() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut there: Vec<String> = std::fs::read_dir(root)
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
            .filter(|name| !matches!(name.as_str(), "lib" | "main" | "bin"))
            .collect();
        there.sort();
        assert_eq!(there, MODULES[..OURS]);
    }

    #[test]
    fn wrong_parts_are_told_with_their_place() {
        assert!(mistakes("info,dering::trunk=debug,sqlx=warn,hyper=OFF").is_empty());
        let told = |text: &str| {
            let found = mistakes(text).into_iter();
            let told = found.map(|one| format!("{}: {}; {}", one.at.start, one.message, one.hint));
            told.collect::<Vec<_>>().join("\n")
        };
        assert!(told("infoo").contains("did you mean `info`?"));
        assert!(
            told("info, dering::trnuk=debug")
                .starts_with("6: there is no module `dering::trnuk`; did you mean `dering::trunk`?")
        );
        assert!(told("trunk=debug").contains("did you mean `dering::trunk`?"));
        assert!(told("info,,warn").contains("empty"));
        assert_eq!(mistakes("verbose,dering=loud").len(), 2);
        assert_eq!(mistakes("info,some_library=warn")[0].severity, Severity::Warning);
    }
}
