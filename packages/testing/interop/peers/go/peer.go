package main

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// testPeer is the node together with what the tests ask about it.
type testPeer struct {
	host   host.Host
	key    crypto.PrivKey
	pubsub *pubsubNode // nil unless asked for

	mutex      sync.Mutex
	identified map[peer.ID]event.EvtPeerIdentificationCompleted
	changed    chan struct{} // closed and replaced whenever identified changes
	resets     int
	resetCodes []uint32
	served     map[string]int
	found      map[string][]string // what mDNS has told, by peer id
	relayed    []string            // own addresses at relays
}

func newPeer(h host.Host, key crypto.PrivKey) (*testPeer, error) {
	p := &testPeer{
		host:       h,
		key:        key,
		identified: map[peer.ID]event.EvtPeerIdentificationCompleted{},
		changed:    make(chan struct{}),
		served:     map[string]int{},
		found:      map[string][]string{},
	}
	// Pushes emit the same event as the first identify round.
	events, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted), eventbus.BufSize(1024))
	if err != nil {
		return nil, err
	}
	go func() {
		for e := range events.Out() {
			completed := e.(event.EvtPeerIdentificationCompleted)
			p.mutex.Lock()
			p.identified[completed.Peer] = merge(p.identified[completed.Peer], completed)
			close(p.changed)
			p.changed = make(chan struct{})
			p.mutex.Unlock()
		}
	}()
	return p, nil
}

// merge keeps what a push has left out, which then still holds.
func merge(old, latest event.EvtPeerIdentificationCompleted) event.EvtPeerIdentificationCompleted {
	if old.Conn != latest.Conn {
		return latest
	}
	if latest.AgentVersion == "" {
		latest.AgentVersion = old.AgentVersion
	}
	if latest.ProtocolVersion == "" {
		latest.ProtocolVersion = old.ProtocolVersion
	}
	if latest.ObservedAddr == nil {
		latest.ObservedAddr = old.ObservedAddr
	}
	if len(latest.Protocols) == 0 {
		latest.Protocols = old.Protocols
	}
	if len(latest.ListenAddrs) == 0 {
		latest.ListenAddrs = old.ListenAddrs
	}
	if latest.SignedPeerRecord == nil {
		latest.SignedPeerRecord = old.SignedPeerRecord
	}
	return latest
}

// waitIdentified returns what identify has told about a connected peer, waiting for the first answer.
func (p *testPeer) waitIdentified(ctx context.Context, id peer.ID) (event.EvtPeerIdentificationCompleted, error) {
	for {
		p.mutex.Lock()
		completed, found := p.identified[id]
		changed := p.changed
		p.mutex.Unlock()
		if found && !completed.Conn.IsClosed() {
			return completed, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return completed, ctx.Err()
		}
	}
}

// listenOnRelay makes the node reachable through a relay, for as long as the relay keeps the reservation.
func (p *testPeer) listenOnRelay(relay string) error {
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	address, err := reserve(ctx, p.host, relay)
	if err == nil {
		p.relayed = append(p.relayed, address)
	}
	return err
}

// addresses has the relayed ones first: whoever asks for them means those.
func (p *testPeer) addresses() []string {
	addresses := append([]string{}, p.relayed...)
	for _, address := range p.host.Addrs() {
		addresses = append(addresses, address.String()+"/p2p/"+p.host.ID().String())
	}
	return addresses
}

func (p *testPeer) countServed(protocol string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.served[protocol]++
}

func (p *testPeer) countReset(code uint32) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.resets++
	if len(p.resetCodes) < 1024 {
		p.resetCodes = append(p.resetCodes, code)
	}
}
