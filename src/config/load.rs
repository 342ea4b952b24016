//! Reading a configuration file.

use std::path::Path;

use callcore::yaml::{Diagnostic, Severity};

use super::examined::{self, World};
use super::{Config, ConfigError, Source};

/// Reads a configuration; keys that are absent keep their defaults, unknown keys are errors. Relative paths in it are
/// relative to its folder.
///
/// # Errors
/// When the file cannot be read; else with everything that is wrong with it.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    loaded(path, false)
}

/// The same for a server: secrets, files and flows that it names must be there.
///
/// # Errors
/// As [`load`].
pub fn load_to_serve(path: &Path) -> Result<Config, ConfigError> {
    loaded(path, true)
}

/// The defaults for a server, where there is no file.
///
/// # Errors
/// With everything that is missing.
pub fn defaults_to_serve() -> Result<Config, ConfigError> {
    settle("", "", examined::examine("", "", Some(&world(Path::new("")))))
}

/// What is wrong with a configuration for a server, and what may be; of one that is none, its first mistakes.
///
/// # Errors
/// When the file cannot be read.
pub fn findings(path: &Path) -> Result<Vec<Diagnostic>, ConfigError> {
    let (shown, text) = match read(path) {
        Err(ConfigError::Wrong { findings, .. }) => return Ok(findings),
        read => read?,
    };
    match settle(&shown, &text, examined::examine(&shown, &text, Some(&world(folder(path))))) {
        Ok(config) => Ok(config.warnings),
        Err(ConfigError::Wrong { findings, .. }) => Ok(findings),
        Err(error) => Err(error),
    }
}

fn loaded(path: &Path, to_serve: bool) -> Result<Config, ConfigError> {
    let (shown, text) = read(path)?;
    let world = world(folder(path));
    let findings = examined::examine(&shown, &text, to_serve.then_some(&world));
    let mut config = settle(&shown, &text, findings)?;
    config.move_to(folder(path));
    config.source = Some(Source { path: shown, text: text.into() });
    Ok(config)
}

fn read(path: &Path) -> Result<(String, String), ConfigError> {
    let shown = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(ConfigError::Read { path: shown, source }),
    };
    String::from_utf8(bytes).map(|text| (shown.clone(), text)).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let findings = vec![examined::no_text(&shown, error.as_bytes(), valid)];
        ConfigError::Wrong { path: shown, findings }
    })
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn world(folder: &Path) -> World<'_> {
    World { folder, environment: &|name| std::env::var(name).ok() }
}

/// A configuration of a text in which nothing wrong was found.
fn settle(path: &str, text: &str, findings: Vec<Diagnostic>) -> Result<Config, ConfigError> {
    if findings.iter().any(|found| found.severity == Severity::Error) {
        return Err(ConfigError::Wrong { path: path.to_owned(), findings });
    }
    let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(says_something) {
        return Ok(Config { warnings: findings, ..Config::default() });
    }
    let config: Config = serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
        let reason = error.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let findings = examined::surprise(path, text, at, reason).into_iter().collect();
        ConfigError::Wrong { path: path.to_owned(), findings }
    })?;
    Ok(Config { warnings: findings, ..config })
}

#[cfg(test)]
pub(super) fn parse(path: &str, text: &str) -> Result<Config, ConfigError> {
    settle(path, text, examined::examine(path, text, None))
}
