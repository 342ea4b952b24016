//! Reading the YAML tree: every accessor reports what is wrong and lets reading go on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::expr::Names;
use super::filters::unfit;
use super::source_location::raw_offset;
use super::template::{Checked, Mention, is_template};
use super::{duration, template};
use crate::flow::model::{
    CONTEXT, Expr, Fact, Flow, MAX_RENDERED, NamedFile, SceneId, Templates, Text, URL_SUFFIX, Variable,
    VariableType,
};
use crate::language::{listed, nearest};
use crate::yaml::{Diagnostic, Severity, Source, Span};
use crate::yaml::{Entry, Node, Style, Value};

/// Most findings reported for one file; the rest would only repeat the first.
const MAX_FINDINGS: usize = 100;

/// Finds a checked flow by the name of its file, or says why it cannot be called and what to do.
type FindFlow<'s> = &'s dyn Fn(&str) -> Result<Arc<Flow>, (String, String)>;

/// What reading has gathered so far.
pub(crate) struct Reader<'s> {
    pub source: &'s Source,
    pub found: Vec<Diagnostic>,
    pub variables: BTreeMap<String, Variable>,
    /// Where each variable is declared, for "never used".
    pub declared_at: BTreeMap<String, Span>,
    /// Variables that a text or a condition reads.
    pub read: BTreeSet<String>,
    /// Variables that a step writes.
    pub assigned: BTreeSet<String>,
    /// Phrases that mean something in the whole call.
    pub handler_phrases: Vec<String>,
    /// Finds the flows that this one calls.
    pub find_flow: Option<FindFlow<'s>>,
    /// Names of the scenes in file order.
    pub scenes: Vec<(String, Span)>,
    /// The scenes by name.
    scene_ids: BTreeMap<String, SceneId>,
    /// Where each step of each scene stands.
    pub step_spans: Vec<Vec<Span>>,
    /// A step could not be read, so what it does and where it leads is unknown.
    pub steps_missing: bool,
    /// A name that is misspelt may be any of those that nothing else names.
    pub names_unknown: bool,
    pub checkpoints: BTreeSet<String>,
    /// Check points that conditions name, checked once all scenes are read.
    pub checkpoint_mentions: Vec<(String, Span)>,
    /// The texts to be filled in, by the name they are compiled under.
    templates: Vec<(String, Node)>,
    /// The audio files that steps name, each with the first place.
    pub audio: BTreeMap<String, NamedFile>,
    /// The pictures that steps show, each with the first place.
    pub pictures: BTreeMap<String, NamedFile>,
    pub language: String,
    pub voice: Option<String>,
    /// The flow hides digits from what is kept of a call.
    pub redacts: bool,
    /// Voices by language, for prompts that name none.
    pub voices: BTreeMap<String, String>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source, found: Vec<Diagnostic>) -> Self {
        Self {
            source,
            found,
            variables: BTreeMap::new(),
            declared_at: BTreeMap::new(),
            read: BTreeSet::new(),
            assigned: BTreeSet::new(),
            handler_phrases: Vec::new(),
            find_flow: None,
            scenes: Vec::new(),
            scene_ids: BTreeMap::new(),
            step_spans: Vec::new(),
            steps_missing: false,
            names_unknown: false,
            checkpoints: BTreeSet::new(),
            checkpoint_mentions: Vec::new(),
            templates: Vec::new(),
            audio: BTreeMap::new(),
            pictures: BTreeMap::new(),
            language: "en".to_owned(),
            voice: None,
            redacts: false,
            voices: BTreeMap::new(),
        }
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), hint.into());
    }

    pub(crate) fn warn(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, span, message.into(), hint.into());
    }

    fn push(&mut self, severity: Severity, span: Span, message: String, hint: String) {
        if self.found.len() < MAX_FINDINGS {
            let finding = self.source.diagnostic(severity, span, message, Some(hint));
            self.found.push(finding);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether `name` stands anywhere but where it is declared: what could not be read may still use it.
    pub(crate) fn mentioned_elsewhere(&self, name: &str) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        self.source.text.split(|c: char| !word(c)).filter(|found| *found == name).nth(1).is_some()
    }

    /// The entries of a map whose keys must all be among `allowed`; unknown ones are reported and left out.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str, allowed: &[&str]) -> Option<Fields<'n>> {
        let entries = self.entries(node, what)?;
        for entry in entries {
            self.known(&entry.key, entry.key_span, what, allowed);
        }
        Some(Fields(entries))
    }

    /// The entries of a map with free keys.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar { .. } | Value::List(_) => {
                let message = format!("{what} must be a map of `key: value`, but this is {}", node.kind());
                self.error(node.span, message, "write one `key: value` per line, indented below it");
                None
            }
        }
    }

    /// Whether `word` is one of `allowed`; if not, that is reported with the nearest.
    pub(crate) fn known(&mut self, word: &str, span: Span, what: &str, allowed: &[&str]) -> bool {
        if allowed.contains(&word) {
            return true;
        }
        let hint = match nearest(word, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? Allowed here: {}", listed(allowed.iter().copied())),
            None => format!("allowed here: {}", listed(allowed.iter().copied())),
        };
        self.error(span, format!("{what} has no `{word}`"), hint);
        false
    }

    /// A scalar's text, whatever it holds.
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => Some(text),
            Value::Scalar { .. } => {
                self.error(node.span, format!("{what} is missing"), "write a value behind the colon");
                None
            }
            Value::List(_) | Value::Map(_) => {
                let in_braces = self.source.text.get(node.span.start..).is_some_and(|t| t.starts_with("{{"));
                let hint = if in_braces {
                    "a text that begins with `{{` goes in quotes: \"{{ name }}\"".to_owned()
                } else {
                    "write a single value".to_owned()
                };
                self.error(node.span, format!("{what} must be a text, but this is {}", node.kind()), hint);
                None
            }
        }
    }

    /// One of a few fixed words.
    pub(crate) fn word(&mut self, node: &Node, what: &str, allowed: &[&str]) -> Option<String> {
        let text = self.scalar(node, what)?;
        if allowed.contains(&text) {
            return Some(text.to_owned());
        }
        let hint = match nearest(text, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", listed(allowed.iter().copied())),
        };
        self.error(node.span, format!("{what} cannot be `{text}`"), hint);
        None
    }

    /// A name: lower-case letters, digits and `_`, as scenes, check points, variables and outcomes have.
    pub(crate) fn name(&mut self, text: &str, span: Span, what: &str) -> Option<String> {
        let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        let rest = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if first && rest && text.len() <= 64 {
            return Some(text.to_owned());
        }
        let suggestion: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .skip_while(|c| !c.is_ascii_lowercase())
            .take(64)
            .collect();
        let hint = if suggestion.is_empty() {
            "use lower-case letters, digits and `_`, beginning with a letter".to_owned()
        } else {
            format!("use lower-case letters, digits and `_`: `{suggestion}`")
        };
        self.error(span, format!("`{text}` cannot be the name of {what}"), hint);
        None
    }

    /// [`Self::name`] of a scalar node.
    pub(crate) fn name_node(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.scalar(node, &format!("the name of {what}"))?;
        self.name(text, node.span, what)
    }

    pub(crate) fn duration_ms(&mut self, node: &Node, what: &str) -> Option<u64> {
        let text = self.scalar(node, what)?;
        match duration::parse(text) {
            Ok(0) => {
                self.error(node.span, format!("{what} must be longer than nothing"), "write it like `5s`");
                None
            }
            Ok(ms) => Some(ms),
            Err(message) => {
                self.error(node.span, format!("{what}: {message}"), "units are `ms`, `s` and `m`");
                None
            }
        }
    }

    pub(crate) fn count(&mut self, node: &Node, what: &str, allowed: Range<u32>) -> Option<u32> {
        let text = self.scalar(node, what)?;
        match text.parse::<u32>() {
            Ok(count) if allowed.contains(&count) => Some(count),
            Ok(_) | Err(_) => {
                let hint = format!("write a whole number from {} to {}", allowed.start, allowed.end - 1);
                self.error(node.span, format!("{what} cannot be `{text}`"), hint);
                None
            }
        }
    }

    /// `true` or `false`; a wrong word counts as `false`.
    pub(crate) fn yes(&mut self, node: &Node, what: &str) -> bool {
        self.word(node, what, &["true", "false"]).as_deref() == Some("true")
    }

    /// A declared variable that a step writes and that takes values of `kind`.
    pub(crate) fn target(&mut self, node: &Node, what: &str, kind: VariableType) -> Option<String> {
        let name = self.scalar(node, what)?.to_owned();
        let Some(found) = self.variables.get(&name).map(|variable| variable.kind) else {
            self.undeclared(&name, node.span);
            return None;
        };
        self.assigned.insert(name.clone());
        if found != kind {
            let message =
                format!("{what} needs a {} variable, but `{name}` is a {}", kind.as_str(), found.as_str());
            self.error(node.span, message, format!("declare it as `{name}: {}`", kind.as_str()));
            return None;
        }
        Some(name)
    }

    /// Registers a scene, so that steps before and after it can refer to it.
    pub(crate) fn add_scene(&mut self, name: &str, span: Span) {
        self.scene_ids.insert(name.to_owned(), SceneId(self.scenes.len()));
        self.scenes.push((name.to_owned(), span));
    }

    /// A scene that must exist.
    pub(crate) fn scene(&mut self, node: &Node, what: &str) -> Option<SceneId> {
        let name = self.scalar(node, what)?;
        if let Some(id) = self.scene_ids.get(name) {
            return Some(*id);
        }
        self.names_unknown = true;
        let names: Vec<&str> = self.scenes.iter().map(|(name, _)| name.as_str()).take(30).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "add it under `scenes:`".to_owned(),
            None => format!("the scenes are {}", listed(names)),
        };
        self.error(node.span, format!("there is no scene `{name}`"), hint);
        None
    }

    /// A text for the callee, with its variables checked.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        self.cut_by_comment(node);
        let text = self.scalar(node, what)?;
        if text.trim().is_empty() {
            self.error(node.span, format!("{what} is empty"), "write what should be said");
            return None;
        }
        if text.len() > MAX_RENDERED {
            let message = format!("{what} has {} bytes: nobody listens that long", text.len());
            self.error(node.span, message, "split it into several steps");
            return None;
        }
        if !is_template(text) {
            return Some(Text::Literal(text.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        let Checked { mentions, problems } = template::check(text);
        let wrong = !problems.is_empty();
        for problem in problems {
            let span = self.within(node, problem.at);
            self.error(span, problem.message, problem.hint);
        }
        let mut variables = BTreeSet::new();
        for Mention { name, at, filter } in mentions {
            if name == CONTEXT && !self.variables.contains_key(&name) {
                // It is told during the call, so no text with it is settled before.
                self.assigned.insert(name.clone());
                variables.insert(name);
                continue;
            }
            let declared = self.variables.get(&name).map(|variable| variable.kind);
            let fact = Fact::names_in_texts().find(|fact| *fact == name).and_then(Fact::named);
            let kind = declared.or(fact.map(Fact::kind));
            let unfit = kind.zip(filter.as_deref()).and_then(|(kind, filter)| unfit(filter, kind));
            if let (Some(kind), Some(speaks), Some(filter)) = (kind, unfit, &filter) {
                let span = self.within(node, at);
                let message = format!("`{name}` is a {}, which `{filter}` cannot speak", kind.as_str());
                self.error(span, message, format!("it speaks a {} or a text", speaks.as_str()));
            } else if kind.is_none() {
                let span = self.within(node, at);
                self.unknown_in_text(&name, span);
            }
            if fact.is_some() {
                // It changes during the call, too.
                self.assigned.insert(name.clone());
            }
            self.read.insert(name.clone());
            variables.insert(name);
        }
        if wrong {
            return None;
        }
        let name = format!("t{}", self.templates.len());
        self.templates.push((name.clone(), node.clone()));
        Some(Text::Template { name, variables })
    }

    /// Warns when what people are to hear, or to say, goes on in a comment.
    pub(crate) fn cut_by_comment(&mut self, node: &Node) {
        let Value::Scalar { style: Style::Plain, .. } = node.value else { return };
        let Some(remark) = self.source.remark_behind(node.span) else { return };
        let told = |found: &Diagnostic| (found.line, found.column) == (remark.line, remark.column);
        if !self.found.iter().any(told) && self.found.len() < MAX_FINDINGS {
            self.found.push(self.source.cut_by_comment(remark));
        }
    }

    /// The text just read becomes part of a URL: what is filled in is percent-encoded.
    pub(crate) fn as_url(&mut self, text: Text) -> Text {
        let Text::Template { mut name, variables } = text else { return text };
        if let Some((last, _)) = self.templates.last_mut().filter(|(last, _)| *last == name) {
            last.push_str(URL_SUFFIX);
            name.push_str(URL_SUFFIX);
        }
        Text::Template { name, variables }
    }

    /// Compiles the texts that were read, or reports what is wrong with them.
    pub(crate) fn compile(&mut self) -> Option<Templates> {
        let texts = self.templates.iter().filter_map(|(name, node)| match &node.value {
            Value::Scalar { text, .. } => Some((name.as_str(), text.as_str())),
            Value::List(_) | Value::Map(_) => None,
        });
        let problem = match Templates::compile(texts) {
            Ok(templates) => return Some(templates),
            Err(problem) => problem,
        };
        for (_, node) in std::mem::take(&mut self.templates) {
            if let Value::Scalar { text, .. } = &node.value
                && let Err(problem) = template::syntax(text)
            {
                let span = self.within(&node, problem.at);
                self.error(span, problem.message, problem.hint);
            }
        }
        if !self.has_errors() {
            let span = self.source.span(0, 0);
            self.error(span, format!("the texts cannot be compiled: {problem}"), "simplify them");
        }
        None
    }

    /// A name in a text that is neither a variable nor something that the call knows.
    fn unknown_in_text(&mut self, name: &str, span: Span) {
        self.names_unknown = true;
        let declared = nearest(name, self.variables.keys().map(String::as_str));
        match declared.or_else(|| nearest(name, Fact::names_in_texts())) {
            Some(near) => {
                let hint = format!("did you mean `{near}`?");
                self.error(span, format!("the variable `{name}` is not declared"), hint);
            }
            None => self.undeclared(name, span),
        }
    }

    /// Reports a variable that is not declared.
    pub(crate) fn undeclared(&mut self, name: &str, span: Span) {
        self.names_unknown = true;
        let names: Vec<&str> = self.variables.keys().map(String::as_str).take(30).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("declare it: `variables: {{ {name}: text }}`"),
            None => format!("declare it under `variables:`; declared are {}", listed(names)),
        };
        self.error(span, format!("the variable `{name}` is not declared"), hint);
    }

    /// An expression, with its variables and check points noted.
    pub(crate) fn expression(
        &mut self,
        node: &Node,
        what: &str,
        wanted: Option<VariableType>,
    ) -> Option<(Expr, VariableType)> {
        let text = self.scalar(node, what)?;
        // `= tries + 1`, where a text could be meant.
        let skipped = text.strip_prefix('=').map_or(0, |rest| text.len() - rest.trim_start().len());
        let names = Names { variables: &self.variables, scenes: &self.scene_ids };
        match super::expr::parse(text.get(skipped..).unwrap_or_default(), names, wanted) {
            Ok(parsed) => {
                self.read.extend(parsed.variables);
                for (name, at) in parsed.checkpoints {
                    let span = self.within(node, at.start + skipped..at.end + skipped);
                    self.checkpoint_mentions.push((name, span));
                }
                Some((parsed.expr, parsed.kind))
            }
            Err(problems) => {
                for problem in problems {
                    let span = self.within(node, problem.at.start + skipped..problem.at.end + skipped);
                    self.error(span, problem.message, problem.hint);
                }
                None
            }
        }
    }

    /// Whether an expression may consist of this name alone.
    pub(crate) fn names_value(&self, name: &str) -> bool {
        self.variables.contains_key(name) || Fact::names().any(|fact| fact == name)
    }

    /// A condition.
    pub(crate) fn condition(&mut self, node: &Node) -> Option<Expr> {
        self.expression(node, "`when`", Some(VariableType::Boolean)).map(|(expr, _)| expr)
    }

    /// Notes that the flow has this check point.
    pub(crate) fn checkpoint(&mut self, node: &Node) -> Option<String> {
        let name = self.name_node(node, "a check point")?;
        self.checkpoints.insert(name.clone());
        Some(name)
    }

    /// Where `at`, a byte range of a scalar's text, stands in the file.
    pub(crate) fn within(&self, node: &Node, at: Range<usize>) -> Span {
        let Value::Scalar { text, style } = &node.value else { return node.span };
        let raw = self.source.text.get(node.span.start..node.span.end).unwrap_or_default();
        let place = |offset| node.span.start + raw_offset(raw, text, *style, offset);
        let start = place(at.start);
        self.source.span(start, place(at.end).max(start))
    }
}

/// The entries of a map.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'n>(&'n [Entry]);

impl<'n> Fields<'n> {
    pub(crate) fn entry(self, key: &str) -> Option<&'n Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Whether every key is among `allowed`.
    pub(crate) fn only(self, allowed: &[&str]) -> bool {
        self.0.iter().all(|entry| allowed.contains(&entry.key.as_str()))
    }

    /// The value of `key`.
    pub(crate) fn node(self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }
}
