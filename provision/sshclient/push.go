package sshclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/testbed-lab/testbed/provision"
)

// Push writes a file, its folders too, and verifies its SHA-256 on the machine.
// It appears whole or not at all. One that is there with that digest is left
// alone, but gets its mode.
func (c *Client) Push(ctx context.Context, file string, data []byte, mode fs.FileMode) error {
	sum := sha256.Sum256(data)
	want := hex.EncodeToString(sum[:])
	have, err := c.digest(ctx, file)
	if err != nil {
		return fmt.Errorf("push %q: %w", file, err)
	}
	if have != want {
		if err := c.write(ctx, file, data, want); err != nil {
			return fmt.Errorf("push %q: %w", file, err)
		}
	}
	if _, err := c.output(ctx, nil, "chmod", fmt.Sprintf("%04o", mode.Perm()), file); err != nil {
		return fmt.Errorf("push %q: %w", file, err)
	}
	return nil
}

// write needs nothing of the machine but a shell and busybox's tools.
func (c *Client) write(ctx context.Context, file string, data []byte, want string) error {
	temporary := fmt.Sprintf("%s.%.12s.new", file, want)
	script := fmt.Sprintf("mkdir -p %s && cat > %s && sha256sum %[2]s",
		quoteWord(path.Dir(file)), quoteWord(temporary))
	text, err := c.output(ctx, data, "sh", "-c", script)
	if err == nil && firstWord(text) != want {
		err = fmt.Errorf("the machine has SHA-256 %q of it, want %s", firstWord(text), want)
	}
	if err != nil {
		c.output(context.WithoutCancel(ctx), nil, "rm", "-f", temporary) // Best effort: the machine may be gone.
		return err
	}
	_, err = c.output(ctx, nil, "mv", "-f", temporary, file)
	return err
}

// digest is empty for a file that is not there.
func (c *Client) digest(ctx context.Context, file string) (string, error) {
	text, err := c.output(ctx, nil, "sh", "-c", "sha256sum "+quoteWord(file)+" 2>/dev/null")
	var exit *provision.ExitError
	if errors.As(err, &exit) {
		return "", nil
	}
	return firstWord(text), err
}

// output runs a command and returns what it wrote; what it wrote to standard
// error goes into the error.
func (c *Client) output(ctx context.Context, stdin []byte, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := provision.Command{Args: args, Stdout: &out, Stderr: &complaint}
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	err := c.Exec(ctx, cmd)
	if text := strings.TrimSpace(complaint.String()); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return out.String(), err
}

func firstWord(text string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}
