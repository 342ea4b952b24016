//! `dering app`: who may use the API.

use std::path::PathBuf;

use clap::Subcommand;
use secrecy::ExposeSecret;

use crate::api::{self, auth};
use crate::store::{self, NewApp, Store};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server's database; the server must not be running.
    #[arg(long, default_value = "data/dering.db", global = true)]
    database: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a client app that may dial out; prints its secret, once
    Add {
        /// Its id, as tokens name it
        id: String,
        /// A bot it may use; may be repeated. Without it, all of them
        #[arg(long = "bot")]
        bots: Vec<String>,
    },
    /// Give an app a new secret beside its old ones; prints it, once
    Rotate {
        id: String,
        /// End the old ones at once
        #[arg(long)]
        retire: bool,
    },
    /// Make an API key that may read, and end calls; prints it, once
    Key {
        /// What it is for
        name: String,
        /// Lets it also upload flows and decide which version runs
        #[arg(long)]
        flows: bool,
        /// Lets it also keep contacts and call them
        #[arg(long)]
        calls: bool,
        /// Lets it also look after the server: revoke links to recordings, for example
        #[arg(long)]
        admin: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the database is in use, or the id is taken or unknown.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let store = Store::open(store::Options::file(&args.database)).await?;
    let done = perform(&store, args.command).await;
    store.close().await;
    super::print(&done?);
    Ok(())
}

async fn perform(store: &Store, command: Command) -> anyhow::Result<String> {
    let secret = auth::new_app_secret();
    let shown = secret.expose_secret().to_owned();
    match command {
        Command::Add { id, bots } => {
            let bots = if bots.is_empty() { vec![auth::ANY_BOT.to_owned()] } else { bots };
            let scopes = vec![auth::DIALOUT.to_owned()];
            store.create_app(NewApp { name: id.clone(), id, scopes, bots, secret }).await?;
            Ok(shown)
        }
        Command::Rotate { id, retire } => {
            store.add_secret(&id, secret).await?;
            if retire {
                store.retire_old_secrets(&id).await?;
            }
            Ok(shown)
        }
        Command::Key { name, flows, calls, admin } => {
            let scopes = [
                Some(api::READ),
                flows.then_some(api::FLOWS),
                calls.then_some(api::CALLS),
                admin.then_some(api::ADMIN),
            ];
            let scopes = scopes.into_iter().flatten().map(str::to_owned).collect();
            let (kept, key) = auth::new_api_key(&name, scopes);
            store.create_api_key(kept).await?;
            Ok(key.expose_secret().to_owned())
        }
    }
}
