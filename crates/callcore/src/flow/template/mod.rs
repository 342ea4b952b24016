//! Texts with `{{ variable }}` in them: a safe subset of tera.
//!
//! Tera has no execution limit, so what could run long or grow never reaches it: loops, functions,
//! indexing and filters outside a short list are refused when the flow is read, and output is capped.

mod filters;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Map, Value};
use tera::{Context, Tera};

use self::filters::LANGUAGE;
pub(super) use self::filters::unfit;
use super::session;

/// Longest text a template may become, in bytes: about five minutes of speech.
pub(super) const MAX_RENDERED: usize = 6_000;

/// Ends the name of a text that becomes part of a URL.
pub(super) const URL_SUFFIX: &str = ".url";

/// Most `{{ … }}` and `{% … %}` in one text, and most words and signs in one of them: tera's parser goes
/// one call deeper for every bracket and every `if`.
const MAX_TAGS: usize = 60;
const MAX_TOKENS: usize = 60;

/// Filters a flow may use.
pub(super) const FILTERS: [&str; 18] = [
    "upper",
    "lower",
    "capitalize",
    "title",
    "trim",
    "truncate",
    "round",
    "abs",
    "int",
    "float",
    "length",
    "digits",
    "spoken_number",
    "spoken_ordinal",
    "spoken_money",
    "spoken_date",
    "spoken_time",
    "spoken_phone",
];

const STATEMENTS: [&str; 4] = ["if", "elif", "else", "endif"];
const KEYWORDS: [&str; 13] =
    ["and", "or", "not", "is", "in", "if", "else", "elif", "endif", "true", "false", "True", "False"];

/// A text of the flow, plain or to be filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Literal(String),
    Template { name: String, variables: BTreeSet<String> },
}

impl Text {
    /// The variables it needs.
    pub(super) fn variables(&self) -> impl Iterator<Item = &String> {
        match self {
            Self::Literal(_) => None,
            Self::Template { variables, .. } => Some(variables.iter()),
        }
        .into_iter()
        .flatten()
    }
}

/// The templates of one flow, compiled.
#[derive(Default)]
pub(super) struct Templates {
    tera: Tera,
    /// The texts as their author wrote them, by name.
    sources: BTreeMap<String, String>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Templates")
    }
}

/// Something wrong in a template; `at` is a byte range of its text.
#[derive(Debug, PartialEq)]
pub(super) struct TemplateError {
    pub at: std::ops::Range<usize>,
    pub message: String,
    pub hint: String,
}

impl Templates {
    /// Compiles `(name, text)` pairs that [`check`] passed. On an error [`syntax`] says of which text.
    pub(super) fn compile<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> Result<Self, tera::Error> {
        let sources: BTreeMap<String, String> =
            texts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let mut tera = engine();
        tera.add_raw_templates(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
        Ok(Self { tera, sources })
    }

    /// The text before anything is filled in.
    pub(super) fn source<'t>(&'t self, text: &'t Text) -> &'t str {
        match text {
            Text::Literal(text) => text,
            Text::Template { name, .. } => self.sources.get(name).map_or("", String::as_str),
        }
    }

    /// The text with `context` filled in.
    pub(super) fn render(&self, text: &Text, context: &Context) -> Result<String, String> {
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

/// The context a render needs.
pub(super) fn context(variables: &Map<String, Value>, language: &str) -> Context {
    let mut context = Context::new();
    context.insert(LANGUAGE, &language);
    for (name, value) in variables {
        context.insert(name.clone(), value);
    }
    context
}

/// The same context for a text in another language.
pub(super) fn in_language(context: &Context, language: &str) -> Context {
    let mut context = context.clone();
    context.insert(LANGUAGE, &language);
    context
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

/// Whether `text` has template marks at all.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// A variable named in a template.
#[derive(Debug)]
pub(super) struct Mention {
    pub name: String,
    /// The byte range of its name.
    pub at: std::ops::Range<usize>,
    /// The filter directly behind it.
    pub filter: Option<String>,
}

/// Checks a template against the safe subset and lists the variables it names. Whether it is well formed
/// otherwise, tera says when all texts are compiled.
pub(super) fn check(text: &str) -> Result<Vec<Mention>, TemplateError> {
    let mut mentions = Vec::new();
    let mut at = 0;
    let mut tags = 0;
    while let Some(open) = text.get(at..).and_then(next_tag) {
        let start = at + open.offset;
        let body = start + 2;
        tags += 1;
        if tags > MAX_TAGS {
            let message = format!("a text may fill in at most {MAX_TAGS} places");
            return Err(error(start..start + 2, message, "split it into several steps".into()));
        }
        let Some(length) = text.get(body..).and_then(|rest| rest.find(open.close)) else {
            return Err(error(
                start..start + 2,
                format!("`{}` is never closed", open.mark),
                format!("close it with `{}`", open.close),
            ));
        };
        let inside = body..body + length;
        check_tag(text, inside, open.mark, &mut mentions)?;
        at = body + length + 2;
    }
    Ok(mentions)
}

struct Tag {
    offset: usize,
    mark: &'static str,
    close: &'static str,
}

fn next_tag(rest: &str) -> Option<Tag> {
    [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
        .into_iter()
        .filter_map(|(mark, close)| rest.find(mark).map(|offset| Tag { offset, mark, close }))
        .min_by_key(|tag| tag.offset)
}

fn check_tag(
    text: &str,
    inside: std::ops::Range<usize>,
    mark: &str,
    mentions: &mut Vec<Mention>,
) -> Result<(), TemplateError> {
    if mark == "{#" {
        let at = inside.start - 2..inside.end + 2;
        let hint = "write comments behind a `#` of YAML";
        return Err(error(at, "comments do not belong into a prompt".into(), hint.into()));
    }
    let tokens = tokens(text, inside.clone());
    let word = |i: usize| tokens.get(i).and_then(|t| text.get(t.clone())).unwrap_or_default();
    let first = tokens.iter().position(|t| text.get(t.clone()) != Some("-")).unwrap_or(0);
    if tokens.len() > MAX_TOKENS {
        let hint = "use `branch` steps to decide what is said";
        return Err(error(inside.start - 2..inside.end + 2, "this is too long".into(), hint.into()));
    }
    if mark == "{%" && !STATEMENTS.contains(&word(first)) {
        let at = tokens.get(first).cloned().unwrap_or(inside);
        let message = format!("`{}` is not allowed in a prompt", text.get(at.clone()).unwrap_or_default());
        let hint = "only `{% if … %}`, `{% elif … %}`, `{% else %}` and `{% endif %}` are; repeat with steps";
        return Err(error(at, message, hint.into()));
    }
    if tokens.is_empty() {
        let hint = "name a variable: `{{ name }}`";
        return Err(error(inside.start - 2..inside.end + 2, "nothing to fill in".into(), hint.into()));
    }
    for (i, at) in tokens.iter().enumerate() {
        let token = word(i);
        let before = if i == 0 { "" } else { word(i - 1) };
        let after = word(i + 1);
        if let Some(rest) = token.strip_prefix(session::CONTEXT)
            && rest.starts_with('.')
        {
            if !session::IN_TEMPLATES.contains(&token) {
                let hint = match super::diagnostic::nearest(token, session::IN_TEMPLATES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", super::diagnostic::listed(session::IN_TEMPLATES)),
                };
                return Err(error(at.clone(), format!("the session holds no `{token}`"), hint));
            }
            mentions.push(Mention { name: session::CONTEXT.to_owned(), at: at.clone(), filter: None });
            continue;
        }
        if matches!(token, "[" | "{" | ".") {
            let hint = "variables are single values: `{{ name }}`, or `{{ name | upper }}` with a filter";
            return Err(error(at.clone(), format!("`{token}` is not allowed in a prompt"), hint.into()));
        }
        if token == "|" && !is_name(after) {
            let hint = format!("filters are {}", super::diagnostic::listed(FILTERS));
            return Err(error(at.clone(), "a filter's name must follow `|`".into(), hint));
        }
        if !is_name(token) || KEYWORDS.contains(&token) {
            continue;
        }
        if before == "|" {
            if !FILTERS.contains(&token) {
                let hint = match super::diagnostic::nearest(token, FILTERS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("filters are {}", super::diagnostic::listed(FILTERS)),
                };
                return Err(error(at.clone(), format!("there is no filter `{token}`"), hint));
            }
            check_arguments(text, &tokens, i)?;
        } else if matches!(token, "for" | "range" | "throw") || after == "(" {
            let hint = "fill in variables and filters only; repeat with steps";
            return Err(error(at.clone(), format!("`{token}` is not allowed in a prompt"), hint.into()));
        } else if after == "=" || before == "is" || (before == "not" && i > 1 && word(i - 2) == "is") {
            // The name of a filter's argument, or of a test: tera knows them.
        } else {
            let filter = (after == "|").then(|| word(i + 2).to_owned());
            mentions.push(Mention { name: token.to_owned(), at: at.clone(), filter });
        }
    }
    Ok(())
}

/// Holds the arguments of the filter at token `filter` against what it takes.
fn check_arguments(
    text: &str,
    tokens: &[std::ops::Range<usize>],
    filter: usize,
) -> Result<(), TemplateError> {
    let word = |i: usize| tokens.get(i).and_then(|t| text.get(t.clone())).unwrap_or_default();
    let (mut arguments, mut places) = (Vec::new(), Vec::new());
    if word(filter + 1) == "(" {
        let mut at = filter + 2;
        while word(at + 1) == "=" {
            arguments.push((word(at), word(at + 2)));
            places.push(at);
            at += if word(at + 3) == "," { 4 } else { 3 };
        }
    }
    filters::check_arguments(word(filter), &arguments).map_err(|(at, message, hint)| {
        let place = places.get(at).copied().unwrap_or(filter);
        error(tokens.get(place).cloned().unwrap_or_default(), message, hint)
    })
}

/// Splits the inside of a tag into words, numbers, strings and single signs (`==` counts as one).
fn tokens(text: &str, inside: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let body = text.get(inside.clone()).unwrap_or_default();
    let mut out = Vec::new();
    let mut chars = body.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        if c.is_whitespace() {
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            let number = c.is_ascii_digit();
            let path = body.get(start..).is_some_and(|rest| rest.starts_with("context."));
            while let Some((at, c)) =
                chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_' || ((number || path) && *c == '.'))
            {
                end = at + c.len_utf8();
            }
        } else if matches!(c, '"' | '\'' | '`') {
            for (at, inner) in chars.by_ref() {
                end = at + inner.len_utf8();
                if inner == c {
                    break;
                }
            }
        } else if matches!(c, '=' | '!' | '<' | '>')
            && let Some((at, _)) = chars.next_if(|(_, next)| *next == '=')
        {
            end = at + 1;
        }
        out.push(inside.start + start..inside.start + end);
    }
    out
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// What tera itself says about a text.
pub(super) fn syntax(text: &str) -> Result<(), TemplateError> {
    let Err(problem) = engine().add_raw_template("text", text) else { return Ok(()) };
    let hint = "write `{{ name }}` to fill in a variable".to_owned();
    let tera::ErrorKind::SyntaxError(report) = problem.kind() else {
        return Err(error(0..text.len(), format!("the template is wrong: {problem}"), hint));
    };
    let mut at = report.span().range.clone();
    at.start = at.start.min(text.len());
    Err(error(at, format!("the template is wrong: {}", report.message()), hint))
}

fn error(at: std::ops::Range<usize>, message: String, hint: String) -> TemplateError {
    TemplateError { at, message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, variables: &Value) -> Result<String, String> {
        let names = check(text).map_err(|e| e.message)?.into_iter().map(|m| m.name).collect();
        let templates = Templates::compile([("t", text)].into_iter()).map_err(|e| e.to_string())?;
        let context = context(variables.as_object().unwrap(), "id-ID");
        templates.render(&Text::Template { name: "t".into(), variables: names }, &context)
    }

    #[test]
    fn variables_filters_and_conditions_are_filled_in() {
        let variables = serde_json::json!({"name": "ani", "due": "", "code": "08-12", "n": 2});
        assert_eq!(render("Hi {{ name | title }}.", &variables).as_deref(), Ok("Hi Ani."));
        assert_eq!(render("Code {{ code | digits }}", &variables).as_deref(), Ok("Code 0 8 1 2"));
        assert_eq!(render("Pay{% if due %} by {{ due }}{% endif %}.", &variables).as_deref(), Ok("Pay."));
        assert_eq!(render("{{ n }} left", &variables).as_deref(), Ok("2 left"));
    }

    #[test]
    fn values_are_spoken_in_the_language_of_the_prompt_or_their_own() {
        let variables = serde_json::json!({
            "amount": 250_000, "typed": "1.250.000", "due": "2026-05-05", "at": "14:30", "phone": "0812-345",
            "place": 2, "odd": "about ten", "half": 0.5,
        });
        for (text, spoken) in [
            ("{{ amount | spoken_money(currency='IDR') }}", "dua ratus lima puluh ribu rupiah"),
            (
                "{{ amount | spoken_money(currency=\"USD\", language='en') }}",
                "two hundred fifty thousand dollars",
            ),
            ("{{ amount | spoken_money(currency='EUR', language='fr') }}", "250000 EUR"),
            ("{{ typed | spoken_number }}", "satu juta dua ratus lima puluh ribu"),
            ("{{ half | spoken_number }}", "nol koma lima"),
            ("{{ due | spoken_date }}", "lima Mei"),
            ("{{ due | spoken_date(weekday=true, year=true) }}", "Selasa, lima Mei dua ribu dua puluh enam"),
            ("{{ at | spoken_time }}", "empat belas lewat tiga puluh menit"),
            ("{{ phone | spoken_phone }}", "nol delapan satu dua, tiga empat lima"),
            ("{{ place | spoken_ordinal }}", "kedua"),
            ("{{ odd | spoken_number }} {{ odd | spoken_date }}", "about ten about ten"),
        ] {
            assert_eq!(render(text, &variables).as_deref(), Ok(spoken), "{text}");
        }
    }

    #[test]
    fn wrong_arguments_of_a_filter_are_found_when_the_flow_is_read() {
        for (text, at) in [
            ("{{ a | spoken_money }}", "spoken_money"),
            ("{{ a | spoken_money(curency='IDR') }}", "curency"),
            ("{{ a | spoken_money(currency='RUP') }}", "currency"),
            ("{{ a | spoken_date(weekday=true, years=true) }}", "years"),
        ] {
            let problem = check(text).unwrap_err();
            assert_eq!(text.get(problem.at), Some(at), "{text}");
        }
    }

    #[test]
    fn what_could_run_long_is_refused_when_the_flow_is_read() {
        for text in [
            "{% for x in range(end=10000000000) %}x{% endfor %}",
            "{{ range(end=1000000000) }}",
            "{{ [x for x in y] }}",
            "{{ a | replace(from='', to='aaaaaaaaaaaa') }}",
            "{{ a | indent(width=1000000000) }}",
            "{% set a = 1 %}",
            "{% include 'x' %}",
            "{{ __tera_context }}{# c #}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&format!("{{{{ {} }}}}", "(".repeat(2_000))).is_err());
        assert!(check(&"{% if a %}".repeat(500)).is_err());
    }

    #[test]
    fn a_value_that_grows_the_text_without_bound_is_an_error() {
        let variables = serde_json::json!({"a": "x".repeat(MAX_RENDERED)});
        let message = render("{{ a }}{{ a }}", &variables).unwrap_err();
        assert!(message.contains("longer than"), "{message}");
    }

    #[test]
    fn mentions_are_the_variables_and_nothing_else() {
        let text = "{{ a | truncate(length=3) }} {% if b and not c %}x{% elif d is defined %}{% endif %}";
        let names: Vec<String> = check(text).unwrap().into_iter().map(|m| m.name).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }
}
