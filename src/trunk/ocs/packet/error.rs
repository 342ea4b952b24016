//! What a packet must not be.

/// Why frames or values do not make a packet.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    #[error("unknown packet type {0:?}")]
    Type(char),
    #[error("the packet is empty")]
    Empty,
    #[error("the packet's {0} is malformed")]
    Header(&'static str),
    #[error("the packet belongs to the namespace {0:?}, which was never joined")]
    Namespace(String),
    #[error("the packet's {what} of {size} is over the limit of {limit}")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error("a text frame came where {missing} more attachments were due")]
    TextAmongAttachments { missing: usize },
    #[error("a binary frame came that no packet announced")]
    StrayAttachment,
    #[error("the placeholder {0} has no attachment")]
    NoSuchAttachment(usize),
    #[error("the packet's JSON is not what was expected: {0}")]
    Json(#[from] serde_json::Error),
}
