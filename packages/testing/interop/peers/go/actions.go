package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multistream"
)

const chunkBytes = 32 * 1024

// pattern fills buffer with the deterministic test bytes, starting at offset.
func pattern(buffer []byte, offset int) {
	for i := range buffer {
		buffer[i] = byte((offset+i)*31 + 7)
	}
}

func writePattern(stream network.Stream, total int) error {
	buffer := make([]byte, chunkBytes)
	for offset := 0; offset < total; {
		chunk := buffer[:min(chunkBytes, total-offset)]
		pattern(chunk, offset)
		if _, err := stream.Write(chunk); err != nil {
			return err
		}
		offset += len(chunk)
	}
	return stream.CloseWrite()
}

// readPattern reads to the end and insists on exactly the test bytes.
func readPattern(stream network.Stream, total int) error {
	buffer, expected := make([]byte, chunkBytes), make([]byte, chunkBytes)
	for offset := 0; ; {
		n, err := stream.Read(buffer)
		pattern(expected[:n], offset)
		if !bytes.Equal(buffer[:n], expected[:n]) {
			return fmt.Errorf("wrong bytes between %d and %d", offset, offset+n)
		}
		offset += n
		if err == io.EOF && offset == total {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", offset, total, err)
		}
	}
}

// open opens a stream that is reset when ctx ends first. Call finish when done with it.
func (p *testPeer) open(ctx context.Context, remote peer.ID, id protocol.ID) (network.Stream, func(), error) {
	stream, err := p.host.NewStream(ctx, remote, id)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	finish := func() {
		stop()
		_ = stream.Close()
	}
	return stream, finish, nil
}

func (p *testPeer) ping(ctx context.Context, remote peer.ID, count int) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := ping.Ping(ctx, p.host, remote)
	rtts := []float64{}
	for range max(count, 1) {
		result, open := <-results
		if !open {
			return nil, errors.New("ping ended early")
		}
		if result.Error != nil {
			return nil, result.Error
		}
		rtts = append(rtts, float64(result.RTT.Nanoseconds())/1e6)
	}
	return answer{"rtts": rtts}, nil
}

func (p *testPeer) echo(ctx context.Context, remote peer.ID, c command) (answer, error) {
	id := echoProtocol
	if c.Protocol != "" {
		id = protocol.ID(c.Protocol)
	}
	streams := max(c.Streams, 1)
	failures := make(chan error, streams)
	for range streams {
		go func() { failures <- p.echoOnce(ctx, remote, id, c.Bytes) }()
	}
	var all []error
	for range streams {
		all = append(all, <-failures)
	}
	return answer{"bytes": streams * c.Bytes}, errors.Join(all...)
}

func (p *testPeer) echoOnce(ctx context.Context, remote peer.ID, id protocol.ID, total int) error {
	stream, finish, err := p.open(ctx, remote, id)
	if err != nil {
		return err
	}
	defer finish()
	written := make(chan error, 1)
	go func() { written <- writePattern(stream, total) }()
	if err := readPattern(stream, total); err != nil {
		_ = stream.Reset() // frees the writer
		return errors.Join(err, <-written)
	}
	return <-written
}

func (p *testPeer) digest(ctx context.Context, remote peer.ID, total int) (answer, error) {
	stream, finish, err := p.open(ctx, remote, digestProtocol)
	if err != nil {
		return nil, err
	}
	defer finish()
	if err := writePattern(stream, total); err != nil {
		return nil, err
	}
	got, err := io.ReadAll(io.LimitReader(stream, sha256.Size+1))
	if err != nil {
		return nil, err
	}
	sent := make([]byte, total)
	pattern(sent, 0)
	if want := sha256.Sum256(sent); !bytes.Equal(got, want[:]) {
		return nil, fmt.Errorf("wrong digest: got %x, want %x", got, want)
	}
	return answer{"bytes": total, "digest": got}, nil
}

func (p *testPeer) provokeReset(ctx context.Context, remote peer.ID) (answer, error) {
	stream, finish, err := p.open(ctx, remote, resetProtocol)
	if err != nil {
		return nil, err
	}
	defer finish()
	if _, err := stream.Write([]byte{1}); err != nil {
		return nil, err
	}
	_, err = io.ReadAll(io.LimitReader(stream, 1024))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !errors.Is(err, network.ErrReset) {
		return nil, fmt.Errorf("expected a reset, got %v", err)
	}
	return answer{"code": resetCode(err)}, nil
}

// sendReset negotiates eagerly: go-libp2p's usual lazy negotiation would put the reset right behind the protocol id,
// and yamux discards unread bytes on a reset, so the other side would never get to know which protocol was meant.
func (p *testPeer) sendReset(ctx context.Context, remote peer.ID, code network.StreamErrorCode) (answer, error) {
	stream, err := p.host.Network().NewStream(ctx, remote)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	if err := multistream.SelectProtoOrFail(expectResetProtocol, stream); err != nil {
		_ = stream.Reset()
		return nil, err
	}
	if _, err := stream.Write([]byte{1}); err != nil {
		return nil, err
	}
	return nil, stream.ResetWithError(code)
}
