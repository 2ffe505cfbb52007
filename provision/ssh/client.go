package ssh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// client is the user's ssh, and the folder of the sockets by which connections
// are shared.
type client struct {
	command string // Words for a shell.
	folder  string
}

// newClient finds the user's ssh and makes the folder. Nothing is connected yet.
func newClient(command string) (client, error) {
	command = cmp.Or(command, "ssh")
	if command == "ssh" {
		if _, err := exec.LookPath(command); err != nil {
			return client{}, errors.New("other computers are reached by ssh, which is not installed: apt-get install openssh-client")
		}
	}
	folder, err := privateFolder()
	return client{command: command, folder: folder}, err
}

// options go before the user's own configuration, which decides the rest. No
// question may be asked: nobody is there to answer. A connection that was cut is
// noticed after a minute; the sign of life is sent while nothing else is.
var options = []string{
	"-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
	"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
	"-o", "LogLevel=ERROR", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no",
	"-o", "ClearAllForwardings=yes", "-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "ControlPersist=no",
}

// ssh is the command with arguments. It gets a session of its own: the user's
// Ctrl-C would end it before the agent has undone anything, and a jump, to which
// ssh does not hand BatchMode on, would ask its questions on the terminal.
func (c client) ssh(args ...string) *exec.Cmd {
	cmd := exec.Command("sh", append([]string{"-c", c.command + ` "$@"`, "ssh"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), "SSH_ASKPASS_REQUIRE=never")
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// target splits "user@host:22" as ssh takes it.
func target(address string) []string {
	host, port := address, ""
	if i := strings.LastIndexByte(address, ':'); i >= 0 && !strings.HasSuffix(address, "]") {
		host, port = address[:i], address[i+1:]
	}
	host = strings.NewReplacer("[", "", "]", "").Replace(host)
	if port == "" {
		return []string{"--", host}
	}
	return []string{"-p", port, "--", host}
}

// byHand is what a person types to log in.
func (c client) byHand(address string) string {
	words := []string{c.command}
	for _, word := range target(address) {
		if word != "--" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// version is what ssh says of itself.
func (c client) version(ctx context.Context) (string, error) {
	cmd := c.ssh("-V")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("ask ssh for its version: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { end(cmd, syscall.SIGKILL) })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("ask ssh for its version: %w: %s", err, strings.TrimSpace(out.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// end signals a command and what it started.
func end(cmd *exec.Cmd, signal syscall.Signal) {
	_ = syscall.Kill(-cmd.Process.Pid, signal)
}

const folderPrefix = "testbed-ssh-"

// privateFolder makes the folder for sockets, and removes those of processes
// that were killed. Its path has to be short: with ssh's own ending it must fit
// into a socket's address, 108 bytes.
func privateFolder() (string, error) {
	parent := os.TempDir()
	if len(parent) > 40 {
		parent = "/tmp"
	}
	sweep(parent)
	folder, err := os.MkdirTemp(parent, folderPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder for shared connections: %w", err)
	}
	return folder, nil
}

// sweep removes the folders of processes that are gone. Others' it cannot.
func sweep(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, folder := range left {
		word, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "-")
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if info, err := os.Lstat(folder); err == nil && info.IsDir() && ours(info) {
			_ = os.RemoveAll(folder)
		}
	}
}

func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
