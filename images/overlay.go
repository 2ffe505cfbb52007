package images

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/images/newc"
)

// OverlayFile is one more file of a guest's, by its path from the root.
type OverlayFile struct {
	Name string
	Mode fs.FileMode
	Data []byte
}

// GuestOverlay makes the second archive of a guest's initramfs, with what only
// that guest has. It is to follow the image's root in one file: the kernel
// unpacks one archive after the other. It holds the guest's private key, so the
// file must not be readable by others.
//
// The files are what a sealed guest runs.
func GuestOverlay(cfg guestconfig.Config, files ...OverlayFile) ([]byte, error) {
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode guest configuration: %w", err)
	}
	t := &newc.Tree{}
	t.File(strings.TrimPrefix(guestconfig.Path, "/"), 0o600, append(text, '\n'))
	for _, file := range files {
		t.File(file.Name, file.Mode, file.Data)
	}
	var out bytes.Buffer
	n, err := t.WriteTo(&out)
	if err != nil {
		return nil, err
	}
	if err := newc.Close(&out, n); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
