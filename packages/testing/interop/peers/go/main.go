// Command peerloom-interop-peer is a go-libp2p node driven over stdin and stdout, so that the interop tests can make a
// published implementation listen, dial and open streams. It speaks the transports, locks and muxers that its options
// name, and no others.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p/core/crypto"
)

// maxCommandBytes bounds one line on stdin.
const maxCommandBytes = 1 << 20

// maxCommands bounds the commands that run at once.
const maxCommands = 64

func main() {
	log.SetOutput(os.Stderr)
	options, err := parseOptions()
	if err == nil {
		err = run(options)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	key, err := generateKey(o.keyType)
	if err != nil {
		return err
	}
	implementation := "go-libp2p/" + libp2pVersion()
	host, err := newHost(o, key, implementation)
	if err != nil {
		return err
	}
	defer host.Close()
	peer, err := newPeer(host, key)
	if err != nil {
		return err
	}
	peer.serve()
	if o.relay {
		if err := serveRelay(host); err != nil {
			return err
		}
	}
	if o.pubsub != "" {
		settings, err := parsePubsub(o.pubsub)
		if err != nil {
			return fmt.Errorf("options of pubsub: %w", err)
		}
		if peer.pubsub, err = startPubsub(host, settings); err != nil {
			return err
		}
	}
	if o.mdns != "" {
		if err := peer.startMDNS(o.mdns); err != nil {
			return err
		}
	}
	for _, relay := range o.listenRelay {
		if err := peer.listenOnRelay(relay); err != nil {
			return err
		}
	}

	out := &lineWriter{encoder: json.NewEncoder(os.Stdout)}
	out.write(answer{
		"event": "ready", "peerId": host.ID().String(), "addresses": peer.addresses(), "implementation": implementation,
	})
	return readCommands(os.Stdin, peer, out)
}

// readCommands answers one command per line until stdin closes. Commands run beside each other; answers carry their id.
func readCommands(in io.Reader, peer *testPeer, out *lineWriter) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64*1024), maxCommandBytes)
	slots := make(chan struct{}, maxCommands)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("unreadable command: %w", err)
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			result, err := peer.execute(c)
			if err != nil {
				out.write(answer{"id": c.ID, "ok": false, "error": err.Error()})
				return
			}
			if result == nil {
				result = answer{}
			}
			result["id"], result["ok"] = c.ID, true
			out.write(result)
		}()
	}
	return lines.Err()
}

type lineWriter struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (w *lineWriter) write(value answer) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if err := w.encoder.Encode(value); err != nil {
		log.Fatal(err) // nobody listens any more
	}
}

func generateKey(keyType string) (crypto.PrivKey, error) {
	types := map[string]int{
		"ed25519": crypto.Ed25519, "secp256k1": crypto.Secp256k1, "rsa": crypto.RSA, "ecdsa": crypto.ECDSA,
	}
	number, known := types[keyType]
	if !known {
		return nil, errors.New("unknown key type: " + keyType)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(number, 2048, rand.Reader)
	return key, err
}

func libp2pVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/libp2p/go-libp2p" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}
