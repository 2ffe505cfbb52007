package images

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func note(name string, kind uint32, description string) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(name)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(description)))
	out = binary.LittleEndian.AppendUint32(out, kind)
	for _, text := range []string{name, description} {
		out = append(out, text...)
		out = append(out, make([]byte, -len(text)&3)...)
	}
	return out
}

// vmlinux is an ELF file of notes alone, with text behind them that packs well.
func vmlinux(t *testing.T, notes ...[]byte) []byte {
	t.Helper()
	body := bytes.Join(notes, nil)
	var out bytes.Buffer
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	require.NoError(t, binary.Write(&out, binary.LittleEndian, header))
	require.NoError(t, binary.Write(&out, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: 120, Filesz: uint64(len(body)), Align: 4}))
	out.Write(body)
	out.WriteString(strings.Repeat("text of a kernel ", 10_000))
	return out.Bytes()
}

// pack makes a bzImage of a kernel: its size follows what was compressed, as the kernel's
// scripts/Makefile.lib has it, and stands in gzip's own last four bytes.
func pack(t *testing.T, kernel []byte, compress func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := compress(&packed)
	require.NoError(t, err)
	_, err = w.Write(kernel)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	payload := packed.Bytes()
	if !bytes.HasPrefix(payload, []byte{0x1f, 0x8b}) {
		payload = binary.LittleEndian.AppendUint32(payload, uint32(len(kernel)))
	}
	const sectors, before = 6, 32
	image := make([]byte, (sectors+1)*sector+before)
	copy(image, bzImage("6.12.1"))
	image[setupSectors], image[loadFlags] = sectors, has64Bit
	binary.LittleEndian.PutUint16(image[protocolVersion:], 0x020f)
	binary.LittleEndian.PutUint32(image[payloadOffset:], before)
	binary.LittleEndian.PutUint32(image[payloadLength:], uint32(len(payload)))
	return append(append(image, payload...), "what follows"...)
}

func asZstd(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }

func TestUnpack(t *testing.T) {
	kernel := vmlinux(t, note("Linux\x00", 0x100, "x"), note("Xen\x00", 5, "xen-3.0\x00"), note("Xen\x00", physicalEntry, "\x00\x10\x00\x01"))
	for name, compress := range map[string]func(io.Writer) (io.WriteCloser, error){
		"zstd": asZstd,
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"lz4": func(w io.Writer) (io.WriteCloser, error) {
			z := lz4.NewWriter(w)
			return z, z.Apply(lz4.LegacyOption(true))
		},
	} {
		t.Run(name, func(t *testing.T) {
			unpacked, err := Unpack(pack(t, kernel, compress))
			require.NoError(t, err)
			require.Equal(t, kernel, unpacked)
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	whole := pack(t, vmlinux(t, note("Xen\x00", physicalEntry, "\x00\x10\x00\x01")), asZstd)
	changed := func(change func([]byte)) []byte {
		image := bytes.Clone(whole)
		change(image)
		return image
	}
	at := bytes.Index(whole, []byte{0x28, 0xb5, 0x2f, 0xfd})
	for name, tt := range map[string]struct {
		image []byte
		err   string
	}{
		"no bzImage":            {[]byte("\x7fELF"), "not a bzImage"},
		"an old protocol":       {changed(func(b []byte) { b[protocolVersion], b[protocolVersion+1] = 7, 2 }), "does not say where"},
		"cut off":               {whole[:len(whole)-40], "is cut off"},
		"a size beyond reason":  {changed(func(b []byte) { b[len(b)-len("what follows")-1] = 0xff }), "bytes unpacked"},
		"fewer bytes than said": {changed(func(b []byte) { b[len(b)-len("what follows")-2]++ }), "unpack the kernel"},
		"unknown compression":   {changed(func(b []byte) { copy(b[at:], "BZh9") }), "begins with 425a6839"},
		"xz":                    {pack(t, []byte(strings.Repeat("a kernel ", 100)), func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }), "begins with fd377a58"},
		"broken data":           {changed(func(b []byte) { b[at+6] ^= 0xff }), "unpack the kernel"},
		"no ELF file":           {pack(t, []byte(strings.Repeat("no kernel ", 100)), asZstd), "read the unpacked kernel"},
		"no PVH entry":          {pack(t, vmlinux(t, note("Xen\x00", 5, "xen-3.0\x00"), note("GNU\x00", physicalEntry, "id")), asZstd), "no PVH entry"},
		"notes that are cut":    {pack(t, vmlinux(t, note("Xen\x00", physicalEntry, "\x00\x10\x00\x01")[:16]), asZstd), "no PVH entry"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unpack(tt.image)
			require.ErrorContains(t, err, tt.err)
		})
	}
}
