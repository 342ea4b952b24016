//! What comes in by the door, and what does not.

use callcore::audio::tone::tone;
use proptest::prelude::*;

use super::*;

fn mp3(frames: usize) -> Vec<u8> {
    silent_mp3_frame().repeat(frames)
}

fn prompt(bytes: &[u8]) -> Result<Vec<i16>, SoundError> {
    read(bytes, Side::Mixed, PROMPT)
}

fn stating(at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = wav::write_8k(&[&tone(&[440.0], 1_000, -20.0)]);
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn mp3_is_read_bare_and_inside_a_wav_file() {
    let bare = prompt(&mp3(50)).expect("a second of silence");
    assert!((9_000..=9_700).contains(&bare.len()), "{}", bare.len());
    let mut inside = stating(20, &0x55_u16.to_le_bytes());
    inside.truncate(44);
    inside[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    inside.extend(mp3(50));
    assert_eq!(prompt(&inside).expect("the same").len(), bare.len());
}

#[test]
fn what_telephones_wrote_comes_in_by_the_door() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/wav");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return println!("skipped: {} is not there", folder.display());
    };
    for entry in entries {
        let path = entry.expect("a file").path();
        let samples = prompt(&std::fs::read(&path).expect("readable")).expect("sound");
        // All are one recording of 5.4 s.
        assert!(samples.len().abs_diff(43_097) < 10, "{}: {}", path.display(), samples.len());
    }
}

#[test]
fn what_a_header_states_is_refused_before_memory_is_asked_for() {
    assert!(matches!(prompt(&stating(24, &1_u32.to_le_bytes())), Err(SoundError::Rate(1))));
    assert!(matches!(prompt(&stating(22, &9_u16.to_le_bytes())), Err(SoundError::Channels(9))));
    let long = vec![0_i16; PROMPT.samples + 1];
    let told = prompt(&wav::write_8k(&[&long])).expect_err("too long").to_string();
    assert_eq!(told, "is too long: at most 15 minutes are decoded");
    assert!(read(&wav::write_8k(&[&long]), Side::Mixed, RECORDING).is_ok());
    // 38 kB in a zip: sixteen minutes.
    let told = prompt(&mp3(40_000)).expect_err("too long").to_string();
    assert_eq!(told, "is too long: at most 15 minutes are decoded");
}

#[test]
fn files_of_one_upload_share_what_may_be_decoded() {
    let allowance = Allowance::minutes(2);
    let minute = wav::write_8k(&[&vec![1; PER_MINUTE]]);
    assert_eq!(allowance.read(&minute).expect("the first").len(), PER_MINUTE);
    assert!(allowance.read(&mp3(3_000)).expect_err("72 s more").to_string().contains("at most 2 minutes"));
    assert!(allowance.read(&minute).is_ok(), "what was refused took nothing");
    assert!(matches!(allowance.read(&minute), Err(SoundError::TooLongTogether(2))));
}

#[test]
fn what_is_not_read_is_named_with_the_way_to_convert_it() {
    for (bytes, name) in [
        (&b"OggS\0\x02\0\0"[..], "Ogg"),
        (b"fLaC\0\0\0\x22", "FLAC"),
        (b"\0\0\0\x20ftypM4A ", "MPEG-4"),
        (b"FORM\0\0\0\0AIFFCOMM", "AIFF"),
        (b".snd\0\0\0\x18", "Sun audio"),
        (b"RIFX\0\0\0\0WAVE", "RIFX"),
        (b"RIFF\0\0\0\0AVI LIST", "not of sound"),
        (b"#!AMR\n\x3c", "AMR"),
        (b"<html>not found</html>", "text"),
        (&[1, 2, 3, 0xfe], "neither WAV nor MP3"),
        (&stating(20, &0x31_u16.to_le_bytes()), "GSM 06.10"),
    ] {
        let told = prompt(bytes).expect_err(name).to_string();
        assert!(told.contains(name) && told.contains("ffmpeg -i INPUT"), "{told}");
    }
}

/// The seeds of the fuzz target, and whatever it found.
#[test]
fn the_corpus_of_the_fuzz_target_stays_within_bounds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/sound");
    let mut read_any = false;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("a file").path()).expect("readable");
        read_any |= within_bounds(&bytes);
    }
    assert!(read_any, "some of the seeds are sound");
}

/// Whether the bytes are sound, which then is within what was allowed.
fn within_bounds(bytes: &[u8]) -> bool {
    let limits = Limits { bytes: MIB, samples: PER_MINUTE };
    let read = read(bytes, Side::Mixed, limits);
    assert!(
        read.as_ref().is_ok_and(|samples| !samples.is_empty() && samples.len() <= PER_MINUTE)
            || read.is_err()
    );
    read.is_ok()
}

proptest! {
    #[test]
    fn no_bytes_make_more_than_was_allowed(
        head in prop::sample::select(vec![mp3(3), stating(40, &u32::MAX.to_le_bytes()), b"ID3\x04\0\0\0\0\0\x0a".to_vec()]),
        tail in prop::collection::vec(any::<u8>(), 0..2_000),
        places in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = [head, tail].concat();
        let length = bytes.len();
        for (at, byte) in places {
            bytes[at % length] = byte;
        }
        within_bounds(&bytes);
    }
}
