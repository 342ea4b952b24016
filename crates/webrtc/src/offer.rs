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
        "the offer must have one audio stream and nothing else, and this one has {audio} of audio and {others} others"
    )]
    Streams { audio: usize, others: usize },
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

/// Looks an offer over.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn look_over(offer: &str) -> Result<(), BadOffer> {
    if offer.len() > LONGEST_OFFER {
        return Err(BadOffer::TooLong);
    }
    if !offer.trim_start().starts_with("v=0") {
        return Err(BadOffer::NotSdp);
    }
    let streams = || offer.lines().filter_map(|line| line.strip_prefix("m="));
    let audio = streams().filter(|stream| stream.starts_with("audio ")).count();
    let others = streams().count() - audio;
    if audio != 1 || others != 0 {
        return Err(BadOffer::Streams { audio, others });
    }
    let is_one_way = |line: &str| matches!(line.trim(), "a=sendonly" | "a=recvonly" | "a=inactive");
    if offer.lines().any(is_one_way) {
        return Err(BadOffer::OneWay);
    }
    Ok(())
}
