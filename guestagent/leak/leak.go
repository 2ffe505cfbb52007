// Package leak asks the kernel's kmemleak which of its memory nobody refers to any more.
// A scan stops the machine for a while, so none may happen while something is measured.
//
// Documentation/dev-tools/kmemleak.rst has the file that it speaks to.
package leak

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/stack"
)

// ErrUnsupported says that the kernel has no kmemleak.
var ErrUnsupported = errors.New("this kernel has no kmemleak: it needs CONFIG_DEBUG_KMEMLEAK, and debugfs")

// Detector is the kernel's.
type Detector struct {
	File string
	// Young is how old memory has to be to be told of (MSECS_MIN_AGE), and a little more.
	Young time.Duration
}

// Kernel is the detector of the kernel that runs.
func Kernel() Detector {
	return Detector{File: "/sys/kernel/debug/kmemleak", Young: 6 * time.Second}
}

// Forget has it forget what it suspects already, so that what comes is new.
func (d Detector) Forget() error { return d.order("clear") }

// order writes a command. A scan has ended when it returns.
func (d Detector) order(command string) error {
	file, err := os.OpenFile(d.File, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(command)
		err = errors.Join(err, file.Close())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrUnsupported
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EPERM): // kmemleak=off, or it ran out of memory.
		return fmt.Errorf("%w; it has one that is switched off", ErrUnsupported)
	case err != nil:
		return fmt.Errorf("tell kmemleak to %s: %w", command, err)
	}
	return nil
}

// Look waits until what was allocated before is old enough, and finds what of it nobody
// refers to. It scans twice: the first scan takes the checksum of an object, and only one
// that the second finds unchanged is told of.
func (d Detector) Look(ctx context.Context) ([]proto.Leak, error) {
	select {
	case <-time.After(d.Young):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for range 2 {
		if err := d.order("scan"); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(d.File)
	if err != nil {
		return nil, fmt.Errorf("read kmemleak: %w", err)
	}
	return Parse(string(text)), nil
}

var (
	begin  = regexp.MustCompile(`(?m)^unreferenced object `)
	object = regexp.MustCompile(`^0x[0-9a-f]+ \(size (\d+)\):`) // What follows.
	owner  = regexp.MustCompile(`^  comm "(.*)", pid -?\d+, jiffies`)
)

// allocators are the functions by which any memory is had: where it is from begins after.
var allocators = []string{
	"kmemleak_", "kmalloc", "__kmalloc", "kmem_cache_alloc", "__kmem_cache_alloc", "slab_", "__do_kmalloc", "krealloc", "kvmalloc", "__kvmalloc",
	"__vmalloc", "vmalloc", "kcalloc", "kzalloc", "kstrdup", "kmemdup", "pcpu_alloc", "__alloc_percpu",
}

// Parse reads kmemleak's file. Objects of one size from one place are one leak.
func Parse(text string) []proto.Leak {
	found := []proto.Leak{}
	for _, part := range begin.Split(text, -1)[1:] {
		size := object.FindStringSubmatch(part)
		if size == nil {
			continue
		}
		one := proto.Leak{Objects: 1, Frames: stack.Frames(part, allocators...)}
		one.Size, _ = strconv.ParseInt(size[1], 10, 64)
		for line := range strings.Lines(part) {
			if by := owner.FindStringSubmatch(line); by != nil {
				one.Task = by[1]
			}
		}
		if i := slices.IndexFunc(found, func(l proto.Leak) bool { return l.Size == one.Size && slices.Equal(l.Frames, one.Frames) }); i >= 0 {
			found[i].Objects++
			continue
		}
		found = append(found, one)
	}
	return found
}
