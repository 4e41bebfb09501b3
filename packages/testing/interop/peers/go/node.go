package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"github.com/libp2p/go-libp2p"
	mplex "github.com/libp2p/go-libp2p-mplex"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	webrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	webtransport "github.com/libp2p/go-libp2p/p2p/transport/webtransport"
	"github.com/multiformats/go-multiaddr"
)

// relayBufferBytes and relayCircuits are far above what any row needs.
const (
	relayBufferBytes = 64 * 1024
	relayCircuits    = 1024
)

// newHost makes a node of what the options ask for and of nothing else.
func newHost(o options, key crypto.PrivKey, userAgent string) (host.Host, error) {
	settings := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(o.listen...),
		libp2p.UserAgent(userAgent),
		// The limits under test are those of the peer on the other side.
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableMetrics(),
	}
	if o.security == "tls" {
		settings = append(settings, libp2p.Security(libp2ptls.ID, libp2ptls.New))
	} else {
		settings = append(settings, libp2p.Security(noise.ID, noise.New))
	}
	if o.muxer == "mplex" {
		settings = append(settings, libp2p.Muxer(mplex.ID, mplex.DefaultTransport))
	} else {
		settings = append(settings, libp2p.Muxer(yamux.ID, yamux.DefaultTransport))
	}
	for _, name := range o.transports {
		setting, err := transportOption(name, o)
		if err != nil {
			return nil, err
		}
		settings = append(settings, setting)
	}
	if o.pskFile != "" {
		psk, err := readKey(o.pskFile)
		if err != nil {
			return nil, err
		}
		settings = append(settings, libp2p.PrivateNetwork(psk))
	}
	return libp2p.New(settings...)
}

func transportOption(name string, o options) (libp2p.Option, error) {
	switch name {
	case "tcp":
		return libp2p.Transport(tcp.NewTCPTransport), nil
	case "ws":
		return libp2p.Transport(websocket.New), nil
	case "wss":
		certificate, err := tls.LoadX509KeyPair(o.certFile, o.keyFile)
		if err != nil {
			return nil, err
		}
		return libp2p.Transport(websocket.New,
			websocket.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}),
			// The certificates of tests are self-signed; who the peer is, the handshake inside proves.
			websocket.WithTLSClientConfig(&tls.Config{InsecureSkipVerify: true}),
		), nil
	case "quic-v1":
		return libp2p.Transport(quic.NewTransport), nil
	case "webtransport":
		return libp2p.Transport(webtransport.New), nil
	case "webrtc-direct":
		return libp2p.Transport(webrtc.New, webrtc.WithDialerVersion(o.webRTC)), nil
	}
	return nil, errors.New("unknown transport: " + name)
}

func readKey(path string) (pnet.PSK, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return pnet.DecodeV1PSK(file)
}

// serveRelay makes the node a relay, whatever it knows about its own reachability.
func serveRelay(h host.Host) error {
	resources := relay.DefaultResources()
	resources.Limit = nil // the rows send more than the 128 KiB of the default
	resources.BufferSize = relayBufferBytes
	resources.MaxCircuits = relayCircuits
	resources.MaxReservationsPerIP = resources.MaxReservations // everybody is on 127.0.0.1
	// Relays tell only public addresses otherwise.
	anyAddress := relay.WithReservationAddressFilter(func(multiaddr.Multiaddr) bool { return true })
	_, err := relay.New(h, relay.WithResources(resources), anyAddress)
	return err
}

// reserve asks a relay for a slot and returns the address that the node then has there.
func reserve(ctx context.Context, h host.Host, address string) (string, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return "", err
	}
	if err := h.Connect(ctx, *info); err != nil {
		return "", err
	}
	if _, err := client.Reserve(ctx, h, *info); err != nil {
		return "", fmt.Errorf("no reservation: %w", err)
	}
	return address + "/p2p-circuit/p2p/" + h.ID().String(), nil
}
