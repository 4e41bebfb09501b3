//! Counts what pubsub peers tell each other, read from the bytes.

use std::collections::HashMap;

use libp2p::PeerId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::tap::varint;

const MAX_PRUNES: usize = 1024;
const MAX_COPIES: usize = 8192;

#[derive(Clone, Copy, PartialEq)]
pub enum Direction {
    Sent,
    Received,
}

#[derive(Default)]
pub struct Tally {
    peers: HashMap<PeerId, PeerTally>,
    /// By digest of the data.
    sent_copies: HashMap<String, u64>,
    received_copies: HashMap<String, u64>,
    prunes: Vec<Value>,
}

/// Counts are by kind; of ids where a kind has ids.
#[derive(Default)]
struct PeerTally {
    sent: HashMap<&'static str, u64>,
    received: HashMap<&'static str, u64>,
    protocol: String,
    extensions: Vec<&'static str>,
}

impl Tally {
    pub fn count(&mut self, id: PeerId, direction: Direction, protocol: &str, rpc: &[u8]) {
        let sent = direction == Direction::Sent;
        let peer = self.peers.entry(id).or_default();
        if sent {
            peer.protocol = protocol.to_string();
        }
        let counts = if sent { &mut peer.sent } else { &mut peer.received };
        let copies = if sent { &mut self.sent_copies } else { &mut self.received_copies };
        let mut add = |kind, count: usize| *counts.entry(kind).or_default() += count as u64;
        add("rpc", 1);
        for (number, field) in Fields(rpc) {
            match (number, field) {
                (1, Field::Bytes(change)) => {
                    let subscribe = Fields(change).any(|field| matches!(field, (1, Field::Number(1))));
                    add(if subscribe { "subscribe" } else { "unsubscribe" }, 1);
                }
                (2, Field::Bytes(message)) => {
                    add("publish", 1);
                    let digest = digest(bytes_of(message, 2).next().unwrap_or_default());
                    if copies.len() < MAX_COPIES || copies.contains_key(&digest) {
                        *copies.entry(digest).or_default() += 1;
                    }
                }
                (3, Field::Bytes(control)) => {
                    for (number, field) in Fields(control) {
                        let Field::Bytes(entry) = field else { continue };
                        match number {
                            1 => add("ihave", bytes_of(entry, 2).count()),
                            2 => add("iwant", bytes_of(entry, 1).count()),
                            3 => add("graft", 1),
                            4 => {
                                add("prune", 1);
                                if self.prunes.len() < MAX_PRUNES {
                                    self.prunes.push(describe_prune(id, sent, entry));
                                }
                            }
                            5 => add("idontwant", bytes_of(entry, 1).count()),
                            6 => {
                                add("extensions", 1);
                                if !sent {
                                    peer.extensions.extend(Fields(entry).filter_map(extension));
                                }
                            }
                            _ => {}
                        }
                    }
                }
                (10, _) => add("partial", 1),
                _ => {}
            }
        }
    }

    pub fn describe(&self, score: impl Fn(&PeerId) -> Option<f64>) -> Value {
        let peers: HashMap<String, Value> = self
            .peers
            .iter()
            .map(|(id, peer)| {
                let told = json!({
                    "sent": peer.sent, "received": peer.received,
                    "protocol": peer.protocol, "extensions": peer.extensions, "score": score(id),
                });
                (id.to_string(), told)
            })
            .collect();
        json!({
            "peers": peers,
            "copies": { "sent": self.sent_copies, "received": self.received_copies },
            "prunes": self.prunes,
            "rejected": {},
        })
    }
}

fn extension((number, field): (u64, Field<'_>)) -> Option<&'static str> {
    match (number, field) {
        (10, Field::Number(1)) => Some("partialMessages"),
        (6492434, Field::Number(1)) => Some("testExtension"),
        _ => None,
    }
}

fn describe_prune(peer: PeerId, sent: bool, prune: &[u8]) -> Value {
    let backoff = Fields(prune).find_map(|field| match field {
        (3, Field::Number(seconds)) => Some(seconds),
        _ => None,
    });
    json!({
        "peer": peer.to_string(),
        "topic": String::from_utf8_lossy(bytes_of(prune, 1).next().unwrap_or_default()),
        "direction": if sent { "sent" } else { "received" },
        "backoff": backoff,
        "px": bytes_of(prune, 2).count(),
        "records": bytes_of(prune, 2).filter(|recommended| bytes_of(recommended, 2).any(|record| !record.is_empty())).count(),
    })
}

pub fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    Fields(message).filter_map(move |(number, field)| match field {
        Field::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, up to the first that is broken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.number()?;
        let field = match number & 7 {
            0 => Field::Number(self.number()?),
            1 => Field::Bytes(self.take(8)?),
            2 => {
                let length = self.number()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((number >> 3, field))
    }
}

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let (value, length) = varint(self.0)?;
        self.0 = &self.0[length..];
        Some(value)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}
