//! Which variable of CTranslate2 is which tensor of ggml, in the order of whisper.cpp's own conversion.

use std::io::{Read, Seek};

use super::ct2::{Archive, Tensor, Wrong};
use super::quantise::{Precision, Weights};

/// Whisper's heads are all of this width.
const HEAD: u32 = 64;
/// From here on a vocabulary is that of many languages.
const MANY_LANGUAGES: u32 = 51_865;
const VOCABULARIES: std::ops::RangeInclusive<u32> = 51_864..=51_999;
const MOST_LAYERS: u32 = 128;
const MOST_WIDTH: u32 = 4_096;
const MOST_POSITIONS: u32 = 4_096;

/// The numbers at the head of a ggml file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) vocabulary: u32,
    pub(super) audio_positions: u32,
    pub(super) text_positions: u32,
    pub(super) width: u32,
    pub(super) heads: u32,
    pub(super) audio_layers: u32,
    pub(super) text_layers: u32,
    pub(super) mel_bands: u32,
}

impl Shape {
    pub(super) const fn is_english_only(&self) -> bool {
        self.vocabulary < MANY_LANGUAGES
    }
}

/// How many tokens of a vocabulary are text; the rest are marks of languages, tasks and times.
pub(super) const fn text_tokens(vocabulary: usize) -> usize {
    if vocabulary < MANY_LANGUAGES as usize { 50_256 } else { 50_257 }
}

/// What is taken of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// One of so many equal pieces along the first dimension: CTranslate2 keeps what is multiplied together in one.
    Piece {
        at: usize,
        of: usize,
    },
    /// As a column: ggml adds the bias of a convolution so.
    Column,
}

/// A tensor to be written.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    from: String,
    part: Part,
}

/// A model and all its tensors.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    pub(super) tensors: Vec<Planned>,
}

impl Planned {
    pub(super) fn read<R: Read + Seek>(&self, archive: &mut Archive<R>) -> Result<Tensor, Wrong> {
        let Tensor { mut shape, mut values } = archive.tensor(&self.from)?;
        match self.part {
            Part::Whole => {}
            Part::Column => shape.push(1),
            Part::Piece { at, of } => {
                let rows = shape.first().copied().unwrap_or(0) as usize;
                if rows == 0 || !rows.is_multiple_of(of) {
                    return Err(Wrong::Foreign(format!(
                        "{} has {rows} rows, which are not {of} parts",
                        self.from
                    )));
                }
                let length = values.len() / of;
                values = values.split_off(at * length);
                values.truncate(length);
                shape[0] = u32::try_from(rows / of).unwrap_or(0);
            }
        }
        Ok(Tensor { shape, values })
    }

    /// How exactly it is kept. Positions and biases are few, and always exact.
    pub(super) fn precision(&self, weights: Weights) -> Precision {
        if self.name.ends_with(".positional_embedding") || self.part == Part::Column {
            return Precision::Exact;
        }
        weights.precision()
    }
}

impl Layout {
    pub(super) fn of<R: Read + Seek>(archive: &Archive<R>) -> Result<Self, Wrong> {
        let shape = shape(archive)?;
        let mut plan = Plan::default();
        plan.whole("decoder.positional_embedding", "decoder/position_encodings/encodings");
        plan.whole("encoder.positional_embedding", "encoder/position_encodings/encodings");
        plan.whole("decoder.token_embedding.weight", "decoder/embeddings/weight");
        for layer in 0..shape.text_layers {
            plan.block(&format!("decoder.blocks.{layer}"), &format!("decoder/layer_{layer}"), true);
        }
        plan.norm("decoder.ln", "decoder/layer_norm");
        for number in [1, 2] {
            let (name, from) = (format!("encoder.conv{number}"), format!("encoder/conv{number}"));
            plan.whole(&format!("{name}.weight"), &format!("{from}/weight"));
            plan.add(format!("{name}.bias"), format!("{from}/bias"), Part::Column);
        }
        for layer in 0..shape.audio_layers {
            plan.block(&format!("encoder.blocks.{layer}"), &format!("encoder/layer_{layer}"), false);
        }
        plan.norm("encoder.ln_post", "encoder/layer_norm");
        let tensors = plan.tensors;
        // Before the first byte is written.
        for planned in &tensors {
            archive.shape(&planned.from)?;
        }
        Ok(Self { shape, tensors })
    }
}

fn shape<R: Read + Seek>(archive: &Archive<R>) -> Result<Shape, Wrong> {
    let table = |name: &str| match *archive.shape(name)? {
        [rows, columns] => Ok((rows, columns)),
        _ => Err(Wrong::Foreign(format!("{name} is no table"))),
    };
    let (vocabulary, width) = table("decoder/embeddings/weight")?;
    let (text_positions, _) = table("decoder/position_encodings/encodings")?;
    let (audio_positions, audio_width) = table("encoder/position_encodings/encodings")?;
    let &[_, mel_bands, _] = archive.shape("encoder/conv1/weight")? else {
        return Err(Wrong::Foreign("encoder/conv1/weight is no convolution".into()));
    };
    let layers = |side: &str| {
        let prefix = format!("{side}/layer_");
        let number = |name: &str| name.strip_prefix(&prefix)?.split('/').next()?.parse::<u32>().ok();
        archive.names().filter_map(number).max().map_or(0, |last| last.saturating_add(1))
    };
    let shape = Shape {
        vocabulary,
        audio_positions,
        text_positions,
        width,
        heads: width / HEAD,
        audio_layers: layers("encoder"),
        text_layers: layers("decoder"),
        mel_bands,
    };
    let expect = |holds: bool, what: &str, found: u32| {
        if holds { Ok(()) } else { Err(Wrong::Foreign(format!("{what}: {found} is not Whisper's"))) }
    };
    expect(VOCABULARIES.contains(&vocabulary), "tokens", vocabulary)?;
    expect(width.is_multiple_of(HEAD) && (HEAD..=MOST_WIDTH).contains(&width), "width", width)?;
    expect(audio_width == width, "width of the encoder", audio_width)?;
    expect(matches!(mel_bands, 80 | 128), "mel bands", mel_bands)?;
    expect((1..=MOST_LAYERS).contains(&shape.audio_layers), "layers of the encoder", shape.audio_layers)?;
    expect((1..=MOST_LAYERS).contains(&shape.text_layers), "layers of the decoder", shape.text_layers)?;
    expect((1..=1_500).contains(&audio_positions), "audio positions", audio_positions)?;
    expect((1..=MOST_POSITIONS).contains(&text_positions), "text positions", text_positions)?;
    Ok(shape)
}

#[derive(Default)]
struct Plan {
    tensors: Vec<Planned>,
}

impl Plan {
    fn add(&mut self, name: String, from: String, part: Part) {
        self.tensors.push(Planned { name, from, part });
    }

    fn whole(&mut self, name: &str, from: &str) {
        self.add(name.into(), from.into(), Part::Whole);
    }

    fn pair(&mut self, name: &str, from: &str) {
        self.whole(&format!("{name}.weight"), &format!("{from}/weight"));
        self.whole(&format!("{name}.bias"), &format!("{from}/bias"));
    }

    fn norm(&mut self, name: &str, from: &str) {
        self.whole(&format!("{name}.weight"), &format!("{from}/gamma"));
        self.whole(&format!("{name}.bias"), &format!("{from}/beta"));
    }

    fn block(&mut self, name: &str, from: &str, crosses: bool) {
        self.norm(&format!("{name}.mlp_ln"), &format!("{from}/ffn/layer_norm"));
        self.pair(&format!("{name}.mlp.0"), &format!("{from}/ffn/linear_0"));
        self.pair(&format!("{name}.mlp.2"), &format!("{from}/ffn/linear_1"));
        let own = format!("{from}/self_attention");
        self.norm(&format!("{name}.attn_ln"), &format!("{own}/layer_norm"));
        let together = format!("{own}/linear_0");
        self.attention(&format!("{name}.attn"), [(&together, 0, 3), (&together, 1, 3), (&together, 2, 3)]);
        self.pair(&format!("{name}.attn.out"), &format!("{own}/linear_1"));
        if crosses {
            let other = format!("{from}/attention");
            self.norm(&format!("{name}.cross_attn_ln"), &format!("{other}/layer_norm"));
            let (query, together) = (format!("{other}/linear_0"), format!("{other}/linear_1"));
            self.attention(
                &format!("{name}.cross_attn"),
                [(&query, 0, 1), (&together, 0, 2), (&together, 1, 2)],
            );
            self.pair(&format!("{name}.cross_attn.out"), &format!("{other}/linear_2"));
        }
    }

    /// Query, key and value; Whisper's keys have no bias.
    fn attention(&mut self, name: &str, parts: [(&str, usize, usize); 3]) {
        for (role, (from, at, of)) in ["query", "key", "value"].into_iter().zip(parts) {
            let part = if of == 1 { Part::Whole } else { Part::Piece { at, of } };
            self.add(format!("{name}.{role}.weight"), format!("{from}/weight"), part);
            if role != "key" {
                self.add(format!("{name}.{role}.bias"), format!("{from}/bias"), part);
            }
        }
    }
}
