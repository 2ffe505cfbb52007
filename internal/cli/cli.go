// Package cli is the command line: verbs, flags, exit codes, and all that is
// printed for a person. What was asked for goes to standard output; progress,
// notes and errors go to standard error, each with the program's prefix.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// Exit statuses.
const (
	exitDone         = 0
	exitFailed       = 1 // The machine, libvirt, a guest, a cell of a matrix.
	exitUsage        = 2 // The lab file or the command line is wrong.
	exitRefuted      = 3 // An expectation refuted, or a regression found.
	exitInconclusive = 4 // A verdict asked for, and none given.
)

// What git bisect run makes of an exit status: 1 to 127 blames the commit, 125 skips it,
// and anything above stops git.
const (
	gitGood  = 0
	gitBad   = 1
	gitSkip  = 125
	gitFault = 128
)

// app is one invocation: its streams and the flags that every verb has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	connect string
	where   string // --backend; wins over the file.
	events  bool
	vars    []string

	failed int // What a failure ends with.
}

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, failed: exitFailed}
	if slices.Contains(args, stepVerb) {
		a.failed = gitFault
		debug.SetTraceback("crash") // A panic's own status, 2, would blame the commit; SIGABRT does not.
	}
	ctx, stop := interruptible(stderr, a.failed)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if errors.Is(context.Cause(ctx), errUnread) || unread(unix.Stdout, unix.Stderr) {
		return exitUnread
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return a.status(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "testbed",
		Short:         "Measure what a container's network interface costs, on real VMs or none",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownVerb,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return knownBackend(a.where)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.connect, "connect", "", "libvirt `URI`: qemu:///system, qemu:///session or\nqemu+ssh://USER@HOST/system\n(default: the one this user can use)")
	flags.StringVar(&a.where, "backend", "", "what machines are made of: `KIND` libvirt (VMs), local\n(namespaces of this kernel) or icount (one guest that\ncounts instructions); wins over the lab file")
	flags.BoolVar(&a.events, "events", false, "progress as JSON lines on standard error")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, cmd.CommandPath() + " --help"}
	})
	root.AddGroup(
		&cobra.Group{ID: "measure", Title: "Measure:"},
		&cobra.Group{ID: "look", Title: "Look around:"},
		&cobra.Group{ID: "file", Title: "Lab files and images:"},
		&cobra.Group{ID: "house", Title: "This machine:"},
	)
	grouped(root, "measure", a.upCommand(), a.runCommand(), a.testCommand(), a.downCommand(), a.reportCommand(), a.explainCommand(), a.compareCommand(),
		a.historyCommand(), a.bisectCommand(), a.bisectStepCommand(), a.matrixCommand(), a.reproduceCommand())
	grouped(root, "look", a.lsCommand(), a.statusCommand(), a.sshCommand(), a.execCommand(), a.consoleCommand())
	grouped(root, "file", a.initCommand(), a.validateCommand(), a.fmtCommand(), a.planCommand(), a.imagesCommand(), a.kernelCommand(), a.schemaCommand())
	grouped(root, "house", a.doctorCommand(), a.gcCommand(), a.versionCommand())
	return root
}

func grouped(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

const rootHelp = `Testbed measures what a container's network interface adds to a round trip.

A lab file describes VMs on a shared network segment and the interface modes to
compare. testbed boots the VMs, builds each mode in them, measures it beside
the plain host, and writes a report.

  testbed init lab.hcl      write a first lab to edit
  testbed up lab.hcl        boot, measure, report; the VMs stay
  testbed ssh client        look around in one
  testbed down              take everything away

For a quick look without VMs, libvirt or images, in namespaces of this kernel:

  testbed run --backend local lab.hcl

Exit status: 0 done; 1 something failed; 2 the lab file or the command line is
wrong; 3 an expectation was refuted, or a regression found; 4 inconclusive.
bisect-step has git's: 0 good; 1 bad; 125 skip; 128 stop.`

// statusError carries an exit status without a message of its own.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// gitStatus is a verdict in git's language.
type gitStatus int

func (e gitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a mistake on the command line or in a lab file.
type usageError struct {
	err  error
	hint string
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }
func (e usageError) Hint() string  { return e.hint }

// status prints an error, with its remedy where it has one, and says what to
// exit with.
func (a *app) status(err error) int {
	var silent statusError
	var git gitStatus
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &git):
		return int(git)
	case errors.As(err, &silent) && a.failed == gitFault:
		return gitFault
	case errors.As(err, &silent):
		return int(silent)
	}
	fmt.Fprintf(a.stderr, "testbed: %v\n", err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hinted.Hint())
	}
	if errors.As(err, &usage) && a.failed == exitFailed {
		return exitUsage
	}
	return a.failed
}

// args wraps cobra's argument checks so that they count as usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usageError{err, "usage: " + cmd.UseLine()}
		}
		return nil
	}
}

// knownVerb refuses what is no verb, and says what may have been meant.
func knownVerb(root *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	root.SuggestionsMinimumDistance = 2
	hint := "testbed --help lists the verbs"
	if near := root.SuggestionsFor(given[0]); len(near) > 0 {
		hint = "did you mean testbed " + strings.Join(near, ", or testbed ") + "?"
	}
	return usageError{fmt.Errorf("no verb %q", given[0]), hint}
}

// asFile is the stream as a file, or nil where it is none.
func asFile(stream any) *os.File {
	file, _ := stream.(*os.File)
	return file
}
