//! Datagrams before the stack reads them. The stack ends a header at the first byte that is no UTF-8, takes a message without
//! `Content-Length` for one without a body, and answers the pings of everybody.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use rsipstack::platform::net::UdpSocket as StackSocket;
use tokio::net::UdpSocket;

use super::guard::Guard;

const END_OF_HEADER: &[u8] = b"\r\n\r\n";
/// Stands for a byte that is none of UTF-8, as in a name written in Latin-1.
const UNREADABLE: u8 = b'?';

/// The socket that the stack reads.
pub(super) struct Wire {
    pub(super) socket: UdpSocket,
    pub(super) guard: Arc<Guard>,
}

#[async_trait]
impl StackSocket for Wire {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            let (length, from) = self.socket.recv_from(buffer).await?;
            // A line break keeps a way through a translation of addresses open (RFC 5626, section 3.5.1), for whom we know.
            let is_ping = buffer[..length].iter().all(u8::is_ascii_whitespace);
            if is_ping && !self.guard.knows(from.ip()) {
                self.guard.dropped("stranger");
                continue;
            }
            return Ok((cleaned(buffer, length), from));
        }
    }

    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.socket.send_to(datagram, to).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}

/// Makes the datagram at the beginning of `buffer` one that the stack reads whole; its new length.
fn cleaned(buffer: &mut [u8], length: usize) -> usize {
    let Some(end) = buffer[..length].windows(END_OF_HEADER.len()).position(|four| four == END_OF_HEADER)
    else {
        return length;
    };
    replace_unreadable(&mut buffer[..end]);
    if names_length(&buffer[..end]) {
        return length;
    }
    // Over UDP the body ends with the datagram (RFC 3261, section 18.3).
    let body = end + END_OF_HEADER.len();
    let field = format!("\r\nContent-Length: {}", length - body);
    let longer = length + field.len();
    if body == length || longer > buffer.len() {
        return length;
    }
    buffer.copy_within(end..length, end + field.len());
    buffer[end..end + field.len()].copy_from_slice(field.as_bytes());
    longer
}

fn replace_unreadable(mut header: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(header) {
        let from = error.valid_up_to();
        let to = error.error_len().map_or(header.len(), |length| from + length);
        header[from..to].fill(UNREADABLE);
        header = &mut header[to..];
    }
}

/// Whether a field says how long the body is.
fn names_length(header: &[u8]) -> bool {
    header.split(|byte| *byte == b'\n').any(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(datagram: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; datagram.len() + 64];
        buffer[..datagram.len()].copy_from_slice(datagram);
        let length = cleaned(&mut buffer, datagram.len());
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn a_name_in_latin_1_costs_its_letters_and_nothing_else() {
        let message = b"INVITE sip:a@b SIP/2.0\r\nFrom: \"Jos\xe9 M\xfcller\" <sip:c@d>;tag=1\r\nl: 3\r\n\r\n\xff\xfe\xfd";
        let expected =
            b"INVITE sip:a@b SIP/2.0\r\nFrom: \"Jos? M?ller\" <sip:c@d>;tag=1\r\nl: 3\r\n\r\n\xff\xfe\xfd";
        assert_eq!(of(message), expected, "the body may be anything");
    }

    #[test]
    fn a_body_without_a_length_goes_to_the_end_of_the_datagram() {
        let told = |message: &[u8]| String::from_utf8(of(message)).expect("text");
        assert_eq!(told(b"A\r\nX: y\r\n\r\nv=0\r\n"), "A\r\nX: y\r\nContent-Length: 5\r\n\r\nv=0\r\n");
        for whole in [
            "A\r\nX: y\r\n\r\n",
            "A\r\nL : 2\r\n\r\nv=0\r\n",
            "A\r\ncontent-LENGTH:5\r\n\r\nv=0\r\n",
            "A\r\n",
        ] {
            assert_eq!(told(whole.as_bytes()), whole);
        }
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_odd(datagram in prop::collection::vec(prop_oneof![
            Just(b'\r'), Just(b'\n'), Just(b':'), Just(b'l'), any::<u8>()], 0..200)) {
            let once = of(&datagram);
            prop_assert!(once.len() >= datagram.len());
            let end = once.windows(4).position(|four| four == END_OF_HEADER);
            if let Some(end) = end {
                prop_assert!(std::str::from_utf8(&once[..end]).is_ok());
            }
            prop_assert_eq!(of(&once), once);
        }
    }
}
