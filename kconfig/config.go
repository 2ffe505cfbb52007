package kconfig

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Config is a kernel's configuration.
type Config struct {
	// Version is that of the kernel, as in "6.12.117". Empty where the
	// configuration does not tell.
	Version string
	// Architecture is Kbuild's name, as in "x86". Empty likewise.
	Architecture string

	values map[string]string
}

// title is the third line of a .config.
var title = regexp.MustCompile(`^# Linux/(\S+) (\S+) Kernel Configuration$`)

// gzipMagic begins /proc/config.gz.
const gzipMagic = "\x1f\x8b"

// Read reads a configuration as Kbuild writes it (.config), or /proc/config.gz.
func Read(r io.Reader) (*Config, error) {
	buffered := bufio.NewReader(r)
	if start, err := buffered.Peek(len(gzipMagic)); err == nil && string(start) == gzipMagic {
		plain, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return parse(plain)
	}
	return parse(buffered)
}

func parse(r io.Reader) (*Config, error) {
	c := &Config{values: map[string]string{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if found := title.FindStringSubmatch(line); found != nil {
			c.Architecture, c.Version = found[1], found[2]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		option, value, is := strings.Cut(line, "=")
		if !is || !strings.HasPrefix(option, prefix) {
			return nil, fmt.Errorf("line %d is no option of a kernel's configuration: %.40q", n, line)
		}
		c.values[option] = value
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(c.values) == 0 {
		return nil, errors.New("it sets no option: a kernel's configuration is its tree's .config, /boot/config-* or /proc/config.gz")
	}
	return c, nil
}

// Has reports whether an option is set, built in or as a module.
func (c *Config) Has(option string) bool { return c.BuiltIn(option) || c.Module(option) }

// BuiltIn reports whether an option is built in.
func (c *Config) BuiltIn(option string) bool { return c.values[option] == "y" }

// Module reports whether an option is a module.
func (c *Config) Module(option string) bool { return c.values[option] == "m" }

// Lacks are the options of features that are not set.
func (c *Config) Lacks(features []Feature) []string {
	var all []string
	for _, option := range Options(features) {
		if !c.Has(option) {
			all = append(all, option)
		}
	}
	return all
}

// Mend is the command that sets options, and all that they require, in a
// configuration, to be run in the kernel's tree. What is not a tree's own
// configuration is that of a kernel that is built, and becomes one first.
func (c *Config) Mend(path string, options []string) string {
	const own = ".config"
	var b strings.Builder
	switch {
	case filepath.Base(path) == own:
	case filepath.Ext(path) == ".gz":
		fmt.Fprintf(&b, "zcat %s > %s && ", path, own)
		path = own
	default:
		fmt.Fprintf(&b, "cp %s %s && ", path, own)
		path = own
	}
	fmt.Fprintf(&b, "scripts/config --file %s", path)
	for _, option := range withRequired(options) {
		if !c.Has(option) {
			b.WriteString(" -e " + strings.TrimPrefix(option, prefix))
		}
	}
	return b.String() + " && make olddefconfig"
}

// TooOld are the features that came after the configuration's kernel. None, where
// it does not tell its version.
func (c *Config) TooOld(features []Feature) []Feature {
	var all []Feature
	for _, f := range features {
		if c.Version != "" && f.MinimumVersion != "" && Older(c.Version, f.MinimumVersion) {
			all = append(all, f)
		}
	}
	return all
}

// Older compares releases of Linux by their first two numbers: features come with
// those.
func Older(a, b string) bool {
	one, two := numbers(a), numbers(b)
	return one[0] < two[0] || one[0] == two[0] && one[1] < two[1]
}

var leadingDigits = regexp.MustCompile(`^\d+`)

func numbers(version string) (found [2]int) {
	parts := strings.SplitN(version, ".", 3)
	for i := range min(len(parts), len(found)) {
		found[i], _ = strconv.Atoi(leadingDigits.FindString(parts[i])) // "" is 0.
	}
	return found
}
