//! Sockets that strangers open: how many may stay, for how long, and which go first. Knows nothing of what is said
//! over them.

pub mod descriptors;
pub mod doors;
pub mod http;
pub mod patient;
