//! What an expression is asked about.

use serde_json::Value;

use crate::flow::model::{Fact, SceneId};
use crate::language::Date;

/// What an expression is asked about.
pub(crate) trait Facts {
    fn fact(&self, fact: Fact) -> Value;
    fn variable(&self, name: &str) -> Value;
    fn reached(&self, checkpoint: &str) -> bool;
    /// How often the scene has been entered.
    fn visits(&self, scene: SceneId) -> u32;
    /// The date where the callee is.
    fn today(&self) -> Date;
}
