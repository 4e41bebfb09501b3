package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// options are what the command line asks this node to be.
type options struct {
	transports  list
	security    string
	muxer       string
	listen      list
	listenRelay list
	keyType     string
	pskFile     string
	certFile    string
	keyFile     string
	relay       bool
	webRTC      int
	mdns        string
	pubsub      string
}

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// defaultListen has every transport and where it listens when nothing else is asked for.
var defaultListen = map[string]string{
	"tcp":           "/ip4/127.0.0.1/tcp/0",
	"ws":            "/ip4/127.0.0.1/tcp/0/ws",
	"wss":           "/ip4/127.0.0.1/tcp/0/tls/ws",
	"quic-v1":       "/ip4/127.0.0.1/udp/0/quic-v1",
	"webtransport":  "/ip4/127.0.0.1/udp/0/quic-v1/webtransport",
	"webrtc-direct": "/ip4/127.0.0.1/udp/0/webrtc-direct",
}

func parseOptions() (options, error) {
	var o options
	flag.Var(&o.transports, "transport", "tcp, ws, wss, quic-v1, webtransport or webrtc-direct; may be given more than once")
	flag.StringVar(&o.security, "security", "noise", "noise or tls, for transports that bring none")
	flag.StringVar(&o.muxer, "muxer", "yamux", "yamux or mplex, for transports that bring none")
	flag.Var(&o.listen, "listen", "multiaddr to listen on, may be given more than once")
	flag.Var(&o.listenRelay, "listen-relay", "address of a relay to be reachable through, with its peer id")
	flag.StringVar(&o.keyType, "key-type", "ed25519", "ed25519, secp256k1, rsa or ecdsa")
	flag.StringVar(&o.pskFile, "psk", "", "file with the key of a private network")
	flag.StringVar(&o.certFile, "tls-cert", "", "certificate of a wss listener, as a PEM file")
	flag.StringVar(&o.keyFile, "tls-key", "", "key of a wss listener, as a PEM file")
	flag.BoolVar(&o.relay, "relay", false, "be a relay without limits")
	flag.IntVar(&o.webRTC, "webrtc-version", 1, "handshake of webrtc-direct to dial with, 1 or 2")
	flag.StringVar(&o.mdns, "mdns", "", "be found and find others under this mDNS service name")
	flag.StringVar(&o.pubsub, "pubsub", "", "run pubsub with these options, as JSON")
	flag.Parse()
	if len(o.transports) == 0 {
		o.transports = list{"tcp"}
	}
	for _, name := range o.transports {
		if _, known := defaultListen[name]; !known {
			return o, fmt.Errorf("unknown transport: %s", name)
		}
	}
	if !slices.Contains([]string{"noise", "tls"}, o.security) || !slices.Contains([]string{"yamux", "mplex"}, o.muxer) {
		return o, errors.New("unknown security or muxer: " + o.security + ", " + o.muxer)
	}
	if len(o.listen) == 0 {
		for _, name := range o.transports {
			o.listen = append(o.listen, defaultListen[name])
		}
	}
	return o, nil
}
