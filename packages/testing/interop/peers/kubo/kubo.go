//go:build tools

// Package kubo pins the kubo that the interop rows run with. kubo's own go.mod excludes versions, which `go install`
// refuses, so it is built as a dependency of this module: `go build github.com/ipfs/kubo/cmd/ipfs`.
package kubo

import _ "github.com/ipfs/kubo/cmd/ipfs"
