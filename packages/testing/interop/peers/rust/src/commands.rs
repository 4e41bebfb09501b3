//! The control protocol: one JSON object in, one out. Byte strings travel as base64.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{ConnectedPoint, PeerRecord, SignedEnvelope},
    identity::PublicKey,
};
use serde_json::{Value, json};

use crate::{Failure, actions, node::Node, parts::Parts, serve};

const DEFAULT_TIMEOUT_MS: u64 = 30_000;

pub async fn execute(node: &Node, command: &Value) -> Result<Value, Failure> {
    let limit = command["timeoutMs"].as_u64().unwrap_or(DEFAULT_TIMEOUT_MS);
    tokio::time::timeout(Duration::from_millis(limit), dispatch(node, command)).await?
}

async fn dispatch(node: &Node, command: &Value) -> Result<Value, Failure> {
    let peer = || Ok::<PeerId, Failure>(text(command, "peer")?.parse()?);
    let number = |field: &str| command[field].as_u64().unwrap_or(0) as usize;
    match text(command, "cmd")? {
        "id" => Ok(json!({
            "peerId": node.peer_id().to_string(),
            "publicKey": base64(&node.key.public().encode_protobuf()),
            "addresses": node.addresses(),
        })),
        "dial" => {
            let address: Multiaddr = text(command, "addr")?.parse()?;
            Ok(json!({ "peer": node.dial(address).await?.to_string() }))
        }
        "ping" => actions::ping(node, peer()?, number("count")).await,
        "echo" => {
            let protocol = match command["protocol"].as_str() {
                Some(id) => StreamProtocol::try_from_owned(id.to_string())?,
                None => serve::ECHO,
            };
            actions::echo(node, peer()?, protocol, number("bytes"), number("streams")).await
        }
        "digest" => actions::digest(node, peer()?, number("bytes")).await,
        "reset" => actions::provoke_reset(node, peer()?).await,
        "send-reset" => actions::send_reset(node, peer()?).await,
        "identify" => identify(node, peer()?).await,
        "handle" => {
            node.handle(StreamProtocol::try_from_owned(text(command, "protocol")?.to_string())?).await?;
            Ok(json!({}))
        }
        "connections" => Ok(json!({ "connections": connections(node, peer()?) })),
        "connection-info" => {
            let peer = peer()?;
            connections(node, peer).into_iter().next().ok_or_else(|| format!("not connected to {peer}").into())
        }
        "close" => {
            node.close(peer()?).await?;
            Ok(json!({}))
        }
        "stats" => Ok(stats(node)),
        "found" => Ok(json!({ "found": found(node) })),
        "sign" => Ok(json!({
            "signature": base64(&node.key.sign(&bytes(command, "data")?)?),
            "publicKey": base64(&node.key.public().encode_protobuf()),
        })),
        "verify" => {
            let key = PublicKey::try_decode_protobuf(&bytes(command, "publicKey")?)?;
            let valid = key.verify(&bytes(command, "data")?, &bytes(command, "signature")?);
            Ok(json!({ "valid": valid, "peerId": key.to_peer_id().to_string() }))
        }
        "peer-record" => seal_record(node, command["legacy"] == true),
        "verify-record" => {
            let envelope = SignedEnvelope::from_protobuf_encoding(&bytes(command, "record")?)?;
            Ok(describe_record(&PeerRecord::from_signed_envelope_interop(envelope)?))
        }
        other => pubsub(node, other, command).await,
    }
}

async fn pubsub(node: &Node, name: &str, command: &Value) -> Result<Value, Failure> {
    let topic = || text(command, "topic").map(str::to_string);
    match name {
        "subscribe" => {
            let (topic, partial) = (topic()?, command["partial"].as_str().unwrap_or_default().to_string());
            node.pubsub(move |pubsub, routers| pubsub.subscribe(routers, &topic, &partial)).await
        }
        "unsubscribe" => {
            let topic = topic()?;
            node.pubsub(move |pubsub, routers| pubsub.unsubscribe(routers, &topic)).await
        }
        "publish" => {
            let (topic, data) = (topic()?, bytes(command, "data")?);
            node.pubsub(move |pubsub, routers| pubsub.publish(routers, &topic, data)).await
        }
        "topic-peers" => {
            let topic = topic()?;
            node.pubsub(move |pubsub, routers| Ok(json!({ "peers": pubsub.topic_peers(routers, &topic) }))).await
        }
        "mesh" => {
            let topic = topic()?;
            node.pubsub(move |pubsub, routers| Ok(json!({ "peers": pubsub.mesh(routers, &topic) }))).await
        }
        "messages" => node.pubsub(|pubsub, _| Ok(json!({ "messages": pubsub.messages() }))).await,
        "traffic" => node.pubsub(|pubsub, routers| Ok(pubsub.traffic(routers))).await,
        "publish-parts" => {
            let (topic, group) = (topic()?, bytes(command, "group")?);
            let mut parts = Parts::default();
            for (slot, part) in parts.iter_mut().zip(command["parts"].as_array().into_iter().flatten()) {
                *slot = part.as_str().map(|part| BASE64.decode(part)).transpose()?;
            }
            node.pubsub(move |pubsub, routers| pubsub.publish_parts(routers, &topic, &group, parts)).await
        }
        "parts" => {
            let (topic, group) = (topic()?, bytes(command, "group")?);
            node.pubsub(move |pubsub, _| Ok(json!({ "parts": pubsub.parts(&topic, &group) }))).await
        }
        other => Err(format!("unknown command: {other}").into()),
    }
}

async fn identify(node: &Node, peer: PeerId) -> Result<Value, Failure> {
    if !node.is_connected(peer) {
        return Err(format!("not connected to {peer}").into());
    }
    let info = node.wait_for(|seen| seen.identified.get(&peer).cloned()).await?;
    // The crate checks incoming records by its legacy domain only and drops all others, so for a go or js peer this is
    // null although the peer sent a record. Use verify-record to have the crate check one of those.
    let record = info.signed_peer_record.map(|envelope| base64(&envelope.into_protobuf_encoding()));
    let mut result = json!({
        "agentVersion": info.agent_version,
        "protocolVersion": info.protocol_version,
        "protocols": info.protocols.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "listenAddrs": info.listen_addrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "signedPeerRecord": record,
        "publicKey": base64(&info.public_key.encode_protobuf()),
    });
    if !info.observed_addr.is_empty() {
        result["observedAddr"] = info.observed_addr.to_string().into();
    }
    Ok(result)
}

fn connections(node: &Node, peer: PeerId) -> Vec<Value> {
    let seen = node.seen();
    let to_peer = seen.connections.values().filter(|(connected, _)| *connected == peer);
    let describe = |endpoint: &ConnectedPoint| {
        let mut connection = json!({
            "direction": if endpoint.is_dialer() { "outbound" } else { "inbound" },
            "remoteAddr": endpoint.get_remote_address().to_string(),
            "security": node.security,
            "muxer": node.muxer,
            "earlyMuxer": false, // the crate has no such negotiation
        });
        if let ConnectedPoint::Listener { local_addr, .. } = endpoint {
            connection["localAddr"] = local_addr.to_string().into();
        }
        connection
    };
    to_peer.map(|(_, endpoint)| describe(endpoint)).collect()
}

fn found(node: &Node) -> Value {
    let texts = |addresses: &Vec<Multiaddr>| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    node.seen().found.iter().map(|(peer, addresses)| (peer.to_string(), json!(texts(addresses)))).collect()
}

fn stats(node: &Node) -> Value {
    let counts = node.counters.update(|counts| counts.clone());
    let seen = node.seen();
    json!({
        "resets": counts.resets,
        "served": counts.served,
        "pings": seen.pings,
        "pingFailures": seen.ping_failures,
    })
}

/// The interop format is the one that go and js use; the legacy one is what this crate puts into identify.
fn seal_record(node: &Node, legacy: bool) -> Result<Value, Failure> {
    let addresses = node.seen().listening.clone();
    let seal = if legacy { PeerRecord::new } else { PeerRecord::new_interop };
    let record = seal(&node.key, addresses)?;
    let mut result = describe_record(&record);
    result["record"] = base64(&record.into_signed_envelope().into_protobuf_encoding()).into();
    Ok(result)
}

fn describe_record(record: &PeerRecord) -> Value {
    json!({
        "peerId": record.peer_id().to_string(),
        "seq": record.seq().to_string(),
        "addresses": record.addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn text<'a>(command: &'a Value, field: &str) -> Result<&'a str, Failure> {
    command[field].as_str().ok_or_else(|| format!("the command needs {field}").into())
}

fn bytes(command: &Value, field: &str) -> Result<Vec<u8>, Failure> {
    Ok(BASE64.decode(text(command, field)?)?)
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}
