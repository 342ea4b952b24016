//! Neural voices on this machine: what they are made of, and bringing them here.
//!
//! | module | owns |
//! |---|---|
//! | `manifest` | what each voice consists of, with digests |
//! | `fetch` | bringing the parts, and the Python that speaks with them |

mod fetch;
mod manifest;

pub use fetch::{Registries, fetch_joe, fetch_kokoro};
pub use manifest::Manifest;
