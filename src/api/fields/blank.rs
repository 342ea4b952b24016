//! Texts without a value: empty ones, and placeholders that a template left unfilled.

/// Words that programs write where they have no value, in any case and in just this one.
const NO_VALUE: [&str; 5] = ["null", "(null)", "<null>", "undefined", "[object object]"];
const NO_VALUE_SPELT_SO: [&str; 3] = ["None", "NaN", "nil"];
/// Those of them that nobody means to be said.
const NO_VALUE_SAID: [&str; 6] = ["null", "NULL", "(null)", "<null>", "undefined", "NaN"];
/// How placeholders of templates begin and end, wherever they stand in a text.
const PLACEHOLDERS: [(&str, &str); 5] = [("{{", "}}"), ("${", "}"), ("<%", "%>"), ("{%", "%}"), ("[[", "]]")];
/// The same, where they are all of the text.
const WHOLE: [(&str, &str); 3] = [("{", "}"), ("%", "%"), ("<", ">")];

/// Why a text is no value; `None` when it is one.
pub(super) fn why_blank(text: &str) -> Option<String> {
    let bare = text.trim_matches(|sign: char| sign.is_whitespace() || is_invisible(sign));
    if bare.is_empty() {
        return Some("is empty; give it a value".to_owned());
    }
    if NO_VALUE.contains(&bare.to_ascii_lowercase().as_str()) || NO_VALUE_SPELT_SO.contains(&bare) {
        let word = bare.to_owned();
        return Some(format!("is the word \"{word}\", which stands for no value; give it one"));
    }
    let left = placeholder(bare)?;
    let left: String = left.chars().take(40).collect();
    Some(format!("holds the placeholder {left}, which was not filled in"))
}

/// What a program or a template left in a value that a bot would say. An empty one may be meant, and people are called
/// Null.
pub(super) fn left_over(text: &str) -> Option<String> {
    let bare = text.trim();
    let word = NO_VALUE_SAID.contains(&bare) || bare.eq_ignore_ascii_case("[object object]");
    if bare.is_empty() || !(word || placeholder(bare).is_some()) { None } else { why_blank(bare) }
}

fn placeholder(text: &str) -> Option<&str> {
    let within = PLACEHOLDERS.iter().find_map(|(begin, end)| {
        let from = text.find(begin)?;
        let to = from + begin.len() + text[from + begin.len()..].find(end)? + end.len();
        Some(&text[from..to])
    });
    let named = |inside: &str| {
        !inside.is_empty() && inside.chars().all(|sign| sign.is_alphanumeric() || "_-. $".contains(sign))
    };
    let whole = || {
        let around = |(begin, end): &(&str, &str)| {
            text.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).is_some_and(named)
        };
        let shell = text.strip_prefix('$').is_some_and(|name| {
            named(name) && name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        });
        (WHOLE.iter().any(around) || shell).then_some(text)
    };
    within.or_else(whole)
}

/// Signs that take no room: zero-width spaces, joiners, a byte order mark.
const fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_was_not_filled_in_is_no_value() {
        for text in ["", " ", "\t\n", "\u{a0}", "\u{200b}", "\u{feff}"] {
            assert!(why_blank(text).unwrap().starts_with("is empty"), "{text:?}");
        }
        for text in ["null", "NULL", "undefined", " None ", "nil", "NaN", "[object Object]"] {
            assert!(why_blank(text).unwrap().contains("stands for no value"), "{text:?}");
        }
        for text in [
            "{{x}}",
            "{{ due | date }}",
            "https://a.test/{{id}}",
            "${url}",
            "<%= x %>",
            "[[x]]",
            "{x}",
            "%x%",
            "<start time>",
            "$start",
        ] {
            assert!(why_blank(text).unwrap().contains("was not filled in"), "{text:?}");
        }
    }

    #[test]
    fn what_would_be_said_may_be_empty_and_is_no_placeholder() {
        for text in
            ["{{name}}", "Dear ${name}", "undefined", "null", "NULL", "NaN", "[object Object]", "{{ a | b }}"]
        {
            assert!(left_over(text).is_some(), "{text:?}");
        }
        for text in ["", " ", "Null", "None", "50%", "$5", "a { b", "Ann"] {
            assert_eq!(left_over(text), None, "{text:?}");
        }
    }

    #[test]
    fn values_are_values() {
        for text in [
            "2026-12-01T09:30:00+07:00",
            "https://a.test/a%20b?x={1}&y=%7b",
            "main",
            "reminder@3f9c",
            "@latest",
            "+6221555",
            "Nilam",
            "nullable",
            "none",
            "5",
            "50%",
        ] {
            assert_eq!(why_blank(text), None, "{text:?}");
        }
    }
}
