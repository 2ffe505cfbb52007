package hcl

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// suggest gives " Did you mean "x"?" for the candidate nearest to what was
// written, or nothing where none is near.
func suggest(written string, candidates []string) string {
	if near := nearest(written, candidates); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// suggestCode is suggest for a name that stands without quotes.
func suggestCode(prefix, written string, candidates []string) string {
	if near := nearest(written, candidates); near != "" {
		return fmt.Sprintf(" Did you mean %s%s?", prefix, near)
	}
	return ""
}

// nearest allows one edit in words of three letters, two in longer ones, and a
// third of the letters in long ones: "vth" is veth, and "l4" is not l2.
func nearest(written string, candidates []string) string {
	edits := max(len(written)/3, min(len(written)-2, 2))
	best, least := "", edits+1
	for _, c := range candidates {
		d := levenshtein.Distance(strings.ToLower(written), strings.ToLower(c), nil)
		if d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// quoted is `"a", "b" or "c"`.
func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = fmt.Sprintf("%q", w)
	}
	return enumerate(q, "or")
}

// enumerate is "a, b and c".
func enumerate(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}
