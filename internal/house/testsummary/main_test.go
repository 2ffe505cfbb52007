package main

import (
	"strings"
	"testing"
)

func TestSummarize(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		hide     string
		fails    bool
	}{
		{
			name: "all pass",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: no /dev/kvm here\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Elapsed":1.25}
{"Action":"skip","Package":"q"}`,
			want: []string{"ok\tp\t1.2 s\t1 passed, 1 skipped", "no /dev/kvm here", "-\tq\tno tests", "1 passed, 0 failed, 1 skipped, in 2 packages"},
			hide: "chatter",
		},
		{
			name: "a figure is shown of a test that passes",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:9: figure: 95.1 of 100\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:9: no figure: chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`,
			want: []string{"figure\tTestA: 95.1 of 100\n"},
			hide: "chatter",
		},
		{
			name: "a failure shows what the test said",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"want 1\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`,
			want:  []string{"want 1", "1 passed, 1 failed"},
			fails: true,
		},
		{
			name: "a panic shows the test that it ended",
			in: `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}`,
			want:  []string{"panic: oh", "FAIL\tp"},
			fails: true,
		},
		{
			name: "a build failure fails",
			in: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: syntax error\n"}
{"Action":"build-fail","ImportPath":"p"}
{"Action":"pass","Package":"q","Test":"TestA"}
{"Action":"pass","Package":"q"}`,
			want:  []string{"syntax error"},
			fails: true,
		},
		{name: "nothing ran", in: "", fails: true},
		{
			name:  "not JSON",
			in:    "go: cannot find main module\n{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestA\"}\n{\"Action\":\"pass\",\"Package\":\"p\"}",
			want:  []string{"cannot find main module"},
			fails: true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			if err := summarize(strings.NewReader(test.in), &out); (err != nil) != test.fails {
				t.Errorf("summarize: %v, want failure: %v", err, test.fails)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, &out)
				}
			}
			if test.hide != "" && strings.Contains(out.String(), test.hide) {
				t.Errorf("%q in\n%s", test.hide, &out)
			}
		})
	}
}
