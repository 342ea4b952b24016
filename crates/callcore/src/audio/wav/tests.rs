//! WAV files as programs write them.

use proptest::prelude::*;

use super::super::g711;
use super::super::tone::tone;
use super::*;

/// A file from its parts, as they are given.
fn file(kind: &[u8; 4], stated: u32, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = kind.to_vec();
    out.extend(stated.to_le_bytes());
    out.extend(b"WAVE");
    out.extend(parts.concat());
    out
}

fn part(id: &[u8; 4], stated: u32, body: &[u8]) -> Vec<u8> {
    [id.as_slice(), &stated.to_le_bytes(), body].concat()
}

fn fmt(tag: u16, channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
    let mut body = Vec::new();
    for word in [tag, channels] {
        body.extend(word.to_le_bytes());
    }
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(block)).to_le_bytes());
    for word in [block, bits] {
        body.extend(word.to_le_bytes());
    }
    part(b"fmt ", 16, &body)
}

/// With the extension that names the format by an identifier.
fn extensible(tag: u16, channels: u16, rate: u32, block: u16, bits: u16, valid: u16) -> Vec<u8> {
    let mut body = fmt(0xfffe, channels, rate, block, bits)[8..].to_vec();
    for word in [22, valid, 3, 0, tag] {
        body.extend(word.to_le_bytes());
    }
    body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    part(b"fmt ", 40, &body)
}

fn whole(fmt: &[u8], data: &[u8]) -> Vec<u8> {
    let stated = (4 + fmt.len() + 8 + data.len()) as u32;
    file(b"RIFF", stated, &[fmt, &part(b"data", data.len() as u32, data)])
}

fn sound() -> Vec<i16> {
    tone(&[440.0], 100, -12.0)
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The largest difference between what was read and the sound.
fn off(file: &[u8]) -> u16 {
    let (read, sound) = (read_8k(file).expect("readable"), sound());
    assert_eq!(read.len(), sound.len());
    read.iter().zip(&sound).map(|(read, sound)| read.abs_diff(*sound)).max().expect("samples")
}

#[test]
fn what_is_written_reads_back() {
    let left: Vec<i16> = (0..500).collect();
    assert_eq!(read_8k(&write_8k(&[&left])).expect("own file"), left);
    let both = write_8k(&[&left, &left[..100]]);
    let mixed = read_8k(&both).expect("own file");
    assert_eq!((mixed[50], mixed[400]), (50, 200));
    let callee = Wav::open(&both).expect("own file").mono_8k(Side::Left, LONGEST).expect("samples");
    assert_eq!(callee, left);
}

#[test]
fn lengths_that_a_pipe_left_unfinished_are_those_of_the_file() {
    let (fmt, data) = (fmt(1, 1, 8_000, 2, 16), bytes(&sound()));
    for stated in [0_u32, 0x7fff_ffff, 0x7fff_f000, 0x8000_0000, 0xffff_ffdb, 0xffff_fffe, 0xffff_ffff] {
        for outer in [0, 36, stated, stated.saturating_add(36)] {
            let file = file(b"RIFF", outer, &[&fmt, &part(b"data", stated, &data)]);
            assert_eq!(off(&file), 0, "{stated:x} in {outer:x}");
        }
    }
    let tagged = part(b"LIST", 26, b"INFOISFT\x0e\0\0\0Lavf59.27.100\0");
    let piped = file(b"RIFF", u32::MAX, &[&fmt, &tagged, &part(b"data", u32::MAX, &data)]);
    assert_eq!(off(&piped), 0);
}

#[test]
fn an_empty_recording_with_something_behind_it_is_empty() {
    let parts = [fmt(1, 1, 8_000, 2, 16), part(b"data", 0, &[]), part(b"LIST", 4, b"INFO")];
    let file = file(b"RIFF", 48, &[&parts[0], &parts[1], &parts[2]]);
    assert!(matches!(read_8k(&file), Err(WavError::Empty)));
}

#[test]
fn samples_in_several_parts_and_behind_a_stale_length_are_all_heard() {
    let (fmt, data) = (fmt(1, 1, 8_000, 2, 16), bytes(&sound()));
    let (one, two) = data.split_at(600);
    let list = part(b"LIST", 4, b"INFO");
    let rest = two.len() as u32;
    for parts in [
        vec![part(b"data", 600, one), part(b"data", rest, two)],
        vec![part(b"data", 600, one), list.clone(), part(b"data", rest, two), list.clone()],
        vec![part(b"data", 0, b""), part(b"data", data.len() as u32, &data)],
        vec![part(b"data", 0, b""), list.clone(), part(b"data", data.len() as u32, &data)],
    ] {
        let parts = parts.concat();
        assert_eq!(off(&file(b"RIFF", 0, &[&fmt, &parts])), 0);
    }
    // Written before the file was full, and never again.
    let long: Vec<i16> = sound().repeat(10);
    let stale = part(b"data", 400, &bytes(&long));
    assert_eq!(read_8k(&file(b"RIFF", 0, &[&fmt, &stale])).expect("readable").len(), long.len());
    // What is no sound stays out of it.
    let tagged = [part(b"data", data.len() as u32, &data), part(b"xtra", 2_000, &[7; 2_000])].concat();
    assert_eq!(off(&file(b"RIFF", 0, &[&fmt, &tagged])), 0);
}

#[test]
fn floating_point_in_the_scale_of_whole_numbers_is_the_same_sound() {
    let wide = |scale: f64| sound().into_iter().map(move |sample| f64::from(sample) / 32_768.0 * scale);
    for scale in [1.0, 32_768.0, 8_388_608.0, 2_147_483_648.0] {
        let single: Vec<u8> = wide(scale).flat_map(|x| (x as f32).to_le_bytes()).collect();
        assert!(off(&whole(&fmt(3, 1, 8_000, 4, 32), &single)) <= 1, "{scale}");
        let double: Vec<u8> = wide(scale).flat_map(f64::to_le_bytes).collect();
        assert!(off(&whole(&fmt(3, 1, 8_000, 8, 64), &double)) <= 1, "{scale}");
    }
}

#[test]
fn a_part_of_odd_length_is_passed_with_and_without_the_byte_behind_it() {
    let (fmt, samples) = (fmt(1, 1, 8_000, 2, 16), bytes(&sound()));
    let data = part(b"data", samples.len() as u32, &samples);
    let odd = part(b"LIST", 19, b"INFOISFT\x05\0\0\0Lavf\0\0x");
    let padded = [odd.clone(), vec![0]].concat();
    for odd in [&odd, &padded] {
        for parts in [[&fmt, odd, &data], [odd, &fmt, &data]] {
            assert_eq!(off(&file(b"RIFF", 9_999, &parts.map(Vec::as_slice))), 0);
        }
    }
    // Behind samples of odd length, too.
    let eight = [fmt_of_eight(), part(b"data", 3, &[128, 255, 0]), part(b"LIST", 4, b"INFO")].concat();
    assert_eq!(read_8k(&file(b"RIFF", 0, &[&eight])).expect("three samples"), [0, 127 << 8, i16::MIN]);
}

fn fmt_of_eight() -> Vec<u8> {
    fmt(1, 1, 8_000, 1, 8)
}

#[test]
fn parts_that_lead_nowhere_do_not_hide_the_samples() {
    let data = part(b"data", 1_600, &bytes(&sound()));
    for length in [u32::MAX, 0x7fff_ffff, 50_000] {
        let lost = part(b"LIST", length, b"INFO");
        let file = file(b"RIFF", 0, &[&fmt(1, 1, 8_000, 2, 16), &lost, &data]);
        assert_eq!(off(&file), 0, "{length}");
    }
}

#[test]
fn both_laws_are_read_whatever_the_header_adds() {
    let sound = sound();
    let (mut ulaw, mut alaw) = (Vec::new(), Vec::new());
    g711::to_ulaw(&sound, &mut ulaw);
    g711::to_alaw(&sound, &mut alaw);
    for (tag, data) in [(7, &ulaw), (6, &alaw)] {
        let plain = fmt(tag, 1, 8_000, 1, 8);
        let extended = part(b"fmt ", 18, &[&plain[8..], &[0, 0]].concat());
        let fact = part(b"fact", 4, &800_u32.to_le_bytes());
        for fmt in [&plain, &extended, &extensible(tag, 1, 8_000, 1, 8, 8), &fmt(tag, 1, 8_000, 2, 16)] {
            assert!(off(&whole(fmt, data)) < 256, "{tag}");
            assert!(off(&whole(&[fmt.as_slice(), &fact].concat(), data)) < 256, "{tag} with its length");
        }
    }
}

#[test]
fn numbers_of_any_width_are_the_same_sound() {
    let sound = sound();
    let wide = |width: usize, shift: u32| -> Vec<u8> {
        sound.iter().flat_map(|s| (i64::from(*s) << shift).to_le_bytes().into_iter().take(width)).collect()
    };
    let eight: Vec<u8> = sound.iter().map(|s| ((s >> 8) + 128) as u8).collect();
    let float = |s: &i16| f64::from(*s) / 32_768.0;
    let single: Vec<u8> = sound.iter().flat_map(|s| (float(s) as f32).to_le_bytes()).collect();
    let double: Vec<u8> = sound.iter().flat_map(|s| float(s).to_le_bytes()).collect();
    for (tag, bits, data, most) in [
        (1, 8, &eight, 255),
        (1, 16, &wide(2, 0), 0),
        (1, 24, &wide(3, 8), 0),
        (1, 32, &wide(4, 16), 0),
        (1, 64, &wide(8, 48), 0),
        (3, 32, &single, 2),
        (3, 64, &double, 2),
    ] {
        for fmt in [
            fmt(tag, 1, 8_000, bits / 8, bits),
            extensible(tag, 1, 8_000, bits / 8, bits, bits),
            fmt(tag, 1, 8_000, 0, bits),
            fmt(tag, 1, 8_000, bits / 8, 0),
        ] {
            assert!(off(&whole(&fmt, data)) <= most, "{bits} bits of {tag}");
        }
    }
    // 24 bits in four bytes: at the upper end, at the lower end with and without a sign, by either header.
    let bare: Vec<u8> =
        sound.iter().flat_map(|s| ((i32::from(*s) << 8) & 0x00ff_ffff).to_le_bytes()).collect();
    for (name, data) in [("upper", &wide(4, 16)), ("lower", &wide(4, 8)), ("bare", &bare)] {
        for fmt in [fmt(1, 1, 8_000, 4, 24), extensible(1, 1, 8_000, 4, 32, 24)] {
            assert_eq!(off(&whole(&fmt, data)), 0, "24 in 32, {name}");
        }
    }
}

#[test]
fn files_for_more_than_four_gigabytes_are_read() {
    let data = bytes(&sound());
    for kind in [b"RF64", b"BW64"] {
        for length in [data.len() as u64, 0, u64::MAX] {
            let mut long = vec![0; 8];
            long.extend(length.to_le_bytes());
            long.extend([0; 12]);
            let parts =
                [part(b"ds64", 28, &long), fmt(1, 1, 8_000, 2, 16), part(b"data", u32::MAX, &data)].concat();
            assert_eq!(off(&file(kind, u32::MAX, &[&parts])), 0, "{length}");
        }
    }
}

#[test]
fn every_channel_is_heard_and_the_first_can_be_taken_alone() {
    let sound = sound();
    for channels in 1..=MOST_CHANNELS {
        let data: Vec<u8> = sound.iter().flat_map(|s| bytes(&vec![*s; channels.into()])).collect();
        assert_eq!(off(&whole(&fmt(1, channels, 8_000, 2 * channels, 16), &data)), 0, "{channels}");
    }
}

#[test]
fn what_no_recording_states_is_refused_before_anything_is_decoded() {
    let wav = |channels: u16, rate: u32, data: &[u8]| whole(&fmt(1, channels, rate, 2 * channels, 16), data);
    for rate in [0, 1, 3_999, 384_001, u32::MAX] {
        let error = read_8k(&file_of(rate)).expect_err("an impossible rate").to_string();
        assert!(error.contains(&format!("states {rate} samples per second")), "{error}");
    }
    assert!(read_8k(&file_of(4_000)).is_ok() && read_8k(&file_of(384_000)).is_ok());
    for channels in [0, 9, u16::MAX] {
        let mut bytes = wav(1, 8_000, &[0; 64]);
        bytes[22..24].copy_from_slice(&channels.to_le_bytes());
        assert!(matches!(read_8k(&bytes), Err(WavError::Channels(told)) if told == channels));
    }
    let minute = wav(1, 4_000, &vec![0; 60 * 8_000]);
    let open = Wav::open(&minute).expect("a header");
    assert_eq!(open.samples(), 60 * 8_000);
    assert!(matches!(open.mono_8k(Side::Mixed, 59 * 8_000), Err(WavError::TooLong(59))));
    assert!(open.mono_8k(Side::Mixed, 60 * 8_000).is_ok());
}

fn file_of(rate: u32) -> Vec<u8> {
    let mut bytes = whole(&fmt(1, 1, 8_000, 2, 16), &[0; 4_000]);
    bytes[24..28].copy_from_slice(&rate.to_le_bytes());
    bytes
}

#[test]
fn a_codec_that_is_not_read_is_named() {
    for (tag, name) in [(0x31, "GSM 06.10"), (0x11, "ADPCM"), (0x1234, "0x1234")] {
        let error = read_8k(&whole(&fmt(tag, 1, 8_000, 65, 0), &[0; 650])).expect_err(name).to_string();
        assert!(error.contains(name), "{error}");
    }
    assert_eq!(mpeg(&whole(&fmt(0x55, 1, 8_000, 1, 0), &[1, 2, 3, 4])), Some(&[1, 2, 3, 4][..]));
}

#[test]
fn a_truncated_file_yields_what_is_there_and_garbage_is_refused() {
    let file = write_8k(&[&[7; 400]]);
    assert_eq!(read_8k(&file[..300]).expect("a file cut short").len(), 128);
    assert!(matches!(read_8k(b"RIFF but not really"), Err(WavError::NotWav)));
    assert!(matches!(read_8k(&[]), Err(WavError::NotWav)));
    assert!(matches!(read_8k(&file[..30]), Err(WavError::Incomplete(_))));
    assert!(matches!(read_8k(&write_8k(&[&[]])), Err(WavError::Empty)));
}

#[test]
fn the_files_that_telephones_wrote_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/wav");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return println!("skipped: {} is not there", folder.display());
    };
    for entry in entries {
        let path = entry.expect("a file").path();
        let samples = read_8k(&std::fs::read(&path).expect("readable")).expect("a WAV file");
        // All five are one recording.
        assert!(samples.len().abs_diff(43_097) < 10, "{}: {}", path.display(), samples.len());
    }
}

proptest! {
    #[test]
    fn no_file_makes_more_than_was_allowed(
        head in prop::sample::select(vec![fmt(1, 2, 44_100, 4, 16), fmt(3, 1, 4_000, 8, 64), fmt(7, 8, 8_000, 8, 8)]),
        mut bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        places in prop::collection::vec((0_usize..60, any::<u8>()), 0..6),
        most in 0_usize..3_000,
    ) {
        bytes = file(b"RIFF", 0, &[&head, &part(b"data", u32::MAX, &bytes)]);
        let length = bytes.len();
        for (at, byte) in places {
            bytes[at % length] = byte;
        }
        if let Ok(open) = Wav::open(&bytes) && let Ok(samples) = open.mono_8k(Side::Mixed, most) {
            prop_assert!(samples.len() <= most && samples.len() == open.samples());
        }
    }
}
