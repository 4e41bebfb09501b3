package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

const defaultTimeout = 30 * time.Second

// command is one line of stdin. Byte strings travel as base64.
type command struct {
	ID        int    `json:"id"`
	Cmd       string `json:"cmd"`
	TimeoutMs int    `json:"timeoutMs"`
	Addr      string `json:"addr"`
	Peer      string `json:"peer"`
	Protocol  string `json:"protocol"`
	Count     int    `json:"count"`
	Bytes     int    `json:"bytes"`
	Streams   int    `json:"streams"`
	Code      uint32 `json:"code"`
	Data      []byte `json:"data"`
	PublicKey []byte `json:"publicKey"`
	Signature []byte `json:"signature"`
	Record    []byte `json:"record"`

	Topic   string   `json:"topic"`
	Partial string   `json:"partial"` // what a subscription asks of partial messages: requests, supports or nothing
	Group   []byte   `json:"group"`
	Parts   [][]byte `json:"parts"`
}

type answer map[string]any

func (p *testPeer) execute(c command) (answer, error) {
	timeout := defaultTimeout
	if c.TimeoutMs > 0 {
		timeout = time.Duration(c.TimeoutMs) * time.Millisecond
	}
	// Relays that lift no limits make connections on which streams have to be asked for.
	ctx := network.WithAllowLimitedConn(context.Background(), "a row of the tests")
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	switch c.Cmd {
	case "id":
		return p.describe()
	case "dial":
		return p.dial(ctx, c.Addr)
	case "handle":
		p.handle(protocol.ID(c.Protocol), echo)
		return nil, nil
	case "stats":
		return p.stats(), nil
	case "found":
		return p.foundPeers(), nil
	case "sign":
		return p.sign(c.Data)
	case "verify":
		return verify(c.PublicKey, c.Data, c.Signature)
	case "peer-record":
		return p.sealRecord()
	case "verify-record":
		return verifyRecord(c.Record)
	case "subscribe", "unsubscribe", "publish", "topic-peers", "mesh", "messages", "traffic", "publish-parts", "parts":
		if p.pubsub == nil {
			return nil, errors.New("started without pubsub")
		}
		return p.pubsub.execute(ctx, c)
	}

	remote, err := peer.Decode(c.Peer)
	if err != nil {
		return nil, fmt.Errorf("%s needs a peer: %w", c.Cmd, err)
	}
	switch c.Cmd {
	case "ping":
		return p.ping(ctx, remote, c.Count)
	case "echo":
		return p.echo(ctx, remote, c)
	case "digest":
		return p.digest(ctx, remote, c.Bytes)
	case "reset":
		return p.provokeReset(ctx, remote)
	case "send-reset":
		return p.sendReset(ctx, remote, network.StreamErrorCode(c.Code))
	case "identify":
		return p.identify(ctx, remote)
	case "connections":
		return answer{"connections": p.connections(remote)}, nil
	case "connection-info":
		connections := p.connections(remote)
		if len(connections) == 0 {
			return nil, errors.New("not connected to " + remote.String())
		}
		return connections[0], nil
	case "close":
		return nil, p.host.Network().ClosePeer(remote)
	}
	return nil, errors.New("unknown command: " + c.Cmd)
}

func (p *testPeer) describe() (answer, error) {
	publicKey, err := crypto.MarshalPublicKey(p.key.GetPublic())
	return answer{"peerId": p.host.ID().String(), "publicKey": publicKey, "addresses": p.addresses()}, err
}

func (p *testPeer) dial(ctx context.Context, address string) (answer, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return nil, err
	}
	// A test that dials again after a failure wants a new attempt, not the memory of the old one.
	if network, ok := p.host.Network().(*swarm.Swarm); ok {
		network.Backoff().Clear(info.ID)
	}
	return answer{"peer": info.ID.String()}, p.host.Connect(ctx, *info)
}

func (p *testPeer) stats() answer {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	served := map[string]int{}
	for id, count := range p.served {
		served[id] = count
	}
	return answer{"resets": p.resets, "resetCodes": append([]uint32{}, p.resetCodes...), "served": served}
}

func (p *testPeer) identify(ctx context.Context, remote peer.ID) (answer, error) {
	// Limited: through a relay that sets limits.
	if state := p.host.Network().Connectedness(remote); state != network.Connected && state != network.Limited {
		return nil, errors.New("not connected to " + remote.String())
	}
	completed, err := p.waitIdentified(ctx, remote)
	if err != nil {
		return nil, err
	}
	publicKey, err := crypto.MarshalPublicKey(p.host.Peerstore().PubKey(remote))
	if err != nil {
		return nil, err
	}
	listenAddresses := []string{}
	for _, address := range completed.ListenAddrs {
		listenAddresses = append(listenAddresses, address.String())
	}
	result := answer{
		"agentVersion": completed.AgentVersion, "protocolVersion": completed.ProtocolVersion,
		"protocols": completed.Protocols, "listenAddrs": listenAddresses, "publicKey": publicKey,
		"signedPeerRecord": nil,
	}
	if completed.ObservedAddr != nil {
		result["observedAddr"] = completed.ObservedAddr.String()
	}
	// go-libp2p hands out only records whose signature and peer id it has checked.
	if completed.SignedPeerRecord != nil {
		result["signedPeerRecord"], err = completed.SignedPeerRecord.Marshal()
	}
	return result, err
}

func (p *testPeer) connections(remote peer.ID) []answer {
	list := []answer{}
	for _, connection := range p.host.Network().ConnsToPeer(remote) {
		state := connection.ConnState()
		list = append(list, answer{
			"remoteAddr": connection.RemoteMultiaddr().String(), "localAddr": connection.LocalMultiaddr().String(),
			"direction": map[bool]string{true: "outbound", false: "inbound"}[connection.Stat().Direction == network.DirOutbound],
			"security":  state.Security, "muxer": state.StreamMultiplexer, "earlyMuxer": state.UsedEarlyMuxerNegotiation,
			"streams": len(connection.GetStreams()),
		})
	}
	return list
}

func (p *testPeer) sign(data []byte) (answer, error) {
	signature, err := p.key.Sign(data)
	if err != nil {
		return nil, err
	}
	publicKey, err := crypto.MarshalPublicKey(p.key.GetPublic())
	return answer{"signature": signature, "publicKey": publicKey}, err
}

func verify(publicKey, data, signature []byte) (answer, error) {
	key, err := crypto.UnmarshalPublicKey(publicKey)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPublicKey(key)
	if err != nil {
		return nil, err
	}
	// Verify reports some bad signatures as an error and some as false.
	valid, err := key.Verify(data, signature)
	return answer{"valid": valid && err == nil, "peerId": id.String()}, nil
}

func (p *testPeer) sealRecord() (answer, error) {
	own := peer.PeerRecordFromAddrInfo(peer.AddrInfo{ID: p.host.ID(), Addrs: p.host.Addrs()})
	envelope, err := record.Seal(own, p.key)
	if err != nil {
		return nil, err
	}
	bytes, err := envelope.Marshal()
	result := describeRecord(own)
	result["record"] = bytes
	return result, err
}

func verifyRecord(bytes []byte) (answer, error) {
	envelope, content, err := record.ConsumeEnvelope(bytes, peer.PeerRecordEnvelopeDomain)
	if err != nil {
		return nil, err
	}
	opened, ok := content.(*peer.PeerRecord)
	if !ok {
		return nil, errors.New("not a peer record")
	}
	// ConsumeEnvelope checks the signature only; whose record it is, the caller has to compare.
	if !opened.PeerID.MatchesPublicKey(envelope.PublicKey) {
		return nil, errors.New("the record is not about its signer")
	}
	return describeRecord(opened), nil
}

func describeRecord(r *peer.PeerRecord) answer {
	addresses := []string{}
	for _, address := range r.Addrs {
		addresses = append(addresses, address.String())
	}
	// seq is in nanoseconds, beyond what a JSON number holds exactly.
	return answer{"peerId": r.PeerID.String(), "seq": fmt.Sprint(r.Seq), "addresses": addresses}
}
