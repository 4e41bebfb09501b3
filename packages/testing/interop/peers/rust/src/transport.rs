//! The one transport that the options ask for, with its lock and muxer.

use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, Transport, upgrade::Authenticated},
        upgrade::Version,
    },
    noise,
    pnet::PnetConfig,
    quic, relay, tcp, tls, yamux,
};
use libp2p_mplex::Config as MplexConfig;
use libp2p_webrtc::tokio as webrtc;
use libp2p_websocket as websocket;

use crate::{
    Failure,
    options::{Muxer, Options, Security, Transport as Name},
};

const UPGRADE_TIMEOUT: Duration = Duration::from_secs(15);
/// The crate's default allows 128 streams at once, which the rows nearly open.
const MPLEX_STREAMS: usize = 1024;

pub type Connections = Boxed<(PeerId, StreamMuxerBox)>;

/// The relay client comes with TCP only; its other half is a behaviour.
pub fn build(options: &Options) -> Result<(Connections, Option<relay::client::Behaviour>), Failure> {
    let tcp = || tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    let transport = match options.transport {
        Name::Tcp => {
            let (relay, client) = relay::client::new(options.key.public().to_peer_id());
            let direct = match options.psk {
                Some(key) => {
                    let locked = tcp().and_then(move |socket, _| PnetConfig::new(key).handshake(socket));
                    upgrade(locked, options)?
                }
                None => upgrade(tcp(), options)?,
            };
            return Ok((relayed_or(upgrade(relay, options)?, direct), Some(client)));
        }
        Name::Ws => upgrade(websocket::Config::new(tcp()), options)?,
        Name::Wss => {
            let mut config = websocket::Config::new(tcp());
            config.set_tls_config(tls_config(options)?);
            upgrade(config, options)?
        }
        Name::Quic => quic::tokio::Transport::new(quic::Config::new(&options.key))
            .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
            .boxed(),
        Name::WebRtcDirect => {
            let certificate = webrtc::Certificate::generate(&mut rand::rng())?;
            webrtc::Transport::new(options.key.clone(), certificate)
                .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
                .boxed()
        }
    };
    Ok((transport, None))
}

/// The relay's transport first: TCP would take the beginning of a relayed address for its own.
fn relayed_or(relay: Connections, direct: Connections) -> Connections {
    relay.or_transport(direct).map(|either, _| either.into_inner()).boxed()
}

fn upgrade<T>(transport: T, options: &Options) -> Result<Connections, Failure>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    let builder = transport.upgrade(Version::V1Lazy);
    Ok(match options.security {
        Security::Noise => multiplex(builder.authenticate(noise::Config::new(&options.key)?), options.muxer),
        Security::Tls => multiplex(builder.authenticate(tls::Config::new(&options.key)?), options.muxer),
    })
}

fn multiplex<T, C>(authenticated: Authenticated<T>, muxer: Muxer) -> Connections
where
    T: Transport<Output = (PeerId, C)> + Send + Unpin + 'static,
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    match muxer {
        Muxer::Yamux => authenticated.multiplex(yamux::Config::default()).timeout(UPGRADE_TIMEOUT).boxed(),
        Muxer::Mplex => {
            let mut config = MplexConfig::new();
            config.set_max_num_streams(MPLEX_STREAMS);
            // The default resets a stream whose reader is slower than the sender for a moment.
            config.set_max_buffer_behaviour(libp2p_mplex::MaxBufferBehaviour::Block);
            authenticated.multiplex(config).timeout(UPGRADE_TIMEOUT).boxed()
        }
    }
}

fn tls_config(options: &Options) -> Result<websocket::tls::Config, Failure> {
    let mut builder = websocket::tls::Config::builder();
    if let (Some(certificate), Some(key)) = (&options.tls_certificate, &options.tls_key) {
        let certificate = websocket::tls::Certificate::new(certificate.clone());
        // The crate has no way to accept a certificate that nobody vouches for, so this one is trusted.
        builder.add_trust(&certificate)?;
        builder.server(websocket::tls::PrivateKey::new(key.clone()), [certificate])?;
    }
    Ok(builder.finish())
}
