package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pageCommand is a command line of ours in an indented block of a page.
var pageCommand = regexp.MustCompile(`(?m)^    (?:bin/)?testbed (.*)$`)

// TestCommandsOfTheNightlyPage sees that verbs and flags are those of this version.
func TestCommandsOfTheNightlyPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/nightly.md")
	require.NoError(t, err)
	lines := pageCommand.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(lines), 3)
	for _, line := range lines {
		command, _, _ := strings.Cut(line[1], " > ")
		root := (&app{}).root()
		cmd, rest, err := root.Find(strings.Fields(command))
		require.NoError(t, err, command)
		require.NotEqual(t, root, cmd, command)
		require.NoError(t, cmd.ParseFlags(rest), command)
		if cmd.Args != nil {
			require.NoError(t, cmd.Args(cmd, cmd.Flags().Args()), command)
		}
	}
}
