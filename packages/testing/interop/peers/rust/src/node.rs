//! The swarm, run by a task of its own, and the handle that the commands use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm,
    core::ConnectedPoint,
    floodsub, gossipsub, identify,
    identity::Keypair,
    mdns,
    multiaddr::Protocol,
    ping, relay,
    swarm::{
        self, ConnectionId, DialError, NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle, dial_opts::DialOpts,
    },
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Failure,
    options::{Muxer, Options, Security, Transport},
    pubsub::{self, Pubsub, Routers},
    serve::{self, Counters},
    streams::{self, Opened},
    tap, transport,
};

/// The default closes a connection after ten seconds without streams, in the middle of a test.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Muxers send the reset of a dropped stream only when something else wakes the connection, as a ping does.
const PING_INTERVAL: Duration = Duration::from_secs(1);

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    streams: streams::Behaviour,
    relay: Toggle<relay::Behaviour>,
    relay_client: Toggle<relay::client::Behaviour>,
    mdns: Toggle<mdns::tokio::Behaviour>,
    gossipsub: Toggle<gossipsub::Behaviour>,
    floodsub: Toggle<floodsub::Behaviour>,
}

type Question = Box<dyn FnOnce(&mut Pubsub, Routers<'_>) + Send + Sync>;

enum Request {
    Dial(Multiaddr, oneshot::Sender<Result<PeerId, Failure>>),
    Open(PeerId, StreamProtocol, Opened),
    Handle(StreamProtocol),
    Close(PeerId),
    Pubsub(Question),
}

/// What the swarm task has seen.
#[derive(Default)]
pub struct Seen {
    pub listening: Vec<Multiaddr>,
    pub connections: HashMap<ConnectionId, (PeerId, ConnectedPoint)>,
    pub identified: HashMap<PeerId, identify::Info>,
    pub pings: u64,
    pub ping_failures: u64,
    /// What mDNS has told.
    pub found: HashMap<PeerId, Vec<Multiaddr>>,
}

pub struct Node {
    pub key: Keypair,
    /// What connections are locked and shared with. The crate does not tell what was negotiated, but it offers no other.
    pub security: &'static str,
    pub muxer: &'static str,
    pub counters: Arc<Counters>,
    requests: mpsc::Sender<Request>,
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<()>,
}

pub async fn start(options: Options) -> Result<Node, Failure> {
    let counters = Arc::new(Counters::default());
    let serving = counters.clone();
    let acceptor: streams::Acceptor = Arc::new(move |protocol, stream| {
        let counters = serving.clone();
        tokio::spawn(async move { serve::serve(protocol, stream, &counters).await });
    });
    let (security, muxer) = protocols(&options);
    let (transport, relay_client) = transport::build(&options)?;
    let Options { key, listen, listen_relay, identify_record, pubsub, .. } = options;
    let (pubsub, (gossipsub, floodsub)) = match &pubsub {
        Some(options) => pubsub::start(&key, options).map(|(pubsub, routers)| (Some(pubsub), routers))?,
        None => (None, (None, None)),
    };
    let transport = match &pubsub {
        Some(Pubsub { tally, .. }) => tap::listen(transport, tally.clone()),
        None => transport,
    };
    let peer_id = key.public().to_peer_id();
    let mdns = options.mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer_id)).transpose()?;
    let served = vec![serve::ECHO, serve::DIGEST, serve::RESET, serve::EXPECT_RESET];
    let behaviour = Behaviour {
        identify: identify::Behaviour::new(identify_config(&key, identify_record)),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
        streams: streams::Behaviour::new(served, acceptor),
        relay: options.relay.then(|| relay::Behaviour::new(peer_id, relay_config())).into(),
        relay_client: relay_client.into(),
        mdns: mdns.into(),
        gossipsub: gossipsub.into(),
        floodsub: floodsub.into(),
    };
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_TIMEOUT);
    let mut swarm = Swarm::new(transport, behaviour, peer_id, config);

    let seen = Arc::new(Mutex::new(Seen::default()));
    listen_on(&mut swarm, &seen, listen).await?;
    if options.relay {
        // A relay tells the addresses that it knows to be reachable, and serves nobody while it knows none.
        for address in lock(&seen).listening.clone() {
            swarm.add_external_address(address);
        }
    }
    if let Some(relay) = listen_relay {
        listen_on(&mut swarm, &seen, vec![relay.with(Protocol::P2pCircuit)]).await?;
    }

    let (requests, inbox) = mpsc::channel(64);
    let (changed, changes) = watch::channel(());
    tokio::spawn(Driver { swarm, seen: seen.clone(), changed, dials: HashMap::new(), pubsub }.run(inbox));
    Ok(Node { key, security, muxer, counters, requests, seen, changes })
}

async fn listen_on(swarm: &mut Swarm<Behaviour>, seen: &Mutex<Seen>, addresses: Vec<Multiaddr>) -> Result<(), Failure> {
    let mut waiting = addresses.len();
    for address in addresses {
        swarm.listen_on(address)?;
    }
    while waiting > 0 {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => {
                // The newest first: whoever asks for a relayed address means that one.
                lock(seen).listening.insert(0, address);
                waiting -= 1;
            }
            SwarmEvent::ListenerClosed { reason, .. } => return Err(format!("cannot listen: {reason:?}").into()),
            // Those from before the driver runs: the connection to the relay.
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                lock(seen).connections.insert(connection_id, (peer_id, endpoint));
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(describe(&error).into()),
            _ => {}
        }
    }
    Ok(())
}

fn protocols(options: &Options) -> (&'static str, &'static str) {
    match (options.transport, options.security, options.muxer) {
        (Transport::Quic, ..) => ("/tls/1.0.0", ""),
        (Transport::WebRtcDirect, ..) => ("/noise", ""),
        (_, security, muxer) => (
            if security == Security::Tls { "/tls/1.0.0" } else { "/noise" },
            if muxer == Muxer::Mplex { "/mplex/6.7.0" } else { "/yamux/1.0.0" },
        ),
    }
}

/// Everybody is on 127.0.0.1, and the rows send more than the default's 128 KiB.
fn relay_config() -> relay::Config {
    relay::Config {
        max_reservations_per_peer: 128,
        max_circuits: 1024,
        max_circuits_per_peer: 1024,
        max_circuit_bytes: u64::MAX,
        max_circuit_duration: Duration::from_secs(3600),
        reservation_rate_limiters: Vec::new(),
        circuit_src_rate_limiters: Vec::new(),
        ..Default::default()
    }
}

/// The only signed record that the crate puts into identify has the domain and payload type of the RFC's text.
/// go-libp2p ignores such a record and js-libp2p the whole message, so it is off unless a test asks for it.
fn identify_config(key: &Keypair, with_record: bool) -> identify::Config {
    let version = "ipfs/0.1.0".to_string();
    if with_record {
        identify::Config::new_with_signed_peer_record(version, key)
    } else {
        identify::Config::new(version, key.public())
    }
}

impl Node {
    pub fn peer_id(&self) -> PeerId {
        self.key.public().to_peer_id()
    }

    pub fn addresses(&self) -> Vec<String> {
        let own = Protocol::P2p(self.peer_id());
        let with_id = |address: &Multiaddr| match address.iter().last() {
            Some(last) if last == own => address.to_string(), // relayed addresses have it already
            _ => address.clone().with(own.clone()).to_string(),
        };
        self.seen().listening.iter().map(with_id).collect()
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    pub fn is_connected(&self, peer: PeerId) -> bool {
        self.seen().connections.values().any(|(connected, _)| *connected == peer)
    }

    /// Waits until what the swarm has seen satisfies the caller.
    pub async fn wait_for<T>(&self, mut check: impl FnMut(&Seen) -> Option<T>) -> Result<T, Failure> {
        let mut changes = self.changes.clone();
        loop {
            changes.mark_unchanged();
            if let Some(found) = check(&self.seen()) {
                return Ok(found);
            }
            changes.changed().await?;
        }
    }

    pub async fn dial(&self, address: Multiaddr) -> Result<PeerId, Failure> {
        // Like go-libp2p, a dial to a connected peer is already done.
        if let Some(Protocol::P2p(peer)) = address.iter().last()
            && self.is_connected(peer)
        {
            return Ok(peer);
        }
        let (sender, dialled) = oneshot::channel();
        self.requests.send(Request::Dial(address, sender)).await?;
        dialled.await?
    }

    pub async fn open(&self, peer: PeerId, protocol: StreamProtocol) -> Result<Stream, Failure> {
        let (sender, opened) = oneshot::channel();
        self.requests.send(Request::Open(peer, protocol, sender)).await?;
        opened.await?
    }

    pub async fn handle(&self, protocol: StreamProtocol) -> Result<(), Failure> {
        Ok(self.requests.send(Request::Handle(protocol)).await?)
    }

    /// Asks the swarm task.
    pub async fn pubsub<F>(&self, question: F) -> Result<Value, Failure>
    where
        F: FnOnce(&mut Pubsub, Routers<'_>) -> Result<Value, Failure> + Send + Sync + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let question: Question = Box::new(move |pubsub, routers| drop(sender.send(question(pubsub, routers))));
        self.requests.send(Request::Pubsub(question)).await?;
        answer.await.map_err(|_| "started without pubsub")?
    }

    pub async fn close(&self, peer: PeerId) -> Result<(), Failure> {
        self.requests.send(Request::Close(peer)).await?;
        self.wait_for(|seen| seen.connections.values().all(|(connected, _)| *connected != peer).then_some(())).await
    }
}

struct Driver {
    swarm: Swarm<Behaviour>,
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
    dials: HashMap<ConnectionId, oneshot::Sender<Result<PeerId, Failure>>>,
    pubsub: Option<Pubsub>,
}

impl Driver {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                Some(request) = inbox.recv() => self.on_request(request),
                event = self.swarm.select_next_some() => {
                    self.on_event(event);
                    let _ = self.changed.send(());
                }
            }
        }
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Dial(address, sender) => {
                let options = DialOpts::from(address);
                let connection = options.connection_id();
                match self.swarm.dial(options) {
                    Ok(()) => drop(self.dials.insert(connection, sender)),
                    Err(error) => drop(sender.send(Err(describe(&error).into()))),
                }
            }
            Request::Open(peer, protocol, opened) => self.swarm.behaviour_mut().streams.open(peer, protocol, opened),
            // Identify pushes by itself once the connections notice the new protocol.
            Request::Handle(protocol) => self.swarm.behaviour_mut().streams.add_protocol(protocol),
            Request::Close(peer) => drop(self.swarm.disconnect_peer_id(peer)),
            Request::Pubsub(question) => {
                let Behaviour { gossipsub, floodsub, .. } = self.swarm.behaviour_mut();
                if let Some(pubsub) = &mut self.pubsub {
                    question(pubsub, Routers { gossipsub, floodsub });
                }
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let mut seen = lock(&self.seen);
        match event {
            SwarmEvent::NewListenAddr { address, .. } => seen.listening.push(address),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                seen.connections.insert(connection_id, (peer_id, endpoint));
                // FloodSub talks to those only that it is told to.
                if let Some(floodsub) = self.swarm.behaviour_mut().floodsub.as_mut() {
                    floodsub.add_node_to_partial_view(peer_id);
                }
                if let Some(sender) = self.dials.remove(&connection_id) {
                    let _ = sender.send(Ok(peer_id));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, cause, .. } => {
                eprintln!("connection to {peer_id} closed: {cause:?}");
                seen.connections.remove(&connection_id);
                if num_established == 0 {
                    seen.identified.remove(&peer_id);
                    if let Some(floodsub) = self.swarm.behaviour_mut().floodsub.as_mut() {
                        floodsub.remove_node_from_partial_view(&peer_id);
                    }
                    if let Some(pubsub) = &mut self.pubsub {
                        pubsub.on_disconnected(peer_id);
                    }
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(sender) = self.dials.remove(&connection_id) {
                    let _ = sender.send(Err(describe(&error).into()));
                }
            }
            SwarmEvent::IncomingConnectionError { error, .. } => eprintln!("incoming connection failed: {error}"),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
                seen.identified.insert(peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Error { peer_id, error, .. })) => {
                eprintln!("identify with {peer_id}: {error}");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (peer, address) in found {
                    seen.found.entry(peer).or_default().push(address);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(event)) => {
                let router = self.swarm.behaviour_mut().gossipsub.as_mut();
                if let (Some(pubsub), Some(gossipsub)) = (&mut self.pubsub, router) {
                    pubsub.on_gossipsub(gossipsub, event);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Floodsub(event)) => {
                if let Some(pubsub) = &mut self.pubsub {
                    pubsub.on_floodsub(event);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => match event.result {
                Ok(_) => seen.pings += 1,
                Err(error) => {
                    eprintln!("ping to {}: {error}", event.peer);
                    seen.ping_failures += 1;
                }
            },
            _ => {}
        }
    }
}

/// DialError prints its own layer only; the interesting one is usually further down.
fn describe(error: &DialError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
