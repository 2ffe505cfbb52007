package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Detect says what a stream is, from the stream and the environment: a terminal
// (TERM is not "dumb"), colours (NO_COLOR is not set), a UTF-8 locale. getenv is
// usually [os.Getenv].
func Detect(out io.Writer, getenv func(string) string) Options {
	options := Options{Unicode: utf8Locale(getenv)}
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) || getenv("TERM") == "dumb" {
		return options
	}
	options.TTY = true
	options.Color = getenv("NO_COLOR") == ""
	options.Size = func() (int, int) {
		w, h, err := term.GetSize(int(file.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
	return options
}

// utf8Locale reads the locale as setlocale(3) does: the first that is set counts.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(name); value != "" {
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}
