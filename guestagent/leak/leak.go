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
	// Clock is a file that has the jiffies of now, by which memory's age is written.
	Clock string
	// Young is how old memory has to be to be told of (MSECS_MIN_AGE), and a little more.
	Young time.Duration
}

// Kernel is the detector of the kernel that runs.
func Kernel() Detector {
	return Detector{File: "/sys/kernel/debug/kmemleak", Clock: "/proc/timer_list", Young: 6 * time.Second}
}

// Mark is a moment of the kernel's, in jiffies.
type Mark uint64

var jiffies = regexp.MustCompile(`(?m)^jiffies: (\d+)$`)

// Mark is now. What was allocated before is not of what comes: kmemleak's own clear
// forgets no more than what a scan has found already. The order is kmemleak's default,
// and fails where it is switched off.
func (d Detector) Mark() (Mark, error) {
	if err := d.order("stack=on"); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(d.Clock)
	if err != nil {
		return 0, fmt.Errorf("read the kernel's clock: %w", err)
	}
	now := jiffies.FindSubmatch(text)
	if now == nil {
		return 0, fmt.Errorf("read the kernel's clock: %s has no jiffies (CONFIG_HIGH_RES_TIMERS)", d.Clock)
	}
	n, err := strconv.ParseUint(string(now[1]), 10, 64)
	return Mark(n), err
}

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

// Look waits until what was allocated before is old enough, and finds what of it, since
// the mark, nobody refers to. It scans twice: the first scan takes the checksum of an
// object, and only one that the second finds unchanged is told of.
func (d Detector) Look(ctx context.Context, since Mark) ([]proto.Leak, error) {
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
	return Parse(string(text), since), nil
}

var (
	begin  = regexp.MustCompile(`(?m)^unreferenced object `)
	object = regexp.MustCompile(`^0x[0-9a-f]+ \(size (\d+)\):`) // What follows.
	owner  = regexp.MustCompile(`(?m)^  comm "(.*)", pid -?\d+, jiffies (\d+)`)
)

// allocators are the functions by which any memory is had: where it is from begins after.
var allocators = []string{
	"kmemleak_", "kmalloc", "__kmalloc", "kmem_cache_alloc", "__kmem_cache_alloc", "slab_", "__do_kmalloc", "krealloc", "kvmalloc", "__kvmalloc",
	"__vmalloc", "vmalloc", "kcalloc", "kzalloc", "kstrdup", "kmemdup", "pcpu_alloc", "__alloc_percpu",
}

// Parse reads kmemleak's file, without what was allocated before the mark. Objects of one
// size from one place are one leak.
func Parse(text string, since Mark) []proto.Leak {
	found := []proto.Leak{}
	for _, part := range begin.Split(text, -1)[1:] {
		one, made, ok := parseObject(part)
		if !ok || made < since {
			continue
		}
		if i := slices.IndexFunc(found, func(l proto.Leak) bool { return l.Size == one.Size && slices.Equal(l.Frames, one.Frames) }); i >= 0 {
			found[i].Objects++
			continue
		}
		found = append(found, one)
	}
	return found
}

// parseObject reads one object, and when it was allocated.
func parseObject(text string) (one proto.Leak, made Mark, ok bool) {
	size, by := object.FindStringSubmatch(text), owner.FindStringSubmatch(text)
	if size == nil || by == nil {
		return one, 0, false
	}
	one = proto.Leak{Objects: 1, Task: by[1], Frames: stack.Frames(text, allocators...)}
	one.Size, _ = strconv.ParseInt(size[1], 10, 64)
	at, err := strconv.ParseUint(by[2], 10, 64)
	return one, Mark(at), err == nil
}
