// Command peerloom-interop-peer is a go-libp2p node driven over stdin and stdout, so that the interop tests can make a
// published implementation listen, dial and open streams. It speaks TCP, Noise and yamux and nothing else.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// maxCommandBytes bounds one line on stdin.
const maxCommandBytes = 1 << 20

// maxCommands bounds the commands that run at once.
const maxCommands = 64

type addressList []string

func (l *addressList) String() string { return strings.Join(*l, ",") }

func (l *addressList) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func main() {
	log.SetOutput(os.Stderr)
	var listen addressList
	flag.Var(&listen, "listen", "multiaddr to listen on, may be given more than once")
	keyType := flag.String("key-type", "ed25519", "ed25519, secp256k1, rsa or ecdsa")
	flag.Parse()
	if len(listen) == 0 {
		listen = addressList{"/ip4/127.0.0.1/tcp/0"}
	}
	if err := run(listen, *keyType); err != nil {
		log.Fatal(err)
	}
}

func run(listen addressList, keyType string) error {
	key, err := generateKey(keyType)
	if err != nil {
		return err
	}
	implementation := "go-libp2p/" + libp2pVersion()
	host, err := libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(listen...),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.UserAgent(implementation),
		// The limits under test are those of the peer on the other side.
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
	)
	if err != nil {
		return err
	}
	defer host.Close()
	peer, err := newPeer(host, key)
	if err != nil {
		return err
	}
	peer.serve()

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
