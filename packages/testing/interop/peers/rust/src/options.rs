//! What the command line asks this node to be.

use std::{env, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use libp2p::{Multiaddr, identity::Keypair, pnet::PreSharedKey};
use serde_json::{Map, Value};

use crate::Failure;

#[derive(Clone, Copy, PartialEq)]
pub enum Transport {
    Tcp,
    Ws,
    Wss,
    Quic,
    WebRtcDirect,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Security {
    Noise,
    Tls,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Muxer {
    Yamux,
    Mplex,
}

pub struct Options {
    pub key: Keypair,
    pub transport: Transport,
    pub security: Security,
    pub muxer: Muxer,
    pub listen: Vec<Multiaddr>,
    /// A relay to be reachable through, with its peer id.
    pub listen_relay: Option<Multiaddr>,
    /// Be a relay without limits.
    pub relay: bool,
    pub psk: Option<PreSharedKey>,
    /// Of a wss listener, and trusted when dialling one. DER.
    pub tls_certificate: Option<Vec<u8>>,
    pub tls_key: Option<Vec<u8>>,
    pub mdns: bool,
    pub identify_record: bool,
    /// Run pubsub, as these say.
    pub pubsub: Option<Map<String, Value>>,
}

impl Options {
    pub fn from_arguments() -> Result<Self, Failure> {
        let mut key_type = "ed25519".to_string();
        let mut options = Self {
            key: Keypair::generate_ed25519(),
            transport: Transport::Tcp,
            security: Security::Noise,
            muxer: Muxer::Yamux,
            listen: Vec::new(),
            listen_relay: None,
            relay: false,
            psk: None,
            tls_certificate: None,
            tls_key: None,
            mdns: false,
            identify_record: false,
            pubsub: None,
        };
        let mut arguments = env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.trim_start_matches('-') {
                "key-type" => key_type = value()?,
                "transport" => options.transport = transport(&value()?)?,
                "security" => options.security = security(&value()?)?,
                "muxer" => options.muxer = muxer(&value()?)?,
                "listen" => options.listen.push(value()?.parse()?),
                "listen-relay" => options.listen_relay = Some(value()?.parse()?),
                "relay" => options.relay = true,
                "psk" => options.psk = Some(fs::read_to_string(value()?)?.parse()?),
                "tls-cert" => options.tls_certificate = Some(read_pem(value()?.into())?),
                "tls-key" => options.tls_key = Some(read_pem(value()?.into())?),
                "mdns" => options.mdns = true,
                "identify-record" => options.identify_record = value()?.parse()?,
                "pubsub" => options.pubsub = Some(serde_json::from_str(&value()?)?),
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        if options.listen.is_empty() {
            options.listen.push(default_listen(options.transport).parse()?);
        }
        options.key = generate_key(&key_type)?;
        Ok(options)
    }
}

fn transport(name: &str) -> Result<Transport, Failure> {
    match name {
        "tcp" => Ok(Transport::Tcp),
        "ws" => Ok(Transport::Ws),
        "wss" => Ok(Transport::Wss),
        "quic-v1" => Ok(Transport::Quic),
        "webrtc-direct" => Ok(Transport::WebRtcDirect),
        _ => Err(format!("unknown transport {name}").into()),
    }
}

fn security(name: &str) -> Result<Security, Failure> {
    match name {
        "noise" => Ok(Security::Noise),
        "tls" => Ok(Security::Tls),
        _ => Err(format!("unknown security {name}").into()),
    }
}

fn muxer(name: &str) -> Result<Muxer, Failure> {
    match name {
        "yamux" => Ok(Muxer::Yamux),
        "mplex" => Ok(Muxer::Mplex),
        _ => Err(format!("unknown muxer {name}").into()),
    }
}

fn default_listen(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "/ip4/127.0.0.1/tcp/0",
        Transport::Ws => "/ip4/127.0.0.1/tcp/0/ws",
        Transport::Wss => "/ip4/127.0.0.1/tcp/0/tls/ws",
        Transport::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
        Transport::WebRtcDirect => "/ip4/127.0.0.1/udp/0/webrtc-direct",
    }
}

/// The bytes inside a PEM file with one object.
fn read_pem(path: PathBuf) -> Result<Vec<u8>, Failure> {
    let text = fs::read_to_string(path)?;
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    Ok(BASE64.decode(base64.trim())?)
}

fn generate_key(key_type: &str) -> Result<Keypair, Failure> {
    match key_type {
        "ed25519" => Ok(Keypair::generate_ed25519()),
        "secp256k1" => Ok(Keypair::generate_secp256k1()),
        "ecdsa" => Ok(Keypair::generate_ecdsa()),
        // The crate signs with RSA keys but cannot generate them, so the caller brings one.
        "rsa" => {
            let encoded = env::var("INTEROP_RSA_PKCS8").map_err(|_| "--key-type rsa needs INTEROP_RSA_PKCS8")?;
            Ok(Keypair::rsa_from_pkcs8(&mut BASE64.decode(encoded)?)?)
        }
        _ => Err(format!("unknown key type {key_type}").into()),
    }
}
