//! The learned model: a small gated recurrent unit over [`super::features`], evaluated every 40 ms.
//!
//! The weights are text, `model.txt`, made by `training/train.py`; `docs/amd-inside.md` says from what.

use std::sync::OnceLock;

use super::features::INPUTS;

/// Units of the recurrent layer, so that a call's state needs no heap.
const UNITS: usize = 48;
const GATES: usize = 3 * UNITS;

/// The weights compiled in, read once per process. `None` only if the file is damaged, which a test denies.
static MODEL: OnceLock<Option<Model>> = OnceLock::new();

fn model() -> Option<&'static Model> {
    MODEL.get_or_init(|| Model::parse(include_str!("model.txt"))).as_ref()
}

/// Takes another model's text for this process, before anything was judged. False when it is no such model,
/// or one is in use already.
#[must_use]
pub fn use_model(text: &str) -> bool {
    Model::parse(text).is_some_and(|model| MODEL.set(Some(model)).is_ok())
}

/// The weights, rows of inputs by columns of gates (keep, reset, new).
#[derive(Debug)]
struct Model {
    input: Vec<[f32; GATES]>,
    state: Vec<[f32; GATES]>,
    bias: [f32; GATES],
    out: [f32; UNITS],
    out_bias: f32,
}

impl Model {
    fn parse(text: &str) -> Option<Self> {
        let numbers = |name: &str| -> Option<Vec<f32>> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            line.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
        };
        let rows = |name: &str| Some(numbers(name)?.as_chunks::<GATES>().0.to_vec());
        let model = Self {
            input: rows("input")?,
            state: rows("state")?,
            bias: numbers("bias")?.try_into().ok()?,
            out: numbers("out")?.try_into().ok()?,
            out_bias: *numbers("out_bias")?.first()?,
        };
        (model.input.len() == INPUTS && model.state.len() == UNITS).then_some(model)
    }
}

/// The model's memory of one call.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    state: [f32; UNITS],
    probability: f32,
}

impl Net {
    pub(crate) const fn new() -> Self {
        Self { state: [0.0; UNITS], probability: 0.5 }
    }

    /// Probability that a machine answered, from all steps so far.
    pub(crate) const fn machine(&self) -> f32 {
        self.probability
    }

    /// Takes one step of [`super::features::Features`].
    pub(crate) fn push(&mut self, values: &[f32; INPUTS]) {
        let Some(model) = model() else { return };
        let mut fresh = model.bias;
        add_product(&mut fresh, values, &model.input);
        let mut kept = [0.0; GATES];
        add_product(&mut kept, &self.state, &model.state);
        let (keep, rest) = fresh.split_at_mut(UNITS);
        let (reset, new) = rest.split_at_mut(UNITS);
        for (gate, more) in keep.iter_mut().chain(reset.iter_mut()).zip(&kept) {
            *gate = sigmoid(*gate + more);
        }
        for ((new, reset), more) in new.iter_mut().zip(reset.iter()).zip(&kept[2 * UNITS..]) {
            *new = tanh(*new + reset * more);
        }
        let mut logit = model.out_bias;
        for (((state, keep), new), out) in
            self.state.iter_mut().zip(keep.iter()).zip(new.iter()).zip(&model.out)
        {
            *state = keep * *state + (1.0 - keep) * new;
            logit += *state * out;
        }
        self.probability = 1.0 / (1.0 + (-logit).exp());
    }
}

fn add_product(sum: &mut [f32; GATES], values: &[f32], rows: &[[f32; GATES]]) {
    for (value, row) in values.iter().zip(rows) {
        for (slot, weight) in sum.iter_mut().zip(row) {
            *slot += value * weight;
        }
    }
}

/// Within 1e-4 of the true value, and without a call to the library, so that gates are computed side by side.
fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// Lambert's continued fraction, cut off after its seventh power.
fn tanh(x: f32) -> f32 {
    let x = x.clamp(-4.97, 4.97);
    let s = x * x;
    x * (135_135.0 + s * (17_325.0 + s * (378.0 + s)))
        / (135_135.0 + s * (62_370.0 + s * (3_150.0 + 28.0 * s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_model_is_whole() {
        assert!(model().is_some());
    }

    #[test]
    fn the_quick_gates_are_close_to_the_true_ones() {
        for n in -800..=800 {
            let x = n as f32 / 100.0;
            assert!((tanh(x) - x.tanh()).abs() < 2e-4, "{x}");
            assert!((sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < 2e-4, "{x}");
        }
    }

    #[test]
    fn probabilities_stay_between_zero_and_one_for_any_input() {
        let mut net = Net::new();
        for step in 0..500 {
            net.push(&[if step % 3 == 0 { 2.0 } else { -2.0 }; INPUTS]);
            assert!((0.0..=1.0).contains(&net.machine()), "{}", net.machine());
        }
    }
}
