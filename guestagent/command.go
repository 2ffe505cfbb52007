package guestagent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/testbed-lab/testbed/guestagent/attach"
	"github.com/testbed-lab/testbed/guestagent/hostinfo"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// Command is the agent's command line.
func Command(args []string, in io.Reader, out io.Writer) error {
	verb := strings.Join(args[:min(1, len(args))], "")
	switch verb {
	case "run":
		if err := quietRuntime(); err != nil {
			return err
		}
		ctx, stop := untilSignal()
		defer stop()
		return Session(ctx, nil, in, out)
	case "ensemble":
		if err := quietRuntime(); err != nil {
			return err
		}
		ctx, stop := untilSignal()
		defer stop()
		err := Ensemble(ctx, in, out)
		if hung(err) != nil { // And so does a thread of this program, which cannot end.
			return syscall.Kill(os.Getppid(), syscall.SIGUSR1)
		}
		return err
	case "check":
		return checkNIC(args[1:])
	case "lease":
		ctx, stop := untilSignal()
		defer stop()
		return lease(ctx, strings.Join(args[1:], " "), in, leaseSilence)
	case "hostinfo":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(hostinfo.Collect(args[1:]...))
	case "version":
		_, err := fmt.Fprintf(out, "testbed-agent protocol %d %s\n", proto.Version, runtime.Version())
		return err
	}
	return fmt.Errorf("run verb %q: the agent knows run, ensemble, check DEVICE ADDRESS [share], lease FOLDER, hostinfo [DEVICE…] and version", verb)
}

// untilSignal ends with the signals that ask a program to end. Without a handler
// a closed pipe kills the agent before it has undone anything.
func untilSignal() (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
}

// checkNIC says whether a lab may have a NIC of a machine that exists.
func checkNIC(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return fmt.Errorf("run verb check: want DEVICE ADDRESS [share], have %q", args)
	}
	host := proto.Host{Device: args[0], Share: len(args) == 3 && args[2] == "share"}
	var err error
	if host.Address, err = netip.ParsePrefix(args[1]); err != nil {
		return fmt.Errorf("run verb check: %w", err)
	}
	space, err := namespace.Own()
	if err != nil {
		return err
	}
	defer space.Close()
	return attach.Check(space, host, os.Getenv("SSH_CONNECTION"))
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
