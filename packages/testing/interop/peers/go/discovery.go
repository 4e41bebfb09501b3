package main

import (
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

// maxFound bounds what is kept about peers that mDNS has told about.
const maxFound = 1024

func (p *testPeer) startMDNS(service string) error {
	return mdns.NewMdnsService(p.host, service, p).Start()
}

// HandlePeerFound keeps what mDNS tells; the tests decide about dialling.
func (p *testPeer) HandlePeerFound(info peer.AddrInfo) {
	addresses := []string{}
	for _, address := range info.Addrs {
		addresses = append(addresses, address.String())
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.found) < maxFound {
		p.found[info.ID.String()] = addresses
	}
}

func (p *testPeer) foundPeers() answer {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	found := map[string][]string{}
	for id, addresses := range p.found {
		found[id] = addresses
	}
	return answer{"found": found}
}
