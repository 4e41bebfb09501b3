//! Listens to what pubsub streams carry, below the behaviours: those do not tell which RPCs they send and get.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId, Transport as _,
    core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent, SubstreamBox},
};

use crate::{
    tally::{Direction, Tally},
    transport::Connections,
};

/// Longer frames are none of pubsub's.
const MAX_FRAME_BYTES: usize = 4 << 20;

/// The transport, with all its connections listened to.
pub fn listen(transport: Connections, tally: Arc<Mutex<Tally>>) -> Connections {
    transport
        .map(move |(peer, inner), _| (peer, StreamMuxerBox::new(TappedMuxer { inner, peer, tally: tally.clone() })))
        .boxed()
}

/// A connection whose pubsub streams are listened to.
struct TappedMuxer {
    inner: StreamMuxerBox,
    peer: PeerId,
    tally: Arc<Mutex<Tally>>,
}

impl TappedMuxer {
    fn tap(&self, inner: SubstreamBox) -> TappedStream {
        let listener = |direction| Listener {
            direction,
            peer: self.peer,
            tally: self.tally.clone(),
            buffer: Vec::new(),
            protocol: None,
            off: false,
        };
        TappedStream { inner, read: listener(Direction::Received), written: listener(Direction::Sent) }
    }
}

impl StreamMuxer for TappedMuxer {
    type Substream = TappedStream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<TappedStream>> {
        let stream = ready!(Pin::new(&mut self.inner).poll_inbound(context))?;
        Poll::Ready(Ok(self.tap(stream)))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<TappedStream>> {
        let stream = ready!(Pin::new(&mut self.inner).poll_outbound(context))?;
        Poll::Ready(Ok(self.tap(stream)))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Pin::new(&mut self.inner).poll(context)
    }
}

struct TappedStream {
    inner: SubstreamBox,
    read: Listener,
    written: Listener,
}

impl AsyncRead for TappedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.read.hear(&buffer[..read]);
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.written.hear(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

/// One direction of a stream: lines of multistream-select and then RPCs, both with their length before them. A line begins
/// with a slash or is "na", and no RPC begins so, because a slash would be a field of an unknown wire type.
struct Listener {
    direction: Direction,
    peer: PeerId,
    tally: Arc<Mutex<Tally>>,
    buffer: Vec<u8>,
    protocol: Option<String>,
    /// The stream is none of pubsub's.
    off: bool,
}

impl Listener {
    fn hear(&mut self, bytes: &[u8]) {
        if self.off {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        let mut start = 0;
        while let Some((length, header)) = varint(&self.buffer[start..]) {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > MAX_FRAME_BYTES {
                self.off = true;
                break;
            }
            let end = start + header + length;
            if self.buffer.len() < end {
                break;
            }
            let frame = self.buffer[start + header..end].to_vec();
            start = end;
            self.frame(&frame);
            if self.off {
                break;
            }
        }
        self.buffer.drain(..start);
        if self.off {
            self.buffer = Vec::new();
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        match (frame, &self.protocol) {
            ([b'/', ..], _) => {
                let line = String::from_utf8_lossy(frame).trim_end().to_string();
                let is_pubsub = line.starts_with("/meshsub/") || line.starts_with("/floodsub/");
                self.off = !is_pubsub && !line.starts_with("/multistream/");
                self.protocol = is_pubsub.then_some(line);
            }
            (b"na\n" | [], _) => {}
            (rpc, Some(protocol)) => {
                let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
                tally.count(self.peer, self.direction, protocol, rpc);
            }
            (_, None) => self.off = true,
        }
    }
}

/// The number at the beginning and how many bytes it takes, if it is there as a whole.
pub fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
