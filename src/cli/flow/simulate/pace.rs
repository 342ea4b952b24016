//! Real time: what the bot says appears when it would be heard, and a line acts when it is typed.

use std::io::{BufRead, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use callcore::clock::CallTime;

use super::super::trace::Trace;
use super::{LONGEST_MS, Simulated, obeyed};

/// How long to wait for a line when nothing is going to happen by itself.
const IDLE: Duration = Duration::from_secs(1);

/// Runs the call by the clock until it is over or the person leaves.
pub(super) fn real(call: &mut Simulated, show: &mut Trace<'_, impl Write>) -> anyhow::Result<()> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    let mut shift_ms = 0;
    let mut open = true;
    loop {
        let now_ms = began.elapsed().as_millis() as u64 + shift_ms;
        let until = CallTime::from_ms(now_ms.min(LONGEST_MS));
        call.rehearsal.pass(until.ms_since(call.rehearsal.now()));
        show.follow(call.rehearsal.log())?;
        if call.rehearsal.is_over() {
            return Ok(());
        }
        let patience = call.rehearsal.next_at().map_or(IDLE, |next| {
            Duration::from_millis(next.as_ms().saturating_sub(now_ms).clamp(1, IDLE.as_millis() as u64))
        });
        if !open {
            std::thread::sleep(patience);
            continue;
        }
        match lines.recv_timeout(patience) {
            Ok(line) => {
                if !obeyed(call, show, &line)? {
                    return Ok(());
                }
                // Saying something takes as long as it takes: the call is ahead of the clock then.
                let ahead = call.rehearsal.now().as_ms();
                shift_ms = ahead.saturating_sub(began.elapsed().as_millis() as u64);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
    }
}
