package evidence

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBufferSize(t *testing.T) {
	for value, want := range map[string]string{"7 (expanded: 1408)\n": "1408", "512\n": "512", "1\n": "1"} {
		require.Equal(t, want, bufferSize(value))
	}
}

// TestTracingIsLeftAsItWas, with a size of buffer that a person has set.
func TestTracingIsLeftAsItWas(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this machine lacks root: nothing can be traced")
	}
	fs, err := openTracefs()
	require.NoError(t, err)
	defer fs.close()
	require.NoError(t, fs.idle())
	size, err := fs.read("buffer_size_kb")
	require.NoError(t, err)
	require.NoError(t, fs.write("buffer_size_kb", "512", false))
	set, err := fs.read("buffer_size_kb") // The kernel rounds it.
	require.NoError(t, err)
	defer fs.write("buffer_size_kb", bufferSize(size), false)

	tracer, err := Start(Events)
	require.NoError(t, err)
	_, err = Start(Events)
	require.ErrorContains(t, err, "somebody traces")
	_, err = tracer.Stop()
	require.NoError(t, err)
	require.NoError(t, fs.idle())
	now, err := fs.read("buffer_size_kb")
	require.NoError(t, err)
	require.Equal(t, set, now)
}
