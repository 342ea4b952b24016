//! Checking texts with `{{ variable }}` in them: a safe subset of tera.
//!
//! Tera has no execution limit, so what could run long or grow never reaches it: loops, functions,
//! indexing and filters outside a short list are refused when the flow is read.

use super::filters;
use crate::flow::model::{CONTEXT, IN_TEMPLATES, Templates};
use crate::language::{listed, nearest};

/// Most `{{ … }}` and `{% … %}` in one text, and most words and signs in one of them: tera's parser goes
/// one call deeper for every bracket and every `if`.
const MAX_TAGS: usize = 60;
const MAX_TOKENS: usize = 60;

/// Filters a flow may use.
pub(crate) const FILTERS: [&str; 18] = [
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

/// Something wrong in a template; `at` is a byte range of its text.
#[derive(Debug, PartialEq)]
pub(crate) struct TemplateError {
    pub at: std::ops::Range<usize>,
    pub message: String,
    pub hint: String,
}

/// Whether `text` has template marks at all.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// A variable named in a template.
#[derive(Debug)]
pub(crate) struct Mention {
    pub name: String,
    /// The byte range of its name.
    pub at: std::ops::Range<usize>,
    /// The filter directly behind it.
    pub filter: Option<String>,
}

/// What a template names, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub mentions: Vec<Mention>,
    pub problems: Vec<TemplateError>,
}

/// Checks a template against the safe subset and lists the variables it names; what is wrong in one place hides nothing
/// in another. Whether it is well formed otherwise, tera says when all texts are compiled.
pub(crate) fn check(text: &str) -> Checked {
    let mut checked = Checked::default();
    let mut loops = Vec::new();
    let mut at = 0;
    let mut tags = 0;
    while let Some(open) = text.get(at..).and_then(next_tag) {
        let start = at + open.offset;
        let body = start + 2;
        tags += 1;
        if tags > MAX_TAGS {
            let message = format!("a text may fill in at most {MAX_TAGS} places");
            checked.problems.push(error(start..start + 2, message, "split it into several steps".into()));
            break;
        }
        let Some(length) = text.get(body..).and_then(|rest| rest.find(open.close)) else {
            checked.problems.push(error(
                start..start + 2,
                format!("`{}` is never closed", open.mark),
                format!("close it with `{}`", open.close),
            ));
            break;
        };
        check_tag(text, body..body + length, open.mark, &mut loops, &mut checked);
        at = body + length + 2;
    }
    // What a loop names is known within it.
    checked.mentions.retain(|mention| !loops.contains(&mention.name));
    checked
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

/// `loops` are the names that loops give, which are not allowed, but no reason to complain twice.
fn check_tag(
    text: &str,
    inside: std::ops::Range<usize>,
    mark: &str,
    loops: &mut Vec<String>,
    checked: &mut Checked,
) {
    let Checked { mentions, problems } = checked;
    if mark == "{#" {
        let at = inside.start - 2..inside.end + 2;
        let hint = "write comments behind a `#` of YAML";
        problems.push(error(at, "comments do not belong into a prompt".into(), hint.into()));
        return;
    }
    let tokens = tokens(text, inside.clone());
    let word = |i: usize| tokens.get(i).and_then(|t| text.get(t.clone())).unwrap_or_default();
    let first = tokens.iter().position(|t| text.get(t.clone()) != Some("-")).unwrap_or(0);
    if tokens.len() > MAX_TOKENS {
        let hint = "use `branch` steps to decide what is said";
        problems.push(error(inside.start - 2..inside.end + 2, "this is too long".into(), hint.into()));
        return;
    }
    if mark == "{%" && !STATEMENTS.contains(&word(first)) {
        let between = tokens
            .iter()
            .skip(first + 1)
            .map_while(|token| text.get(token.clone()).filter(|name| word(first) == "for" && *name != "in"));
        loops.extend(between.filter(|name| is_name(name)).map(str::to_owned));
        let ends = word(first).starts_with("end");
        let at = tokens.get(first).cloned().unwrap_or(inside);
        let message = format!("`{}` is not allowed in a prompt", text.get(at.clone()).unwrap_or_default());
        let hint = "only `{% if … %}`, `{% elif … %}`, `{% else %}` and `{% endif %}` are; repeat with steps";
        // The end of what was refused is no fault of its own.
        if !ends || problems.is_empty() {
            problems.push(error(at, message, hint.into()));
        }
        return;
    }
    if tokens.is_empty() {
        let hint = "name a variable: `{{ name }}`";
        problems.push(error(inside.start - 2..inside.end + 2, "nothing to fill in".into(), hint.into()));
        return;
    }
    for (i, at) in tokens.iter().enumerate() {
        let token = word(i);
        let before = if i == 0 { "" } else { word(i - 1) };
        let after = word(i + 1);
        if let Some(rest) = token.strip_prefix(CONTEXT)
            && rest.starts_with('.')
        {
            if !IN_TEMPLATES.contains(&token) {
                let hint = match nearest(token, IN_TEMPLATES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", listed(IN_TEMPLATES)),
                };
                problems.push(error(at.clone(), format!("the session holds no `{token}`"), hint));
                continue;
            }
            mentions.push(Mention { name: CONTEXT.to_owned(), at: at.clone(), filter: None });
            continue;
        }
        if matches!(token, "[" | "{" | ".") {
            let hint = "variables are single values: `{{ name }}`, or `{{ name | upper }}` with a filter";
            problems.push(error(at.clone(), format!("`{token}` is not allowed in a prompt"), hint.into()));
            return;
        }
        if token == "|" && !is_name(after) {
            let hint = format!("filters are {}", listed(FILTERS));
            problems.push(error(at.clone(), "a filter's name must follow `|`".into(), hint));
            continue;
        }
        if !is_name(token) || KEYWORDS.contains(&token) {
            continue;
        }
        if before == "|" {
            if !FILTERS.contains(&token) {
                let hint = match nearest(token, FILTERS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("filters are {}", listed(FILTERS)),
                };
                problems.push(error(at.clone(), format!("there is no filter `{token}`"), hint));
                // Its arguments are its own.
                if after == "(" {
                    return;
                }
                continue;
            }
            problems.extend(check_arguments(text, &tokens, i).err());
        } else if matches!(token, "for" | "range" | "throw") || after == "(" {
            let hint = "fill in variables and filters only; repeat with steps";
            problems.push(error(at.clone(), format!("`{token}` is not allowed in a prompt"), hint.into()));
            return;
        } else if after == "=" || before == "is" || (before == "not" && i > 1 && word(i - 2) == "is") {
            // The name of a filter's argument, or of a test: tera knows them.
        } else {
            let filter = (after == "|").then(|| word(i + 2).to_owned());
            mentions.push(Mention { name: token.to_owned(), at: at.clone(), filter });
        }
    }
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
pub(crate) fn syntax(text: &str) -> Result<(), TemplateError> {
    let Err(problem) = Templates::compile([("text", text)].into_iter()) else { return Ok(()) };
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
    use serde_json::Value;

    use super::*;
    use crate::flow::model::{MAX_RENDERED, Text};

    fn names(text: &str) -> Result<Vec<String>, String> {
        let Checked { mentions, problems } = check(text);
        problems.into_iter().next().map_or_else(
            || Ok(mentions.into_iter().map(|mention| mention.name).collect()),
            |problem| Err(problem.message),
        )
    }

    fn render(text: &str, variables: &Value) -> Result<String, String> {
        let names = names(text)?.into_iter().collect();
        let templates = Templates::compile([("t", text)].into_iter()).map_err(|e| e.to_string())?;
        let context = Templates::context(variables.as_object().unwrap(), "id-ID");
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
            ("{{ '09.05' | spoken_time }}", "sembilan lewat lima menit"),
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
            let problem = check(text).problems.swap_remove(0);
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
            assert!(names(text).is_err(), "{text}");
        }
        assert!(names(&format!("{{{{ {} }}}}", "(".repeat(2_000))).is_err());
        assert!(names(&"{% if a %}".repeat(500)).is_err());
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
        assert_eq!(names(text).unwrap(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_wrong_in_one_place_hides_nothing_in_another() {
        for (text, wrong, mentioned) in [
            ("Hi {{ nmae }} {{ name | shout }}", vec!["shout"], vec!["nmae", "name"]),
            ("{% for x in items %}{{ x }} {{ nmae }}{% endfor %}", vec!["for"], vec!["nmae"]),
            ("{{ a | spoken_money(currency='RUP') }} {{ b }}", vec!["currency"], vec!["a", "b"]),
            ("{{ a | shout }} {{ b | whisper(x=1) }}", vec!["shout", "whisper"], vec!["a", "b"]),
        ] {
            let Checked { mentions, problems } = check(text);
            let found: Vec<&str> = problems.iter().map(|problem| &text[problem.at.clone()]).collect();
            let names: Vec<&str> = mentions.iter().map(|mention| mention.name.as_str()).collect();
            assert_eq!((found, names), (wrong, mentioned), "{text}");
        }
    }
}
