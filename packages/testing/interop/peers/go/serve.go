package main

import (
	"crypto/sha256"
	"errors"
	"io"
	"log"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	echoProtocol        protocol.ID = "/interop/echo/1.0.0"
	digestProtocol      protocol.ID = "/interop/digest/1.0.0"
	resetProtocol       protocol.ID = "/interop/reset/1.0.0"
	expectResetProtocol protocol.ID = "/interop/expect-reset/1.0.0"
)

// streamLifetime bounds how long a served stream may take.
const streamLifetime = 2 * time.Minute

func (p *testPeer) serve() {
	p.handle(echoProtocol, echo)
	p.handle(digestProtocol, digest)
	p.handle(resetProtocol, readOneThenReset)
	p.handle(expectResetProtocol, p.expectReset)
}

func (p *testPeer) handle(id protocol.ID, serve func(network.Stream) error) {
	p.host.SetStreamHandler(id, func(stream network.Stream) {
		p.countServed(string(id))
		_ = stream.SetDeadline(time.Now().Add(streamLifetime))
		if err := serve(stream); err != nil {
			log.Printf("%s: %v", id, err)
			_ = stream.Reset()
			return
		}
		_ = stream.Close()
	})
}

func echo(stream network.Stream) error {
	_, err := io.Copy(stream, stream)
	return err
}

func digest(stream network.Stream) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, stream); err != nil {
		return err
	}
	_, err := stream.Write(hash.Sum(nil))
	return err
}

func readOneThenReset(stream network.Stream) error {
	if _, err := io.ReadFull(stream, make([]byte, 1)); err != nil {
		return err
	}
	return stream.Reset()
}

func (p *testPeer) expectReset(stream network.Stream) error {
	_, err := io.Copy(io.Discard, stream)
	if errors.Is(err, network.ErrReset) {
		p.countReset(resetCode(err))
		return nil
	}
	return err
}

// resetCode is the error code that came with a reset, 0 if there was none.
func resetCode(err error) uint32 {
	var streamError *network.StreamError
	if errors.As(err, &streamError) {
		return uint32(streamError.ErrorCode)
	}
	return 0
}
