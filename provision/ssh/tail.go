package ssh

import (
	"io"
	"strings"
	"sync"
)

// tail keeps the end of what is written, and hands all of it on.
type tail struct {
	next io.Writer // Optional.

	mu   sync.Mutex
	text []byte
}

// kept is more than any message of ssh, whose longest warns of a changed key.
const kept = 4096

func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	t.text = append(t.text, text...)
	if over := len(t.text) - kept; over > 0 {
		t.text = t.text[over:]
	}
	t.mu.Unlock()
	if t.next != nil {
		return t.next.Write(text)
	}
	return len(text), nil
}

func (t *tail) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// last is the last line.
func (t *tail) last() string {
	lines := strings.Split(t.all(), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
