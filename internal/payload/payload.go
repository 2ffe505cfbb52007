// Package payload holds the two programs that Testbed sends into machines, the
// agent and the guest's PID 1, and a plugin of QEMU's, as `make build` left them in bin/. It does not
// build them; a binary that was built without them still compiles, and says so
// when it needs them. What it returns never changes while a program runs.
package payload

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// all: because a fresh checkout has only bin/.keep, which a plain pattern skips.
//
//go:embed all:bin
var files embed.FS

// ErrMissing says that this binary was built without the programs.
var ErrMissing = errors.New("not in this binary: run `make build`")

// Agent is the program that runs in every machine and measures.
func Agent() ([]byte, error) { return read(files, "testbed-agent") }

// Init is PID 1 of the guests that Testbed builds.
func Init() ([]byte, error) { return read(files, "testbed-init") }

// Plugin is QEMU's, for guests that count instructions.
func Plugin() ([]byte, error) { return read(files, "testbed-plugin.so") }

// AgentDigest is the SHA-256 of [Agent], in lower-case hexadecimal.
var AgentDigest = sync.OnceValues(func() (string, error) { return digest(Agent()) })

// InitDigest is the SHA-256 of [Init], in lower-case hexadecimal.
var InitDigest = sync.OnceValues(func() (string, error) { return digest(Init()) })

func read(files fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(files, "bin/"+name)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("read embedded program %q: %w", name, err)
	}
	return data, nil
}

func digest(data []byte, err error) (string, error) {
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
