//! The `dering` binary.

fn main() {}
