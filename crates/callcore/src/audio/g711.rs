//! G.711: one byte per sample, μ-law or A-law.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// Appends the samples of μ-law `bytes` to `out`.
pub fn ulaw(bytes: &[u8], out: &mut Vec<i16>) {
    out.extend(bytes.iter().map(|byte| decode_ulaw(*byte)));
}

/// Appends the samples of A-law `bytes` to `out`.
pub fn alaw(bytes: &[u8], out: &mut Vec<i16>) {
    out.extend(bytes.iter().map(|byte| decode_alaw(*byte)));
}

/// Appends `samples` in μ-law to `out`.
pub fn to_ulaw(samples: &[i16], out: &mut Vec<u8>) {
    out.extend(samples.iter().map(|sample| encode_ulaw(*sample)));
}

/// Appends `samples` in A-law to `out`.
pub fn to_alaw(samples: &[i16], out: &mut Vec<u8>) {
    out.extend(samples.iter().map(|sample| encode_alaw(*sample)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_of_both_laws_are_where_the_standard_puts_them() {
        let mut samples = Vec::new();
        ulaw(&[0xff, 0x00, 0x80], &mut samples);
        assert_eq!(samples, [0, -32_124, 32_124]);
        samples.clear();
        alaw(&[0xd5, 0x2a, 0xaa], &mut samples);
        assert_eq!(samples, [8, -32_256, 32_256]);
    }

    #[test]
    fn every_code_survives_the_way_there_and_back() {
        let codes: Vec<u8> = (0..=255).collect();
        let (mut samples, mut back) = (Vec::new(), Vec::new());
        alaw(&codes, &mut samples);
        to_alaw(&samples, &mut back);
        assert_eq!(back, codes);
        (samples, back) = (Vec::new(), Vec::new());
        ulaw(&codes, &mut samples);
        to_ulaw(&samples, &mut back);
        // The two zeros of μ-law are one sample.
        assert!(back.iter().zip(&codes).all(|(b, c)| b == c || (*b, *c) == (0xff, 0x7f)), "{back:?}");
    }
}
