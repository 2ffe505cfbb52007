package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkout is a repository with one input and the proofs given.
func checkout(t *testing.T, proofs map[string]string) string {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git; scripts/setup --test installs it")
	}
	dir := t.TempDir()
	script, err := os.ReadFile("prove")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"scripts/prove": string(script), "input": "1\n"}
	for name, text := range proofs {
		files["scripts/proofs/"+name+".sh"] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "-C", dir, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return dir
}

func prove(dir string, names ...string) (string, error) {
	out, err := exec.Command(filepath.Join(dir, "scripts/prove"), names...).CombinedOutput()
	return string(out), err
}

func TestProveGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	dir := checkout(t, map[string]string{
		"bad":  "#!/bin/sh\necho half a page\n[ \"$(cat input)\" = 2 ]\n# inputs: input\n",
		"good": "#!/bin/sh\n# inputs: scripts/prove\necho '# It holds'\necho x >>runs\n",
	})
	out, err := prove(dir)
	if err == nil || !strings.Contains(out, "failed: bad") {
		t.Errorf("a proof that fails: %v\n%s", err, out)
	}
	pages, _ := filepath.Glob(dir + "/docs/proofs/*")
	if len(pages) != 1 {
		t.Fatalf("pages %q, want that of the good proof alone", pages)
	}
	page, err := os.ReadFile(dir + "/docs/proofs/good.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"# It holds\n", "Made by `scripts/prove good` from", "<!-- inputs: "} {
		if !strings.Contains(string(page), text) {
			t.Errorf("no %q in\n%s", text, page)
		}
	}
	if err := os.WriteFile(dir+"/input", []byte("2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err = prove(dir)
	if err != nil || !strings.Contains(out, "good: up to date") || !strings.Contains(out, "bad: proved") {
		t.Errorf("the second run: %v\n%s", err, out)
	}
	if runs, _ := os.ReadFile(dir + "/runs"); string(runs) != "x\n" {
		t.Errorf("the good proof ran %d times, want once", strings.Count(string(runs), "x"))
	}
	if out, err := prove(dir, "unknown"); err == nil || !strings.Contains(out, "no scripts/proofs/unknown.sh") {
		t.Errorf("a proof that is not there: %v\n%s", err, out)
	}
}
