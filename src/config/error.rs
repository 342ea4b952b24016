//! Why a configuration cannot be used.

use callcore::yaml::{Diagnostic, Severity};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration {path} cannot be read: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("the configuration {path} is wrong: {reason}")]
    Parse { path: String, reason: String },
    #[error("{}", shown(path, findings))]
    Wrong { path: String, findings: Vec<Diagnostic> },
    #[error("trunk \"{trunk}\" has no token: give it token, token_env or token_file")]
    NoToken { trunk: String },
    #[error("trunk \"{trunk}\": {what} cannot be read")]
    TokenSource { trunk: String, what: String },
    #[error("trunk \"{trunk}\": {reason}")]
    SipTrunk { trunk: String, reason: String },
    #[error("inbound: {reason}")]
    Inbound { reason: String },
    #[error("{setting}: {what} cannot be read")]
    Secret { setting: String, what: String },
    #[error("auth: {reason}")]
    Auth { reason: String },
    #[error("console.{reason}")]
    Console { reason: String },
    #[error("{setting}: {reason}")]
    Outward { setting: &'static str, reason: String },
}

/// All findings, or, where there is no file, what to write into one.
fn shown(path: &str, findings: &[Diagnostic]) -> String {
    if path.is_empty() {
        let told = findings.iter().map(|found| match &found.hint {
            Some(hint) => format!("{}; {hint}", found.message),
            None => found.message.clone(),
        });
        return told.collect::<Vec<_>>().join("\n");
    }
    let errors = findings.iter().filter(|found| found.severity == Severity::Error).count();
    let mistakes = if errors == 1 { "a mistake".to_owned() } else { format!("{errors} mistakes") };
    let all: String = findings.iter().map(|found| format!("\n\n{found}")).collect();
    format!("the configuration {path} has {mistakes}:{all}")
}
