//! Brackets and quotes that are never closed: YAML's reader stops lines behind them.

/// The first bracket or quote of a broken text that stays open, and where it stands, in bytes. `stopped` is the line where the
/// reader stopped, from 1: a quote is suspected only when it goes over a line's end and reaches that line.
pub(super) fn left_open(text: &str, stopped: usize) -> Option<(char, usize)> {
    let mut scan = Scan::default();
    let mut start = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        scan.line(line, start, at + 1, stopped);
        start += line.len();
    }
    let quote = scan.quote.map(|(sign, at, _)| (sign, at));
    scan.suspect.or(quote).or_else(|| scan.open.first().copied())
}

#[derive(Default)]
struct Scan {
    /// Brackets that are open, the outermost first.
    open: Vec<(char, usize)>,
    /// A quote that is open: itself, its place and its line.
    quote: Option<(char, usize, usize)>,
    /// A bracket that another kind closes, or a quote that swallowed the line where the reader stopped.
    suspect: Option<(char, usize)>,
    /// How far a block of text is indented at least; its lines hold no brackets and quotes of YAML.
    block: Option<usize>,
}

impl Scan {
    fn line(&mut self, line: &str, start: usize, number: usize, stopped: usize) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(least) = self.block {
            if line.trim().is_empty() || indent >= least {
                return;
            }
            self.block = None;
        }
        // A value may begin here: at the line's start, behind a bracket, a comma, or `: ` and `- `.
        let mut may_begin = true;
        let mut before = ' ';
        let mut signs = line.char_indices().peekable();
        while let Some((at, sign)) = signs.next() {
            if let Some((quote, place, line)) = self.quote {
                let escapes = sign == '\\' && quote == '"';
                let doubled =
                    sign == quote && quote == '\'' && signs.peek().is_some_and(|&(_, next)| next == '\'');
                if escapes || doubled {
                    signs.next();
                } else if sign == quote {
                    self.quote = None;
                    if line < number && (line..=number).contains(&stopped) {
                        self.suspect.get_or_insert((quote, place));
                    }
                }
                before = sign;
                continue;
            }
            match sign {
                '#' if before.is_whitespace() => break,
                '"' | '\'' if may_begin => self.quote = Some((sign, start + at, number)),
                '[' | '{' if may_begin => self.open.push((sign, start + at)),
                ']' | '}' if !self.open.is_empty() => self.close(sign),
                _ => {}
            }
            let follows = matches!(before, ':' | '-' | '?') && sign == ' ';
            may_begin = match sign {
                '[' | '{' | ',' => !self.open.is_empty(),
                _ if sign.is_whitespace() => may_begin || follows,
                _ => false,
            };
            before = sign;
        }
        let said = line.split(" #").next().unwrap_or_default().trim_end();
        let last = said.rsplit([' ', ':']).next().unwrap_or_default();
        if self.open.is_empty() && self.quote.is_none() && last.starts_with(['|', '>']) && last.len() <= 3 {
            self.block = Some(indent + 1);
        }
    }

    fn close(&mut self, sign: char) {
        let wanted = if sign == ']' { '[' } else { '{' };
        if let Some((open, at)) = self.open.pop()
            && open != wanted
        {
            self.suspect.get_or_insert((open, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_open_is_found_where_it_begins() {
        for (text, stopped, place) in [
            ("a: [x\nb: { c: d }\n", 2, Some(('[', 3))),
            ("a: { x: [1, 2 }\nb: 1\n", 1, Some(('[', 8))),
            ("a: \"x\nb: 1\n", 2, Some(('"', 3))),
            ("a: \"x\nb: \"y\"\n", 2, Some(('"', 3))),
            ("a: 'it''s\nb: 1\n", 2, Some(('\'', 3))),
            ("- [ 1, 2 ]\n- { a: [ }\n", 2, Some(('[', 18))),
        ] {
            assert_eq!(left_open(text, stopped), place, "{text}");
        }
    }

    #[test]
    fn signs_that_open_nothing_are_left_alone() {
        for text in [
            "a: it's {{ name }} [sic\nb: x: y\n",
            "a: |\n  say \"hello [\n  {\nb: x: y\n",
            "# don't [ {\nb: x: y\n",
            "a: [ \"one ]\", 'two }' ]\nb: x: y\n",
            "a: \"two\n  lines\"\nb: 1\nc: x: y\n",
        ] {
            assert_eq!(left_open(text, text.lines().count()), None, "{text}");
        }
    }
}
