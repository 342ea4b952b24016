//! Sockets that strangers open: how many may stay, for how long, and which go first; and where requests that strangers
//! cause may go. Knows nothing of what is said
//! over them.

pub mod descriptors;
pub mod doors;
pub mod guard;
pub mod http;
pub mod watched;
