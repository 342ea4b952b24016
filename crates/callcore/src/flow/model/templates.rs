//! The texts of one flow with `{{ variable }}` in them, compiled. Output is capped.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::{Map, Value};
use tera::{Context, Tera};

use super::filters;
use super::filters::LANGUAGE;
use super::text::{MAX_RENDERED, Text, URL_SUFFIX};

/// The templates of one flow, compiled.
#[derive(Default)]
pub(crate) struct Templates {
    tera: Tera,
    /// The texts as their author wrote them, by name.
    sources: BTreeMap<String, String>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templates")
    }
}

impl Templates {
    /// Compiles `(name, text)` pairs that [`check`] passed. On an error [`syntax`] says of which text.
    pub(crate) fn compile<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> Result<Self, tera::Error> {
        let sources: BTreeMap<String, String> =
            texts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let mut tera = engine();
        tera.add_raw_templates(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
        Ok(Self { tera, sources })
    }

    /// The text before anything is filled in.
    pub(crate) fn source<'t>(&'t self, text: &'t Text) -> &'t str {
        match text {
            Text::Literal(text) => text,
            Text::Template { name, .. } => self.sources.get(name).map_or("", String::as_str),
        }
    }

    /// The text with `context` filled in.
    pub(crate) fn render(&self, text: &Text, context: &Context) -> Result<String, String> {
        let name = match text {
            Text::Literal(text) => return Ok(text.clone()),
            Text::Template { name, .. } => name,
        };
        let mut out = Capped(Vec::new());
        self.tera.render_to(name, context, &mut out).map_err(|error| {
            if out.0.len() >= MAX_RENDERED {
                format!("a text grew longer than {MAX_RENDERED} bytes when its variables were filled in")
            } else {
                format!("a text could not be filled in: {error}")
            }
        })?;
        let rendered = String::from_utf8_lossy(&out.0);
        Ok(rendered.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The context a render needs.
    pub(crate) fn context(variables: &Map<String, Value>, language: &str) -> Context {
        let mut context = Context::new();
        context.insert(LANGUAGE, &language);
        for (name, value) in variables {
            context.insert(name.clone(), value);
        }
        context
    }

    /// The same context for a text in another language.
    pub(crate) fn in_language(context: &Context, language: &str) -> Context {
        let mut context = context.clone();
        context.insert(LANGUAGE, &language);
        context
    }
}

/// Tera with our filters.
fn engine() -> Tera {
    let mut tera = Tera::new();
    tera.autoescape_on([URL_SUFFIX]);
    tera.set_escape_fn(percent_encoded);
    filters::register(&mut tera);
    tera
}

/// RFC 3986 §2.3: everything but unreserved characters is encoded, so that a value stays one value.
fn percent_encoded(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.write_all(&[byte])?,
            _ => write!(out, "%{byte:02X}")?,
        }
    }
    Ok(())
}

/// A writer that refuses to grow past [`MAX_RENDERED`].
struct Capped(Vec<u8>);

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RENDERED {
            let room = MAX_RENDERED.saturating_sub(self.0.len());
            self.0.extend_from_slice(bytes.get(..room).unwrap_or_default());
            return Err(io::Error::other("text too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
