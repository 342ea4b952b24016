//! Completions for shells and manual pages, made from the command line itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use super::out::out;

/// For which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "bash: dering completions bash > /etc/bash_completion.d/dering\n\
    zsh:  dering completions zsh > \"${fpath[1]}/_dering\"\n\
    fish: dering completions fish > ~/.config/fish/completions/dering.fish")]
pub(super) struct Completions {
    shell: Shell,
}

/// Where manual pages go.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// The folder, made when it is absent; `man -l FOLDER/dering.1` shows the first page
    folder: PathBuf,
}

/// Prints the completions.
///
/// # Errors
/// When nobody reads them.
pub(super) fn completions(args: &Completions, mut command: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "dering", &mut script);
    Ok(out().write_all(&script)?)
}

/// Writes a page for each command.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn manual(args: &Man, command: Command) -> anyhow::Result<()> {
    let folder = args.folder.as_path();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Arguments for all commands below are told on each of their pages, too.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    pages(folder, "dering", &command)
}

fn pages(folder: &Path, name: &str, command: &Command) -> anyhow::Result<()> {
    // The parser keeps names for as long as it runs, which is not long.
    let titled: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().name(titled).display_name(titled)).render(&mut page)?;
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
        .try_for_each(|below| pages(folder, &format!("{name}-{}", below.get_name()), below))
}
