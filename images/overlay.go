package images

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
	"github.com/testbed-lab/testbed/images/newc"
)

// GuestOverlay makes the second archive of a guest's initramfs, with what only
// that guest has. It is to follow the image's root in one file: the kernel
// unpacks one archive after the other. It holds the guest's private key, so the
// file must not be readable by others.
func GuestOverlay(cfg guestconfig.Config) ([]byte, error) {
	text, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode guest configuration: %w", err)
	}
	t := &newc.Tree{}
	t.File(strings.TrimPrefix(guestconfig.Path, "/"), 0o600, append(text, '\n'))
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
