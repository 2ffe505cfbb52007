package libvirt

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"
)

// keptState is a lab's file in the state directory: its identity before there
// is any domain to read it from, and the key that opens its machines.
type keptState struct {
	ID  string `json:"id"`
	Lab string `json:"lab"`
	Key string `json:"key"` // Private SSH key, PEM.
	// Connect is the URI of a hypervisor on another computer. Optional.
	Connect string `json:"connect,omitempty"`
}

// stateStore is the state directory of one owner on one connection.
type stateStore struct{ folder string }

func newStateStore(root string, n namer) stateStore {
	return stateStore{folder: filepath.Join(root, "labs", n.owner+"@"+n.scope)}
}

func (s stateStore) lab(name string) string     { return filepath.Join(s.folder, name) }
func (s stateStore) file(name string) string    { return filepath.Join(s.lab(name), "state.json") }
func (s stateStore) console(name string) string { return filepath.Join(s.lab(name), "console") }

// load returns the zero state for a lab that has none.
func (s stateStore) load(name string) (keptState, error) {
	var k keptState
	text, err := os.ReadFile(s.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("read the state of lab %q: %w", name, err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("read %s: %w; remove the file, and the next up makes the machines anew", s.file(name), err)
	}
	return k, nil
}

// save writes the file whole or not at all.
func (s stateStore) save(k keptState) error {
	if err := os.MkdirAll(s.lab(k.Lab), 0o700); err != nil {
		return fmt.Errorf("make the state folder of lab %q: %w", k.Lab, err)
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the state of lab %q: %w", k.Lab, err)
	}
	if err := renameio.WriteFile(s.file(k.Lab), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the state of lab %q: %w", k.Lab, err)
	}
	return nil
}

func (s stateStore) remove(name string) error {
	if err := os.RemoveAll(s.lab(name)); err != nil {
		return fmt.Errorf("remove the state of lab %q: %w", name, err)
	}
	s.prune()
	return nil
}

// prune removes the folders above a lab's, as far as they are empty.
func (s stateStore) prune() {
	for dir, levels := s.folder, 0; levels < 3; dir, levels = filepath.Dir(dir), levels+1 {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// names lists the labs that have a state or a lock.
func (s stateStore) names() ([]string, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the state folder: %w", err)
	}
	seen := map[string]bool{}
	var names []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".lock")
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// complete fills in what a new lab lacks. Nothing is written yet.
func (k keptState) complete(lab string) (keptState, error) {
	k.Lab = lab
	if k.ID == "" {
		k.ID = uuid.NewString()
	}
	if k.Key == "" {
		key, _, err := newKey("testbed " + lab)
		if err != nil {
			return k, err
		}
		k.Key = key
	}
	return k, nil
}

func (k keptState) signer() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey([]byte(k.Key))
	if err != nil {
		return nil, fmt.Errorf("read the SSH key of lab %q: %w", k.Lab, err)
	}
	return signer, nil
}

// newKey makes an ed25519 key: PEM in OpenSSH's format, and its public line.
func newKey(comment string) (private, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return "", "", fmt.Errorf("encode an SSH key: %w", err)
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", fmt.Errorf("encode an SSH key: %w", err)
	}
	return string(pem.EncodeToMemory(block)), authorizedLine(line), nil
}

func authorizedLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
