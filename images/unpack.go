package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"

	"github.com/testbed-lab/testbed/images/deb"
)

// Offsets in a bzImage, from protocol 2.08 (Linux 2.6.26) on.
const (
	setupSectors  = 0x1f1 // Sectors of real-mode code after the first one; 0 means 4.
	payloadOffset = 0x248 // Of the compressed kernel, from the protected-mode code on.
	payloadLength = 0x24c // With the four bytes behind it that say its size unpacked.
	withPayload   = 0x0208
	sector        = 512
)

// largestKernel bounds what is unpacked: a kernel with its debug information left in
// is not what is compressed here, and those without have some 60 MB.
const largestKernel = 1 << 30

// Unpack returns the kernel inside of a bzImage: the ELF file (vmlinux) that its own
// code would unpack, in a large part of its boot's instructions. It is an error where the
// image holds none that a machine can start by itself, which takes a PVH entry
// (CONFIG_PVH=y).
func Unpack(image []byte) ([]byte, error) {
	packed, size, err := payloadOf(image)
	if err != nil {
		return nil, err
	}
	r, err := unpacker(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the kernel: %w", err)
	}
	kernel := make([]byte, size)
	if _, err := io.ReadFull(r, kernel); err != nil {
		return nil, fmt.Errorf("unpack the kernel: %w", err)
	}
	return kernel, startsByItself(kernel)
}

func payloadOf(image []byte) (packed []byte, size uint32, err error) {
	if _, err := bzImageRelease(image); err != nil {
		return nil, 0, err
	}
	if binary.LittleEndian.Uint16(image[protocolVersion:]) < withPayload {
		return nil, 0, errors.New("bzImage does not say where its compressed kernel is")
	}
	sectors := int(image[setupSectors])
	if sectors == 0 {
		sectors = 4
	}
	from := uint64(sectors+1)*sector + uint64(binary.LittleEndian.Uint32(image[payloadOffset:]))
	to := from + uint64(binary.LittleEndian.Uint32(image[payloadLength:]))
	if to > uint64(len(image)) || to-from < 8 {
		return nil, 0, fmt.Errorf("bzImage is cut off: its compressed kernel is bytes %d to %d of %d", from, to, len(image))
	}
	if size = binary.LittleEndian.Uint32(image[to-4:]); size > largestKernel {
		return nil, 0, fmt.Errorf("bzImage says that its kernel has %d bytes unpacked", size)
	}
	return image[from:to], size, nil
}

// unpacker reads by what the data begins with, which is how the kernel's own
// scripts/extract-vmlinux knows (and lib/decompress.c). Without xz: the kernel packs with its
// filter for x86, which the library does not read.
func unpacker(packed []byte) (io.Reader, error) {
	r := bytes.NewReader(packed)
	switch {
	case bytes.HasPrefix(packed, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return deb.Decompress(".zst", r)
	case bytes.HasPrefix(packed, []byte{0x02, 0x21, 0x4c, 0x18}):
		return lz4.NewReader(r), nil
	case bytes.HasPrefix(packed, []byte{0x1f, 0x8b}):
		return deb.Decompress(".gz", r)
	}
	return nil, fmt.Errorf("it begins with %x, which is none of zstd, LZ4 and gzip", packed[:4])
}

// physicalEntry is the type of the ELF note that says where a kernel is entered in
// protected mode (XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h).
const physicalEntry = 18

func startsByItself(kernel []byte) error {
	file, err := elf.NewFile(bytes.NewReader(kernel))
	if err != nil {
		return fmt.Errorf("read the unpacked kernel: %w", err)
	}
	for _, p := range file.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		notes, err := io.ReadAll(p.Open())
		if err != nil {
			return fmt.Errorf("read the unpacked kernel's notes: %w", err)
		}
		if hasNote(notes, file.ByteOrder, "Xen\x00", physicalEntry) {
			return nil
		}
	}
	return errors.New("the kernel has no PVH entry")
}

// hasNote looks through notes of four-byte alignment: the lengths of name and
// description, the type, then both, padded.
func hasNote(notes []byte, order binary.ByteOrder, name string, kind uint32) bool {
	const header = 12
	padded := func(n uint32) uint64 { return (uint64(n) + 3) &^ 3 }
	for len(notes) >= header {
		nameLength, length := order.Uint32(notes), order.Uint32(notes[4:])
		size := header + padded(nameLength) + padded(length)
		if size > uint64(len(notes)) {
			return false
		}
		if order.Uint32(notes[8:]) == kind && bytes.HasPrefix(notes[header:], []byte(name)) {
			return true
		}
		notes = notes[size:]
	}
	return false
}
