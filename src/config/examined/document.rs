//! A configuration file with the place of everything in it, and what was found wrong with it.

use std::ops::Range;

use callcore::yaml::{self, Diagnostic, Entry, Node, Severity, Source, Span, Value, Vocabulary};
use strsim::osa_distance;

/// Most mistakes that are told of one file.
const MOST: usize = 100;
const VOCABULARY: Vocabulary = Vocabulary {
    one: "a configuration",
    many: "settings",
    shorten: "is it a configuration? `dering serve --print-defaults` shows one",
    anchors: "write the value again where it is needed; a text that begins with `&` goes in quotes",
    documents: "keep one of them",
    empty: "write the settings that differ from the defaults",
};

pub(super) struct Document {
    source: Source,
    root: Option<Node>,
    found: Vec<Diagnostic>,
}

impl Document {
    /// Reads a text. One without settings is good: everything has a default.
    pub(super) fn read(file: &str, text: &str) -> Self {
        let source = Source::new(file, text);
        let mut found = Vec::new();
        let says_something = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let root = if source.text.lines().any(says_something) {
            yaml::read(&source, &VOCABULARY, &mut found)
        } else {
            None
        };
        Self { source, root, found }
    }

    /// Whether it is no YAML: then nothing else can be said of it.
    pub(super) fn is_broken(&self) -> bool {
        self.root.is_none() && !self.found.is_empty()
    }

    pub(super) const fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), hint.into());
    }

    pub(super) fn warn(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, span, message.into(), hint.into());
    }

    fn push(&mut self, severity: Severity, span: Span, message: String, hint: String) {
        if self.found.len() < MOST {
            self.found.push(self.source.diagnostic(severity, span, message, Some(hint)));
        }
    }

    /// The value at a path such as `inbound.listen`; `None` where nothing is said.
    pub(super) fn node(&self, path: &str) -> Option<&Node> {
        path.split('.')
            .try_fold(self.root.as_ref()?, |node, key| Some(&node.entry(key)?.value))
            .filter(|node| !node.is_null())
    }

    /// The text at a path.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.node(path).and_then(text)
    }

    /// The items of a list at a path, or none.
    pub(super) fn items(&self, path: &str) -> Vec<Node> {
        match self.node(path).map(|node| &node.value) {
            Some(Value::List(items)) => items.clone(),
            Some(Value::Scalar { .. } | Value::Map(_)) | None => Vec::new(),
        }
    }

    /// The entries of a table at a path, or none.
    pub(super) fn entries(&self, path: &str) -> Vec<Entry> {
        match self.node(path).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.clone(),
            Some(Value::Scalar { .. } | Value::List(_)) | None => Vec::new(),
        }
    }

    /// Where a path stands, or as much of it as there is.
    pub(super) fn place(&self, path: &str) -> Span {
        let mut place = self.source.span(0, 0);
        let Some(mut node) = self.root.as_ref() else { return place };
        for key in path.split('.') {
            let Some(entry) = node.entry(key) else { break };
            place = entry.key_span;
            node = &entry.value;
        }
        place
    }

    /// The last finding alone.
    pub(super) fn last(mut self) -> Option<Diagnostic> {
        let last = self.found.pop()?;
        Some(Diagnostic { source_line: self.shown(&last), ..last })
    }

    /// What was found, in the order of the file.
    pub(super) fn findings(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.line, found.column));
        let shown: Vec<String> = self.found.iter().map(|found| self.shown(found)).collect();
        for (found, line) in self.found.iter_mut().zip(shown) {
            found.source_line = line;
        }
        self.found
    }

    /// The line of a finding without the secrets in it. Below the key of one, all of it is secret.
    fn shown(&self, found: &Diagnostic) -> String {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let line = &found.source_line;
        let mut above =
            self.source.text.lines().take(found.line.saturating_sub(1) as usize).collect::<Vec<_>>();
        above.retain(|line| !line.trim().is_empty());
        let parent = above
            .iter()
            .rev()
            .find(|parent| indent(parent) < indent(line) || parent.trim_end().ends_with(':'));
        let of_secret = parent.is_some_and(|parent| {
            parent.trim_end().strip_suffix(':').is_some_and(|name| is_secret(key(name)))
        });
        if of_secret && !names_place(line) && line.len() > indent(line) {
            return format!("{}{}", &line[..indent(line)], "*".repeat(line.trim().chars().count()));
        }
        without_secrets(line)
    }

    /// Where a part of a scalar's text stands.
    pub(super) fn within(&self, node: &Node, at: Range<usize>) -> Span {
        let raw = self.source.text.get(node.span.start..node.span.end).unwrap_or_default();
        let begins = text(node).and_then(|text| raw.find(text)).unwrap_or_default() + node.span.start;
        self.source.span(begins + at.start, begins + at.end)
    }

    /// A position that a reader of the text names.
    pub(super) fn at(&self, line: usize, column: usize) -> Span {
        let start: usize =
            self.source.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.source.text.get(start..).unwrap_or_default();
        let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(0, |(at, _)| at);
        self.source.span(start + offset, start + offset)
    }
}

/// The text of a scalar that says something.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text),
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) => None,
    }
}

/// Words in keys whose values are nobody's business.
const SECRETS: [&str; 9] =
    ["token", "secret", "key", "password", "pwd", "pass", "passphrase", "bearer", "authorization"];
/// Those that are taken for misspelt when a word is nearly one.
const MISSPELT: [(&str, usize); 3] = [("token", 1), ("secret", 1), ("password", 2)];

/// A line of the file with stars for the secrets in it, as many as they have characters.
fn without_secrets(line: &str) -> String {
    let mut hidden: Vec<Range<usize>> = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let rest = &line[colon + 1..];
        let is_quoted = line[..colon].ends_with(['"', '\'']);
        if let Some(behind) = rest.strip_prefix("//") {
            let address = &behind[..behind.find([' ', '"', '\'']).unwrap_or(behind.len())];
            let host = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
            hidden.extend(host.rfind('@').map(|end| colon + 3..colon + 3 + end));
            hidden.extend(address.find('?').map(|query| colon + 4 + query..colon + 3 + address.len()));
        } else if (is_quoted || rest.is_empty() || rest.starts_with([' ', '\t', '"', '\'']))
            && (is_secret(key(&line[..colon])) || names_variable(key(&line[..colon])))
        {
            let value = rest.trim_start();
            let start = line.len() - value.len();
            let end = match value.chars().next() {
                Some('{') if names_place(&value[1..]) => 0,
                Some('{' | '[') => value.len(),
                Some(quote @ ('"' | '\'')) => quoted(value, quote),
                _ => [", ", ",", "}", " #"]
                    .iter()
                    .filter_map(|end| value.find(end))
                    .min()
                    .unwrap_or(value.len()),
            };
            let value = value[..end].trim_end();
            // The private key of a certificate is named by its file.
            let is_file = value.ends_with(".key") || value.ends_with(".pem");
            let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '"' | '\'');
            let is_variable = names_variable(key(&line[..colon])) && value.chars().all(is_name);
            if !is_file && !is_variable {
                hidden.push(start..start + value.len());
            }
        }
    }
    let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
    line.char_indices().map(|(at, c)| if is_hidden(at) { '*' } else { c }).collect()
}

/// Whether a key is one of the place where a secret is: the name of a variable.
fn names_variable(key: &str) -> bool {
    key.to_lowercase().split(['_', '-']).next_back() == Some("env")
}

/// Whether a table begins with the variable or the file that has a secret: which it is may be told.
fn names_place(table: &str) -> bool {
    let table = table.trim_start();
    ["env:", "file:"].iter().any(|place| table.starts_with(place))
}

/// How long a quoted value is; all of a line whose quotes do not match up.
fn quoted(value: &str, quote: char) -> usize {
    let end = value[1..].find(quote).map_or(value.len(), |end| end + 2);
    let behind = value[end..].trim_start();
    if behind.is_empty() || behind.starts_with([',', '}', ']', '#']) { end } else { value.len() }
}

/// The key that ends a text, without its quotes.
fn key(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    let begins = text.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    begins.map_or(text, |at| text[at..].trim_start_matches(|c: char| !c.is_alphanumeric()))
}

/// Whether a key is, or may have been meant for, one of a secret, not of the place where one is.
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let mut words = key.split(['_', '-']);
    let last = words.clone().next_back().unwrap_or_default();
    let is_nearly = |word: &str| MISSPELT.iter().any(|(secret, most)| osa_distance(word, secret) <= *most);
    !matches!(last, "env" | "file") && words.any(|word| SECRETS.contains(&word) || is_nearly(word))
}

/// The text of an entry.
pub(super) fn inner<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.entry(key).and_then(|entry| text(&entry.value))
}

/// Where the value of an entry stands; where the whole node does when there is none.
pub(super) fn place_in(node: &Node, key: &str) -> Span {
    node.entry(key).map_or(node.span, |entry| entry.value.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_with_a_finding() {
        for (line, shown) in [
            ("  token: hush, x: 1", "  token: ****, x: 1"),
            ("- { name: a, token: 'hu sh', url: y }", "- { name: a, token: *******, url: y }"),
            ("secret: hush", "secret: ****"),
            ("token_env: CARRIER_TOKEN", "token_env: CARRIER_TOKEN"),
            ("secret_key_file: x", "secret_key_file: x"),
            ("tokn: hush", "tokn: ****"),
            ("  Token: hush hush", "  Token: *********"),
            ("secrt: hush # ours", "secrt: **** # ours"),
            ("auth: { secret_key: hush }", "auth: { secret_key: **** }"),
            ("{ engine: deepgram, key: hush }", "{ engine: deepgram, key: **** }"),
            ("key: { env: SPEECH_KEY }", "key: { env: SPEECH_KEY }"),
            ("{\"pasword\":\"hush\"}", "{\"pasword\":******}"),
            ("url: https://me:hush@host.test/p", "url: https://*******@host.test/p"),
            ("url: https://host.test/p?token=hush", "url: https://host.test/p?**********"),
            ("token_env: hu-sh", "token_env: *****"),
            ("token: 'it's hush'", "token: ***********"),
            ("token: [hush", "token: *****"),
            ("secret: [hush]", "secret: ******"),
            ("key: { value: hush }", "key: ***************"),
            ("bearer: Bearer hush", "bearer: ***********"),
            ("log: { filter: info, format: text }", "log: { filter: info, format: text }"),
            ("limits: { per_second: 2, calls: 30 }", "limits: { per_second: 2, calls: 30 }"),
            ("tls: { cert: a.pem, key: a.key }", "tls: { cert: a.pem, key: a.key }"),
            ("listen: 127.0.0.1:8080", "listen: 127.0.0.1:8080"),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }
}
