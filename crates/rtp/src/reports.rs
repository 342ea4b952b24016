//! Reports of both ends about what they sent and received (RTCP, RFC 3550, section 6).

use std::time::Duration;

use rtcp_types::{
    Compound, Packet, ReceiverReport, ReportBlock, ReportBlockBuilder, RtcpPacketWriterExt, Sdes, SdesChunk,
    SdesItem, SenderReport,
};

use crate::receive::Receiver;
use crate::send::Sender;

/// How often a report is sent (section 6.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Samples of 8 kHz in a second.
const RATE: u32 = 8_000;
/// The largest number of losses that 24 bits with a sign hold.
const MAX_LOST: u64 = 0x7f_ffff;
/// A longer way there and back is a mistake of somebody's clock.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(30);

/// A time of day as RTCP writes it: seconds since 1900, 32 bits before the point and 32 behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ntp(u64);

impl Ntp {
    /// The time so long after 1970.
    #[must_use]
    pub fn from_unix(since: Duration) -> Self {
        Self((since.as_secs().wrapping_add(NTP_TO_UNIX) << 32) | fraction(since))
    }

    fn plus(self, time: Duration) -> Self {
        Self(self.0.wrapping_add((time.as_secs() << 32) | fraction(time)))
    }

    /// The middle 32 bits: seconds and 65,536ths.
    const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What is behind the point, of 2³².
fn fraction(time: Duration) -> u64 {
    (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000
}

/// Of 65,536ths of a second.
fn from_short(short: u32) -> Duration {
    Duration::from_micros(u64::from(short) * 1_000_000 / 65_536)
}

fn to_short(time: Duration) -> u32 {
    u32::try_from(time.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
}

/// What the peer says of our packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerReport {
    /// When it came.
    pub at: Duration,
    /// Of the packets since its report before, 0 to 1.
    pub fraction_lost: f64,
    /// Of all packets; below zero where some came twice.
    pub lost: i32,
    pub jitter: Duration,
    /// There and back, where the peer had a report of ours to measure by.
    pub round_trip: Option<Duration>,
    /// The highest of our sequence numbers that came to it.
    pub(crate) highest: u32,
}

/// What a datagram of reports brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The peer said something about our packets.
    pub of_us: bool,
    /// The peer says that it leaves (BYE).
    pub bye: bool,
}

/// Bytes that are no reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no RTCP packet: {0}")]
pub struct NoReport(String);

/// The reports of one stream.
#[derive(Debug)]
pub(crate) struct Reports {
    name: String,
    began: Ntp,
    due: Duration,
    /// The middle of the time in the peer's last report of its own sending, and when that came.
    senders: Option<(u32, Duration)>,
    peer: Option<PeerReport>,
    /// Whether the peer's last report showed that more of our packets had come than its report before.
    grows: Option<bool>,
    packets_before: u32,
}

impl Reports {
    /// `name` tells this end from others (section 6.5.1, CNAME); `began` is the time of day of the stream's zero.
    pub(crate) fn new(name: String, began: Ntp) -> Self {
        Self { name, began, due: INTERVAL, senders: None, peer: None, grows: None, packets_before: 0 }
    }

    pub(crate) const fn due(&self) -> Duration {
        self.due
    }

    pub(crate) const fn peer(&self) -> Option<PeerReport> {
        self.peer
    }

    pub(crate) const fn grows(&self) -> Option<bool> {
        self.grows
    }

    /// Writes a report; how long it is. Nothing when `out` is too short for it.
    pub(crate) fn write(
        &mut self,
        sender: &Sender,
        receiver: &mut Receiver,
        now: Duration,
        out: &mut [u8],
    ) -> usize {
        self.due = now + INTERVAL;
        let item = SdesItem::builder(SdesItem::CNAME, &self.name);
        let name = Sdes::builder().add_chunk(SdesChunk::builder(sender.ssrc()).add_item(item));
        let block = self.block(receiver, now);
        let (packets, octets) = sender.sent();
        let has_sent = packets != self.packets_before;
        self.packets_before = packets;
        let compound = Compound::builder();
        let compound = if has_sent {
            let report = SenderReport::builder(sender.ssrc())
                .ntp_timestamp(self.began.plus(now).0)
                .rtp_timestamp(sender.timestamp())
                .packet_count(packets)
                .octet_count(octets);
            compound.add_packet(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        } else {
            let report = ReceiverReport::builder(sender.ssrc());
            compound.add_packet(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        };
        compound.add_packet(name).write_into(out).unwrap_or(0)
    }

    fn block(&self, receiver: &mut Receiver, now: Duration) -> Option<ReportBlockBuilder> {
        let report = receiver.report()?;
        let (last, since) = match self.senders {
            Some((middle, at)) => (middle, to_short(now.saturating_sub(at))),
            None => (0, 0),
        };
        Some(
            ReportBlock::builder(report.ssrc)
                .fraction_lost(report.fraction_lost)
                .cumulative_lost(report.lost.min(MAX_LOST) as u32)
                .extended_sequence_number(report.highest)
                .interarrival_jitter(report.jitter)
                .last_sender_report_timestamp(last)
                .delay_since_last_sender_report_timestamp(since),
        )
    }

    /// Reads what came.
    pub(crate) fn read(
        &mut self,
        datagram: &[u8],
        sender: &Sender,
        now: Duration,
    ) -> Result<Heard, NoReport> {
        let no_report = |error: rtcp_types::RtcpParseError| NoReport(error.to_string());
        let mut heard = Heard::default();
        let mut has_reported = false;
        for packet in Compound::parse(datagram).map_err(no_report)? {
            let packet = packet.map_err(no_report)?;
            if let Packet::Sr(report) = &packet {
                has_reported = true;
                self.senders = Some(((report.ntp_timestamp() >> 16) as u32, now));
                heard.of_us |= self.take(report.report_blocks(), sender.ssrc(), now);
            } else if let Packet::Rr(report) = &packet {
                has_reported = true;
                heard.of_us |= self.take(report.report_blocks(), sender.ssrc(), now);
            } else if let Packet::Bye(_) = packet {
                heard.bye = true;
            }
        }
        // It reports, long after we began, and has nothing to say of us.
        if has_reported && !heard.of_us && sender.sent().0 > 5 * RATE / 160 {
            self.grows = Some(false);
        }
        Ok(heard)
    }

    /// Takes what is said of our packets; whether anything was.
    fn take<'a>(&mut self, blocks: impl Iterator<Item = ReportBlock<'a>>, ssrc: u32, now: Duration) -> bool {
        let Some(block) = blocks.into_iter().find(|block| block.ssrc() == ssrc) else { return false };
        let highest = block.extended_sequence_number();
        self.grows = Some(self.peer.is_none_or(|before| before.highest != highest));
        let (last, held) =
            (block.last_sender_report_timestamp(), block.delay_since_last_sender_report_timestamp());
        let round_trip = (last != 0)
            .then(|| from_short(self.began.plus(now).middle().wrapping_sub(last).wrapping_sub(held)))
            .filter(|time| *time < LONGEST_ROUND_TRIP);
        self.peer = Some(PeerReport {
            at: now,
            fraction_lost: f64::from(block.fraction_lost()) / 256.0,
            // 24 bits with a sign.
            lost: (block.cumulative_lost() << 8) as i32 >> 8,
            jitter: Duration::from_micros(u64::from(block.interarrival_jitter()) * 125),
            round_trip: round_trip.or(self.peer.and_then(|before| before.round_trip)),
            highest,
        });
        true
    }
}
