//! The words and signs of an expression.

use std::ops::Range;

use super::error::{ExprError, problem};
use crate::flow::model::{Op, Sign};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Number(f64),
    Op(Op),
    Sign(Sign),
    Open,
    Close,
    Comma,
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => number.to_string(),
            Self::Op(op) => match op {
                Op::Equal => "==",
                Op::NotEqual => "!=",
                Op::Less => "<",
                Op::LessOrEqual => "<=",
                Op::Greater => ">",
                Op::GreaterOrEqual => ">=",
            }
            .into(),
            Self::Sign(sign) => match sign {
                Sign::Plus => "+",
                Sign::Minus => "-",
                Sign::Times => "*",
                Sign::Over => "/",
                Sign::Rest => "%",
            }
            .into(),
            Self::Open => "(".into(),
            Self::Close => ")".into(),
            Self::Comma => ",".into(),
        }
    }
}

/// The tokens of an expression with the bytes they stand at.
pub(super) fn lex(text: &str) -> Result<Vec<(Token, Range<usize>)>, ExprError> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '+' => Token::Sign(Sign::Plus),
            '-' => Token::Sign(Sign::Minus),
            '*' => Token::Sign(Sign::Times),
            '/' => Token::Sign(Sign::Over),
            '%' => Token::Sign(Sign::Rest),
            '"' | '\'' => {
                let mut inner = String::new();
                let mut closed = false;
                for (at, next) in chars.by_ref() {
                    end = at + next.len_utf8();
                    if next == c {
                        closed = true;
                        break;
                    }
                    inner.push(next);
                }
                if !closed {
                    return Err(problem(start..end, "this text is never closed", "add the missing quote"));
                }
                Token::Text(inner)
            }
            '=' | '!' | '<' | '>' => {
                let double = chars.next_if(|(_, next)| *next == '=').is_some();
                end += usize::from(double);
                match (c, double) {
                    ('=', true) => Token::Op(Op::Equal),
                    ('!', true) => Token::Op(Op::NotEqual),
                    ('<', false) => Token::Op(Op::Less),
                    ('<', true) => Token::Op(Op::LessOrEqual),
                    ('>', false) => Token::Op(Op::Greater),
                    ('>', true) => Token::Op(Op::GreaterOrEqual),
                    ('=', false) => {
                        return Err(problem(start..end, "`=` does not compare", "compare with `==`"));
                    }
                    _ => return Err(problem(start..end, "`!` is not known here", "write `not`")),
                }
            }
            c if c.is_ascii_digit() => {
                while let Some((at, _)) = chars.next_if(|(_, c)| c.is_ascii_digit() || *c == '.') {
                    end = at + 1;
                }
                let shown = text.get(start..end).unwrap_or_default();
                let Ok(number) = shown.parse() else {
                    let hint = "write it like `12` or `0.5`";
                    return Err(problem(start..end, &format!("`{shown}` is not a number"), hint));
                };
                Token::Number(number)
            }
            c if c.is_alphabetic() || c == '_' => {
                while let Some((at, c)) =
                    chars.next_if(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '.'))
                {
                    end = at + c.len_utf8();
                }
                Token::Name(text.get(start..end).unwrap_or_default().to_owned())
            }
            '&' | '|' => {
                while let Some((at, _)) = chars.next_if(|(_, next)| *next == c) {
                    end = at + 1;
                }
                let word = if c == '&' { "and" } else { "or" };
                let shown = text.get(start..end).unwrap_or_default();
                let message = format!("`{shown}` is not known here");
                return Err(problem(start..end, &message, &format!("write `{word}`")));
            }
            c => {
                let hint = "an expression has names, texts in quotes and numbers";
                return Err(problem(start..end, &format!("`{c}` is not known here"), hint));
            }
        };
        out.push((token, start..end));
    }
    Ok(out)
}
