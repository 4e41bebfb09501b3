package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxMessages bounds what is kept of the messages that have arrived.
	maxMessages = 8192
	// scoreRefresh is how often the router tells the scores of its peers.
	scoreRefresh = 100 * time.Millisecond
)

// pubsubOptions come as JSON on the command line. Zero means the default of the implementation, unless said otherwise.
type pubsubOptions struct {
	Router               string `json:"router"` // gossipsub or floodsub
	D                    int    `json:"d"`
	DLow                 int    `json:"dLow"`
	DHigh                int    `json:"dHigh"`
	DLazy                *int   `json:"dLazy"`
	HeartbeatMs          int    `json:"heartbeatMs"`
	FloodPublish         bool   `json:"floodPublish"`
	Unsigned             bool   `json:"unsigned"`
	MessageID            string `json:"messageId"` // "data": by content. Else by author and number, which "own" is as well
	ScoredTopic          string `json:"scoredTopic"`
	PX                   bool   `json:"px"`
	IDontWantBytes       int    `json:"idontwantBytes"`
	Partial              bool   `json:"partial"`
	PruneBackoffMs       int    `json:"pruneBackoffMs"`
	UnsubscribeBackoffMs int    `json:"unsubscribeBackoffMs"`
	SeqnoValidator       bool   `json:"seqnoValidator"`
	RejectPrefix         string `json:"rejectPrefix"` // messages that begin with it are invalid
}

func parsePubsub(text string) (pubsubOptions, error) {
	o := pubsubOptions{Router: "gossipsub"}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	return o, decoder.Decode(&o)
}

// arrived is a message as the application was given it.
type arrived struct {
	ID     []byte  `json:"id"`
	Topic  string  `json:"topic"`
	From   *string `json:"from"`
	Seqno  []byte  `json:"seqno"`
	Via    string  `json:"via"`
	Bytes  int     `json:"bytes"`
	Digest string  `json:"digest"`
}

// pubsubNode is the router together with what the tests ask about it.
type pubsubNode struct {
	self   peer.ID
	router *pubsub.PubSub
	tally  *tally
	parts  *parts

	mutex         sync.Mutex
	topics        map[string]*pubsub.Topic
	subscriptions map[string]*pubsub.Subscription
	messages      []arrived
}

func startPubsub(h host.Host, o pubsubOptions) (*pubsubNode, error) {
	n := &pubsubNode{
		self:          h.ID(),
		tally:         newTally(),
		topics:        map[string]*pubsub.Topic{},
		subscriptions: map[string]*pubsub.Subscription{},
	}
	settings := []pubsub.Option{pubsub.WithRawTracer(n.tally)}
	if o.Unsigned {
		settings = append(settings,
			pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor())
	}
	if o.MessageID == "data" {
		settings = append(settings, pubsub.WithMessageIdFn(func(m *pb.Message) string {
			digest := sha256.Sum256(m.GetData())
			return string(digest[:])
		}))
	}
	if o.SeqnoValidator {
		store := &nonces{kept: map[peer.ID][]byte{}}
		settings = append(settings, pubsub.WithDefaultValidator(pubsub.NewBasicSeqnoValidator(store, slog.Default())))
	}
	if o.RejectPrefix != "" {
		prefix := []byte(o.RejectPrefix)
		judge := func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
			if from != n.self && bytes.HasPrefix(m.GetData(), prefix) {
				return pubsub.ValidationReject
			}
			return pubsub.ValidationAccept
		}
		settings = append(settings, pubsub.WithDefaultValidator(judge))
	}
	var err error
	if o.Router == "floodsub" {
		n.router, err = pubsub.NewFloodSub(context.Background(), h, settings...)
		return n, err
	}
	settings = append(settings,
		pubsub.WithGossipSubParams(gossipSubParams(o)), pubsub.WithFloodPublish(o.FloodPublish), pubsub.WithPeerExchange(o.PX))
	if o.ScoredTopic != "" {
		settings = append(settings,
			pubsub.WithPeerScore(scoreParams(o.ScoredTopic)), pubsub.WithPeerScoreInspect(n.tally.setScores, scoreRefresh))
	}
	if o.Partial {
		n.parts = newParts(n)
		settings = append(settings, pubsub.WithPartialMessagesExtension(n.parts.extension))
	}
	n.router, err = pubsub.NewGossipSub(context.Background(), h, settings...)
	return n, err
}

func gossipSubParams(o pubsubOptions) pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	if o.D > 0 {
		p.D, p.Dlo, p.Dhi = o.D, o.DLow, o.DHigh
		p.Dscore = min(p.Dscore, o.D)
		p.Dout = max(0, min(p.Dout, o.DLow-1, o.D/2-1))
	}
	if o.DLazy != nil {
		p.Dlazy = *o.DLazy
	}
	if o.HeartbeatMs > 0 {
		p.HeartbeatInterval = time.Duration(o.HeartbeatMs) * time.Millisecond
	}
	if o.IDontWantBytes > 0 {
		p.IDontWantMessageThreshold = o.IDontWantBytes
	}
	if o.PruneBackoffMs > 0 {
		p.PruneBackoff = time.Duration(o.PruneBackoffMs) * time.Millisecond
	}
	if o.UnsubscribeBackoffMs > 0 {
		p.UnsubscribeBackoff = time.Duration(o.UnsubscribeBackoffMs) * time.Millisecond
	}
	return p
}

// scoreParams count invalid messages of one topic and what a peer does against the protocol; all the peers of the rows
// have one address, so that does not count. One invalid message stops gossip, two hide a peer.
func scoreParams(topic string) (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	params := &pubsub.PeerScoreParams{
		AppSpecificScore:       func(peer.ID) float64 { return 0 },
		BehaviourPenaltyWeight: -10, BehaviourPenaltyDecay: 0.999,
		DecayInterval: time.Second, DecayToZero: 0.01, RetainScore: time.Hour,
		Topics: map[string]*pubsub.TopicScoreParams{topic: {
			TopicWeight: 1, TimeInMeshQuantum: time.Second,
			FirstMessageDeliveriesWeight: 1, FirstMessageDeliveriesDecay: 0.999, FirstMessageDeliveriesCap: 10,
			InvalidMessageDeliveriesWeight: -20, InvalidMessageDeliveriesDecay: 0.999,
		}},
	}
	return params, &pubsub.PeerScoreThresholds{GossipThreshold: -10, PublishThreshold: -50, GraylistThreshold: -75}
}

func (n *pubsubNode) execute(ctx context.Context, c command) (answer, error) {
	switch c.Cmd {
	case "subscribe":
		return nil, n.subscribe(c.Topic, c.Partial)
	case "unsubscribe":
		return nil, n.unsubscribe(c.Topic)
	case "publish":
		return nil, n.publish(ctx, c.Topic, c.Data)
	case "topic-peers":
		return answer{"peers": texts(n.router.ListPeers(c.Topic))}, nil
	case "mesh":
		return answer{"peers": texts(n.tally.meshOf(c.Topic))}, nil
	case "messages":
		n.mutex.Lock()
		defer n.mutex.Unlock()
		return answer{"messages": append([]arrived{}, n.messages...)}, nil
	case "traffic":
		return n.tally.describe(), nil
	case "publish-parts":
		if n.parts == nil {
			return nil, errors.New("partial messages are off")
		}
		return nil, n.parts.publish(c.Topic, c.Group, c.Parts)
	case "parts":
		if n.parts == nil {
			return nil, errors.New("partial messages are off")
		}
		return answer{"parts": n.parts.of(c.Topic, c.Group)}, nil
	}
	return nil, errors.New("unknown command: " + c.Cmd)
}

// join is called with the mutex held. What is asked of partial messages holds from the first call on.
func (n *pubsubNode) join(name, partial string) (*pubsub.Topic, error) {
	if topic, found := n.topics[name]; found {
		return topic, nil
	}
	var settings []pubsub.TopicOpt
	switch partial {
	case "requests":
		settings = append(settings, pubsub.RequestPartialMessages())
	case "supports":
		settings = append(settings, pubsub.SupportsPartialMessages())
	}
	topic, err := n.router.Join(name, settings...)
	if err == nil {
		n.topics[name] = topic
	}
	return topic, err
}

func (n *pubsubNode) subscribe(name, partial string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if _, found := n.subscriptions[name]; found {
		return nil
	}
	topic, err := n.join(name, partial)
	if err != nil {
		return err
	}
	subscription, err := topic.Subscribe(pubsub.WithBufferSize(maxMessages))
	if err != nil {
		return err
	}
	n.subscriptions[name] = subscription
	go n.read(subscription)
	return nil
}

func (n *pubsubNode) read(subscription *pubsub.Subscription) {
	for {
		m, err := subscription.Next(context.Background())
		if err != nil {
			return // it has been cancelled
		}
		if m.ReceivedFrom == n.self {
			continue
		}
		message := arrived{
			ID: []byte(m.ID), Topic: m.GetTopic(), Seqno: m.GetSeqno(), Via: m.ReceivedFrom.String(),
			Bytes: len(m.GetData()), Digest: digestOf(m.GetData()),
		}
		if from := m.GetFrom(); from != "" {
			text := from.String()
			message.From = &text
		}
		n.mutex.Lock()
		if len(n.messages) < maxMessages {
			n.messages = append(n.messages, message)
		}
		n.mutex.Unlock()
	}
}

func (n *pubsubNode) unsubscribe(name string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	subscription, found := n.subscriptions[name]
	if !found {
		return errors.New("not subscribed to " + name)
	}
	delete(n.subscriptions, name)
	subscription.Cancel()
	return nil
}

func (n *pubsubNode) publish(ctx context.Context, name string, data []byte) error {
	n.mutex.Lock()
	topic, err := n.join(name, "")
	n.mutex.Unlock()
	if err != nil {
		return err
	}
	return topic.Publish(ctx, data)
}

// nonces keeps the highest sequence number of every peer, for the validator that wants them to rise.
type nonces struct {
	mutex sync.Mutex
	kept  map[peer.ID][]byte
}

func (s *nonces) Get(_ context.Context, id peer.ID) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.kept[id], nil
}

func (s *nonces) Put(_ context.Context, id peer.ID, value []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.kept[id] = value
	return nil
}

func texts(ids []peer.ID) []string {
	list := []string{}
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}

func digestOf(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
