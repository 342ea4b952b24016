//! Everything that is wrong with a configuration file, at once, each mistake with its place and with what to write instead.

mod document;
mod filter;
mod rules;
mod schema;
mod shape;
mod trunks;
mod values;
mod world;

use callcore::yaml::{Diagnostic, Severity, Source};

use self::document::Document;
pub use self::schema::schema;
pub(super) use self::world::World;

/// What is wrong with a text, and what may be. With a `world` also what it names outside itself is looked at: files,
/// variables of the environment, flows.
pub(super) fn examine(file: &str, text: &str, world: Option<&World<'_>>) -> Vec<Diagnostic> {
    let mut doc = Document::read(file, text);
    if doc.is_broken() {
        return doc.findings();
    }
    if let Some(root) = doc.root().cloned() {
        values::table(&mut doc, world, &root, "", shape::SETTINGS);
    }
    rules::apply(&mut doc, world);
    doc.findings()
}

/// The finding about a file that is no text, where it stops being one.
pub(super) fn no_text(file: &str, bytes: &[u8], valid: usize) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    let source = Source::new(file, &text);
    let span = source.span(valid, valid);
    let message = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16".to_owned(),
        _ => format!("the byte {:#04x} is not UTF-8", bytes.get(valid).copied().unwrap_or_default()),
    };
    source.diagnostic(Severity::Error, span, message, Some("save the file as UTF-8".to_owned()))
}

/// A finding about a text that passed, at the place where a reader of it stopped.
pub(super) fn surprise(file: &str, text: &str, at: (usize, usize), reason: &str) -> Option<Diagnostic> {
    let mut doc = Document::read(file, text);
    let span = doc.at(at.0, at.1);
    doc.error(span, reason, "see `dering serve --print-defaults` for what it may be");
    doc.last()
}

#[cfg(test)]
mod tests;
