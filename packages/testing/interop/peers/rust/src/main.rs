//! A rust-libp2p node driven over stdin and stdout, so that the interop tests can make a published implementation
//! listen, dial and open streams. It speaks TCP, Noise and yamux and nothing else.

mod actions;
mod commands;
mod node;
mod serve;
mod streams;

use std::{env, error::Error, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use libp2p::{Multiaddr, identity::Keypair};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    sync::Semaphore,
};

pub type Failure = Box<dyn Error + Send + Sync>;

/// Bounds one line on stdin.
const MAX_COMMAND_BYTES: u64 = 1 << 20;
/// Bounds the commands that run at once.
const MAX_COMMANDS: usize = 64;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let options = Options::from_arguments()?;
    let node = node::start(options.key, options.listen, options.identify_record).await?;
    say(&json!({
        "event": "ready",
        "peerId": node.peer_id().to_string(),
        "addresses": node.addresses(),
        "implementation": format!("rust-libp2p/{}", libp2p_version()),
    }));

    let node = Arc::new(node);
    let slots = Arc::new(Semaphore::new(MAX_COMMANDS));
    let mut input = BufReader::new(tokio::io::stdin());
    loop {
        let mut line = String::new();
        if (&mut input).take(MAX_COMMAND_BYTES).read_line(&mut line).await? == 0 {
            // The runtime's stdin thread may still be blocked in a read; do not wait for it.
            std::process::exit(0);
        }
        let command: Value = serde_json::from_str(&line)?;
        let slot = slots.clone().acquire_owned().await?;
        let node = node.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let mut answer = match commands::execute(&node, &command).await {
                Ok(result) => result,
                Err(error) => json!({ "error": error.to_string() }),
            };
            answer["ok"] = Value::Bool(answer.get("error").is_none());
            answer["id"] = command["id"].clone();
            say(&answer);
        });
    }
}

/// println! locks stdout for the whole line, so concurrent answers do not mix.
fn say(line: &Value) {
    println!("{line}");
}

struct Options {
    key: Keypair,
    listen: Vec<Multiaddr>,
    identify_record: bool,
}

impl Options {
    fn from_arguments() -> Result<Self, Failure> {
        let mut key_type = "ed25519".to_string();
        let mut listen = Vec::new();
        let mut identify_record = false;
        let mut arguments = env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.trim_start_matches('-') {
                "key-type" => key_type = value,
                "listen" => listen.push(value.parse()?),
                "identify-record" => identify_record = value.parse()?,
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        if listen.is_empty() {
            listen.push("/ip4/127.0.0.1/tcp/0".parse()?);
        }
        Ok(Self { key: generate_key(&key_type)?, listen, identify_record })
    }
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

/// The version of the libp2p crate that the lock file pins.
fn libp2p_version() -> &'static str {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == "name = \"libp2p\"");
    let version = lines.next().and_then(|line| line.strip_prefix("version = \""));
    version.map_or("unknown", |rest| rest.trim_end_matches('"'))
}
