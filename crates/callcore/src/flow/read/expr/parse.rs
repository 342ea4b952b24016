//! Reading an expression, with the kind of every part of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::error::{ExprError, SPECIAL, no_function, problem};
use super::lex::{Token, lex};
use crate::flow::model::{
    EVENTS, Expr, Fact, Function, OUTCOME_NAMES, Op, SUBTYPE_NAMES, SceneId, Sign, Variable, VariableType,
};
use crate::language::{Date, TimeOfDay, listed, nearest};

/// A read expression and the words in it that only the whole flow can check.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub expr: Expr,
    pub kind: VariableType,
    /// Check points named, with their byte range.
    pub checkpoints: Vec<(String, Range<usize>)>,
    /// Variables read.
    pub variables: Vec<String>,
}

/// What an expression may name.
#[derive(Clone, Copy)]
pub(crate) struct Names<'n> {
    pub variables: &'n BTreeMap<String, Variable>,
    pub scenes: &'n BTreeMap<String, SceneId>,
}

/// Words that mean something in expressions besides facts and functions.
pub(crate) const RESERVED: [&str; 10] =
    ["true", "false", "and", "or", "not", "reached", "amd", "visits", "matches", "if"];

/// Longest expression and deepest nesting that is read.
const MAX_TOKENS: usize = 400;
const MAX_DEPTH: usize = 32;

/// Reads an expression. With `wanted`, its value must be of that kind. Of what is wrong, every name that is not known
/// here is told, and of the rest the first.
pub(crate) fn parse(
    text: &str,
    names: Names<'_>,
    wanted: Option<VariableType>,
) -> Result<Parsed, Vec<ExprError>> {
    let tokens = lex(text).map_err(|wrong| vec![wrong])?;
    if tokens.is_empty() {
        let hint = "write one, such as `interrupted`";
        return Err(vec![problem(0..text.len(), "the expression is empty", hint)]);
    }
    if tokens.len() > MAX_TOKENS {
        let hint = "split it into several steps";
        return Err(vec![problem(0..text.len(), "the expression is too long", hint)]);
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
        depth: 0,
        names,
        checkpoints: Vec::new(),
        read: Vec::new(),
    };
    whole(&mut parser, wanted).map_err(|first| {
        let mut wrong: Vec<ExprError> = parser.strangers().filter(|other| other.at != first.at).collect();
        wrong.push(first);
        wrong.sort_by_key(|wrong| wrong.at.start);
        wrong
    })
}

fn whole(parser: &mut Parser<'_>, wanted: Option<VariableType>) -> Result<Parsed, ExprError> {
    let (expr, kind, at) = parser.any()?;
    if let Some((token, at)) = parser.tokens.get(parser.at) {
        let message = format!("`{}` does not belong here", token.shown());
        return Err(problem(at.clone(), &message, "join conditions with `and` or `or`, values with `+`"));
    }
    let expr = match wanted {
        Some(VariableType::Boolean) => {
            need_condition(kind, &at)?;
            expr
        }
        Some(wanted) => coerced((expr, kind, at), wanted, "the value")?.0,
        None => expr,
    };
    let kind = wanted.unwrap_or(kind);
    let (checkpoints, variables) =
        (std::mem::take(&mut parser.checkpoints), std::mem::take(&mut parser.read));
    Ok(Parsed { expr, kind, checkpoints, variables })
}

pub(super) type Typed = (Expr, VariableType, Range<usize>);

pub(super) struct Parser<'t> {
    pub(super) tokens: &'t [(Token, Range<usize>)],
    pub(super) at: usize,
    end: usize,
    pub(super) depth: usize,
    pub(super) names: Names<'t>,
    pub(super) checkpoints: Vec<(String, Range<usize>)>,
    read: Vec<String>,
}

impl Parser<'_> {
    pub(super) fn any(&mut self) -> Result<Typed, ExprError> {
        self.joined("or", Self::all, Expr::Any)
    }

    fn all(&mut self) -> Result<Typed, ExprError> {
        self.joined("and", Self::one, Expr::All)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Typed, ExprError>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Typed, ExprError> {
        let first = part(self)?;
        if !self.next_is_word(word) {
            return Ok(first);
        }
        let (expr, kind, mut at) = first;
        need_condition(kind, &at)?;
        let mut parts = vec![expr];
        while self.next_is_word(word) {
            self.at += 1;
            let (expr, kind, part_at) = part(self)?;
            need_condition(kind, &part_at)?;
            at.end = part_at.end;
            parts.push(expr);
        }
        Ok((join(parts), VariableType::Boolean, at))
    }

    fn one(&mut self) -> Result<Typed, ExprError> {
        if self.next_is_word("not") {
            let start = self.tokens.get(self.at).map_or(self.end, |(_, at)| at.start);
            self.at += 1;
            self.enter()?;
            let (expr, kind, at) = self.one()?;
            self.depth -= 1;
            need_condition(kind, &at)?;
            return Ok((Expr::Not(Box::new(expr)), VariableType::Boolean, start..at.end));
        }
        let left = self.sum()?;
        let Some((Token::Op(op), op_at)) = self.tokens.get(self.at) else { return Ok(left) };
        self.at += 1;
        let right = self.sum()?;
        self.compare(left, (*op, op_at.clone()), right)
    }

    fn sum(&mut self) -> Result<Typed, ExprError> {
        let mut left = self.product()?;
        while let Some((Token::Sign(sign @ (Sign::Plus | Sign::Minus)), at)) = self.tokens.get(self.at) {
            self.at += 1;
            let right = self.product()?;
            left = calculation(left, (*sign, at.clone()), right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Typed, ExprError> {
        let mut left = self.signed()?;
        while let Some((Token::Sign(sign @ (Sign::Times | Sign::Over | Sign::Rest)), at)) =
            self.tokens.get(self.at)
        {
            self.at += 1;
            let right = self.signed()?;
            left = calculation(left, (*sign, at.clone()), right)?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Typed, ExprError> {
        let Some((Token::Sign(Sign::Minus), at)) = self.tokens.get(self.at) else { return self.value() };
        self.at += 1;
        self.enter()?;
        let (expr, kind, of) = self.signed()?;
        self.depth -= 1;
        if kind != VariableType::Number {
            let message = format!("a {} has no negative", kind.as_str());
            return Err(problem(at.start..of.end, &message, "only numbers have"));
        }
        Ok((Expr::Negate(Box::new(expr)), kind, at.start..of.end))
    }

    fn compare(&mut self, left: Typed, op: (Op, Range<usize>), right: Typed) -> Result<Typed, ExprError> {
        let (op, op_at) = op;
        let whole = left.2.start..right.2.end;
        // A date or time is written as a text.
        let (left, right) = match (left.1, right.1) {
            (kind @ (VariableType::Date | VariableType::Time), VariableType::Text) => {
                (left, coerced(right, kind, "this")?)
            }
            (VariableType::Text, kind @ (VariableType::Date | VariableType::Time)) => {
                (coerced(left, kind, "this")?, right)
            }
            _ => (left, right),
        };
        if left.1 != right.1 {
            let message = format!(
                "a {} is compared with a {}: they are never equal",
                left.1.as_str(),
                right.1.as_str()
            );
            let hint = match (left.1, right.1) {
                (VariableType::Text, VariableType::Number) => "put the number in quotes: \"1\"",
                _ => "compare texts with texts in quotes and numbers with numbers",
            };
            return Err(problem(whole, &message, hint));
        }
        let ordered = !matches!(op, Op::Equal | Op::NotEqual);
        if ordered && matches!(left.1, VariableType::Text | VariableType::Boolean) {
            let message = format!("a {} has no order", left.1.as_str());
            return Err(problem(op_at, &message, "use `==` or `!=`"));
        }
        for (this, other) in [(&left, &right), (&right, &left)] {
            if let (Expr::Fact(fact), Expr::Literal(Value::String(word))) = (&this.0, &other.0) {
                self.check_word(*fact, word, &other.2)?;
            }
        }
        let expr = Expr::Compare { left: Box::new(left.0), op, right: Box::new(right.0) };
        Ok((expr, VariableType::Boolean, whole))
    }

    /// A literal compared with a fact must be one of the values it can have.
    fn check_word(&mut self, fact: Fact, word: &str, at: &Range<usize>) -> Result<(), ExprError> {
        let allowed: &[&str] = match fact {
            Fact::LastCheckpoint if word.is_empty() => return Ok(()),
            Fact::LastCheckpoint => {
                self.checkpoints.push((word.to_owned(), at.clone()));
                return Ok(());
            }
            Fact::AmdOutcome => &OUTCOME_NAMES,
            Fact::AmdSubtype => &SUBTYPE_NAMES,
            Fact::InterruptedBy => &["speech", "dtmf"],
            Fact::SessionAmd => &EVENTS,
            Fact::HeardMs
            | Fact::HeardText
            | Fact::HeardWords
            | Fact::HeardAll
            | Fact::Interrupted
            | Fact::Pressed
            | Fact::Said
            | Fact::Picked
            | Fact::Returned
            | Fact::Today
            | Fact::Now
            | Fact::SessionSaw(_)
            | Fact::SessionEvents
            | Fact::SessionGreeting
            | Fact::SessionReason
            | Fact::SessionRingMs
            | Fact::SessionConnectMs => return Ok(()),
        };
        if word.is_empty() || allowed.contains(&word) {
            return Ok(());
        }
        let hint = match nearest(word, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", listed(allowed.iter().copied())),
        };
        let name = Fact::ALL.iter().find(|(_, known)| *known == fact).map_or("", |(name, _)| name);
        Err(problem(at.clone(), &format!("`{name}` is never \"{word}\""), &hint))
    }

    fn value(&mut self) -> Result<Typed, ExprError> {
        let Some((token, at)) = self.tokens.get(self.at) else {
            let hint = "finish the expression";
            return Err(problem(self.end.saturating_sub(1)..self.end, "something is missing here", hint));
        };
        self.at += 1;
        let at = at.clone();
        match token {
            Token::Text(text) => Ok((Expr::Literal(Value::from(text.as_str())), VariableType::Text, at)),
            Token::Number(number) => Ok((Expr::Literal(Value::from(*number)), VariableType::Number, at)),
            Token::Open => {
                self.enter()?;
                let (expr, kind, _) = self.any()?;
                self.depth -= 1;
                let end = self.close(&at)?;
                Ok((expr, kind, at.start..end))
            }
            Token::Name(name) => self.name(name, at),
            Token::Op(_) | Token::Sign(_) | Token::Close | Token::Comma => {
                let hint = "a name, a text in quotes or a number is missing before it";
                Err(problem(at, &format!("`{}` does not belong here", token.shown()), hint))
            }
        }
    }

    fn name(&mut self, name: &str, at: Range<usize>) -> Result<Typed, ExprError> {
        if matches!(name, "true" | "false") {
            return Ok((Expr::Literal(Value::Bool(name == "true")), VariableType::Boolean, at));
        }
        if SPECIAL.contains(&name) {
            self.enter()?;
            let read = self.special(name, at);
            self.depth -= 1;
            return read;
        }
        if let Some(fact) = Fact::named(name) {
            return Ok((Expr::Fact(fact), fact.kind(), at));
        }
        let called = matches!(self.tokens.get(self.at), Some((Token::Open, _)));
        if let Some(variable) = self.names.variables.get(name).filter(|_| !called) {
            self.read.push(name.to_owned());
            return Ok((Expr::Variable(name.to_owned()), variable.kind, at));
        }
        if called {
            return self.function(name, at);
        }
        Err(self.nothing(name, at))
    }

    /// Every name that means nothing here.
    fn strangers(&self) -> impl Iterator<Item = ExprError> {
        self.tokens.iter().enumerate().filter_map(|(at, (token, place))| {
            let Token::Name(name) = token else { return None };
            if RESERVED.contains(&name.as_str())
                || SPECIAL.contains(&name.as_str())
                || Fact::named(name).is_some()
            {
                return None;
            }
            if matches!(self.tokens.get(at + 1), Some((Token::Open, _))) {
                return Function::named(name).is_none().then(|| no_function(name, place.clone()));
            }
            (!self.names.variables.contains_key(name)).then(|| self.nothing(name, place.clone()))
        })
    }

    fn nothing(&self, name: &str, at: Range<usize>) -> ExprError {
        let mut known: Vec<&str> = self.names.variables.keys().map(String::as_str).collect();
        // The long names are offered to those who begin with one.
        let long = name.starts_with("context");
        for fact in Fact::names().filter(|fact| long || !fact.starts_with("context.")) {
            known.push(fact);
        }
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}; a text goes in quotes", listed(known)),
        };
        problem(at, &format!("nothing is called `{name}`"), &hint)
    }

    pub(super) fn close(&mut self, open: &Range<usize>) -> Result<usize, ExprError> {
        let Some((Token::Close, at)) = self.tokens.get(self.at) else {
            return Err(problem(open.clone(), "this is never closed", "add the missing `)`"));
        };
        self.at += 1;
        Ok(at.end)
    }

    pub(super) fn enter(&mut self) -> Result<(), ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(problem(0..self.end, "the expression is nested too deep", "split it"));
        }
        Ok(())
    }

    fn next_is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some((Token::Name(name), _)) if name == word)
    }
}

fn calculation(left: Typed, sign: (Sign, Range<usize>), right: Typed) -> Result<Typed, ExprError> {
    use VariableType::{Date, Number, Text};
    let (sign, _) = sign;
    let whole = left.2.start..right.2.end;
    let kind = match (sign, left.1, right.1) {
        (_, Number, Number) => Number,
        (Sign::Plus, Text, _) | (Sign::Plus, _, Text) => Text,
        (Sign::Plus | Sign::Minus, Date, Number) => Date,
        (Sign::Minus, Date, Date) => Number,
        (_, one, other) => {
            let word = match sign {
                Sign::Plus => "added to",
                Sign::Minus => "taken from",
                Sign::Times => "multiplied with",
                Sign::Over | Sign::Rest => "a divisor of",
            };
            let message = format!("a {} cannot be {word} a {}", other.as_str(), one.as_str());
            let hint = "numbers are worked out with `+ - * / %`, texts joined with `+`, days added to dates";
            return Err(problem(whole, &message, hint));
        }
    };
    let kinds = (left.1, right.1);
    let expr = Expr::Calculate { left: Box::new(left.0), op: sign, right: Box::new(right.0), kinds };
    Ok((expr, kind, whole))
}

/// The value as the kind that is wanted: a text in quotes may be a date or a time.
pub(super) fn coerced(value: Typed, wanted: VariableType, what: &str) -> Result<Typed, ExprError> {
    let (expr, kind, at) = value;
    if kind == wanted {
        return Ok((expr, kind, at));
    }
    if let Expr::Literal(Value::String(text)) = &expr {
        let read = match wanted {
            VariableType::Date => Date::parse(text).map(|date| date.to_string()),
            VariableType::Time => TimeOfDay::parse(text).map(|time| time.to_string()),
            VariableType::Text | VariableType::Number | VariableType::Boolean => None,
        };
        match (read, wanted) {
            (Some(read), _) => return Ok((Expr::Literal(Value::from(read)), wanted, at)),
            (None, VariableType::Date | VariableType::Time) => {
                let message = format!("\"{text}\" is not a {}", wanted.as_str());
                return Err(problem(at, &message, wanted.example()));
            }
            (None, VariableType::Text | VariableType::Number | VariableType::Boolean) => {}
        }
    }
    let message = format!("{what} needs a {}, but this is a {}", wanted.as_str(), kind.as_str());
    let hint = match (wanted, kind) {
        (VariableType::Number, VariableType::Text) => "make a number of it with `number(…)`",
        (VariableType::Text, _) => "make a text of it with `text(…)`",
        (VariableType::Date, VariableType::Text) => "make a date of it with `date(…)`",
        _ => wanted.example(),
    };
    Err(problem(at, &message, hint))
}

pub(super) fn need_condition(kind: VariableType, at: &Range<usize>) -> Result<(), ExprError> {
    if kind == VariableType::Boolean {
        return Ok(());
    }
    let message = format!("this is a {}, not a condition", kind.as_str());
    Err(problem(at.clone(), &message, "compare it, for example `pressed == \"1\"`"))
}
