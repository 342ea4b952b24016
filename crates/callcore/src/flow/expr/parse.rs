//! Reading a condition, with the kind of every part of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::super::amd::{OUTCOME_NAMES, SUBTYPE_NAMES};
use super::super::diagnostic::{listed, nearest};
use super::super::model::{Variable, VariableType};
use super::lex::{Token, lex};
use super::{Expr, ExprError, Fact, Op, problem};

/// A read condition and the words in it that only the whole flow can check.
#[derive(Debug)]
pub(in super::super) struct Parsed {
    pub expr: Expr,
    /// Check points named, with their byte range.
    pub checkpoints: Vec<(String, Range<usize>)>,
    /// Variables read.
    pub variables: Vec<String>,
}

/// Longest condition and deepest nesting that is read.
const MAX_TOKENS: usize = 400;
const MAX_DEPTH: usize = 32;

/// Reads a condition against the declared variables.
pub(in super::super) fn parse(
    text: &str,
    variables: &BTreeMap<String, Variable>,
) -> Result<Parsed, ExprError> {
    let tokens = lex(text)?;
    if tokens.is_empty() {
        return Err(problem(0..text.len(), "the condition is empty", "write one, such as `interrupted`"));
    }
    if tokens.len() > MAX_TOKENS {
        return Err(problem(0..text.len(), "the condition is too long", "split it into several cases"));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.len(),
        depth: 0,
        variables,
        checkpoints: Vec::new(),
        read: Vec::new(),
    };
    let (expr, kind, at) = parser.any()?;
    if let Some((token, at)) = parser.tokens.get(parser.at) {
        let message = format!("`{}` does not belong here", token.shown());
        return Err(problem(at.clone(), &message, "join conditions with `and` or `or`"));
    }
    need_condition(kind, &at)?;
    Ok(Parsed { expr, checkpoints: parser.checkpoints, variables: parser.read })
}

type Typed = (Expr, VariableType, Range<usize>);

struct Parser<'t> {
    tokens: &'t [(Token, Range<usize>)],
    at: usize,
    end: usize,
    depth: usize,
    variables: &'t BTreeMap<String, Variable>,
    checkpoints: Vec<(String, Range<usize>)>,
    read: Vec<String>,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Typed, ExprError> {
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
        let left = self.value()?;
        let Some((Token::Op(op), op_at)) = self.tokens.get(self.at) else { return Ok(left) };
        self.at += 1;
        let right = self.value()?;
        self.compare(left, (*op, op_at.clone()), right)
    }

    fn compare(&mut self, left: Typed, op: (Op, Range<usize>), right: Typed) -> Result<Typed, ExprError> {
        let (op, op_at) = op;
        let whole = left.2.start..right.2.end;
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
        if ordered && left.1 != VariableType::Number {
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
            Fact::HeardMs | Fact::HeardAll | Fact::Interrupted | Fact::Pressed | Fact::Said => return Ok(()),
        };
        if word.is_empty() || allowed.contains(&word) {
            return Ok(());
        }
        let hint = match nearest(word, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", listed(allowed.iter().copied())),
        };
        let name = Self::name_of(fact);
        Err(problem(at.clone(), &format!("`{name}` is never \"{word}\""), &hint))
    }

    fn name_of(fact: Fact) -> &'static str {
        Fact::ALL.iter().find(|(_, known)| *known == fact).map_or("", |(name, _)| name)
    }

    fn value(&mut self) -> Result<Typed, ExprError> {
        let Some((token, at)) = self.tokens.get(self.at) else {
            let hint = "finish the condition";
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
            Token::Op(_) | Token::Close => {
                let hint = "a name, a text in quotes or a number is missing before it";
                Err(problem(at, &format!("`{}` does not belong here", token.shown()), hint))
            }
        }
    }

    fn name(&mut self, name: &str, at: Range<usize>) -> Result<Typed, ExprError> {
        if matches!(name, "true" | "false") {
            return Ok((Expr::Literal(Value::Bool(name == "true")), VariableType::Boolean, at));
        }
        if name == "reached" {
            return self.reached(at);
        }
        if let Some(fact) = Fact::named(name) {
            return Ok((Expr::Fact(fact), fact.kind(), at));
        }
        if let Some(variable) = self.variables.get(name) {
            self.read.push(name.to_owned());
            return Ok((Expr::Variable(name.to_owned()), variable.kind, at));
        }
        let mut known: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        for name in Fact::names().chain(["reached"]) {
            known.push(name);
        }
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}; a text goes in quotes", listed(known)),
        };
        Err(problem(at, &format!("nothing is called `{name}`"), &hint))
    }

    fn reached(&mut self, at: Range<usize>) -> Result<Typed, ExprError> {
        let hint = "write `reached(\"name\")`";
        let (Some((Token::Open, _)), Some((Token::Text(name), name_at))) =
            (self.tokens.get(self.at), self.tokens.get(self.at + 1))
        else {
            return Err(problem(at, "`reached` needs the name of a check point", hint));
        };
        self.at += 2;
        let end = self.close(&at)?;
        self.checkpoints.push((name.clone(), name_at.clone()));
        Ok((Expr::Reached(name.clone()), VariableType::Boolean, at.start..end))
    }

    fn close(&mut self, open: &Range<usize>) -> Result<usize, ExprError> {
        let Some((Token::Close, at)) = self.tokens.get(self.at) else {
            return Err(problem(open.clone(), "this is never closed", "add the missing `)`"));
        };
        self.at += 1;
        Ok(at.end)
    }

    fn enter(&mut self) -> Result<(), ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(problem(0..self.end, "the condition is nested too deep", "split it"));
        }
        Ok(())
    }

    fn next_is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some((Token::Name(name), _)) if name == word)
    }
}

fn need_condition(kind: VariableType, at: &Range<usize>) -> Result<(), ExprError> {
    if kind == VariableType::Boolean {
        return Ok(());
    }
    let message = format!("this is a {}, not a condition", kind.as_str());
    Err(problem(at.clone(), &message, "compare it, for example `pressed == \"1\"`"))
}
