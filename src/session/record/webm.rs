//! A WebM file of one stream of VP8, as every browser plays it: <https://www.webmproject.org/docs/container/>.
//!
//! It is written front to back in clusters that are complete, so that what a kill leaves can be played. Once it is finished, its
//! length and an index of its key frames are in it, so that a player can show the one and seek by the other.

use std::io::{Seek, SeekFrom, Write};

use webm_iterable::matroska_spec::{Master, MatroskaSpec as Tag};
use webm_iterable::{WebmWriter, WriteOptions};

/// Nanoseconds of a tick of the file.
const TICK_NS: u64 = 1_000_000;
/// The one track.
const TRACK: u64 = 1;
/// Longest cluster: a kill loses so much at most, ms.
const CLUSTER_MS: u64 = 2_000;
/// Bytes of frames that wait for the end of their cluster, at most.
const CLUSTER_BYTES: usize = 1 << 20;
/// Lengths that are known at the end only, each eight bytes long, and the tags in front of them.
const UNKNOWN: u64 = 0x0101_0101_0101_0101;
const DURATION: [u8; 3] = [0x44, 0x89, 0x88];
const SEEK_POSITION: [u8; 3] = [0x53, 0xac, 0x88];
const CUES_ID: [u8; 4] = [0x1c, 0x53, 0xbb, 0x6b];
/// The head of a segment whose length is not known: four bytes that name it, eight of its length. The library writes it with what
/// follows first.
const SEGMENT_HEAD: usize = 12;

/// The file that is written.
pub(super) struct Webm<W: Write + Seek> {
    file: W,
    /// Where the contents of the segment begin, and the two lengths stand, in bytes of the file.
    segment_at: u64,
    duration_at: u64,
    index_at: u64,
    /// Bytes that are written.
    end: u64,
    cluster: Option<Cluster>,
    /// Time and place of each key frame that begins a cluster.
    index: Vec<(u64, u64)>,
    /// The time of the last frame, ms.
    last_ms: u64,
}

struct Cluster {
    at_ms: u64,
    begins_with_key: bool,
    bytes: usize,
    blocks: Vec<Tag>,
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> std::io::Error {
    std::io::Error::other(error)
}

/// Where the value behind these bytes stands.
fn place(bytes: &[u8], tag: [u8; 3]) -> std::io::Result<u64> {
    let at = bytes.windows(3).position(|window| window == tag);
    at.map(|at| at as u64 + 3).ok_or_else(|| std::io::Error::other("the header has another form"))
}

impl<W: Write + Seek> Webm<W> {
    /// Begins the file of a picture of this size, pixels.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn begin(mut file: W, (width, height): (u16, u16)) -> std::io::Result<Self> {
        let mut writer = WebmWriter::new(Vec::new());
        let ebml = vec![
            Tag::EbmlVersion(1),
            Tag::EbmlReadVersion(1),
            Tag::EbmlMaxIdLength(4),
            Tag::EbmlMaxSizeLength(8),
            Tag::DocType("webm".into()),
            Tag::DocTypeVersion(4),
            Tag::DocTypeReadVersion(2),
        ];
        writer.write(&Tag::Ebml(Master::Full(ebml))).map_err(failed)?;
        let unknown = WriteOptions::is_unknown_sized_element();
        writer.write_advanced(&Tag::Segment(Master::Start), unknown).map_err(failed)?;
        let segment_at = (writer.get_ref().len() + SEGMENT_HEAD) as u64;
        let seek = vec![Tag::SeekID(CUES_ID.to_vec()), Tag::SeekPosition(UNKNOWN)];
        writer.write(&Tag::SeekHead(Master::Full(vec![Tag::Seek(Master::Full(seek))]))).map_err(failed)?;
        let info = vec![
            Tag::TimestampScale(TICK_NS),
            Tag::MuxingApp("Dering".into()),
            Tag::WritingApp("Dering".into()),
            Tag::Duration(0.0),
        ];
        writer.write(&Tag::Info(Master::Full(info))).map_err(failed)?;
        let video = vec![Tag::PixelWidth(width.into()), Tag::PixelHeight(height.into())];
        let track = vec![
            Tag::TrackNumber(TRACK),
            Tag::TrackUID(TRACK),
            Tag::TrackType(1),
            Tag::FlagLacing(0),
            Tag::CodecID("V_VP8".into()),
            Tag::Video(Master::Full(video)),
        ];
        writer
            .write(&Tag::Tracks(Master::Full(vec![Tag::TrackEntry(Master::Full(track))])))
            .map_err(failed)?;
        let header = writer.get_ref();
        let (duration_at, index_at) = (place(header, DURATION)?, place(header, SEEK_POSITION)?);
        file.write_all(header)?;
        let end = header.len() as u64;
        Ok(Self {
            file,
            segment_at,
            duration_at,
            index_at,
            end,
            cluster: None,
            index: Vec::new(),
            last_ms: 0,
        })
    }

    /// Appends a frame that is shown from `at_ms` on. Times rise; one that does not is taken for the last one's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn frame(&mut self, at_ms: u64, is_key: bool, vp8: &[u8]) -> std::io::Result<()> {
        let at_ms = at_ms.max(self.last_ms);
        self.last_ms = at_ms;
        let is_full = |cluster: &Cluster| {
            is_key || at_ms >= cluster.at_ms + CLUSTER_MS || cluster.bytes + vp8.len() > CLUSTER_BYTES
        };
        if self.cluster.as_ref().is_some_and(is_full) {
            self.end_cluster()?;
        }
        let new = || Cluster { at_ms, begins_with_key: is_key, bytes: 0, blocks: Vec::new() };
        let cluster = self.cluster.get_or_insert_with(new);
        let since = i16::try_from(at_ms - cluster.at_ms).unwrap_or(i16::MAX);
        let mut block = Vec::with_capacity(4 + vp8.len());
        // The number of the track, the time since the cluster's, and whether it is a key frame.
        block.push(0x80 | TRACK as u8);
        block.extend(since.to_be_bytes());
        block.push(if is_key { 0x80 } else { 0 });
        block.extend_from_slice(vp8);
        cluster.bytes += block.len();
        cluster.blocks.push(Tag::SimpleBlock(block));
        Ok(())
    }

    fn end_cluster(&mut self) -> std::io::Result<()> {
        let Some(Cluster { at_ms, begins_with_key, blocks, .. }) = self.cluster.take() else { return Ok(()) };
        if begins_with_key {
            self.index.push((at_ms, self.end - self.segment_at));
        }
        let tags = std::iter::once(Tag::Timestamp(at_ms)).chain(blocks).collect();
        self.append(Tag::Cluster(Master::Full(tags)))
    }

    /// A part of the segment, which stays open.
    fn append(&mut self, tag: Tag) -> std::io::Result<()> {
        let mut writer = WebmWriter::new(Vec::new());
        let unknown = WriteOptions::is_unknown_sized_element();
        writer.write_advanced(&Tag::Segment(Master::Start), unknown).map_err(failed)?;
        writer.write(&tag).map_err(failed)?;
        let bytes = writer.get_ref().get(SEGMENT_HEAD..).unwrap_or_default();
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Writes what waits, the index and the length.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> std::io::Result<W> {
        self.end_cluster()?;
        let index_at = self.end - self.segment_at;
        let points = std::mem::take(&mut self.index).into_iter().map(|(at_ms, place)| {
            let position = vec![Tag::CueTrack(TRACK), Tag::CueClusterPosition(place)];
            let positions = Tag::CueTrackPositions(Master::Full(position));
            Tag::CuePoint(Master::Full(vec![Tag::CueTime(at_ms), positions]))
        });
        let cues = Tag::Cues(Master::Full(points.collect()));
        self.append(cues)?;
        self.file.seek(SeekFrom::Start(self.index_at))?;
        self.file.write_all(&index_at.to_be_bytes())?;
        self.file.seek(SeekFrom::Start(self.duration_at))?;
        self.file.write_all(&(self.last_ms as f64).to_be_bytes())?;
        self.file.flush()?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use webm_iterable::WebmIterator;

    use super::*;

    /// Time, whether it is a key frame, and the frame itself.
    type Shown = (u64, bool, Vec<u8>);

    /// All that a reader finds: frames, the length, and the index.
    fn read(bytes: &[u8]) -> (Vec<Shown>, Option<f64>, Vec<u64>) {
        let (mut frames, mut duration, mut cues, mut cluster) = (Vec::new(), None, Vec::new(), 0);
        for tag in WebmIterator::new(&mut Cursor::new(bytes), &[]) {
            let tag = tag.expect("a tag");
            if let Tag::Timestamp(at) = tag {
                cluster = at;
            } else if let Tag::Duration(length) = tag {
                duration = Some(length);
            } else if let Tag::CueClusterPosition(at) = tag {
                cues.push(at);
            } else if let Tag::SimpleBlock(block) = tag {
                assert_eq!(block[0], 0x81);
                let since = i16::from_be_bytes([block[1], block[2]]);
                frames.push((cluster + since as u64, block[3] & 0x80 != 0, block[4..].to_vec()));
            }
        }
        (frames, duration, cues)
    }

    #[test]
    fn every_frame_is_read_where_it_was_shown_and_the_index_leads_to_clusters() {
        let mut file = Webm::begin(Cursor::new(Vec::new()), (640, 360)).unwrap();
        let sent: Vec<_> =
            (0..300_u64).map(|n| (n * 40, n % 125 == 0, vec![n as u8; 100 + n as usize])).collect();
        for (at, is_key, frame) in &sent {
            file.frame(*at, *is_key, frame).unwrap();
        }
        let segment_at = file.segment_at as usize;
        let bytes = file.finish().unwrap().into_inner();
        let (frames, duration, cues) = read(&bytes);
        assert!(frames == sent);
        assert_eq!((duration, cues.len()), (Some(11_960.0), 3));
        for at in cues {
            assert_eq!(bytes[segment_at + at as usize..][..4], [0x1f, 0x43, 0xb6, 0x75], "a cluster");
        }
    }

    #[test]
    fn what_a_kill_leaves_can_be_played_up_to_the_last_two_seconds() {
        let mut file = Webm::begin(Cursor::new(Vec::new()), (640, 360)).unwrap();
        for n in 0..300_u64 {
            file.frame(n * 40, n == 0, &[7; 50]).unwrap();
        }
        let (frames, ..) = read(file.file.get_ref());
        assert!(frames.len() >= 250, "{}", frames.len());
    }
}
