package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columnsOf is how many terminal columns a text takes: none for combining
// marks, two for wide East Asian characters.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shorten cuts the middle out of a text that is too wide: mode names differ at
// both ends.
func shorten(s string, columns int) string {
	if columnsOf(s) <= columns {
		return s
	}
	runes := []rune(s)
	head, tail, room := 0, len(runes), columns-1
	for takeHead := true; head < tail; takeHead = !takeHead {
		next := runes[head]
		if !takeHead {
			next = runes[tail-1]
		}
		if room -= runeColumns(next); room < 0 {
			break
		}
		if takeHead {
			head++
		} else {
			tail--
		}
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}

// pad fills a text with spaces, before it or after it.
func pad(s string, columns int, left bool) string {
	space := strings.Repeat(" ", max(columns-columnsOf(s), 0))
	if left {
		return s + space
	}
	return space + s
}

// wrap breaks a text into lines of at most so many columns; a word that is
// wider than a line is cut.
func wrap(s string, columns int) []string {
	lines := []string{}
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && columnsOf(line)+1+columnsOf(word) <= columns {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for columnsOf(word) > columns {
			var head string
			head, word = cut(word, columns)
			lines = append(lines, head)
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func cut(word string, columns int) (head, rest string) {
	for i, r := range word {
		if columns -= runeColumns(r); columns < 0 && i > 0 {
			return word[:i], word[i:]
		}
	}
	return word, ""
}

// plain makes a text from a guest harmless to a terminal: control characters
// become spaces.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
