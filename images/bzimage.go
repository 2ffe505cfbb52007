package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

// Offsets in a bzImage (the kernel's Documentation/arch/x86/boot.rst).
const (
	bootSectorFlag  = 0x1fe // 0xaa55
	headerMagic     = 0x202 // "HdrS"
	protocolVersion = 0x206
	versionPointer  = 0x20e // Where the version string is, less 0x200.
	loadFlags       = 0x236 // xloadflags, from protocol 2.12 (Linux 3.8) on.
	smallestBzImage = 0x400
	longestVersion  = 512

	has64Bit      = 1 // XLF_KERNEL_64
	withLoadFlags = 0x020c
)

// bzImageRelease reads what uname -r will say from a kernel image's header.
func bzImageRelease(image []byte) (string, error) {
	if len(image) < smallestBzImage || binary.LittleEndian.Uint16(image[bootSectorFlag:]) != 0xaa55 ||
		string(image[headerMagic:headerMagic+4]) != "HdrS" {
		return "", errors.New("not a bzImage: build it with `make bzImage` (arch/x86/boot/bzImage), not vmlinux")
	}
	if binary.LittleEndian.Uint16(image[protocolVersion:]) >= withLoadFlags && image[loadFlags]&has64Bit == 0 {
		return "", errors.New("a kernel of 32 bits, and guests have 64: configure it with CONFIG_64BIT=y (make ARCH=x86_64 …)")
	}
	at := int(binary.LittleEndian.Uint16(image[versionPointer:])) + 0x200
	if at >= len(image) {
		return "", errors.New("bzImage has no version string")
	}
	text := image[at:min(at+longestVersion, len(image))]
	text, _, ok := bytes.Cut(text, []byte{0})
	release, _, _ := strings.Cut(string(text), " ")
	if !ok || release == "" || strings.Contains(release, "/") {
		return "", errors.New("bzImage has no version string")
	}
	return release, nil
}
