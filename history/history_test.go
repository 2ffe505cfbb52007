package history

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/testbed-lab/testbed/report"
	"github.com/testbed-lab/testbed/testbed"
)

var began = time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)

// night is a result with two modes, as the nth night measures it.
func night(n int, ratio float64) testbed.Result {
	estimate := func(v float64) testbed.Estimate {
		lo, hi := v*0.99, v*1.01
		return testbed.Estimate{Estimate: &v, Lo: &lo, Hi: &hi, N: 10, Method: "geometric mean of rounds"}
	}
	return testbed.Result{
		Schema: testbed.ResultSchema, Lab: "nightly", LabDigest: "d1", Backend: "local", Started: began.AddDate(0, 0, n),
		Environment: testbed.Environment{
			Host:     map[string]any{"cpu_model": "AMD EPYC", "qemu_command_lines": map[string]any{"a": "b"}},
			Machines: []testbed.MachineEnvironment{{Name: "client", Facts: map[string]any{"cpu_model": "AMD EPYC", "kernel_release": fmt.Sprintf("6.12.%d", n)}}},
		},
		Tests: []testbed.TestResult{{
			Name: "tcp_rr", Protocol: "tcp_rr", Engine: "testbed", Unit: testbed.UnitTime, Rounds: 10, Boots: 1,
			Modes: []testbed.ModeResult{
				{Name: "host", Status: testbed.StatusOK, P50: estimate(40e3), P99: testbed.Estimate{Reason: "too few"}},
				{Name: "docker0", Status: testbed.StatusOK, P50: estimate(40e3 * ratio), RatioToHost: map[string]testbed.Estimate{"p50": estimate(ratio)}},
				{Name: "netkit", Status: testbed.StatusUnsupported, Reason: "old"},
			},
		}},
	}
}

// stored writes a result as testbed run does.
func stored(t testing.TB, r testbed.Result) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, report.Write(dir, r, nil))
	return dir
}

func opened(t testing.TB, dir string, access Access) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, Options{Access: access})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func read(t testing.TB, dir string) Incoming {
	t.Helper()
	in, err := Read(dir)
	require.NoError(t, err)
	return in
}

func TestAdd(t *testing.T) {
	store, folder := filepath.Join(t.TempDir(), "a", "b"), stored(t, night(0, 1.2))
	page, err := os.ReadFile(filepath.Join(folder, report.PageFile))
	require.NoError(t, err)
	s := opened(t, store, Creating)
	added, err := s.Add([]Incoming{read(t, folder), read(t, stored(t, night(1, 1.3)))})
	require.NoError(t, err)
	require.Len(t, added, 2)
	require.False(t, added[0].Known)
	require.Greater(t, added[0].Bytes, 1000)

	// The same result is the same wherever it lies, also within one call.
	again, err := s.Add([]Incoming{read(t, stored(t, night(1, 1.3))), read(t, stored(t, night(2, 1.2))), read(t, stored(t, night(2, 1.2)))})
	require.NoError(t, err)
	require.Equal(t, []bool{true, false, true}, []bool{again[0].Known, again[1].Known, again[2].Known})
	all, err := s.Results()
	require.NoError(t, err)
	require.Len(t, all, 3)

	// Each opens its report though the folder is gone.
	require.NoError(t, os.RemoveAll(folder))
	kept, err := s.ReportFile(added[0].ID, report.PageFile)
	require.NoError(t, err)
	require.Equal(t, string(page), string(kept))
	_, err = s.ReportFile("nothing", report.PageFile)
	require.ErrorContains(t, err, "it is not there")

	first := all[0]
	for _, r := range all {
		if r.ID == added[0].ID {
			first = r
		}
	}
	require.Equal(t, "nightly", first.Lab)
	require.Equal(t, folder, first.Folder)
	require.NotContains(t, first.Host, "qemu_command_lines")
	require.Equal(t, []string{"6.12.0"}, first.Tests[0].Kernels)
	var names []string
	for _, f := range first.Tests[0].Figures {
		names = append(names, f.Mode+" "+f.Metric)
	}
	require.Equal(t, []string{"host p50", "docker0 ratio", "docker0 p50"}, names, "nothing of what was not measured")
}

func TestAddDrawsAReportThatIsNotThere(t *testing.T) {
	folder := stored(t, night(0, 1.2))
	page, err := os.ReadFile(filepath.Join(folder, report.PageFile))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(folder, report.PageFile)))
	s := opened(t, t.TempDir(), Creating)
	added, err := s.Add([]Incoming{read(t, folder)})
	require.NoError(t, err)
	kept, err := s.ReportFile(added[0].ID, report.PageFile)
	require.NoError(t, err)
	require.Equal(t, string(page), string(kept))
}

func TestReadRefuses(t *testing.T) {
	nowhere := night(0, 1.2)
	nowhere.Lab = ""
	empty := night(0, 1.2)
	empty.Tests[0].Modes = empty.Tests[0].Modes[2:]
	negative := night(0, -1)
	for text, dir := range map[string]string{
		"no such file":                      t.TempDir(),
		"does not say of which lab":         stored(t, nowhere),
		"no mode of it has a figure":        stored(t, empty),
		`mode "docker0": its p50 is -40000`: stored(t, negative),
	} {
		_, err := Read(dir)
		require.ErrorContains(t, err, text)
	}
	newer := stored(t, night(0, 1.2))
	path := filepath.Join(newer, report.ResultFile)
	for what, text := range map[string]string{"testbed.result/v9": `its schema is "testbed.result/v9"`, "": `its schema is ""`} {
		require.NoError(t, os.WriteFile(path, []byte(`{"schema": "`+what+`"}`), 0o644))
		_, err := Read(newer)
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, err, path)
	}
	require.NoError(t, os.WriteFile(path, []byte(`{"schema": "testbed.res`), 0o644))
	_, err := Read(newer)
	require.ErrorContains(t, err, "unexpected EOF")
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open(t.Context(), t.TempDir(), Options{Access: Writing})
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	require.Contains(t, missing.Hint(), "testbed history add --store")

	make := func(change func(path string)) error {
		dir := t.TempDir()
		s, err := Open(t.Context(), dir, Options{Access: Creating})
		require.NoError(t, err)
		_, err = s.Add([]Incoming{read(t, stored(t, night(0, 1.2))), read(t, stored(t, night(1, 1.2)))})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		change(filepath.Join(dir, File))
		s, err = Open(t.Context(), dir, Options{Access: Writing})
		if err == nil {
			_ = s.Close()
		}
		return err
	}
	update := func(change func(tx *bolt.Tx) error) func(path string) {
		return func(path string) {
			db, err := bolt.Open(path, 0o644, nil)
			require.NoError(t, err)
			require.NoError(t, db.Update(change))
			require.NoError(t, db.Close())
		}
	}
	require.NoError(t, make(func(string) {}))
	for text, change := range map[string]func(path string){
		"invalid database": func(path string) { require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 65536)), 0o644)) },
		"it is empty":      func(path string) { require.NoError(t, os.Truncate(path, 0)) },
		"it was cut off":   func(path string) { require.NoError(t, os.Truncate(path, 16384)) },
		`its schema is "testbed.history/v7"; this version reads "testbed.history/v1"`: update(func(tx *bolt.Tx) error {
			return tx.Bucket(metaBucket).Put(schemaKey, []byte("testbed.history/v7"))
		}),
		"another program's": update(func(tx *bolt.Tx) error { return tx.DeleteBucket(metaBucket) }),
	} {
		err := make(change)
		require.ErrorContains(t, err, text)
		var unreadable *UnreadableError
		require.ErrorAs(t, err, &unreadable)
		require.Contains(t, unreadable.Hint(), "move the file away")
	}
}

// noticing is a context that tells when it is asked whether it is over, which Open does
// once it has met somebody who has the store.
type noticing struct {
	context.Context
	met func()
}

func (c noticing) Err() error {
	c.met()
	return c.Context.Err()
}

func TestOpenWaitsWithADeadline(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, opened(t, dir, Creating).Close())
	letGo := holder(t, dir)
	_, err := Open(t.Context(), dir, Options{Access: Reading, Wait: 50 * time.Millisecond})
	var busy *BusyError
	require.ErrorAs(t, err, &busy)
	require.ErrorContains(t, err, "another process has held it for 50ms")
	require.Contains(t, busy.Hint(), "fuser -v "+filepath.Join(dir, File))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fs.ErrClosed)
	_, err = Open(ctx, dir, Options{})
	require.ErrorIs(t, err, fs.ErrClosed)

	met := 0
	s, err := Open(noticing{t.Context(), func() { met++; letGo() }}, dir, Options{Access: Writing})
	require.NoError(t, err)
	require.Positive(t, met)
	require.NoError(t, s.Close())

	first := opened(t, dir, Reading)
	second := opened(t, dir, Reading)
	require.NotNil(t, second, "readers do not wait for each other")
	require.NoError(t, first.Close())
}

// A page that was overwritten ends nothing but the command: it is an error that names the
// store, or what is read is what was there. Which of the two, and whether it is the whole
// store that cannot be read, follows from what the page is for. (The first two pages each
// say where a state of the store begins: without one it is the store before or after.)
func TestADamagedPageIsAnError(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Creating)
	in := []Incoming{read(t, stored(t, night(0, 1.2))), read(t, stored(t, night(1, 1.2)))}
	_, err := s.Add(in)
	require.NoError(t, err)
	kinds := pages(t, s)
	require.NoError(t, s.Close())
	path := filepath.Join(dir, File)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	before, err := everything(t, dir, in)
	require.NoError(t, err)
	tried := map[string]int{}
	for page, kind := range kinds {
		if kind == "meta" {
			continue
		}
		damage := bytes.Repeat([]byte{0xa5}, os.Getpagesize())
		require.NoError(t, os.WriteFile(path, slices.Concat(whole[:page*len(damage)], damage, whole[(page+1)*len(damage):]), 0o644))
		found, err := everything(t, dir, in)
		tried[kind]++
		var unreadable *UnreadableError
		switch kind {
		case "leaf", "branch": // By which things are found.
			require.ErrorAs(t, err, &unreadable, "page %d", page)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "it is damaged")
		case "overflow": // The rest of what is too large for a page.
			require.ErrorContains(t, err, fmt.Sprintf("in history %q", path), "page %d", page)
			require.NotErrorAs(t, err, &unreadable)
		case "freelist", "free": // Which no reader needs.
			require.NoError(t, err, "page %d, %s", page, kind)
			require.Equal(t, before, found)
		default:
			t.Fatalf("page %d is of an unknown kind: %s", page, kind)
		}
	}
	require.GreaterOrEqual(t, tried["leaf"], 3, "what there is, results, and files")
	require.Positive(t, tried["overflow"])
	require.Positive(t, tried["free"])
}

// pages are what each page of a store is for.
func pages(t *testing.T, s *Store) (kinds []string) {
	t.Helper()
	require.NoError(t, s.db.View(func(tx *bolt.Tx) error {
		for {
			p, err := tx.Page(len(kinds))
			if err != nil || p == nil {
				return err
			}
			kinds = append(kinds, p.Type)
			for range p.OverflowCount {
				kinds = append(kinds, "overflow")
			}
		}
	}))
	return kinds
}

// everything is what a store says of results, with their files.
func everything(t *testing.T, dir string, in []Incoming) (found []any, err error) {
	t.Helper()
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	results, err := s.Results()
	if err != nil {
		return nil, err
	}
	found = append(found, results)
	for _, one := range in {
		for _, name := range slices.Sorted(maps.Keys(one.files)) {
			text, err := s.ReportFile(one.Result.ID, name)
			if err != nil {
				return nil, err
			}
			found = append(found, string(text))
		}
	}
	return found, nil
}

// Environment of a process that TestMain turns into a writer, or one that holds the store
// until its standard input ends.
const (
	writesTo   = "TESTBED_HISTORY_TEST_STORE"
	writesFrom = "TESTBED_HISTORY_TEST_FIRST"
	holds      = "TESTBED_HISTORY_TEST_HELD"
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(writesTo) != "":
		err = write(os.Getenv(writesTo))
	case os.Getenv(holds) != "":
		err = hold(os.Getenv(holds))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hold says that it has the store once it does.
func hold(dir string) error {
	s, err := Open(context.Background(), dir, Options{Access: Writing})
	if err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

// holder is another process that has a store until it lets it go.
func holder(t *testing.T, dir string) (letGo func()) {
	t.Helper()
	cmd := process(t, holds+"="+dir)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", said)
	return sync.OnceFunc(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
}

// process is this program, not yet started, as what TestMain makes of it.
func process(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// writes is how many results each process adds, one by one.
const writes = 10

// write adds results and says of each that it is stored.
func write(dir string) error {
	first, err := strconv.Atoi(os.Getenv(writesFrom))
	if err != nil {
		return err
	}
	for n := first; n < first+writes; n++ {
		in := Incoming{Result: Result{ID: fmt.Sprintf("%04d", n), Lab: "x", Started: began}, files: map[string][]byte{report.PageFile: make([]byte, 40000)}}
		s, err := Open(context.Background(), dir, Options{Access: Creating})
		if err != nil {
			return err
		}
		if _, err := s.Add([]Incoming{in}); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		fmt.Println(in.Result.ID)
	}
	return nil
}

func writer(t *testing.T, dir string, first int) *exec.Cmd {
	t.Helper()
	return process(t, writesTo+"="+dir, writesFrom+"="+strconv.Itoa(first))
}

// Three processes add at the same time to a store that none of them has made yet.
func TestManyWriters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var commands []*exec.Cmd
	for i := range 3 {
		cmd := writer(t, dir, i*100)
		cmd.Stderr = new(strings.Builder)
		require.NoError(t, cmd.Start())
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		require.NoError(t, cmd.Wait(), "%s", cmd.Stderr)
	}
	all, err := opened(t, dir, Reading).Results()
	require.NoError(t, err)
	require.Len(t, all, 3*writes)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no draft stays")
}

// A process that is killed at any time leaves a store that opens, with all that it said
// was stored.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	for attempt := range 5 {
		first := attempt * 100
		cmd := writer(t, dir, first)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		var said []string
		for lines := bufio.NewScanner(out); len(said) <= attempt && lines.Scan(); {
			said = append(said, lines.Text())
		}
		require.Len(t, said, attempt+1) // And now it is in the middle of the next.
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		s, err := Open(t.Context(), dir, Options{Access: Writing})
		require.NoError(t, err)
		all, err := s.Results()
		require.NoError(t, err)
		known := map[string]bool{}
		for _, r := range all {
			known[r.ID] = true
			data, err := s.ReportFile(r.ID, report.PageFile)
			require.Error(t, err, "%d bytes: zeros are no zstd", len(data))
			require.NotContains(t, err.Error(), "not there", "a result has its files")
		}
		for _, id := range said {
			require.True(t, known[id], id)
		}
		require.NoError(t, s.db.View(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				return err
			}
			return nil
		}))
		require.NoError(t, s.Close())
	}
}

// A transaction that ends with an error in the middle leaves nothing.
func TestNothingIsHalfAdded(t *testing.T) {
	s := opened(t, t.TempDir(), Creating)
	good, bad := read(t, stored(t, night(0, 1.2))), read(t, stored(t, night(1, 1.2)))
	bad.files[strings.Repeat("n", bolt.MaxKeySize)] = []byte("a name that no key can hold")
	_, err := s.Add([]Incoming{good, bad})
	require.ErrorContains(t, err, "add to history")
	all, err := s.Results()
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = s.ReportFile(good.Result.ID, report.PageFile)
	require.Error(t, err)
}

func TestStoredFormIsStable(t *testing.T) {
	in := read(t, stored(t, night(0, 1.2)))
	in.Result.Folder, in.Result.ID = "/results/x", "0"
	text, err := json.Marshal(in.Result)
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"0","added":"0001-01-01T00:00:00Z","started":"2026-11-01T02:00:00Z","folder":"/results/x","lab":"nightly","lab_digest":"d1",
		"backend":"local","accelerator":"","tool":"","host":{"cpu_model":"AMD EPYC"},"tests":[{"name":"tcp_rr","cell":{},"kernels":["6.12.0"],
		"rig":[{"what":"backend","value":"local"},{"what":"accelerator","value":""},{"what":"QEMU","value":""},{"what":"CPU model of the host","value":"AMD EPYC"},{"what":"CPU model of client","value":"AMD EPYC"}],
		"conditions":[{"what":"protocol","value":"tcp_rr"},{"what":"engine","value":"testbed"},{"what":"size","value":"0/0 B"},{"what":"load","value":"null"},
		{"what":"settings","value":"{\"connections\":0,\"nodelay\":false,\"warmup_ns\":0,\"busy_poll_ns\":0,\"cpu\":null,\"priority\":0,\"samples\":\"\"}"}],
		"figures":[{"mode":"host","metric":"p50","unit":"ns","value":40000,"lo":39600,"hi":40400},{"mode":"docker0","metric":"ratio","unit":"","value":1.2,"lo":1.188,"hi":1.212},
		{"mode":"docker0","metric":"p50","unit":"ns","value":48000,"lo":47520,"hi":48480}]}]}`, string(text))
}
