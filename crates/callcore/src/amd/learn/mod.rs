//! Weights of the verdict from calls of which somebody knows who answered.
//!
//! Logistic regression that is held to the weights there are: they count as so many calls that agree with them, so that few
//! calls change little, and a measure that none of them shows changes nothing.

mod lesson;

pub use lesson::{Lesson, Pupil};

use super::weights::Weights;

/// Rounds over all weights after which a fit ends in any case, and how little a round may change before it does.
const ROUNDS: usize = 80;
const SETTLED: f64 = 1e-4;
/// No step of one weight is longer, so that a measure hardly ever seen takes no leap.
const LONGEST_STEP: f64 = 1.0;

/// Fits weights to `lessons`. People and machines count alike in all, however many of each there are, and every call as much as
/// any other of its side. `usual` counts as `calls` calls that agree with it; more than 0.
#[must_use]
pub fn fit(lessons: &[&Lesson], usual: &Weights, calls: f64) -> Weights {
    let rows = Rows::of(lessons);
    let start = usual.numbers().map(f64::from);
    let bounds = Weights::bounds().map(|(least, most)| (f64::from(least), f64::from(most)));
    let mut weights = start;
    let mut log_odds: Vec<f64> = rows.rows.iter().map(|row| row.log_odds(&weights)).collect();
    // In units of the loss, which is a mean over the calls.
    let held = calls / lessons.len().max(1) as f64;
    for _ in 0..ROUNDS {
        let mut changed = 0.0_f64;
        for n in 0..Weights::COUNT {
            let hold = held * rows.spread[n];
            let (mut slope, mut bend) = (hold * (weights[n] - start[n]), hold);
            for (row, log_odds) in rows.rows.iter().zip(&log_odds) {
                let input = f64::from(row.inputs[n]);
                if input != 0.0 {
                    let machine = 1.0 / (1.0 + (-log_odds).exp());
                    slope += row.counts * (machine - row.machine) * input;
                    bend += row.counts * machine * (1.0 - machine) * input * input;
                }
            }
            if bend <= f64::EPSILON {
                continue;
            }
            let step = (slope / bend).clamp(-LONGEST_STEP, LONGEST_STEP);
            let (least, most) = bounds[n];
            let next = (weights[n] - step).clamp(least, most);
            let by = next - weights[n];
            if by == 0.0 {
                continue;
            }
            weights[n] = next;
            changed = changed.max(by.abs());
            for (row, log_odds) in rows.rows.iter().zip(&mut log_odds) {
                *log_odds += by * f64::from(row.inputs[n]);
            }
        }
        if changed < SETTLED {
            break;
        }
    }
    // Three decimals, as a file has them.
    Weights::of_numbers(&weights.map(|weight| ((weight * 1_000.0).round() / 1_000.0) as f32))
}

/// How badly `weights` foretell who answered: the mean log loss, people and machines alike, in nats; 0.69 says nothing at all.
/// 0.0 without lessons.
#[must_use]
pub fn surprise(lessons: &[&Lesson], weights: &Weights) -> f64 {
    let rows = Rows::of(lessons);
    let weights = weights.numbers().map(f64::from);
    let loss = |row: &Row<'_>| {
        let log_odds = row.log_odds(&weights);
        // The logarithm of 1 + exp(x), without overflow.
        let soft = log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p();
        row.counts * (soft - row.machine * log_odds)
    };
    rows.rows.iter().map(loss).sum()
}

/// A moment of a call, and how much it counts.
struct Row<'a> {
    inputs: &'a [f32; Weights::COUNT],
    fixed: f64,
    machine: f64,
    counts: f64,
}

impl Row<'_> {
    fn log_odds(&self, weights: &[f64; Weights::COUNT]) -> f64 {
        let sum: f64 =
            self.inputs.iter().zip(weights).map(|(input, weight)| f64::from(*input) * weight).sum();
        sum + self.fixed
    }
}

struct Rows<'a> {
    rows: Vec<Row<'a>>,
    /// How far each input is spread: what makes a step of one weight as dear as that of another.
    spread: [f64; Weights::COUNT],
}

impl<'a> Rows<'a> {
    fn of(lessons: &[&'a Lesson]) -> Self {
        let told = || lessons.iter().filter(|lesson| !lesson.moments().is_empty());
        let calls = |machine: bool| told().filter(|lesson| lesson.is_machine() == machine).count().max(1);
        let share = [0.5 / calls(false) as f64, 0.5 / calls(true) as f64];
        let mut rows = Vec::new();
        for lesson in told() {
            let counts = share[usize::from(lesson.is_machine())] / lesson.moments().len() as f64;
            let machine = f64::from(u8::from(lesson.is_machine()));
            rows.extend(lesson.moments().iter().map(|moment| Row {
                inputs: moment.inputs(),
                fixed: f64::from(moment.fixed()),
                machine,
                counts,
            }));
        }
        let mut spread = [0.0; Weights::COUNT];
        for (n, spread) in spread.iter_mut().enumerate() {
            let mean = |of: &dyn Fn(f64) -> f64| -> f64 {
                rows.iter().map(|row| row.counts * of(f64::from(row.inputs[n]))).sum()
            };
            *spread = mean(&|input| input * input).max(1e-3);
        }
        Self { rows, spread }
    }
}

#[cfg(test)]
mod tests;
