//! `dering token`: a token for a client app, for curl and for tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use crate::access;
use crate::store::{KeySource, Store};
use crate::wallclock::now_ms;

/// Make a token (JWT) for a client app and print it. Creates nothing: the app must exist, or its secret
/// must be given.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The client app's id.
    #[arg(long)]
    app: String,
    /// Configuration of the server; dering.yaml when it is there, else the defaults.
    #[arg(long, env = "DERING_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    secret: Secret,
    /// How long the token is valid: 90s, 30m, 12h or 7d.
    #[arg(long, default_value = "1h", value_parser = duration)]
    ttl: Duration,
    /// Narrow the token to this scope; may be repeated. Without it the token holds all the app holds.
    #[arg(long = "scope")]
    scopes: Vec<String>,
}

/// Where the secret comes from.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Secret {
    /// The database of the server, which may be running; without it the one that the configuration names
    #[arg(long)]
    database: Option<PathBuf>,
    /// A file that holds the app's secret.
    #[arg(long)]
    secret_file: Option<PathBuf>,
}

/// Prints the token.
///
/// # Errors
/// When there is no such database, app, secret or scope.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let secret = match (&args.secret.database, &args.secret.secret_file) {
        (_, Some(file)) => read_secret(file)?,
        (database, None) => {
            let config = super::configuration(args.config.as_deref())?;
            let database = database.as_deref().unwrap_or(&config.database);
            secret_in(database, config.auth.key_source()?, &args.app, &args.scopes).await?
        }
    };
    let token = access::mint(&args.app, &secret, args.ttl, &args.scopes)?;
    writeln!(super::out(), "{}", token.expose_secret())?;
    Ok(())
}

async fn secret_in(
    database: &Path,
    key: KeySource,
    app_id: &str,
    scopes: &[String],
) -> anyhow::Result<SecretString> {
    let store = Store::open_read_only_with(database, key).await?;
    let found = store.app(app_id).await;
    store.close().await;
    let Some(app) = found? else {
        bail!("there is no client app {app_id} in {}; nothing was created", database.display());
    };
    if let Some(lacking) = scopes.iter().find(|scope| !app.scopes.contains(scope)) {
        bail!("the client app {app_id} does not hold the scope {lacking:?}; it holds {:?}", app.scopes);
    }
    app.active_secrets(now_ms())
        .next()
        .cloned()
        .with_context(|| format!("the client app {app_id} has no active secret"))
}

/// The secret in a file, without the line end that editors add.
pub(super) fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the secret file {} cannot be read", file.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("the secret file {} is empty", file.display());
    }
    Ok(secret.into())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let unit = |suffix, seconds| text.strip_suffix(suffix).map(|number: &str| (number, seconds));
    let (number, seconds) = unit('s', 1)
        .or_else(|| unit('m', 60))
        .or_else(|| unit('h', 3_600))
        .or_else(|| unit('d', 86_400))
        .ok_or("end it with s, m, h or d")?;
    let number: u32 = number.parse().map_err(|_| format!("{number:?} is not a whole number"))?;
    if number == 0 {
        return Err("a token that is valid for no time is of no use".to_owned());
    }
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Args as clap::Args>::augment_args(clap::Command::new("token")).debug_assert();
    }

    #[test]
    fn durations_are_written_with_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "5", "h", "0m", "-1h", "1.5h", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
