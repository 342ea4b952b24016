//! A flow as people look at it: as a picture, and beside another version of itself.

mod diff;
mod graph;
mod picture;

pub use self::diff::{Change, ChangeKind, diff};
pub use self::graph::mermaid;
pub(crate) use self::graph::{NodeKind, drawing};
pub use self::picture::svg;
