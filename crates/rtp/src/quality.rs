//! How good a call sounds, estimated.

/// Transmission rating without delay or loss: what the default values of ITU-T G.107 (table 2) give.
const BEST: f64 = 93.2;
/// How much loss G.711 with concealment stands (ITU-T G.113 appendix I, table I.3: Bpl for random loss).
const ROBUSTNESS: f64 = 25.1;

/// Mean opinion score, 1 (bad) to 4.4 (as good as a telephone gets), of a call in G.711 with concealment.
///
/// It is the E-model of ITU-T G.107 with its default values, random losses, and the delay impairment as simplified by Cole
/// and Rosenbluth ("Voice over IP performance monitoring", 2001, section 2): R = 93.2 − Id − Ie. `lost` is the share of
/// packets that were not played, 0 to 1, `delay_ms` the time from mouth to ear.
#[must_use]
pub fn mean_opinion_score(lost: f64, delay_ms: f64) -> f64 {
    let percent = lost.clamp(0.0, 1.0) * 100.0;
    let delay = delay_ms.max(0.0);
    let of_delay = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    // Ie is 0 for G.711.
    let of_loss = 95.0 * percent / (percent + ROBUSTNESS);
    let rating = (BEST - of_delay - of_loss).clamp(0.0, 100.0);
    // G.107, annex B; its curve dips below 1 for small ratings.
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_that_of_the_model() {
        let scored = |lost, delay| (mean_opinion_score(lost, delay) * 100.0).round() / 100.0;
        assert_eq!(scored(0.0, 0.0), 4.41);
        assert_eq!(scored(0.0, 150.0), 4.33);
        assert!(scored(0.01, 50.0) < 4.35 && scored(0.01, 50.0) > 4.2, "one in a hundred is hardly heard");
        assert!(scored(0.2, 50.0) < 3.0, "one in five is");
        assert_eq!(scored(1.0, 5_000.0), 1.0);
    }
}
