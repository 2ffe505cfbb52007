package guestagent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/testbed-lab/testbed/guestagent/hostinfo"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Command is the agent's command line: run, hostinfo [DEVICE…] or version.
func Command(args []string, in io.Reader, out io.Writer) error {
	verb := strings.Join(args[:min(1, len(args))], "")
	switch verb {
	case "run":
		if err := quietRuntime(); err != nil {
			return err
		}
		// Without this a closed pipe kills the agent before it has undone anything.
		signal.Ignore(syscall.SIGPIPE)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		defer stop()
		return Session(ctx, nil, in, out)
	case "hostinfo":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(hostinfo.Collect(args[1:]...))
	case "version":
		_, err := fmt.Fprintf(out, "testbed-agent protocol %d %s\n", proto.Version, runtime.Version())
		return err
	}
	return fmt.Errorf("run verb %q: the agent knows run, hostinfo [DEVICE…] and version", verb)
}

// noPreemption keeps the runtime's monitor from signalling a thread that is in a
// raw system call, which to it looks like a goroutine that never yields. The
// runtime reads it from the environment before main; //go:debug refuses it.
const noPreemption = "asyncpreemptoff=1"

// quietRuntime starts the program again with that setting, if it is not there.
func quietRuntime() error {
	settings := os.Getenv("GODEBUG")
	if strings.Contains(settings, noPreemption) {
		return nil
	}
	settings = strings.TrimPrefix(settings+","+noPreemption, ",")
	if err := os.Setenv("GODEBUG", settings); err != nil {
		return fmt.Errorf("set GODEBUG: %w", err)
	}
	if err := syscall.Exec("/proc/self/exe", os.Args, os.Environ()); err != nil {
		return fmt.Errorf("start the agent again with GODEBUG=%s: %w", settings, err)
	}
	return nil
}
