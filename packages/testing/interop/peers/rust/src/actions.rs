//! What this peer does on streams that it opens itself.

use std::{io, time::Instant};

use futures::{
    AsyncReadExt, AsyncWrite, AsyncWriteExt,
    future::try_join,
    stream::{FuturesUnordered, TryStreamExt},
};
use libp2p::{PeerId, StreamProtocol, ping};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Failure, node::Node, serve};

const CHUNK_BYTES: usize = 32 * 1024;
const PING_BYTES: usize = 32;

/// The deterministic test bytes from offset on.
fn pattern(buffer: &mut [u8], offset: usize) {
    for (index, byte) in buffer.iter_mut().enumerate() {
        *byte = (offset + index).wrapping_mul(31).wrapping_add(7) as u8;
    }
}

async fn write_pattern(stream: &mut (impl AsyncWrite + Unpin), total: usize) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < total {
        let chunk = &mut buffer[..CHUNK_BYTES.min(total - offset)];
        pattern(chunk, offset);
        stream.write_all(chunk).await?;
        offset += chunk.len();
    }
    stream.close().await
}

/// The crate's own ping behaviour keeps its own schedule and takes no orders, so this runs rounds of the protocol on a
/// stream of its own. What the behaviour itself saw is in `stats`.
pub async fn ping(node: &Node, peer: PeerId, count: usize) -> Result<Value, Failure> {
    let mut stream = node.open(peer, ping::PROTOCOL_NAME).await?;
    let mut rtts = Vec::new();
    for round in 0..count.max(1) {
        let (mut sent, mut received) = ([0; PING_BYTES], [0; PING_BYTES]);
        pattern(&mut sent, round * PING_BYTES);
        let start = Instant::now();
        stream.write_all(&sent).await?;
        stream.flush().await?;
        stream.read_exact(&mut received).await?;
        if sent != received {
            return Err("the ping came back changed".into());
        }
        rtts.push(start.elapsed().as_secs_f64() * 1e3);
    }
    stream.close().await?;
    Ok(json!({ "rtts": rtts }))
}

pub async fn echo(
    node: &Node,
    peer: PeerId,
    protocol: StreamProtocol,
    bytes: usize,
    streams: usize,
) -> Result<Value, Failure> {
    let streams = streams.max(1);
    let running: FuturesUnordered<_> = (0..streams).map(|_| echo_once(node, peer, protocol.clone(), bytes)).collect();
    running.try_collect::<()>().await?;
    Ok(json!({ "bytes": streams * bytes }))
}

async fn echo_once(node: &Node, peer: PeerId, protocol: StreamProtocol, total: usize) -> Result<(), Failure> {
    let (mut reader, mut writer) = node.open(peer, protocol).await?.split();
    let writing = async { Ok(write_pattern(&mut writer, total).await?) };
    let reading = async {
        let (mut buffer, mut expected) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
        let mut offset = 0;
        loop {
            let read = reader.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            pattern(&mut expected[..read], offset);
            if buffer[..read] != expected[..read] {
                return Err(Failure::from(format!("wrong bytes between {offset} and {}", offset + read)));
            }
            offset += read;
        }
        if offset == total { Ok(()) } else { Err(format!("the echo ended after {offset} of {total} bytes").into()) }
    };
    try_join(writing, reading).await?;
    Ok(())
}

pub async fn digest(node: &Node, peer: PeerId, total: usize) -> Result<Value, Failure> {
    let mut stream = node.open(peer, serve::DIGEST).await?;
    write_pattern(&mut stream, total).await?;
    let mut got = Vec::new();
    stream.take(33).read_to_end(&mut got).await?;
    let mut sent = vec![0; total];
    pattern(&mut sent, 0);
    if got != Sha256::digest(&sent).as_slice() {
        return Err(format!("wrong digest: {got:02x?}").into());
    }
    Ok(json!({ "bytes": total, "digest": crate::commands::base64(&got) }))
}

pub async fn provoke_reset(node: &Node, peer: PeerId) -> Result<Value, Failure> {
    let mut stream = node.open(peer, serve::RESET).await?;
    stream.write_all(&[1]).await?;
    stream.flush().await?;
    if !serve::ended_by_reset(&mut stream).await {
        return Err("expected a reset, got an orderly end".into());
    }
    // The crate does not read error codes.
    Ok(json!({ "code": null }))
}

/// Dropping the open stream is what sends the reset; it carries no error code.
pub async fn send_reset(node: &Node, peer: PeerId) -> Result<Value, Failure> {
    let mut stream = node.open(peer, serve::EXPECT_RESET).await?;
    stream.write_all(&[1]).await?;
    stream.flush().await?;
    drop(stream);
    Ok(json!({}))
}
