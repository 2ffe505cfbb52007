package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeep: a result is made once, a verdict is one, and a failure leaves none and ends
// the proof.
func TestKeep(t *testing.T) {
	t.Parallel()
	const testbed = `#!/bin/sh
echo "$*" >>calls
while [ "$1" != --out ]; do status=$1 && shift; done
mkdir -p "$2" && touch "$2/result.json"
echo said >&2
exit "$status"
`
	for status, want := range map[string]struct{ calls, said string }{
		"0": {"run lab.hcl 0 --out kept/one\nrun lab.hcl 0 --out kept/two\n", "proof: one\nproof: two\nend\n"},
		"3": {"run lab.hcl 3 --out kept/one\nrun lab.hcl 3 --out kept/two\n", "proof: one\nproof: two\nend\n"},
		"1": {"run lab.hcl 1 --out kept/one\n", "proof: one\nsaid\n"},
	} {
		dir := t.TempDir()
		keep, err := filepath.Abs("keep")
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"testbed": testbed,
			"proof.sh": "set -eu\n. " + keep + "\nfolder=kept testbed=./testbed\nmkdir kept\n" +
				"for name in one two one; do keep lab.hcl $name " + status + "; done\necho end >&2\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("sh", "./proof.sh")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != strings.HasSuffix(want.said, "end\n") || string(out) != want.said {
			t.Errorf("status %s: %v\n%s", status, err, out)
		}
		if calls, err := os.ReadFile(filepath.Join(dir, "calls")); err != nil || string(calls) != want.calls {
			t.Errorf("status %s: called %q (%v), want %q", status, calls, err, want.calls)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "kept/*/result.json")); (len(left) > 0) != (err == nil) {
			t.Errorf("status %s: it leaves %q", status, left)
		}
	}
}
