//! A Whisper of CTranslate2 that knows nothing: one layer on either side, with the vocabulary of the real ones.

/// Tokens of every model of many languages.
pub(crate) const VOCABULARY: usize = 51_865;
const WIDTH: u32 = 64;
const F16: u8 = 4;

struct Writer(Vec<u8>);

impl Writer {
    fn text(&mut self, text: &str) {
        self.0.extend((text.len() as u16 + 1).to_le_bytes());
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    fn number(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    /// Weights between -0.05 and 0.05, other ones in each variable.
    fn variable(&mut self, name: &str, shape: &[u32]) {
        self.text(name);
        self.0.push(shape.len() as u8);
        shape.iter().for_each(|dimension| self.number(*dimension));
        self.0.push(F16);
        let count: u32 = shape.iter().product();
        self.number(count * 2);
        let seed = name.bytes().fold(7_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let numbers = (0..4_096_u32).flat_map(|n| {
            // Exponents from 2^-12 to 2^-5, either sign: every pattern of bits is a number.
            let mixed = n.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 16;
            let exponent = 3 + (mixed & 7);
            ((mixed & 0x8000 | exponent << 10 | (mixed >> 3 & 0x3FF)) as u16).to_le_bytes()
        });
        let (numbers, mut left): (Vec<u8>, usize) = (numbers.collect(), count as usize * 2);
        while left > 0 {
            let part = left.min(numbers.len());
            self.0.extend_from_slice(&numbers[..part]);
            left -= part;
        }
    }
}

fn variables() -> Vec<(String, Vec<u32>)> {
    let w = WIDTH;
    let mut all: Vec<(String, Vec<u32>)> = vec![
        ("decoder/embeddings/weight".into(), vec![VOCABULARY as u32, w]),
        ("decoder/position_encodings/encodings".into(), vec![448, w]),
        ("encoder/position_encodings/encodings".into(), vec![1_500, w]),
        ("encoder/conv1/weight".into(), vec![w, 80, 3]),
        ("encoder/conv1/bias".into(), vec![w]),
        ("encoder/conv2/weight".into(), vec![w, w, 3]),
        ("encoder/conv2/bias".into(), vec![w]),
    ];
    let mut norms = vec!["decoder/layer_norm".to_owned(), "encoder/layer_norm".to_owned()];
    let mut tables = Vec::new();
    for side in ["encoder", "decoder"] {
        let layer = format!("{side}/layer_0");
        norms.extend([format!("{layer}/ffn/layer_norm"), format!("{layer}/self_attention/layer_norm")]);
        tables.extend([
            (format!("{layer}/ffn/linear_0"), 4 * w, w),
            (format!("{layer}/ffn/linear_1"), w, 4 * w),
            (format!("{layer}/self_attention/linear_0"), 3 * w, w),
            (format!("{layer}/self_attention/linear_1"), w, w),
        ]);
    }
    norms.push("decoder/layer_0/attention/layer_norm".into());
    for (number, rows) in [(0, w), (1, 2 * w), (2, w)] {
        tables.push((format!("decoder/layer_0/attention/linear_{number}"), rows, w));
    }
    for norm in norms {
        all.extend([(format!("{norm}/gamma"), vec![w]), (format!("{norm}/beta"), vec![w])]);
    }
    for (table, rows, columns) in tables {
        all.extend([(format!("{table}/weight"), vec![rows, columns]), (format!("{table}/bias"), vec![rows])]);
    }
    all
}

/// The bytes of model.bin, of an architecture.
pub(crate) fn model_of(architecture: &str) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.number(6);
    out.text(architecture);
    out.number(3);
    let variables = variables();
    out.number(variables.len() as u32);
    for (name, shape) in variables {
        out.variable(&name, &shape);
    }
    out.number(1);
    out.text("decoder/projection/weight");
    out.text("decoder/embeddings/weight");
    out.0
}

/// vocabulary.txt with so many tokens.
pub(crate) fn vocabulary(size: usize) -> String {
    let mut words: Vec<String> = (0..50_257_usize).map(|n| format!("w{n}")).collect();
    // Whisper looks for the space by name.
    words[220] = "Ġ".into();
    words.push("<|endoftext|>".into());
    words.extend((words.len()..size).map(|n| format!("<|{n}|>")));
    words.truncate(size);
    words.join("\n") + "\n"
}
