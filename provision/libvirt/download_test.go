package libvirt

import (
	"bytes"
	"context"
	"testing"

	golibvirt "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// Consoles that are read over and over, at once, come whole each time. Not oftener than a
// lab may do it: the daemon of libvirt 11.3 itself crashes in one of some thousands of
// downloads (a general protection fault in libvirt.so; 3 in 13,000 here).
func TestDownloads(t *testing.T) {
	b := live(t)
	id := uuid.NewString()
	require.NoError(t, b.makePool(t.Context(), id))
	defer b.abandonPool(context.Background(), id)
	var all errgroup.Group
	for _, name := range []string{"client", "server"} {
		log := b.poolPath(id) + "/" + logName(name)
		for _, rotated := range []string{".0", ""} {
			text := bytes.Repeat([]byte(name+rotated), 300)
			_, err := b.upload(t.Context(), id, logName(name)+rotated, int64(len(text)), bytes.NewReader(text))
			require.NoError(t, err)
		}
		want := append(bytes.Repeat([]byte(name+".0"), 300), bytes.Repeat([]byte(name), 300)...)
		all.Go(func() error {
			for range 5 {
				got, err := b.downloadLog(t.Context(), seenDomain{mark: mark{Lab: id, Thing: name, Log: log}})
				if err != nil {
					return err
				}
				require.Equal(t, string(want), string(got))
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
	none, err := b.downloadLog(t.Context(), seenDomain{mark: mark{Lab: id, Thing: "third", Log: b.poolPath(id) + "/" + logName("third")}})
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestLogFiles(t *testing.T) {
	volumes := []golibvirt.StorageVol{{Name: "a.console.log"}, {Name: "a.kernel.1"}, {Name: "a.console.log.1"}, {Name: "b.console.log"}, {Name: "a.console.log.0"}}
	var names []string
	for _, v := range logFiles(volumes, "a.console.log") {
		names = append(names, v.Name)
	}
	require.Equal(t, []string{"a.console.log.1", "a.console.log.0", "a.console.log"}, names)
}
