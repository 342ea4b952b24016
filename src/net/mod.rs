//! Incoming connections: how many may stay, for how long, and which are closed first; and which addresses outgoing requests
//! may reach. Knows nothing about the protocols spoken over them.

pub mod descriptors;
pub mod doors;
pub mod guard;
pub mod http;
pub mod watched;
