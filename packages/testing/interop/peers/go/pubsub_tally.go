package main

import (
	"slices"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	maxPrunes = 1024
	maxCopies = 8192
)

// tally counts what the router and its peers tell each other, as a tracer of the router.
type tally struct {
	mutex    sync.Mutex
	peers    map[peer.ID]*peerTally
	copies   map[string]map[string]int // by direction, then by digest of the data
	prunes   []answer
	rejected map[string]int // by reason
	mesh     map[string][]peer.ID
}

type peerTally struct {
	sent, received map[string]int // by kind; ids where a kind has ids
	protocol       string
	extensions     []string
	score          *float64
}

func newTally() *tally {
	return &tally{
		peers:    map[peer.ID]*peerTally{},
		copies:   map[string]map[string]int{"sent": {}, "received": {}},
		rejected: map[string]int{},
		mesh:     map[string][]peer.ID{},
	}
}

// of is called with the mutex held.
func (t *tally) of(id peer.ID) *peerTally {
	found := t.peers[id]
	if found == nil {
		found = &peerTally{sent: map[string]int{}, received: map[string]int{}, extensions: []string{}}
		t.peers[id] = found
	}
	return found
}

func (t *tally) describe() answer {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	peers := answer{}
	for id, p := range t.peers {
		peers[id.String()] = answer{
			"sent": clone(p.sent), "received": clone(p.received),
			"protocol": p.protocol, "extensions": slices.Clone(p.extensions), "score": p.score,
		}
	}
	return answer{
		"peers": peers, "prunes": append([]answer{}, t.prunes...), "rejected": clone(t.rejected),
		"copies": answer{"sent": clone(t.copies["sent"]), "received": clone(t.copies["received"])},
	}
}

func (t *tally) setScores(scores map[peer.ID]float64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for id, score := range scores {
		t.of(id).score = &score
	}
}

func (t *tally) meshOf(topic string) []peer.ID {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.mesh[topic])
}

func (t *tally) count(id peer.ID, direction string, rpc *pb.RPC) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	p := t.of(id)
	counts := p.sent
	if direction == "received" {
		counts = p.received
	}
	counts["rpc"]++
	for _, change := range rpc.GetSubscriptions() {
		if change.GetSubscribe() {
			counts["subscribe"]++
		} else {
			counts["unsubscribe"]++
		}
	}
	for _, message := range rpc.GetPublish() {
		counts["publish"]++
		digest := digestOf(message.GetData())
		if copies := t.copies[direction]; copies[digest] > 0 || len(copies) < maxCopies {
			copies[digest]++
		}
	}
	for _, have := range rpc.GetControl().GetIhave() {
		counts["ihave"] += len(have.GetMessageIDs())
	}
	for _, want := range rpc.GetControl().GetIwant() {
		counts["iwant"] += len(want.GetMessageIDs())
	}
	for _, unwanted := range rpc.GetControl().GetIdontwant() {
		counts["idontwant"] += len(unwanted.GetMessageIDs())
	}
	counts["graft"] += len(rpc.GetControl().GetGraft())
	for _, prune := range rpc.GetControl().GetPrune() {
		counts["prune"]++
		t.keepPrune(id, direction, prune)
	}
	if extensions := rpc.GetControl().GetExtensions(); extensions != nil {
		counts["extensions"]++
		if direction == "received" && extensions.GetPartialMessages() {
			p.extensions = append(p.extensions, "partialMessages")
		}
		if direction == "received" && extensions.GetTestExtension() {
			p.extensions = append(p.extensions, "testExtension")
		}
	}
	if rpc.GetPartial() != nil {
		counts["partial"]++
	}
}

func (t *tally) keepPrune(id peer.ID, direction string, prune *pb.ControlPrune) {
	if len(t.prunes) == maxPrunes {
		return
	}
	records := 0
	for _, recommended := range prune.GetPeers() {
		if len(recommended.GetSignedPeerRecord()) > 0 {
			records++
		}
	}
	t.prunes = append(t.prunes, answer{
		"peer": id.String(), "topic": prune.GetTopicID(), "direction": direction,
		"backoff": prune.Backoff, "px": len(prune.GetPeers()), "records": records,
	})
}

func clone(counts map[string]int) map[string]int {
	copied := map[string]int{}
	for name, count := range counts {
		copied[name] = count
	}
	return copied
}

func (t *tally) RecvRPC(rpc *pubsub.RPC) { t.count(rpc.From(), "received", &rpc.RPC) }

// SendRPCCompleted counts what has left, unlike SendRPC, which does not see the first RPC of a stream either.
func (t *tally) SendRPCCompleted(rpc *pubsub.RPC, id peer.ID, _ time.Duration) {
	t.count(id, "sent", &rpc.RPC)
}

func (t *tally) OnNewOutboundStream(id peer.ID, proto protocol.ID) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.of(id).protocol = string(proto)
}

func (t *tally) Graft(id peer.ID, topic string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !slices.Contains(t.mesh[topic], id) {
		t.mesh[topic] = append(t.mesh[topic], id)
	}
}

func (t *tally) Prune(id peer.ID, topic string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.mesh[topic] = slices.DeleteFunc(t.mesh[topic], func(other peer.ID) bool { return other == id })
}

func (t *tally) Leave(topic string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.mesh, topic)
}

func (t *tally) OnClosedOutboundStream(id peer.ID) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for topic, members := range t.mesh {
		t.mesh[topic] = slices.DeleteFunc(members, func(other peer.ID) bool { return other == id })
	}
}

func (t *tally) RejectMessage(_ *pubsub.Message, reason string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.rejected[reason]++
}

func (t *tally) Join(string)                          {}
func (t *tally) ValidateMessage(*pubsub.Message)      {}
func (t *tally) DeliverMessage(*pubsub.Message)       {}
func (t *tally) DuplicateMessage(*pubsub.Message)     {}
func (t *tally) ThrottlePeer(peer.ID)                 {}
func (t *tally) SendRPC(*pubsub.RPC, peer.ID)         {}
func (t *tally) DropRPC(*pubsub.RPC, peer.ID)         {}
func (t *tally) UndeliverableMessage(*pubsub.Message) {}
