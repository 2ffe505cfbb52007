package provision

import (
	"fmt"
	"os"
	"regexp"
)

var ownerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$`)

// Owner is who is answerable for what this process makes: TESTBED_OWNER, or the
// user's id. Everything that is made carries it, and nothing is removed that
// carries another.
func Owner() string {
	if owner := os.Getenv("TESTBED_OWNER"); owner != "" {
		return owner
	}
	return fmt.Sprintf("uid-%d", os.Geteuid())
}

// CheckOwner says whether a name can stand in the names of domains and volumes.
func CheckOwner(owner string) error {
	if !ownerName.MatchString(owner) {
		return fmt.Errorf("owner %q: want letters, digits, dots, dashes and underscores, at most 41", owner)
	}
	return nil
}
