//! The value of an expression now.
//!
//! Kinds were checked when the flow was read. What depends on values (a division by zero, a text that is no number) is an
//! error of the step in the call.

use serde_json::Value;

use super::facts::Facts;
use super::values::{Result, amount, date, number, text};
use crate::flow::model::{Expr, MAX_RENDERED, Op, Sign, VariableType};

impl Expr {
    /// Whether the condition holds.
    pub(crate) fn holds(&self, facts: &impl Facts) -> Result<bool> {
        Ok(self.value(facts)? == Value::Bool(true))
    }

    /// The value now.
    pub(crate) fn value(&self, facts: &impl Facts) -> Result<Value> {
        Ok(match self {
            Self::Any(of) => {
                for expr in of {
                    if expr.holds(facts)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Value::Bool(false)
            }
            Self::All(of) => {
                for expr in of {
                    if !expr.holds(facts)? {
                        return Ok(Value::Bool(false));
                    }
                }
                Value::Bool(true)
            }
            Self::Not(expr) => Value::Bool(!expr.holds(facts)?),
            Self::Compare { left, op, right } => {
                Value::Bool(op.holds(&left.value(facts)?, &right.value(facts)?))
            }
            Self::Calculate { left, op, right, kinds } => {
                calculate(&left.value(facts)?, *op, &right.value(facts)?, *kinds)?
            }
            Self::Negate(expr) => number(-amount(&expr.value(facts)?))?,
            Self::Literal(value) => value.clone(),
            Self::Variable(name) => facts.variable(name),
            Self::Fact(fact) => facts.fact(*fact),
            Self::Reached(checkpoint) => Value::Bool(facts.reached(checkpoint)),
            Self::Visits(scene) => Value::from(facts.visits(*scene)),
            Self::Matches(of, pattern) => Value::Bool(pattern.is_match(&text(&of.value(facts)?))),
            Self::If(of) => {
                let [condition, yes, no] = of.as_ref();
                if condition.holds(facts)? { yes.value(facts)? } else { no.value(facts)? }
            }
            Self::Call(function, arguments) => {
                let values = arguments.iter().map(|expr| expr.value(facts)).collect::<Result<Vec<_>>>()?;
                function.of(&values, facts)?
            }
        })
    }
}

impl Op {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match (left, right) {
            // Dates and times are written so that their texts have their order.
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            _ => left.as_f64().zip(right.as_f64()).and_then(|(left, right)| left.partial_cmp(&right)),
        };
        match (self, order) {
            (Self::Equal, None) => left == right,
            (Self::NotEqual, None) => left != right,
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::NotEqual, Some(order)) => order.is_ne(),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::LessOrEqual, Some(order)) => order.is_le(),
            (Self::Greater, Some(order)) => order.is_gt(),
            (Self::GreaterOrEqual, Some(order)) => order.is_ge(),
            (Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual, None) => false,
        }
    }
}

fn calculate(left: &Value, op: Sign, right: &Value, kinds: (VariableType, VariableType)) -> Result<Value> {
    match (op, kinds) {
        (Sign::Plus, (VariableType::Number, VariableType::Number)) => number(amount(left) + amount(right)),
        (Sign::Plus, (VariableType::Date, VariableType::Number)) => later(left, amount(right)),
        (Sign::Plus, _) => joined(left, right),
        (Sign::Minus, (VariableType::Date, VariableType::Date)) => {
            number(date(left)?.days_since(date(right)?) as f64)
        }
        (Sign::Minus, (VariableType::Date, _)) => later(left, -amount(right)),
        (Sign::Minus, _) => number(amount(left) - amount(right)),
        (Sign::Times, _) => number(amount(left) * amount(right)),
        (Sign::Over | Sign::Rest, _) if amount(right) == 0.0 => Err("a number is divided by zero".to_owned()),
        (Sign::Over, _) => number(amount(left) / amount(right)),
        (Sign::Rest, _) => number(amount(left).rem_euclid(amount(right))),
    }
}

fn joined(left: &Value, right: &Value) -> Result<Value> {
    let joined = text(left) + &text(right);
    if joined.len() > MAX_RENDERED {
        return Err(format!("a text grew longer than {MAX_RENDERED} bytes"));
    }
    Ok(Value::from(joined))
}

fn later(from: &Value, days: f64) -> Result<Value> {
    let whole = (days.is_finite() && days.abs() < 1e6).then_some(days.round() as i64);
    let later = whole.and_then(|days| date(from).ok()?.plus_days(days));
    later.map(|date| Value::from(date.to_string())).ok_or_else(|| "a date is too far away".to_owned())
}
