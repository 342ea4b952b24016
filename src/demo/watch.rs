//! The calls while they run, on a terminal.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::cast::Callee;
use crate::session::{Handle, Phase};

/// Shows every change until dropped: lines that move on a terminal, one line per change elsewhere.
pub(super) async fn show(calls: Handle, cast: &[Callee]) {
    let names: BTreeMap<&str, &str> = cast.iter().map(|callee| (callee.number, callee.name)).collect();
    let mut board = Board::new(std::io::stderr().is_terminal());
    let mut changes = calls.changes();
    loop {
        for call in calls.live() {
            let name = names.get(call.number.as_str()).copied().unwrap_or("?");
            board.set(
                name,
                &format!("{:8} {}", call.phase.as_str(), call.latest),
                call.phase == Phase::Ended,
            );
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

struct Board {
    bars: MultiProgress,
    lines: BTreeMap<String, (String, Option<ProgressBar>)>,
    moves: bool,
}

impl Board {
    fn new(moves: bool) -> Self {
        Self { bars: MultiProgress::new(), lines: BTreeMap::new(), moves }
    }

    fn set(&mut self, name: &str, text: &str, ended: bool) {
        let moves = self.moves;
        let bars = &self.bars;
        let (shown, bar) = self
            .lines
            .entry(name.to_owned())
            .or_insert_with(|| (String::new(), moves.then(|| new_bar(bars, name))));
        if shown == text {
            return;
        }
        text.clone_into(shown);
        match bar {
            Some(bar) if ended => bar.finish_with_message(text.to_owned()),
            Some(bar) => bar.set_message(text.to_owned()),
            None => {
                let mut err = std::io::stderr().lock();
                let _written = writeln!(err, "{name:24} {text}");
            }
        }
    }
}

fn new_bar(bars: &MultiProgress, name: &str) -> ProgressBar {
    let bar = bars.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {prefix:24} {elapsed:>4} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
