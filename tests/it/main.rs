//! The integration tests, one binary.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says on stdout why it was skipped"
)]

mod peer;
mod stt;
mod trunk_call;
mod trunk_client;
