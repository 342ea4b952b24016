//! Files that can be shown, and those that cannot.

use proptest::prelude::*;

use super::*;

/// A frame of VP8 so far as it is read here: the tag, in key frames the size, and padding.
fn frame(is_key: bool, width: u16, height: u16) -> Vec<u8> {
    let mut frame = vec![u8::from(!is_key) | SHOWN, 0, 0];
    if is_key {
        frame.extend([0x9d, 0x01, 0x2a]);
        frame.extend(width.to_le_bytes());
        frame.extend(height.to_le_bytes());
    }
    frame.resize(40, 7);
    frame
}

/// An IVF file whose times are in units of `seconds / ticks` seconds.
fn ivf(ticks: u32, seconds: u32, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
    file.extend([0x80, 2, 0x68, 1]);
    file.extend(ticks.to_le_bytes());
    file.extend(seconds.to_le_bytes());
    file.extend([0; 8]);
    for (time, frame) in frames {
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(time.to_le_bytes());
        file.extend(frame);
    }
    file
}

/// `count` frames of 640x360, the first a key frame, one per unit.
fn film(count: u64) -> Vec<(u64, Vec<u8>)> {
    (0..count).map(|n| (n, frame(n == 0, 640, 360))).collect()
}

fn webp(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, content) in chunks {
        body.extend(*kind);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(content);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn extended(flags: u8) -> (&'static [u8; 4], Vec<u8>) {
    (b"VP8X", vec![flags, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn why(file: &[u8]) -> String {
    Clip::read(file).unwrap_err().to_string()
}

#[test]
fn a_clip_tells_its_frames_its_size_and_how_long_it_plays() {
    // It begins late, as what is cut out of a longer film does.
    let frames: Vec<_> = film(3).into_iter().map(|(n, frame)| (500 + n * 40, frame)).collect();
    let clip = Clip::read(&ivf(1_000, 1, &frames)).unwrap();
    assert_eq!((clip.width(), clip.height()), (640, 360));
    let told: Vec<_> = clip.frames().iter().map(|frame| (frame.at.as_millis(), frame.is_key)).collect();
    assert_eq!(told, [(0, true), (40, false), (80, false)]);
    assert_eq!(clip.frames()[2].vp8, frames[2].1);
    assert_eq!(clip.length(), Duration::from_millis(120));
    assert_eq!(clip, clip.clone());
}

#[test]
fn frames_that_the_encoder_dropped_are_left_out() {
    let mut frames = film(3);
    frames[1].1.clear();
    let clip = Clip::read(&ivf(15, 1, &frames)).unwrap();
    assert_eq!(clip.frames().len(), 2);
}

#[test]
fn a_lossy_webp_is_a_clip_of_one_frame_and_no_length() {
    let still = frame(true, 720, 1280);
    for file in [
        webp(&[(b"VP8 ", still.clone())]),
        webp(&[extended(0x10), (b"ICCP", vec![1, 2, 3]), (b"ALPH", vec![0]), (b"VP8 ", still.clone())]),
    ] {
        let clip = Clip::read(&file).unwrap();
        assert_eq!((clip.width(), clip.height(), clip.length()), (720, 1280, Duration::ZERO));
        assert_eq!(clip.frames()[0].vp8, still);
    }
}

#[test]
fn what_is_no_picture_is_told_by_its_name_and_how_to_make_one() {
    let clip = "ffmpeg -i film.mp4 -an -c:v libvpx";
    let still = "cwebp -q 80";
    for (file, what, how) in [
        (webp(&[(b"VP8L", vec![0x2f, 0])]), "lossless WebP", still),
        (webp(&[extended(0x02)]), "animated WebP", clip),
        (webp(&[(b"ANMF", vec![0; 16])]), "animated WebP", clip),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "a PNG", still),
        (b"\xff\xd8\xff\xe0JFIF".to_vec(), "a JPEG", still),
        (b"GIF89a".to_vec(), "a GIF", still),
        (b"\0\0\0\x20ftypisom".to_vec(), "an MP4", clip),
        (b"\0\0\0\x20ftypavif".to_vec(), "an AVIF", still),
        (b"\x1a\x45\xdf\xa3webm".to_vec(), "a WebM", clip),
        (b"hello".to_vec(), "neither an IVF", clip),
        (Vec::new(), "empty", still),
        (ivf(15, 1, &[]), "empty", clip),
    ] {
        let why = why(&file);
        assert!(why.contains(what) && why.contains(how), "{why}");
    }
    for (fourcc, name) in [(b"VP90", "VP9"), (b"AV01", "AV1"), (b"H264", "H.264"), (b"\0x\n!", "\\x00x\\n!")]
    {
        let mut file = ivf(15, 1, &film(1));
        file[8..12].copy_from_slice(fourcc);
        assert!(why(&file).contains(&format!("its video is {name}, and clips are VP8")), "{}", why(&file));
    }
}

#[test]
fn a_clip_that_cannot_be_shown_says_why() {
    let of = |frames: &[(u64, Vec<u8>)]| ivf(15, 1, frames);
    let mut cut = of(&film(3));
    cut.truncate(cut.len() - 1);
    let mut headless = film(2);
    headless.remove(0);
    let mut hidden = film(3);
    hidden[1].1[0] &= !SHOWN;
    let mut still = film(3);
    still[2].0 = 1;
    let mut back = film(2);
    back[0].0 = 9;
    let mut damaged = film(3);
    damaged[2].1 = vec![SHOWN; 3];
    let mut grown = film(2);
    grown[1].1 = frame(true, 1920, 1080);
    let mut heavy = film(2);
    heavy[1].1.resize(LARGEST_FRAME + 1, 7);
    for (file, what) in [
        (cut, "ends in the middle of frame 3"),
        (b"DKIF\0\0".to_vec(), "ends in the middle of its header"),
        (webp(&[(b"VP8 ", vec![0; 40])])[..40].to_vec(), "ends in the middle of the picture"),
        (webp(&[extended(0)]), "ends in the middle of the picture"),
        (of(&headless), "does not begin with a key frame"),
        (of(&hidden), "frame 2 is one that is never shown"),
        (of(&still), "frame 3 is not shown after the one before"),
        (of(&back), "frame 2 is not shown after the one before"),
        (of(&damaged), "frame 3 is no VP8"),
        (of(&grown), "it is 1920x1080, and at most 1280x720"),
        (of(&heavy), "frame 2 has 513 KiB, more than 512 KiB"),
        (of(&[(0, frame(true, 0, 360))]), "it is 0x360"),
        (of(&[(0, frame(true, 1280, 722))]), "it is 1280x722"),
        (ivf(0, 1, &film(2)), "no time base"),
        (ivf(60, 1, &film(40)), "more than 30 frames a second"),
        (ivf(1, 200, &film(4)), "takes 14 minutes, more than 10"),
        (ivf(1, u32::MAX, &[film(1).remove(0), (u64::MAX, frame(false, 0, 0))]), "minutes, more than 10"),
        (vec![0; MOST_BYTES + 1], "it has 21 MiB, more than 20 MiB"),
    ] {
        let why = why(&file);
        assert!(why.contains(what), "{why}");
    }
}

#[test]
fn thirty_frames_a_second_are_not_too_many_however_they_are_rounded() {
    assert!(Clip::read(&ivf(30_000, 1_001, &film(200))).is_ok());
    assert!(Clip::read(&ivf(30, 1, &film(200))).is_ok());
    let rounded: Vec<_> = film(200).into_iter().map(|(n, frame)| (n * 1_000 / 30, frame)).collect();
    assert!(Clip::read(&ivf(1_000, 1, &rounded)).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(Clip::read(&bytes));
    }

    #[test]
    fn no_damage_to_a_file_causes_a_panic_or_breaks_a_promise(
        is_clip in any::<bool>(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = if is_clip {
            ivf(15, 1, &film(4))
        } else {
            webp(&[extended(0), (b"VP8 ", frame(true, 64, 64))])
        };
        for (at, byte) in hits {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(cut.index(file.len()) + 1);
        if let Ok(clip) = Clip::read(&file) {
            prop_assert!(clip.frames()[0].is_key && clip.frames()[0].at.is_zero());
            prop_assert!(clip.frames().is_sorted_by(|one, other| one.at < other.at));
            prop_assert!(clip.frames().iter().all(|frame| !frame.vp8.is_empty()));
            prop_assert!(clip.length() <= LONGEST);
            bounded((clip.width(), clip.height()))?;
        }
    }
}
