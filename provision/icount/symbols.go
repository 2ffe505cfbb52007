package icount

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// symbolCache keeps the names of kernels' own functions, which are at the same
// addresses in each boot: half a megabyte takes the guest's serial port some eight
// seconds. Modules are where they were loaded, so theirs come with each run.
type symbolCache struct{ folder string }

// openSymbolCache is in the user's cache folder.
func openSymbolCache() (symbolCache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return symbolCache{}, fmt.Errorf("find cache folder: %w", err)
	}
	return symbolCache{filepath.Join(dir, "testbed", "symbols")}, nil
}

// kernelSymbols are a kernel's own, and where they are kept.
type kernelSymbols struct {
	file string
	text string // Empty where they are not known yet.
}

// of looks for a kernel's. What cannot be read is asked for again.
func (c symbolCache) of(kernel string) (kernelSymbols, error) {
	file, err := os.Open(kernel)
	if err != nil {
		return kernelSymbols{}, fmt.Errorf("read the kernel: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return kernelSymbols{}, fmt.Errorf("read the kernel: %w", err)
	}
	k := kernelSymbols{file: filepath.Join(c.folder, hex.EncodeToString(hash.Sum(nil)))}
	text, _ := os.ReadFile(k.file)
	k.text = string(text)
	return k, nil
}

// wanted is what the guest is to send. The two words are of one length, lest the
// guest's input differ.
func (k kernelSymbols) wanted() string {
	if k.text == "" {
		return proto.SymbolsKernel
	}
	return proto.SymbolsModules
}

// complete keeps the kernel's own, where they came, and returns all.
func (k kernelSymbols) complete(own, modules string) (string, error) {
	if k.text != "" {
		return k.text + modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(k.file), 0o755); err != nil {
		return "", fmt.Errorf("keep the kernel's symbols: %w", err)
	}
	if err := renameio.WriteFile(k.file, []byte(own), 0o644); err != nil {
		return "", fmt.Errorf("keep the kernel's symbols: %w", err)
	}
	return own + modules, nil
}
