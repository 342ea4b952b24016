//! gateway
pub mod callees;
pub mod playout;
