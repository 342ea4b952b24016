//! How sure a count is: exact bounds after Clopper and Pearson (Biometrika 1934), 95 %.

use serde::Serialize;

/// What each tail is allowed to hold.
const TAIL: f64 = 0.025;

/// A share with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    pub of: usize,
    pub count: usize,
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

impl Share {
    /// `count` of `of`, at most as many; of nothing nothing is known.
    #[must_use]
    pub fn new(count: usize, of: usize) -> Self {
        let share = if of == 0 { 0.0 } else { count as f64 / of as f64 };
        // The share at which seeing this many or fewer (or more) is just as unlikely as the tail.
        let low = if count == 0 { 0.0 } else { solve(|p| 1.0 - at_most(count - 1, of, p), TAIL) };
        let high = if count == of { 1.0 } else { solve(|p| -at_most(count, of, p), -TAIL) };
        Self { of, count, share, low, high }
    }

    /// "2 of 100, 2.0 % (0.2 to 7.0 %)".
    #[must_use]
    pub fn told(&self) -> String {
        format!(
            "{} of {}, {:.1} % ({:.1} to {:.1} %)",
            self.count,
            self.of,
            self.share * 100.0,
            self.low * 100.0,
            self.high * 100.0
        )
    }
}

/// A percentile with the bounds that order statistics give it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentile {
    pub value: i64,
    pub low: i64,
    pub high: i64,
}

impl Percentile {
    /// The `p`-th part of sorted `values`; `None` of nothing.
    #[must_use]
    pub fn of(values: &[i64], p: f64) -> Option<Self> {
        let n = values.len();
        let last = n.checked_sub(1)?;
        let at = |rank: usize| values[rank.min(last)];
        let value = at((p * last as f64).round() as usize);
        let low = (0..n).rev().find(|rank| at_most(*rank, n, p) <= TAIL).map_or(0, |rank| rank + 1);
        let high = (0..n).find(|rank| at_most(*rank, n, p) >= 1.0 - TAIL).unwrap_or(last);
        Some(Self { value, low: at(low), high: at(high) })
    }

    /// "410 (360 to 520)".
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} ({} to {})", self.value, self.low, self.high)
    }
}

/// Probability of at most `count` of `of` when each has probability `p`.
fn at_most(count: usize, of: usize, p: f64) -> f64 {
    if p <= 0.0 || count >= of {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (log_p, log_q) = (p.ln(), (1.0 - p).ln());
    let (mut log_ways, mut sum) = (0.0, 0.0);
    for k in 0..=count {
        if k > 0 {
            log_ways += ((of - k + 1) as f64).ln() - (k as f64).ln();
        }
        sum += (log_ways + k as f64 * log_p + (of - k) as f64 * log_q).exp();
    }
    sum.min(1.0)
}

/// Where a rising function of a share reaches `level`.
fn solve(rising: impl Fn(f64) -> f64, level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if rising(middle) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.0006
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        let share = Share::new(0, 100);
        assert!(share.low == 0.0 && near(share.high, 0.0362), "{share:?}");
        let share = Share::new(1, 100);
        assert!(near(share.low, 0.0003) && near(share.high, 0.0545), "{share:?}");
        let share = Share::new(5, 10);
        assert!(near(share.low, 0.1871) && near(share.high, 0.8129), "{share:?}");
        let share = Share::new(10, 10);
        assert!(near(share.low, 0.6915) && share.high == 1.0, "{share:?}");
        assert_eq!(Share::new(0, 0).share, 0.0);
    }

    #[test]
    fn a_percentile_lies_between_its_bounds() {
        let values: Vec<i64> = (1..=101).collect();
        let median = Percentile::of(&values, 0.5).unwrap();
        assert_eq!((median.value, median.low, median.high), (51, 42, 61));
        assert_eq!(Percentile::of(&[], 0.5), None);
        let one = Percentile::of(&[7], 0.95).unwrap();
        assert_eq!((one.low, one.value, one.high), (7, 7, 7));
    }
}
