//! The server key, where it is kept, and what is encrypted with it in the database.

mod seal;
mod sealed;
mod vault;

pub use seal::{NoKey, ServerKey};
pub(super) use sealed::{Headers, NO_HEADERS, open_headers, open_secret, seal_headers, seal_secret};
pub use vault::KeySource;
pub(super) use vault::{Vault, put_aside};
