//! Recordings: as a file, or to be heard.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::cli::admin::Reach;

/// Programs that play a WAV file and then end, each with what it needs to be told.
const PLAYERS: [(&str, &[&str]); 5] = [
    ("pw-play", &[]),
    ("paplay", &[]),
    ("aplay", &["-q"]),
    ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "error"]),
    ("afplay", &[]),
];

/// Writes what `path` answers to `file`; what was done, in words.
///
/// # Errors
/// When there is no recording, or the file cannot be written.
pub(super) async fn save(reach: &Reach, path: &str, file: &Path) -> anyhow::Result<(u64, String)> {
    let bytes = reach.download(path, file).await?;
    Ok((bytes, format!("{}: {bytes} bytes\n", file.display())))
}

/// Plays what `path` answers with a program that is here.
///
/// # Errors
/// When there is no recording or no such program, or it fails.
pub(super) async fn aloud(reach: &Reach, path: &str) -> anyhow::Result<()> {
    let folder = private_folder()?;
    let played = async {
        let file = folder.join("call.wav");
        reach.download(path, &file).await?;
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let Some((player, options)) = player(std::env::split_paths(&folders)) else {
            let names: Vec<&str> = PLAYERS.iter().map(|(name, _)| *name).collect();
            bail!(
                "no program that plays audio is here ({}); --out FILE.wav writes the recording",
                names.join(", ")
            );
        };
        let mut command = tokio::process::Command::new(&player);
        command.args(options).arg(&file).stdin(Stdio::null()).kill_on_drop(true);
        let ended = command.status().await.with_context(|| format!("{} cannot be run", player.display()))?;
        anyhow::ensure!(
            ended.success(),
            "{} failed ({ended}); --out FILE.wav writes the recording",
            player.display()
        );
        Ok(())
    };
    let played = played.await;
    drop(std::fs::remove_dir_all(&folder));
    played
}

/// The first player that is here, in the order in which they are tried.
fn player(folders: impl Iterator<Item = PathBuf>) -> Option<(PathBuf, &'static [&'static str])> {
    let folders: Vec<PathBuf> = folders.collect();
    PLAYERS.iter().find_map(|(name, options)| {
        let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        found.map(|path| (path, *options))
    })
}

/// A folder that nobody else can look into: what is said on telephones is nobody else's business.
fn private_folder() -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = std::env::temp_dir().join(format!("dering-{:016x}", rand::random::<u64>()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_player_that_is_here_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = || [PathBuf::from("/nowhere"), folder.path().to_owned()].into_iter();
        assert!(player(at()).is_none());
        for name in ["ffplay", "aplay"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(player(at()).unwrap().0, folder.path().join("aplay"));
    }
}
