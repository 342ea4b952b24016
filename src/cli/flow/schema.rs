//! `dering flow schema`: what editors complete and check files by.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use callcore::flow::{JSON_SCHEMA, TEST_JSON_SCHEMA, schema_with_scenes};

use crate::gateway::CALLEE_JSON_SCHEMA;

/// Which schema to print.
#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// The files that it is for.
    #[arg(long, value_enum, default_value = "flows")]
    of: Kind,
    /// Complete the scenes of this flow file behind `goto`.
    #[arg(long, value_name = "FLOW", conflicts_with = "of")]
    scenes_of: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// Flow files.
    Flows,
    /// Files of flow tests, `*.test.yaml`.
    Tests,
    /// The gateway's simulated callees.
    Callees,
}

/// Prints the schema.
///
/// # Errors
/// The flow file cannot be read, or `out` is gone.
pub(super) fn run(schema: &Schema, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if let Some(file) = &schema.scenes_of {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        writeln!(out, "{:#}", schema_with_scenes(&text))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match schema.of {
        Kind::Flows => JSON_SCHEMA,
        Kind::Tests => TEST_JSON_SCHEMA,
        Kind::Callees => CALLEE_JSON_SCHEMA,
    };
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
