//! A rust-libp2p node driven over stdin and stdout, so that the interop tests can make a published implementation
//! listen, dial and open streams. It speaks the transport, lock and muxer that its options name, and no others.

mod actions;
mod commands;
mod node;
mod options;
mod parts;
mod pubsub;
mod serve;
mod streams;
mod tally;
mod tap;
mod transport;

use std::{error::Error, sync::Arc};

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
    // WebRTC's DTLS takes the process's provider, and with two compiled in there is none unless one is named.
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed already")?;
    let node = node::start(options::Options::from_arguments()?).await?;
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

/// The version of the libp2p crate that the lock file pins.
fn libp2p_version() -> &'static str {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == "name = \"libp2p\"");
    let version = lines.next().and_then(|line| line.strip_prefix("version = \""));
    version.map_or("unknown", |rest| rest.trim_end_matches('"'))
}
