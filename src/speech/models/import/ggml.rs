//! A model as whisper.cpp reads it; `stt/whisper/header.rs` tells the layout.

use std::io::{self, Write};

use super::ct2::Tensor;
use super::layout::Shape;
use super::mel::Filters;
use super::quantise::{self, Precision, Weights};

const MAGIC: u32 = 0x6767_6d6c;
const F32: u32 = 0;
/// Of a buffer of exact values.
const VALUES_AT_ONCE: usize = 1 << 16;

/// Everything before the tensors.
pub(super) fn write_head(
    out: &mut impl Write,
    shape: &Shape,
    weights: Weights,
    filters: &Filters,
    tokens: &[Vec<u8>],
) -> io::Result<()> {
    let Shape {
        vocabulary,
        audio_positions,
        text_positions,
        width,
        heads,
        audio_layers,
        text_layers,
        mel_bands,
    } = *shape;
    numbers(out, &[MAGIC, vocabulary])?;
    numbers(out, &[audio_positions, width, heads, audio_layers])?;
    numbers(out, &[text_positions, width, heads, text_layers])?;
    numbers(out, &[mel_bands, weights.file_type()])?;
    numbers(out, &[count(filters.bands)?, count(filters.columns)?])?;
    exact(out, &filters.weights)?;
    numbers(out, &[count(tokens.len())?])?;
    for token in tokens {
        numbers(out, &[count(token.len())?])?;
        out.write_all(token)?;
    }
    Ok(())
}

/// A tensor. Only tables are kept less exactly than they could be, and only those whose rows make whole blocks in blocks.
pub(super) fn write_tensor(
    out: &mut impl Write,
    name: &str,
    tensor: &Tensor,
    precision: Precision,
) -> io::Result<()> {
    let row = tensor.shape.last().copied().unwrap_or(0) as usize;
    let precision = match (tensor.shape.len(), precision) {
        (0 | 1, _) | (_, Precision::Exact) => Precision::Exact,
        (2, Precision::Blocks(weights)) if quantise::fits(row) => Precision::Blocks(weights),
        _ => Precision::Half,
    };
    let kind = match precision {
        Precision::Exact => F32,
        Precision::Half => Weights::F16.tensor_type(),
        Precision::Blocks(weights) => weights.tensor_type(),
    };
    numbers(out, &[count(tensor.shape.len())?, count(name.len())?, kind])?;
    // ggml names the dimension first that runs fastest.
    for dimension in tensor.shape.iter().rev() {
        numbers(out, &[*dimension])?;
    }
    out.write_all(name.as_bytes())?;
    match precision {
        Precision::Exact => exact(out, &tensor.values),
        Precision::Half => {
            let mut bytes = Vec::with_capacity(tensor.values.len() * 2);
            quantise::half(&tensor.values, &mut bytes);
            out.write_all(&bytes)
        }
        Precision::Blocks(weights) => out.write_all(&quantise::blocks(&tensor.values, weights)),
    }
}

fn numbers(out: &mut impl Write, numbers: &[u32]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

fn exact(out: &mut impl Write, values: &[f32]) -> io::Result<()> {
    for values in values.chunks(VALUES_AT_ONCE) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn count(number: usize) -> io::Result<u32> {
    u32::try_from(number).map_err(io::Error::other)
}
