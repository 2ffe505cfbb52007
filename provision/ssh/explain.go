package ssh

import (
	"errors"
	"fmt"
	"strings"
)

// explain turns what ssh said into an error with the machine's title and the
// remedy.
func (n *conn) explain(err error) error {
	host := target(n.address)
	name := host[len(host)-1]
	_, machine, ok := strings.Cut(name, "@")
	if !ok {
		machine = name
	}
	said, hand := n.words.all(), n.client.byHand(n.address)
	remedy := ""
	switch {
	case strings.Contains(said, "HOST IDENTIFICATION HAS CHANGED"):
		remedy = "its host key is not the one that you know; find out why, and if the new one is right: ssh-keygen -R " + machine
	case strings.Contains(said, "Host key verification failed"):
		remedy = "you do not know its host key; look at it and accept it once: " + hand
	case strings.Contains(said, "Permission denied"):
		remedy = "it takes none of your keys; this has to work without a question: " + hand
	case strings.Contains(said, "Could not resolve hostname"):
		remedy = "there is no such host"
	case strings.Contains(said, "refused"), strings.Contains(said, "timed out"), strings.Contains(said, "No route to host"), !errors.Is(err, errSilent):
		remedy = "nothing answers there; is it up, and is this the way to it? " + hand
	default:
		remedy = "this has to work without a question: " + hand
	}
	if !errors.Is(err, errSilent) || said == "" {
		return fmt.Errorf("reach %s: %w; %s", n.title, err, remedy)
	}
	return fmt.Errorf("reach %s: %s; %s", n.title, n.words.last(), remedy)
}
