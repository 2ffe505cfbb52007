package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/testbed-lab/testbed/images/archive"
	"github.com/testbed-lab/testbed/images/flock"
	"github.com/testbed-lab/testbed/internal/progress"
)

// builderVersion identifies how roots are made: the same inputs give the same
// bytes as long as it is the same. It is part of each cached image's key and of
// the lock. The number changes by hand with the code; the tables see to
// themselves.
var builderVersion = "1-" + digestOf(fmt.Append(nil, tools, skeleton, folders, mergedDirs,
	adminApplets, unwantedApplets, drivers, moduleDirs, moduleNames, unwantedDirs))[:8]

// MirrorVariable is the environment variable that names the Debian mirror.
const MirrorVariable = "TESTBED_MIRROR"

// Options say how images are made.
type Options struct {
	Cache    string        // Folder of the cache. Default: testbed in the user's cache folder ($XDG_CACHE_HOME).
	Mirror   string        // The lab's Debian mirror. Optional.
	Init     []byte        // The testbed-init binary, PID 1 of the guest.
	Progress progress.Sink // Optional.
	Update   bool          // Resolve anew what the lock pins, and renew it.

	aptDir string              // Default: /etc/apt.
	keys   openpgp.KeyRing     // Default: Debian's archive keys.
	getenv func(string) string // Default: os.Getenv.
}

// Store is a cache of images and of what they are made of. Several processes
// may use one at once.
type Store struct {
	options    Options
	initDigest string

	// resolving makes images resolve one after the other, so that a list of
	// 60,000 packages is read once.
	resolving sync.Mutex
	indexes   map[string]*archive.Index
}

// Open returns the store in the cache folder, making it if need be.
func Open(o Options) (*Store, error) {
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("images are made for amd64 only, and this machine is %s", runtime.GOARCH)
	}
	if o.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find cache folder: %w", err)
		}
		o.Cache = filepath.Join(dir, "testbed")
	}
	if o.aptDir == "" {
		o.aptDir = "/etc/apt"
	}
	if o.getenv == nil {
		o.getenv = os.Getenv
	}
	if o.keys == nil {
		keys, err := archive.DebianKeyring()
		if err != nil {
			return nil, err
		}
		o.keys = keys
	}
	for _, dir := range []string{archiveDir, kernelDir, userlandDir, diskDir, imageDir, lockDir} {
		if err := os.MkdirAll(filepath.Join(o.Cache, dir), 0o755); err != nil {
			return nil, fmt.Errorf("make cache: %w", err)
		}
	}
	return &Store{options: o, initDigest: digestOf(o.Init), indexes: map[string]*archive.Index{}}, nil
}

// Folders of the cache.
const (
	archiveDir  = "archive"
	kernelDir   = "kernels"
	userlandDir = "userlands"
	diskDir     = "disks"
	imageDir    = "images"
	lockDir     = "locks"
)

func (s *Store) path(elements ...string) string {
	return filepath.Join(append([]string{s.options.Cache}, elements...)...)
}

// share keeps the cache from being pruned while it is used.
func (s *Store) share(ctx context.Context) (unlock func(), err error) {
	return flock.Share(ctx, s.path(lockDir, "store"))
}

// once makes a folder of the cache, unless it is there: whole or not at all,
// and by one of several that want it at once.
func (s *Store) once(ctx context.Context, kind, key string, build func(dir string) error) (dir string, err error) {
	dir = s.path(kind, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := flock.Lock(ctx, s.path(lockDir, kind+"-"+key))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unfinished := dir + ".tmp"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", fmt.Errorf("clear cache: %w", err)
	}
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		return "", fmt.Errorf("make cache: %w", err)
	}
	if err := build(unfinished); err != nil {
		return "", errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := ctx.Err(); err != nil {
		return "", errors.Join(context.Cause(ctx), os.RemoveAll(unfinished))
	}
	return dir, os.Rename(unfinished, dir)
}

// remedy adds what to do about an error to it, where something can be done.
func (s *Store) remedy(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: make room, or put the cache (%s) elsewhere with XDG_CACHE_HOME", err, s.options.Cache)
	}
	return err
}

// digestOf is the SHA-256 of data, in hex.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
