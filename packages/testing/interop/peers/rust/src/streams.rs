//! Raw streams: a behaviour that opens a stream for any protocol id and hands incoming ones to a task of their own.
//!
//! The libp2p-stream crate does the same, but passes incoming streams through a channel without room and drops them
//! when the acceptor is not waiting, so that tests with parallel streams would fail at random.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    },
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
        NotifyHandler, StreamUpgradeError, SubstreamProtocol, ToSwarm,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::sync::oneshot;

use crate::Failure;

pub type Opened = oneshot::Sender<Result<Stream, Failure>>;
/// Called on the connection's task with every incoming stream; must not block.
pub type Acceptor = Arc<dyn Fn(StreamProtocol, Stream) + Send + Sync>;
type Protocols = Arc<Mutex<Vec<StreamProtocol>>>;

pub struct Behaviour {
    protocols: Protocols,
    acceptor: Acceptor,
    connections: HashMap<ConnectionId, PeerId>,
    events: VecDeque<ToSwarm<Infallible, Request>>,
}

impl Behaviour {
    pub fn new(protocols: Vec<StreamProtocol>, acceptor: Acceptor) -> Self {
        Self {
            protocols: Arc::new(Mutex::new(protocols)),
            acceptor,
            connections: HashMap::new(),
            events: VecDeque::new(),
        }
    }

    pub fn open(&mut self, peer: PeerId, protocol: StreamProtocol, opened: Opened) {
        if !self.connections.values().any(|connected| *connected == peer) {
            let _ = opened.send(Err(format!("not connected to {peer}").into()));
            return;
        }
        self.notify(peer, NotifyHandler::Any, Request::Open(protocol, opened));
    }

    /// Serves one more protocol, on existing connections too.
    pub fn add_protocol(&mut self, protocol: StreamProtocol) {
        let mut protocols = lock(&self.protocols);
        if protocols.contains(&protocol) {
            return;
        }
        protocols.push(protocol);
        drop(protocols);
        // A connection compares its protocols only when it is polled, and this wakes it.
        for (connection, peer) in self.connections.clone() {
            self.notify(peer, NotifyHandler::One(connection), Request::Wake);
        }
    }

    fn notify(&mut self, peer_id: PeerId, handler: NotifyHandler, event: Request) {
        self.events.push_back(ToSwarm::NotifyHandler { peer_id, handler, event });
    }

    fn new_handler(&self) -> Handler {
        Handler { protocols: self.protocols.clone(), acceptor: self.acceptor.clone(), requests: VecDeque::new() }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.new_handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.new_handler())
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(established) => {
                self.connections.insert(established.connection_id, established.peer_id);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.connections.remove(&closed.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Request>> {
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

pub enum Request {
    Open(StreamProtocol, Opened),
    Wake,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(protocol, _) => write!(formatter, "Open({protocol})"),
            Self::Wake => write!(formatter, "Wake"),
        }
    }
}

pub struct Handler {
    protocols: Protocols,
    acceptor: Acceptor,
    requests: VecDeque<(StreamProtocol, Opened)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Request;
    type ToBehaviour = Infallible;
    type InboundProtocol = Raw;
    type OutboundProtocol = Raw;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Option<Opened>;

    fn listen_protocol(&self) -> SubstreamProtocol<Raw> {
        SubstreamProtocol::new(Raw(lock(&self.protocols).clone()), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Raw, Option<Opened>, Infallible>> {
        self.requests.pop_front().map_or(Poll::Pending, |(protocol, opened)| {
            Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Raw(vec![protocol]), Some(opened)),
            })
        })
    }

    fn on_behaviour_event(&mut self, event: Request) {
        match event {
            Request::Open(protocol, opened) => self.requests.push_back((protocol, opened)),
            Request::Wake => {}
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Raw, Raw, (), Option<Opened>>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (protocol, stream), ..
            }) => {
                (self.acceptor)(protocol, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: (_, stream), info }) => {
                info.map(|opened| opened.send(Ok(stream)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info }) => {
                let message = match error {
                    StreamUpgradeError::NegotiationFailed => "the remote does not support the protocol".to_string(),
                    other => other.to_string(),
                };
                info.map(|opened| opened.send(Err(message.into())));
            }
            _ => {}
        }
    }
}

/// An upgrade that only negotiates the protocol id.
pub struct Raw(Vec<StreamProtocol>);

impl UpgradeInfo for Raw {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Raw {
    type Output = (StreamProtocol, Stream);
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        std::future::ready(Ok((protocol, stream)))
    }
}

impl OutboundUpgrade<Stream> for Raw {
    type Output = (StreamProtocol, Stream);
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        std::future::ready(Ok((protocol, stream)))
    }
}

fn lock(protocols: &Protocols) -> std::sync::MutexGuard<'_, Vec<StreamProtocol>> {
    protocols.lock().unwrap_or_else(PoisonError::into_inner)
}
