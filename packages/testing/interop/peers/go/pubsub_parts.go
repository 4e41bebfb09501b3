package main

import (
	"encoding/binary"
	"errors"
	"iter"
	"log"
	"log/slog"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p-pubsub/partialmessages"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// partsPerMessage is how many parts the messages of the tests have.
	partsPerMessage = 8
	maxGroups       = 256
)

// parts is the application on top of partial messages: a message has eight parts, the metadata is a byte with a bit for
// each part that the sender has, and everybody wants all. An encoded part message is such a byte for what is inside, and
// then each part with its length before it, as four bytes in big-endian order.
type parts struct {
	node      *pubsubNode
	extension *partialmessages.PartialMessagesExtension[partsOfPeer]

	mutex  sync.Mutex
	groups map[partsKey]*[partsPerMessage][]byte
}

type partsKey struct{ topic, group string }

// partsOfPeer is what we know of a peer's parts, and what it knows of ours.
type partsOfPeer struct {
	known, told bool
	theirs      byte
	ours        byte
}

func newParts(n *pubsubNode) *parts {
	p := &parts{node: n, groups: map[partsKey]*[partsPerMessage][]byte{}}
	p.extension = &partialmessages.PartialMessagesExtension[partsOfPeer]{
		Logger:             slog.Default(),
		OnIncomingRPC:      p.onIncoming,
		OnEmitGossip:       p.onEmitGossip,
		GroupTTLByHeatbeat: 120,
	}
	return p
}

func (p *parts) publish(topic string, group []byte, given [][]byte) error {
	p.mutex.Lock()
	kept, err := p.group(topic, group)
	for i, part := range given {
		if err == nil && i < partsPerMessage && part != nil {
			kept[i] = part
		}
	}
	p.mutex.Unlock()
	if err != nil {
		return err
	}
	return p.announce(topic, group)
}

// group is called with the mutex held.
func (p *parts) group(topic string, group []byte) (*[partsPerMessage][]byte, error) {
	key := partsKey{topic, string(group)}
	if found, ok := p.groups[key]; ok {
		return found, nil
	}
	if len(p.groups) == maxGroups {
		return nil, errors.New("too many groups")
	}
	p.groups[key] = new([partsPerMessage][]byte)
	return p.groups[key], nil
}

func (p *parts) of(topic string, group []byte) [][]byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	kept, found := p.groups[partsKey{topic, string(group)}]
	if !found {
		return make([][]byte, partsPerMessage)
	}
	return append([][]byte{}, kept[:]...)
}

// announce tells peers what we have, and sends them what they lack as far as that is known.
func (p *parts) announce(topic string, group []byte) error {
	return pubsub.PublishPartial(p.node.router, topic, group,
		func(states map[peer.ID]partsOfPeer, requests func(peer.ID) bool) iter.Seq2[peer.ID, partialmessages.PublishAction] {
			kept := p.of(topic, group)
			ours := bitmap(kept)
			return func(yield func(peer.ID, partialmessages.PublishAction) bool) {
				for id, state := range states {
					var action partialmessages.PublishAction
					if missing := ours &^ state.theirs; state.known && missing != 0 && requests(id) {
						action.EncodedPartialMessage = encodeParts(kept, missing)
						state.theirs |= missing
					}
					if !state.told || state.ours != ours {
						action.EncodedPartsMetadata = []byte{ours}
						state.told, state.ours = true, ours
					}
					states[id] = state
					if !yield(id, action) {
						return
					}
				}
			}
		})
}

func (p *parts) onIncoming(from peer.ID, states map[peer.ID]partsOfPeer, rpc *pb.PartialMessagesExtension) error {
	state := states[from]
	if len(rpc.GetPartsMetadata()) == 1 {
		state.known, state.theirs = true, rpc.GetPartsMetadata()[0]
	}
	topic, group := rpc.GetTopicID(), rpc.GetGroupID()
	p.mutex.Lock()
	kept, err := p.group(topic, group)
	if err == nil && len(rpc.GetPartialMessage()) > 0 {
		var inside byte
		inside, err = decodeParts(rpc.GetPartialMessage(), kept)
		state.theirs |= inside
	}
	p.mutex.Unlock()
	states[from] = state
	if err == nil {
		p.announceLater(topic, group)
	}
	return err
}

func (p *parts) onEmitGossip(topic string, group []byte, _ []peer.ID, _ map[peer.ID]partsOfPeer) {
	p.announceLater(topic, group)
}

// announceLater is for callbacks: the router's loop, which they run in, is what announce waits for.
func (p *parts) announceLater(topic string, group []byte) {
	go func() {
		if err := p.announce(topic, group); err != nil {
			log.Printf("partial messages: %v", err)
		}
	}()
}

func bitmap(kept [][]byte) byte {
	var bits byte
	for i, part := range kept {
		if part != nil {
			bits |= 1 << i
		}
	}
	return bits
}

func encodeParts(kept [][]byte, which byte) []byte {
	encoded := []byte{which}
	for i, part := range kept {
		if which&(1<<i) != 0 {
			encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(part)))
			encoded = append(encoded, part...)
		}
	}
	return encoded
}

func decodeParts(encoded []byte, into *[partsPerMessage][]byte) (byte, error) {
	inside, rest := encoded[0], encoded[1:]
	for i := range into {
		if inside&(1<<i) == 0 {
			continue
		}
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return 0, errors.New("a part is cut off")
		}
		end := 4 + int(binary.BigEndian.Uint32(rest))
		into[i] = append([]byte{}, rest[4:end]...)
		rest = rest[end:]
	}
	return inside, nil
}
