//! The application on top of partial messages: a message has eight parts, the metadata is a byte with a bit for each part
//! that the sender has, and everybody wants all. An encoded part message is such a byte for what is inside, and then each
//! part with its length before it, as four bytes in big-endian order.

use std::collections::HashMap;

use libp2p::{
    PeerId,
    gossipsub::partial_messages::{Metadata, Partial, PartialAction, PartialError},
};

const PARTS: usize = 8;
const MAX_GROUPS: usize = 256;

pub type Parts = [Option<Vec<u8>>; PARTS];

#[derive(Default)]
pub struct Groups(HashMap<(String, Vec<u8>), Parts>);

impl Groups {
    pub fn of(&self, topic: &str, group: &[u8]) -> Parts {
        self.0.get(&(topic.to_string(), group.to_vec())).cloned().unwrap_or_default()
    }

    /// Gives what to publish.
    pub fn add(&mut self, topic: &str, group: &[u8], parts: Parts) -> Option<PartsOfMessage> {
        let key = (topic.to_string(), group.to_vec());
        if self.0.len() == MAX_GROUPS && !self.0.contains_key(&key) {
            return None;
        }
        let kept = self.0.entry(key).or_default();
        for (slot, part) in kept.iter_mut().zip(parts) {
            *slot = part.or(slot.take());
        }
        Some(PartsOfMessage { group: group.to_vec(), parts: kept.clone() })
    }
}

pub struct PartsOfMessage {
    group: Vec<u8>,
    parts: Parts,
}

impl Partial for PartsOfMessage {
    fn group_id(&self) -> Vec<u8> {
        self.group.clone()
    }

    fn metadata(&self) -> Box<dyn Metadata> {
        Box::new(Bits([bitmap(&self.parts)]))
    }

    fn partial_action_from_metadata(&self, _: PeerId, theirs: Option<&[u8]>) -> Result<PartialAction, PartialError> {
        let ours = bitmap(&self.parts);
        let Some(theirs) = theirs else { return Ok(PartialAction { need: ours != u8::MAX, send: None }) };
        let theirs = bits(theirs)?;
        let missing = ours & !theirs;
        let send = (missing != 0).then(|| {
            let updated: Box<dyn Metadata> = Box::new(Bits([theirs | missing]));
            (encode(&self.parts, missing), updated)
        });
        Ok(PartialAction { need: theirs & !ours != 0, send })
    }
}

#[derive(Debug)]
struct Bits([u8; 1]);

impl Metadata for Bits {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn update(&mut self, data: &[u8]) -> Result<bool, PartialError> {
        let before = self.0[0];
        self.0[0] |= bits(data)?;
        Ok(self.0[0] != before)
    }
}

fn bits(metadata: &[u8]) -> Result<u8, PartialError> {
    match metadata {
        [bits] => Ok(*bits),
        _ => Err(PartialError::InvalidFormat),
    }
}

fn bitmap(parts: &Parts) -> u8 {
    parts.iter().enumerate().fold(0, |bits, (index, part)| bits | u8::from(part.is_some()) << index)
}

fn encode(parts: &Parts, which: u8) -> Vec<u8> {
    let mut encoded = vec![which];
    for (index, part) in parts.iter().enumerate() {
        if let (true, Some(part)) = (which & 1 << index != 0, part) {
            encoded.extend((part.len() as u32).to_be_bytes());
            encoded.extend(part);
        }
    }
    encoded
}

pub fn decode(encoded: &[u8]) -> Option<Parts> {
    let mut parts = Parts::default();
    let (which, mut rest) = encoded.split_first()?;
    for (index, slot) in parts.iter_mut().enumerate() {
        if which & 1 << index == 0 {
            continue;
        }
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (part, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        *slot = Some(part.to_vec());
        rest = behind;
    }
    Some(parts)
}
