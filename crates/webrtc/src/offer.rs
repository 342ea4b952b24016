//! What is asked of an offer before anything is made of it.

/// Longest offer that is read, bytes. One of a browser for audio alone is about 2,000.
pub const LONGEST_OFFER: usize = 32 * 1024;

/// Why there is no answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOffer {
    #[error("the offer is longer than {LONGEST_OFFER} bytes")]
    TooLong,
    #[error(
        "this is no session description: it must begin with v=0, as RTCPeerConnection.createOffer makes it"
    )]
    NotSdp,
    #[error(
        "the offer must have one audio stream and at most one of video, and this one has {audio} of audio, {video} of video and \
         {others} others"
    )]
    Streams { audio: usize, video: usize, others: usize },
    #[error("the offer must have one video stream that is received (recvonly), and nothing else")]
    NotToWatch,
    #[error("the video formats offered do not include VP8, as every browser's do")]
    NoVp8,
    #[error(
        "the audio stream must be offered both ways (sendrecv): add the microphone's track before createOffer"
    )]
    OneWay,
    #[error(
        "none of the audio formats offered is spoken here: the offer must have PCMU or PCMA, as every browser's does"
    )]
    NoFormat,
    #[error("the offer cannot be answered: {0}")]
    Unusable(String),
}

/// What may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Audio both ways, and at most one stream of video beside it.
    Call,
    /// Video that the browser receives, alone.
    Watch,
}

/// Looks an offer over.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn look_over(offer: &str, allowed: Allowed) -> Result<(), BadOffer> {
    if offer.len() > LONGEST_OFFER {
        return Err(BadOffer::TooLong);
    }
    if !offer.trim_start().starts_with("v=0") {
        return Err(BadOffer::NotSdp);
    }
    let streams: Vec<&str> = offer.split("\nm=").skip(1).collect();
    let of = |kind: &str| streams.iter().filter(|stream| stream.starts_with(kind)).count();
    let (audio, video) = (of("audio "), of("video "));
    let others = streams.len() - audio - video;
    let has_line = |stream: &str, wanted: &[&str]| stream.lines().any(|line| wanted.contains(&line.trim()));
    if allowed == Allowed::Watch {
        let is_good = matches!(streams[..], [stream] if video == 1 && has_line(stream, &["a=recvonly"]));
        return if is_good { Ok(()) } else { Err(BadOffer::NotToWatch) };
    }
    if audio != 1 || video > 1 || others != 0 {
        return Err(BadOffer::Streams { audio, video, others });
    }
    let is_one_way = |stream: &&&str| has_line(stream, &["a=sendonly", "a=recvonly", "a=inactive"]);
    if streams.iter().filter(|stream| stream.starts_with("audio ")).any(|stream| is_one_way(&stream)) {
        return Err(BadOffer::OneWay);
    }
    Ok(())
}
