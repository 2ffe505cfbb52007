package archivetest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// section is one section of a small ELF file.
type section struct {
	name string
	kind elf.SectionType
	link uint32
	data []byte
}

// Module is a kernel module with nothing in it but its .modinfo, of key=value
// fields.
func Module(fields ...string) string {
	info := strings.Join(fields, "\x00") + "\x00"
	return elfFile(section{name: ".modinfo", kind: elf.SHT_PROGBITS, data: []byte(info)})
}

// Program is a program or library that needs others (DT_NEEDED) and has text in
// it.
func Program(text string, needed ...string) string {
	names, dynamic := []byte{0}, new(bytes.Buffer)
	for _, n := range needed {
		put(dynamic, uint64(elf.DT_NEEDED), uint64(len(names)))
		names = append(append(names, n...), 0)
	}
	put(dynamic, uint64(elf.DT_NULL), uint64(0))
	return elfFile(
		section{name: ".dynstr", kind: elf.SHT_STRTAB, data: names},
		section{name: ".dynamic", kind: elf.SHT_DYNAMIC, link: 1, data: dynamic.Bytes()},
		section{name: ".rodata", kind: elf.SHT_PROGBITS, data: []byte(text)},
	)
}

// Busybox is a program with busybox's table of names in it.
func Busybox(applets ...string) string {
	table := []string{"[", "[["}
	for i := range 60 { // A real one has about 270.
		table = append(table, "applet"+hex.EncodeToString([]byte{byte(i)}))
	}
	return Program("text\x00!" + strings.Join(append(table, applets...), "\x00") + "\x00\x00")
}

func elfFile(sections ...section) string {
	sections = append(sections, section{name: ".shstrtab", kind: elf.SHT_STRTAB})
	names := []byte{0}
	var offsets []uint32
	for _, s := range sections {
		offsets = append(offsets, uint32(len(names)))
		names = append(append(names, s.name...), 0)
	}
	sections[len(sections)-1].data = names
	const headerSize, sectionSize = 64, 64
	var body, table bytes.Buffer
	put(&table, elf.Section64{})
	for i, s := range sections {
		put(&table, elf.Section64{
			Name: offsets[i], Type: uint32(s.kind), Link: s.link,
			Off: uint64(headerSize + body.Len()), Size: uint64(len(s.data)),
		})
		body.Write(s.data)
	}
	header := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: uint64(headerSize + body.Len()), Ehsize: headerSize, Shentsize: sectionSize,
		Shnum: uint16(len(sections) + 1), Shstrndx: uint16(len(sections)),
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	var file bytes.Buffer
	put(&file, header)
	file.Write(body.Bytes())
	file.Write(table.Bytes())
	return file.String()
}

func put(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(w, binary.LittleEndian, v) // A buffer takes everything.
	}
}
