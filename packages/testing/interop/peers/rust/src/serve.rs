//! The protocols this peer serves to others.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{Stream, StreamProtocol};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

pub const ECHO: StreamProtocol = StreamProtocol::new("/interop/echo/1.0.0");
pub const DIGEST: StreamProtocol = StreamProtocol::new("/interop/digest/1.0.0");
pub const RESET: StreamProtocol = StreamProtocol::new("/interop/reset/1.0.0");
pub const EXPECT_RESET: StreamProtocol = StreamProtocol::new("/interop/expect-reset/1.0.0");

/// Bounds how long a served stream may take.
const STREAM_LIFETIME: Duration = Duration::from_secs(120);

#[derive(Default)]
pub struct Counters(Mutex<Counts>);

#[derive(Default, Clone)]
pub struct Counts {
    pub resets: u64,
    pub served: BTreeMap<String, u64>,
}

impl Counters {
    pub fn update<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves one stream. Any protocol other than the fixed ones is an echo that the `handle` command added.
pub async fn serve(protocol: StreamProtocol, mut stream: Stream, counters: &Counters) {
    counters.update(|counts| *counts.served.entry(protocol.to_string()).or_default() += 1);
    let serving = async {
        match protocol {
            _ if protocol == DIGEST => digest(&mut stream).await,
            _ if protocol == RESET => read_one(&mut stream).await,
            _ if protocol == EXPECT_RESET => expect_reset(&mut stream, counters).await,
            _ => echo(&mut stream).await,
        }
    };
    match timeout(STREAM_LIFETIME, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("{protocol}: {error}"),
        Err(elapsed) => eprintln!("{protocol}: {elapsed}"),
    }
}

async fn echo(stream: &mut Stream) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return stream.close().await;
        }
        stream.write_all(&buffer[..read]).await?;
        stream.flush().await?;
    }
}

async fn digest(stream: &mut Stream) -> io::Result<()> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    stream.write_all(&hash.finalize()).await?;
    stream.close().await
}

/// There is no call for a reset in the crate: dropping a stream that neither side has closed sends one. Should the
/// other side have closed its writing half already, yamux sends an orderly FIN instead.
async fn read_one(stream: &mut Stream) -> io::Result<()> {
    stream.read_exact(&mut [0]).await
}

async fn expect_reset(stream: &mut Stream, counters: &Counters) -> io::Result<()> {
    if ended_by_reset(stream).await {
        counters.update(|counts| counts.resets += 1);
    }
    Ok(())
}

/// Reads to the end and tells whether that end was a reset.
///
/// The yamux crate reports a reset to the reader as an ordinary end of stream. What tells them apart is the writing
/// half: it survives a FIN and does not survive a reset, so one byte is written to find out. A lost connection looks
/// like a reset.
pub async fn ended_by_reset(stream: &mut Stream) -> bool {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
    stream.write_all(&[0]).await.is_err() || stream.flush().await.is_err()
}
