//! What a load cost, and what suffered.

use std::io::Write;

use anyhow::Context;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;

/// Goals: timers, and silence at the callee's end, ms.
const LATE_MS: f64 = 40.0;
const SILENT_MS: u64 = 250;

/// One load.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Load {
    pub(super) calls: usize,
    pub(super) wire: &'static str,
    pub(super) record: bool,
    pub(super) seconds: f64,
    /// CPU for each call and second, µs.
    pub(super) server_us: f64,
    pub(super) gateway_us: f64,
    /// For each call, KiB.
    pub(super) memory_kib: f64,
    /// How late timers were at worst, smoothed over a second, ms.
    pub(super) late_ms: f64,
    /// How often a callee spoke over the bot.
    pub(super) barge_ins: usize,
    /// From a callee's first sound over the bot to the bot's last one, as the callee heard it, ms.
    pub(super) silent_p50_ms: Option<u64>,
    pub(super) silent_p95_ms: Option<u64>,
    /// Callees who were taken for people; all of them are.
    pub(super) people: usize,
    pub(super) verdicts: usize,
    /// Calls that still ran at the end.
    pub(super) running: usize,
    /// Pieces of audio that found no room.
    pub(super) dropped: u64,
    /// From the first dial request to the last verdict, s.
    pub(super) set_up_seconds: f64,
    pub(super) dial_p99_ms: f64,
    /// From the start of the server until it answers, ms.
    pub(super) start_ms: f64,
    /// CPU of the server without calls, percent of a core.
    pub(super) idle_percent: f64,
}

impl Load {
    /// Calls that one core carries at this cost.
    fn calls_per_core(&self) -> f64 {
        1e6 / self.server_us.max(1.0)
    }

    /// What did not hold, in words; empty when all did.
    pub(super) fn suffers(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.running < self.calls {
            told.push(format!("{} calls ended", self.calls - self.running));
        }
        if self.people < self.calls {
            told.push(format!("{} of {} taken for people", self.people, self.calls));
        }
        if self.late_ms > LATE_MS {
            told.push(format!("timers {:.0} ms late", self.late_ms));
        }
        if let Some(silent) = self.silent_p95_ms.filter(|silent| *silent > SILENT_MS) {
            told.push(format!("silent after {silent} ms"));
        }
        if self.dropped > 0 {
            told.push(format!("{} pieces of audio dropped", self.dropped));
        }
        told
    }
}

/// Writes all loads as a table, or as one JSON object each.
pub(super) fn write(out: &mut impl Write, loads: &[Load], json: bool) -> anyhow::Result<()> {
    if json {
        for load in loads {
            let mut object = serde_json::to_value(load)?;
            object["callsPerCore"] = json!(load.calls_per_core());
            object["suffers"] = json!(load.suffers());
            writeln!(out, "{object}").context("cannot write to standard output")?;
        }
        return Ok(());
    }
    writeln!(out, "{}", table(loads)).context("cannot write to standard output")?;
    let most = loads.iter().filter(|load| load.suffers().is_empty()).map(|load| load.calls).max();
    let most = most.map_or_else(|| "none".to_owned(), |most| most.to_string());
    let starts: Vec<String> = loads.iter().map(|load| format!("{:.0}", load.start_ms)).collect();
    let idle = loads.iter().map(|load| load.idle_percent).fold(0.0, f64::max);
    let about = format!(
        "Most calls at which nothing suffered: {most}.\nThe server started in {} ms and took {idle:.1} % of a core without calls.\n\
         µs: CPU of the server for a call and second. late: timers at worst.\n\
         silent: from a callee's first sound over the bot to the bot's last one, as the\n\
         callee heard it, half and 95 of 100.",
        starts.join(", ")
    );
    writeln!(out, "{about}").context("cannot write to standard output")
}

fn table(loads: &[Load]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(80);
    table.set_header(["calls", "wire", "µs", "a core", "KiB", "late", "silent", "suffers"]);
    for load in loads {
        let ms = |ms: Option<u64>| ms.map_or_else(|| "?".to_owned(), |ms| ms.to_string());
        let wire = if load.record { format!("{}, recorded", load.wire) } else { load.wire.to_owned() };
        let suffers = load.suffers();
        table.add_row([
            load.calls.to_string(),
            wire,
            format!("{:.0}", load.server_us),
            format!("{:.0}", load.calls_per_core()),
            format!("{:.0}", load.memory_kib),
            format!("{:.1} ms", load.late_ms),
            format!("{}/{} ms", ms(load.silent_p50_ms), ms(load.silent_p95_ms)),
            if suffers.is_empty() { "nothing".to_owned() } else { suffers.join(", ") },
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load {
            calls: 300,
            wire: "Socket.IO",
            record: true,
            seconds: 30.0,
            server_us: 1_830.0,
            gateway_us: 900.0,
            memory_kib: 166.0,
            late_ms: 2.5,
            barge_ins: 900,
            silent_p50_ms: Some(108),
            silent_p95_ms: Some(140),
            people: 300,
            verdicts: 300,
            running: 300,
            dropped: 0,
            set_up_seconds: 6.1,
            dial_p99_ms: 12.0,
            start_ms: 204.0,
            idle_percent: 0.2,
        }
    }

    #[test]
    fn a_load_is_told_in_eighty_columns_with_all_that_suffered() {
        let bad =
            Load { running: 298, people: 290, late_ms: 55.0, silent_p95_ms: Some(400), dropped: 7, ..load() };
        let mut told = Vec::new();
        write(&mut told, &[load(), bad], false).unwrap();
        let told = String::from_utf8(told).unwrap();
        insta::assert_snapshot!(told);
        assert!(
            told.lines().take_while(|line| !line.starts_with("Most")).all(|line| line.chars().count() <= 80)
        );
    }

    #[test]
    fn nothing_suffers_where_all_goals_hold() {
        assert!(load().suffers().is_empty() && (load().calls_per_core() - 546.4).abs() < 0.1);
        let unheard = Load { silent_p50_ms: None, silent_p95_ms: None, barge_ins: 0, ..load() };
        assert!(unheard.suffers().is_empty(), "who says nothing interrupts nothing");
    }
}
