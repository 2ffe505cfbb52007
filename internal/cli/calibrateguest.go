package cli

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/testbed-lab/testbed/examples"
	"github.com/testbed-lab/testbed/internal/progress"
	"github.com/testbed-lab/testbed/internal/run"
	"github.com/testbed-lab/testbed/provision"
	"github.com/testbed-lab/testbed/report"
)

// guestResult is where the guest's own testbed keeps the result.
const guestResult = "/tmp/calibration"

// recoverInGuest boots a guest and has this very program calibrate in it.
func (a *app) recoverInGuest(ctx context.Context, dir string, store run.Store) (recoveries []report.Recovery, err error) {
	program, err := ownProgram()
	if err != nil {
		return nil, err
	}
	err = a.onEmbedded(ctx, dir, "calibration-guest", examples.CalibrationGuest, func(s *session, lab *run.Lab) error {
		return s.conductor.Borrow(ctx, lab, func(ctx context.Context, m provision.Machine) (err error) {
			if recoveries, err = calibrateOn(ctx, m, program, s.conductor.Progress); err != nil {
				return err
			}
			return fetch(ctx, m, guestResult, store.Dir)
		})
	})
	return recoveries, err
}

func ownProgram() ([]byte, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// calibrateOn runs the program on a machine, whose events become ours.
func calibrateOn(ctx context.Context, m provision.Machine, program []byte, sink progress.Sink) ([]report.Recovery, error) {
	path, err := m.PushAgent(ctx, program)
	if err != nil {
		return nil, err
	}
	var found bytes.Buffer
	events, write := io.Pipe()
	said := make(chan string, 1)
	go func() { said <- relay(events, sink) }()
	err = m.Exec(ctx, provision.Command{
		Args:   []string{path, "doctor", "--calibrate", "--backend", "local", "--json", "--events", "--out", guestResult},
		Stdout: &found, Stderr: write,
	})
	_ = write.Close()
	complaint := <-said
	// Its status says too whether the delays were found; ours will, by what it printed.
	var exit *provision.ExitError
	if err != nil && (!errors.As(err, &exit) || found.Len() == 0) {
		return nil, fmt.Errorf("calibrate in the guest: %w%s", err, complaint)
	}
	var recoveries []report.Recovery
	if err := json.Unmarshal(found.Bytes(), &recoveries); err != nil {
		return nil, fmt.Errorf("calibrate in the guest: what it printed: %w", err)
	}
	return recoveries, nil
}

// relay passes events on and returns the lines that are none.
func relay(from io.Reader, sink progress.Sink) string {
	var other strings.Builder
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var event progress.Event
		if json.Unmarshal(line, &event) == nil && event.State != "" {
			sink.Emit(event)
		} else if len(bytes.TrimSpace(line)) > 0 {
			other.WriteString("\n  ")
			other.Write(bytes.TrimSpace(line))
		}
		if err != nil {
			return other.String()
		}
	}
}

// fetch copies a folder from a machine.
func fetch(ctx context.Context, m provision.Machine, from, to string) error {
	var archive bytes.Buffer
	err := m.Exec(ctx, provision.Command{Args: []string{"tar", "-c", "-C", from, "."}, Stdout: &archive})
	if err == nil {
		err = unpack(&archive, to)
	}
	if err != nil {
		return fmt.Errorf("fetch the result: %w", err)
	}
	return nil
}

// unpack makes a folder of an archive, which appears whole or not at all, and
// writes nothing beside it.
func unpack(archive io.Reader, dir string) error {
	partial, err := os.MkdirTemp(filepath.Dir(dir), ".partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial) // Gone by its new name where all went well.
	if err := extract(archive, partial); err != nil {
		return err
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}

func extract(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := tar.NewReader(archive)
	for {
		entry, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackOne(root, entry, files)
		}
		if err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, entry *tar.Header, content io.Reader) error {
	name := filepath.Clean(entry.Name)
	switch entry.Typeflag {
	case tar.TypeDir:
		if name == "." {
			return nil
		}
		return root.Mkdir(name, 0o755)
	case tar.TypeReg:
		file, err := root.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	}
	return nil
}
