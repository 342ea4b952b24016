//! YAML text → a tree that remembers where everything stands.
//!
//! Flow files and settings use a plain subset: one document, no anchors or aliases, no tags, text keys. That leaves
//! nothing that could expand, and size, depth and node count are capped besides.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span as RawSpan};

use super::diagnostic::{Diagnostic, Severity, Source, Span, narrow};
use super::left_open::left_open;

/// Largest file in bytes.
pub const MAX_BYTES: usize = 512 * 1024;

/// Most values in one file.
const MAX_NODES: usize = 50_000;

/// Deepest nesting; a real flow needs about 8.
const MAX_DEPTH: usize = 24;

/// What the file is, for findings about its YAML.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary {
    /// `a flow`.
    pub one: &'static str,
    /// `flows`.
    pub many: &'static str,
    /// What to do about too much of it.
    pub shorten: &'static str,
    /// What to write in the place of an anchor.
    pub anchors: &'static str,
    /// What to do about a second document.
    pub documents: &'static str,
    /// What to write into an empty file.
    pub empty: &'static str,
}

pub(crate) const FLOWS: Vocabulary = Vocabulary {
    one: "a flow",
    many: "flows",
    shorten: "split the flow, or move data out of it into variables",
    anchors: "write the steps once in a scene and `goto` it; a text that begins with `&` goes in quotes",
    documents: "put every flow into a file of its own",
    empty: "a flow begins with `flow: its-name`, then `start:` and `scenes:`",
};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    Scalar { text: String, style: Style },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// How a scalar is written, which decides where inside it a character of its text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Quoted,
    Block,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, style: Style::Plain } => matches!(text.as_str(), "" | "~" | "null"),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => false,
        }
    }

    /// The entry of that key, if this is a map with one.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// What it is, for "expected …, found …".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Reads the one document of `source`. Duplicate keys and tags are findings, after which reading goes
/// on; anchors, aliases and broken YAML end it.
pub fn read(source: &Source, words: &Vocabulary, found: &mut Vec<Diagnostic>) -> Option<Node> {
    if source.text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} KiB, more than the {} KiB {} may have",
            source.text.len() / 1024,
            MAX_BYTES / 1024,
            words.one
        );
        let hint = Some(words.shorten.to_owned());
        found.push(source.diagnostic(Severity::Error, source.span(0, 0), message, hint));
        return None;
    }
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: 2 * MAX_DEPTH,
        block_nesting_limit: 2 * MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let events = Parser::new_from_str_with_options(&source.text, options);
    let mut tree = Tree { source, words, found, events, nodes: 0, documents: 0 };
    tree.document().unwrap_or_default()
}

/// Reading cannot go on; the reason is among the findings.
struct Stop;

struct Tree<'s, 'f> {
    source: &'s Source,
    words: &'f Vocabulary,
    found: &'f mut Vec<Diagnostic>,
    events: Parser<'s, granit_parser::StrInput<'s>>,
    nodes: usize,
    documents: usize,
}

impl<'s> Tree<'s, '_> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum; whatever is no node is refused there"
    )]
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) => {
                    self.documents += 1;
                    if self.documents > 1 {
                        return self.stop(span, "a second document begins here", self.words.documents);
                    }
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        if root.is_none() {
            let span = self.source.span(0, 0);
            return self.stop(span, "the file is empty", self.words.empty);
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<Option<(Event<'s>, Span)>, Stop> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((Event::Anchor(..), raw))) => {
                let message = format!("{} have no YAML anchors", self.words.many);
                self.stop(self.place(&raw), &message, self.words.anchors)
            }
            Some(Ok((event, raw))) => {
                if event.tag().is_some() {
                    let span = self.place(&raw.tag_span().unwrap_or(raw));
                    let message = format!("{} have no YAML tags", self.words.many);
                    self.report(span, &message, "a text that begins with `!` goes in quotes");
                }
                Ok(Some((event, self.place(&raw))))
            }
            Some(Err(error)) => self.syntax_error(&error),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values in {}", self.words.one);
            return self.stop(span, &message, self.words.shorten);
        }
        if depth > MAX_DEPTH {
            return self.too_deep(span);
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                if style == Style::Plain {
                    self.cut_by_comment(&text, span);
                }
                Ok(Node { value: Value::Scalar { text: text.into_owned(), style }, span })
            }
            Event::SequenceStart(..) => self.list(span, depth),
            Event::MappingStart(..) => self.map(span, depth),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = "flows have no aliases; a key such as `*` goes in quotes: \"*\"";
                self.stop(span, "`*` begins a YAML alias here", hint)
            }
            other => self.stop(span, &format!("unexpected YAML: {other:?}"), "write plain YAML here"),
        }
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node, Stop> {
        let mut items = Vec::new();
        while let Some((event, at)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, at, depth + 1)?);
        }
        Ok(Node { value: Value::List(items), span })
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        while let Some((event, at)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, at, depth + 1)?;
            let Some((event, at)) = self.next()? else { break };
            let value = self.node(event, at, depth + 1)?;
            if value.is_null() {
                let colon =
                    self.source.text.get(key.span.end..).and_then(|rest| rest.find(':')).unwrap_or_default();
                self.cut_by_comment("", Span { end: key.span.end + colon + 1, ..key.span });
            }
            let Value::Scalar { text, .. } = key.value else {
                let hint = "a text that begins with `{{` goes in quotes: \"{{ name }}\"";
                return self.stop(key.span, "a key must be a plain word", hint);
            };
            if let Some(first) = lines.get(&text) {
                let message = format!("`{text}` is given twice");
                let hint = format!("the first is on line {first}; keep one of them");
                self.report(key.span, &message, &hint);
                continue;
            }
            lines.insert(text.clone(), key.span.line);
            entries.push(Entry { key: text, key_span: key.span, value });
        }
        Ok(Node { value: Value::Map(entries), span })
    }

    /// Warns of a text that goes on behind ` #`. A remark behind a single word, such as the name of a scene, is taken
    /// as meant.
    fn cut_by_comment(&mut self, text: &str, span: Span) {
        let Some(remark) = self.source.remark_behind(span) else { return };
        let numbered = self
            .source
            .text
            .get(remark.start + 1..)
            .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
        if text.split_whitespace().nth(1).is_some() || numbered {
            self.found.push(self.source.cut_by_comment(remark));
        }
    }

    fn report(&mut self, span: Span, message: &str, hint: &str) {
        let finding =
            self.source.diagnostic(Severity::Error, span, message.to_owned(), Some(hint.to_owned()));
        self.found.push(finding);
    }

    fn stop<T>(&mut self, span: Span, message: &str, hint: &str) -> Result<T, Stop> {
        self.report(span, message, hint);
        Err(Stop)
    }

    fn too_deep<T>(&mut self, span: Span) -> Result<T, Stop> {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        self.stop(span, &message, "a handful of levels are needed: is a bracket left open?")
    }

    fn syntax_error<T>(&mut self, error: &ScanError) -> Result<T, Stop> {
        let marker = error.marker();
        let line = narrow(marker.line().max(1));
        // Before a line that a tab indents, the parser stops at the end of the line before.
        if let Some(span) = [line, line + 1].into_iter().find_map(|line| self.tab_before(line)) {
            let message = format!("this is not valid YAML: {}", error.info());
            return self.stop(span, &message, "indent with spaces: YAML takes no tabs");
        }
        let text = self.source.text.split('\n').nth(line as usize - 1).unwrap_or_default();
        let offset = marker.byte_offset().unwrap_or_default();
        let span = Span { line, column: narrow(marker.col() + 1), width: 1, start: offset, end: offset };
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return self.too_deep(span);
        }
        if let Some((sign, at)) = left_open(&self.source.text, line as usize) {
            let (what, closing) = match sign {
                '[' => ("bracket", ']'),
                '{' => ("bracket", '}'),
                quote => ("quote", quote),
            };
            let message = format!("this is not valid YAML: the {what} `{sign}` is not closed");
            let hint =
                format!("write `{closing}` where it ends; a text that begins with `{sign}` goes in quotes");
            return self.stop(self.source.span(at, at + 1), &message, &hint);
        }
        let hint = if self.has_bare_hash(line) {
            "a text that contains ` #` goes in quotes: what follows it is a comment"
        } else if text.matches(": ").count() > 1 {
            "a text that contains `: ` goes in quotes"
        } else {
            "look at this line and the one before: quotes, brackets and indentation must match up"
        };
        self.stop(span, &format!("this is not valid YAML: {}", error.info()), hint)
    }

    /// The first tab among the spaces before what a line says.
    fn tab_before(&self, line: u32) -> Option<Span> {
        let before = line as usize - 1;
        let start: usize = self.source.text.split_inclusive('\n').take(before).map(str::len).sum();
        let text = self.source.text.get(start..)?.lines().next()?;
        let said = text.trim_start();
        let tab = text[..text.len() - said.len()].find('\t').filter(|_| !said.is_empty())?;
        Some(self.source.span(start + tab, start + tab + 1))
    }

    /// Whether this line or the one before goes on behind a ` #`.
    fn has_bare_hash(&self, line: u32) -> bool {
        let first = (line as usize).saturating_sub(2);
        let mut lines = self.source.text.split('\n').skip(first).take(2);
        lines.any(|line| line.contains(": ") && line.contains(" #") && !line.trim_start().starts_with('#'))
    }

    fn place(&self, raw: &RawSpan) -> Span {
        let start = raw.start.byte_offset().unwrap_or_default();
        let end = raw.end.byte_offset().unwrap_or(start).max(start);
        let text = self.source.text.get(start..end).unwrap_or_default();
        let first_line = text.split('\n').next().unwrap_or_default().trim_end();
        Span {
            line: narrow(raw.start.line().max(1)),
            column: narrow(raw.start.col() + 1),
            width: narrow(first_line.chars().count().max(1)),
            start,
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let source = Source { file: "f.yaml".into(), text: text.into() };
        let mut found = Vec::new();
        read(&source, &FLOWS, &mut found);
        found.iter().map(|d| format!("{}:{} {}", d.line, d.column, d.message)).collect()
    }

    #[test]
    fn keys_remember_their_place() {
        let source = Source { file: "f.yaml".into(), text: "a: 1\nb:\n  ç: [x, 'y z']\n".into() };
        let mut found = Vec::new();
        let root = read(&source, &FLOWS, &mut found).map(|node| node.value);
        let Some(Value::Map(entries)) = root else { panic!("not a map") };
        let Value::Map(inner) = &entries[1].value.value else { panic!("not a map") };
        assert_eq!((inner[0].key_span.line, inner[0].key_span.column), (3, 3));
        let Value::List(items) = &inner[0].value.value else { panic!("not a list") };
        assert_eq!((items[1].span.line, items[1].span.column, items[1].span.width), (3, 10, 5));
        assert!(found.is_empty());
    }

    #[test]
    fn a_tab_before_a_line_is_told_where_it_stands() {
        for (text, at) in [("log:\n\tfilter: info\n", "2:1 "), ("a: b\nlog:\n  x: 1\n \ty: 2\n", "4:2 ")] {
            let source = Source { file: "f.yaml".into(), text: text.into() };
            let mut found = Vec::new();
            read(&source, &FLOWS, &mut found);
            let told = format!("{}:{} {:?}", found[0].line, found[0].column, found[0].hint);
            assert!(told.starts_with(at) && told.contains("indent with spaces"), "{told}");
        }
    }

    #[test]
    fn a_text_cut_by_a_comment_is_told() {
        let cut = [
            ("say: See you #1 fan, room # 5\n", "1:14"),
            ("say: Press the # to finish\n", "1:16"),
            ("- Suite #200\n", "1:9"),
            ("say: #1 fan\n", "1:6"),
            ("say: Press the key  #\n", "1:21"),
        ];
        for (text, place) in cut {
            let found = findings(text);
            assert!(found.iter().any(|f| f.starts_with(place) && f.contains("comment")), "{text}: {found:?}");
        }
        for text in [
            "say: Hello there  # the greeting\n",
            "goto: end # leaves\n",
            "scenes: # all of them\n  a: [ b ]\n",
            "say: 'Suite #200' # said twice\n",
            "say: Dial *100#1\n",
            "say: |\n  Suite #200\n",
            "# a remark\nsay: Hello there\n",
        ] {
            assert_eq!(findings(text), [""; 0], "{text}");
        }
        let broken = "s:\n  - say: Suite #200\n      and more: x\n";
        let source = Source { file: "f.yaml".into(), text: broken.into() };
        let mut found = Vec::new();
        read(&source, &FLOWS, &mut found);
        assert!(
            found.iter().any(|f| f.hint.as_deref().is_some_and(|h| h.contains("goes in quotes"))),
            "{found:?}"
        );
    }

    #[test]
    fn a_duplicate_key_is_found_at_the_second_one() {
        assert_eq!(findings("a: 1\nb: 2\na: 3\n"), ["3:1 `a` is given twice"]);
    }

    #[test]
    fn bombs_and_deep_nesting_are_refused_at_once() {
        let bomb = "a: &a [x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n";
        assert!(findings(bomb).iter().any(|f| f.contains("anchors")));
        assert!(findings(&"[".repeat(20_000))[0].contains("nested deeper"));
        assert!(findings(&format!("a: {}", "x".repeat(10 << 20)))[0].contains("more than the 512 KiB"));
        assert!(findings(&"- ".repeat(20_000))[0].contains("nested deeper"));
    }
}
