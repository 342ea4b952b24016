//! A telephone whose microphone hears its own loudspeaker.

use std::collections::VecDeque;

use callcore::audio::frame::{Frame, ms_to_samples};

/// What the callee hears and sends back, later and fainter.
#[derive(Clone, Debug)]
pub struct EchoPath {
    /// What was heard and has not come back yet; always as long as the delay.
    under_way: VecDeque<i16>,
    gain: f32,
}

impl EchoPath {
    /// An echo after `delay_ms` that is `loss_db` fainter than what was heard.
    #[must_use]
    pub fn new(delay_ms: u64, loss_db: f32) -> Self {
        Self {
            under_way: VecDeque::from(vec![0; ms_to_samples(delay_ms)]),
            gain: 10_f32.powf(-loss_db / 20.0),
        }
    }

    /// Adds what comes back while `heard` sounds.
    pub fn add_to(&mut self, heard: &Frame, said: &mut Frame) {
        self.under_way.extend(heard);
        for (sample, back) in said.iter_mut().zip(self.under_way.drain(..heard.len())) {
            *sample = sample.saturating_add((f32::from(back) * self.gain).round() as i16);
        }
    }
}

#[cfg(test)]
mod tests {
    use callcore::audio::FRAME_SAMPLES;

    use super::*;

    #[test]
    fn what_is_heard_comes_back_a_tenth_as_loud_after_the_delay() {
        // 50 ms are two frames and a half.
        let mut echo = EchoPath::new(50, 20.0);
        let mut sent = Vec::new();
        for n in 0..5 {
            let mut said = [1; FRAME_SAMPLES];
            echo.add_to(&[if n == 0 { 5_000 } else { 0 }; FRAME_SAMPLES], &mut said);
            sent.extend_from_slice(&said);
        }
        assert!(sent[..400].iter().all(|s| *s == 1));
        assert!(sent[400..560].iter().all(|s| *s == 501));
        assert!(sent[560..].iter().all(|s| *s == 1));
    }
}
