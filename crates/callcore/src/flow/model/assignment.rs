//! Variables and the values they are set to.

use serde_json::Value;

use super::expr::Expr;
use super::text::Text;

#[derive(Debug)]
pub(crate) struct Assignment {
    pub variable: String,
    pub value: Setting,
}

#[derive(Debug)]
pub(crate) enum Setting {
    Literal(Value),
    Text(Text),
    /// Worked out when the step is reached.
    Expr(Expr),
}
