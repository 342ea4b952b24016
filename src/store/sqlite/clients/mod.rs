//! Who may call: apps, their secrets, API keys, and all of them as one reads them for the directory.

mod apps;
mod change;
mod directory;
mod keys;
mod secrets;

pub(super) use directory::everybody;
