package icount

import (
	"bufio"
	"bytes"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/testbed-lab/testbed/guestagent/proto"
	"github.com/testbed-lab/testbed/guestagent/symbol"
	"github.com/testbed-lab/testbed/provision"
)

// The functions of the agent that mark where a block's main stretch begins and ends.
const (
	opensName  = "github.com/testbed-lab/testbed/guestagent/rr.windowOpens"
	closesName = "github.com/testbed-lab/testbed/guestagent/rr.windowCloses"
)

// counterOf finds the marks in the agent, by the table that Go keeps for its stack
// traces: the agent has no symbols.
func counterOf(agent []byte) (*provision.Counter, error) {
	file, err := elf.NewFile(bytes.NewReader(agent))
	if err != nil {
		return nil, fmt.Errorf("read the agent: %w", err)
	}
	text, lines := file.Section(".text"), file.Section(".gopclntab")
	if text == nil || lines == nil {
		return nil, errors.New("read the agent: it has no table of its functions")
	}
	data, err := lines.Data()
	if err != nil {
		return nil, fmt.Errorf("read the agent's functions: %w", err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil, fmt.Errorf("read the agent's functions: %w", err)
	}
	opens, closes := table.LookupFunc(opensName), table.LookupFunc(closesName)
	if opens == nil || closes == nil {
		return nil, errors.New("read the agent's functions: its loop marks no window")
	}
	return &provision.Counter{Opens: opens.Entry, Closes: closes.Entry}, nil
}

// window is what was executed in one: instructions by the address of their block.
type window map[uint64]int64

func parseWindows(counts []byte) (all []window, err error) {
	lines := bufio.NewScanner(bytes.NewReader(counts))
	for lines.Scan() {
		line := lines.Text()
		if line == "window" {
			all = append(all, window{})
			continue
		}
		at, n, _ := strings.Cut(line, " ")
		address, atErr := strconv.ParseUint(at, 16, 64)
		instructions, nErr := strconv.ParseInt(n, 10, 64)
		if len(all) == 0 || atErr != nil || nErr != nil {
			return nil, fmt.Errorf("read the counter's file: bad line %q", line)
		}
		all[len(all)-1][address] += instructions
	}
	return all, lines.Err()
}

// symbols are functions by ascending address.
type symbols []function

type function struct {
	address uint64
	name    string
}

// upperHalf is what the kernel's symbols leave out of their addresses.
const upperHalf = 0xffffffff_00000000

func parseSymbols(text string) (all symbols, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("read the kernel's symbols: bad line %q", line)
		}
		address, err := strconv.ParseUint(fields[0], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("read the kernel's symbols: bad line %q", line)
		}
		if len(fields[0]) == 8 {
			address |= upperHalf
		}
		all = append(all, function{address, fields[2]})
	}
	// Of several names of a place the first by the alphabet, so that two runs agree.
	slices.SortFunc(all, func(a, b function) int {
		if a.address != b.address {
			if a.address < b.address {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return slices.CompactFunc(all, func(a, b function) bool { return a.address == b.address }), nil
}

// What is no function of the kernel's.
const (
	userSpace = "(user space)"
	unknown   = "(no symbol)" // Such as a BPF program that is gone.
)

// farthest is more than the kernel's longest function has.
const farthest = 1 << 20

func (s symbols) name(address uint64) string {
	if address < 1<<63 {
		return userSpace
	}
	i, exact := slices.BinarySearchFunc(s, address, func(one function, at uint64) int {
		switch {
		case one.address < at:
			return -1
		case one.address > at:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 || address-s[i].address > farthest {
		return unknown
	}
	return symbol.Plain(s[i].name)
}

// attribute adds to each of the client's blocks what it executed, by function.
// Where the windows are not the blocks', which a block that failed in its middle
// may cause, it adds nothing and says so.
func attribute(client []proto.Message, counts []byte, kernel string) error {
	windows, err := parseWindows(counts)
	if err != nil {
		return err
	}
	names, err := parseSymbols(kernel)
	if err != nil {
		return err
	}
	var blocks []*proto.BlockResult
	for _, m := range client {
		if m.Type == proto.TypeBlock && m.Block != nil && m.Block.Transactions > 0 {
			blocks = append(blocks, m.Block)
		}
	}
	if len(blocks) != len(windows) {
		return fmt.Errorf("the counter saw %d stretches of %d blocks", len(windows), len(blocks))
	}
	for i, b := range blocks {
		b.Functions = map[string]int64{}
		for address, n := range windows[i] {
			b.Functions[names.name(address)] += n
		}
	}
	return nil
}

// uncounted tells in each block that was measured why nothing is by function.
func uncounted(client []proto.Message, why string) {
	for _, m := range client {
		if m.Type == proto.TypeBlock && m.Block != nil && m.Block.Transactions > 0 {
			m.Block.Uncounted = why
		}
	}
}
