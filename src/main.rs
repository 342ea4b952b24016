//! The `dering` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    dering::cli::run()
}
