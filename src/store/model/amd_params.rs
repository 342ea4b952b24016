//! Parameters of the verdict that people promoted.

use serde_json::Value;
use sqlx::FromRow;

use super::audit::Actor;

/// What somebody decided.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct AmdParamsRow {
    /// Later ones have a higher one.
    pub seq: i64,
    /// `None`: those of the configuration.
    #[sqlx(json(nullable))]
    pub params: Option<Value>,
    /// What it was decided on.
    #[sqlx(json)]
    pub basis: Value,
    pub author: String,
    pub at_ms: i64,
}

/// A decision to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAmdParams {
    /// The `seq` of the last one that is known; 0 for none.
    pub after: i64,
    pub params: Option<Value>,
    pub basis: Value,
    pub actor: Actor,
}
