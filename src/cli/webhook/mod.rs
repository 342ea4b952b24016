//! `dering webhook`: receive and check webhooks, try a receiver, see which failed, send them again.

mod forward;
mod ledger;
mod receive;
mod tables;
mod trial;

use std::process::ExitCode;

/// Webhooks, from either end.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Receive webhooks here, check their signatures and print them until Ctrl-C.
    Listen(receive::Listen),
    /// Post a signed example of each kind to an address and tell what it answers.
    Test(Box<trial::Args>),
    /// Check the signature of one post; the exit code is 0 if it holds.
    Verify(receive::Verify),
    /// List notifications of a server, newest first; dead letters unless you say otherwise.
    List(ledger::List),
    /// Show one notification: the request, every attempt, and why it failed.
    Show(ledger::Show),
    /// Send notifications again: one, several, or all that match.
    Redeliver(ledger::Redeliver),
    /// Tell how endpoints fare: which are slow, failing, or held back.
    Endpoints(ledger::Endpoints),
}

/// Runs the subcommand.
///
/// # Errors
/// When the port is taken, a file cannot be read, the signature does not hold, or the server cannot be
/// reached or refuses.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Listen(listen) => {
            super::on_runtime(async { receive::listen(listen).await.map(|()| ExitCode::SUCCESS) })
        }
        Command::Test(args) => super::on_runtime(trial::run(*args)),
        Command::Verify(verify) => receive::verify(verify).map(|()| ExitCode::SUCCESS),
        Command::List(list) => super::on_runtime(ledger::list(list)),
        Command::Show(show) => super::on_runtime(ledger::show(show)),
        Command::Redeliver(redeliver) => super::on_runtime(ledger::redeliver(redeliver)),
        Command::Endpoints(endpoints) => super::on_runtime(ledger::endpoints(endpoints)),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[test]
    fn every_command_takes_its_arguments() {
        let command = Args::augment_args(clap::Command::new("webhook"));
        command.clone().debug_assert();
        for line in [
            "webhook listen --secret s --port 0",
            "webhook listen --secret s --forward-to http://localhost:3000/hook",
            "webhook test http://localhost:3000/hook --secret-file s --event completed --event Failed --json",
            "webhook test --app shop",
            "webhook test https://shop.test/hook --app shop --server http://x --key k",
            "webhook verify --secret s --header a:b body.json",
            "webhook list --state all --call c --endpoint https://a.test --kind completed --since 2d --limit 5 --json",
            "webhook show msg_1 --key k --server http://x",
            "webhook redeliver msg_1 msg_2",
            "webhook redeliver --since 2026-11-20 --until 2h --dry-run",
            "webhook redeliver --endpoint https://a.test --state delivered --json",
            "webhook endpoints --json",
        ] {
            let matches = command.clone().try_get_matches_from(line.split(' ')).unwrap();
            Args::from_arg_matches(&matches).unwrap();
        }
        for (line, why) in [
            ("webhook redeliver msg_1 --since 2d", "ids and a filter together are a slip"),
            ("webhook test http://a.test/", "something must sign"),
            ("webhook test --secret-file s", "it must go somewhere"),
            ("webhook test http://a.test/ --app shop --secret-file s", "one of them signs"),
            ("webhook listen --secret s --forward-to localhost:3000", "that is no address"),
        ] {
            assert!(command.clone().try_get_matches_from(line.split(' ')).is_err(), "{why}");
        }
    }
}
