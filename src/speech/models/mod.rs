//! Speech models on this machine: which there are, where they come from, whether their bytes are right.
//!
//! | module | owns |
//! |---|---|
//! | `manifest` | the models that are known by name, with their digests |
//! | `download`, `registry` | bytes over HTTP, resumed where they stopped; where a package's file lies |
//! | `packages` | models that lie in package registries in pieces |
//! | `import` | CTranslate2's models, made into what runs here |
//! | `fetch` | a model from the first source that has it |

mod download;
mod error;
mod fetch;
pub mod import;
mod manifest;
mod packages;
mod private;
mod registry;

pub use download::{Missed, Progress};
pub use error::ModelError;
pub use fetch::{Fetched, Source, fetch};
pub use manifest::{Converted, Manifest, Model, PackagePart, PackageSet, State};
