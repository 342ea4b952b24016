//! Reading functions with their values.

use std::ops::Range;

use serde_json::Value;

use super::error::{ExprError, no_function, problem};
use super::lex::Token;
use super::parse::{Parser, Typed, coerced, need_condition};
use crate::flow::model::{Expr, Function, VariableType};
use crate::flow::read::pattern;
use crate::language::nearest;

impl Parser<'_> {
    pub(super) fn function(&mut self, name: &str, at: Range<usize>) -> Result<Typed, ExprError> {
        let Some(signature) = Function::named(name) else {
            return Err(no_function(name, at));
        };
        self.enter()?;
        let (given, end) = self.arguments(&at)?;
        self.depth -= 1;
        let whole = at.start..end;
        if given.len() != signature.takes.len() {
            let message = format!("`{name}` takes {}, not {}", counted(signature.takes.len()), given.len());
            let kinds: Vec<&str> = signature.takes.iter().map(|kind| kind.as_str()).collect();
            return Err(problem(whole, &message, &format!("write `{name}({})`", kinds.join(", "))));
        }
        let mut arguments = Vec::with_capacity(given.len());
        for (argument, wanted) in given.into_iter().zip(signature.takes) {
            let any = signature.function == Function::Text;
            let argument = if any { argument } else { coerced(argument, *wanted, &format!("`{name}`"))? };
            arguments.push(argument.0);
        }
        Ok((Expr::Call(signature.function, arguments), signature.gives, whole))
    }

    /// The functions whose arguments are not just values.
    pub(super) fn special(&mut self, name: &str, at: Range<usize>) -> Result<Typed, ExprError> {
        match name {
            "reached" => {
                let hint = "write `reached(\"name\")`";
                let (checkpoint, name_at, end) =
                    self.quoted(&at, "`reached` needs the name of a check point", hint)?;
                self.checkpoints.push((checkpoint.clone(), name_at));
                Ok((Expr::Reached(checkpoint), VariableType::Boolean, at.start..end))
            }
            "visits" => {
                let hint = "write `visits(\"scene\")`";
                let (scene, name_at, end) = self.quoted(&at, "`visits` needs the name of a scene", hint)?;
                let Some(id) = self.names.scenes.get(&scene) else {
                    let hint = match nearest(&scene, self.names.scenes.keys().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "name a scene of this flow".to_owned(),
                    };
                    return Err(problem(name_at, &format!("there is no scene `{scene}`"), &hint));
                };
                Ok((Expr::Visits(*id), VariableType::Number, at.start..end))
            }
            "matches" => self.matches(at),
            _ => self.choose(at),
        }
    }

    fn matches(&mut self, at: Range<usize>) -> Result<Typed, ExprError> {
        let hint = "write `matches(said, \"[0-9]{4}\")`";
        let (mut given, end) = self.arguments(&at)?;
        let (Some((Expr::Literal(Value::String(source)), _, pattern_at)), Some(of), 0) =
            (given.pop(), given.pop(), given.len())
        else {
            return Err(problem(at.start..end, "`matches` needs a text and a pattern in quotes", hint));
        };
        let of = coerced(of, VariableType::Text, "`matches`")?;
        let pattern = pattern::compile(&source).map_err(|wrong| {
            let start = pattern_at.start + 1;
            problem(start + wrong.at.start..start + wrong.at.end, &wrong.message, &wrong.hint)
        })?;
        Ok((Expr::Matches(Box::new(of.0), Box::new(pattern)), VariableType::Boolean, at.start..end))
    }

    fn choose(&mut self, at: Range<usize>) -> Result<Typed, ExprError> {
        let (given, end) = self.arguments(&at)?;
        let whole = at.start..end;
        let Ok([condition, yes, no]) = <[Typed; 3]>::try_from(given) else {
            let hint = "write `if(condition, value, other value)`";
            return Err(problem(whole, "`if` takes a condition and two values", hint));
        };
        need_condition(condition.1, &condition.2)?;
        let kind = yes.1;
        let no = coerced(no, kind, "the other value")?;
        Ok((Expr::If(Box::new([condition.0, yes.0, no.0])), kind, whole))
    }

    /// `("text")`, and where it ends.
    fn quoted(
        &mut self,
        at: &Range<usize>,
        message: &str,
        hint: &str,
    ) -> Result<(String, Range<usize>, usize), ExprError> {
        let (Some((Token::Open, _)), Some((Token::Text(name), name_at))) =
            (self.tokens.get(self.at), self.tokens.get(self.at + 1))
        else {
            return Err(problem(at.clone(), message, hint));
        };
        self.at += 2;
        let end = self.close(at)?;
        Ok((name.clone(), name_at.clone(), end))
    }

    /// `(value, value)`, and where it ends.
    fn arguments(&mut self, at: &Range<usize>) -> Result<(Vec<Typed>, usize), ExprError> {
        if !matches!(self.tokens.get(self.at), Some((Token::Open, _))) {
            return Err(problem(at.clone(), "a function needs its values in brackets", "add `(…)`"));
        }
        self.at += 1;
        let mut given = Vec::new();
        if !matches!(self.tokens.get(self.at), Some((Token::Close, _))) {
            given.push(self.any()?);
            while matches!(self.tokens.get(self.at), Some((Token::Comma, _))) {
                self.at += 1;
                given.push(self.any()?);
            }
        }
        let end = self.close(at)?;
        Ok((given, end))
    }
}

fn counted(values: usize) -> String {
    if values == 1 { "1 value".to_owned() } else { format!("{values} values") }
}
