//! From a character of a scalar's text back to where it is written.

use crate::yaml::Style;

/// The byte of `raw` (a scalar as written) that holds byte `offset` of its `text`. Walks both along:
/// escapes, folded line breaks and indentation are in `raw` only.
pub(crate) fn raw_offset(raw: &str, text: &str, style: Style, offset: usize) -> usize {
    let mut rest = raw.char_indices().peekable();
    match style {
        Style::Plain => {}
        Style::Quoted => {
            rest.next();
        }
        Style::Block => {
            if raw.starts_with(['|', '>']) {
                rest.find(|(_, c)| *c == '\n');
            }
        }
    }
    let escaped = style == Style::Quoted && raw.starts_with('"');
    let mut last = raw.len();
    for (at, wanted) in text.char_indices() {
        for (raw_at, c) in rest.by_ref() {
            let escape = escaped && c == '\\';
            if c == wanted || escape || (wanted == ' ' && c == '\n') {
                last = raw_at;
                break;
            }
        }
        if at >= offset {
            return last;
        }
        if escaped && raw.get(last..).is_some_and(|r| r.starts_with('\\')) {
            let skip = match raw.as_bytes().get(last + 1) {
                Some(b'x') => 3,
                Some(b'u') => 5,
                Some(b'U') => 9,
                _ => 1,
            };
            for _ in 0..skip {
                rest.next();
            }
        }
    }
    rest.peek().map_or(raw.len(), |(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_text_is_found_in_every_style_of_writing() {
        for (raw, text, style) in [
            ("Hi {{ x }}", "Hi {{ x }}", Style::Plain),
            ("Hi\n    {{ x }}", "Hi {{ x }}", Style::Plain),
            ("\"H\\u0069 \\\"{{ x }}\"", "Hi \"{{ x }}", Style::Quoted),
            ("'It''s {{ x }}'", "It's {{ x }}", Style::Quoted),
            ("|\n    Hi\n    {{ x }}\n", "Hi\n{{ x }}\n", Style::Block),
            (">-\n    Hi\n    {{ x }}", "Hi {{ x }}", Style::Block),
        ] {
            let offset = text.find('x').unwrap();
            assert_eq!(
                raw.get(raw_offset(raw, text, style, offset)..).unwrap().chars().next(),
                Some('x'),
                "{raw}"
            );
        }
    }
}
