package guestagent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/guestagent/proto"
)

// TestAKernelThatDoesNotReturn: an agent whose mode's set-up, or tear-down, never ends
// says where, and ends.
func TestAKernelThatDoesNotReturn(t *testing.T) {
	for _, doing := range []string{"set-up", "tear-down"} {
		t.Run(doing, func(t *testing.T) {
			client, server := pair(t, []proto.Mode{{Name: "macvlan", Kind: "macvlan", Mode: "bridge"}}, []proto.Test{short("tcp", "tcp_rr")}, 1)
			step, never, returned := make(chan string, 1), make(chan struct{}), make(chan struct{})
			client.agent.BeforeStep = func(name string) error {
				if strings.HasPrefix(name, "undo ") != (doing == "tear-down") {
					return nil
				}
				select {
				case step <- name:
					<-never
					close(returned)
				default:
				}
				return nil
			}
			client.agent.Patience = 3 * time.Second // Far more than the other steps take.
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				server.err = server.agent.Run(ctx, server.segment)
			}()
			client.err = client.agent.Run(ctx, client.segment)
			cancel()
			<-ended
			hangs := <-step
			require.ErrorContains(t, client.err, doing+` of mode "macvlan" on client hangs: the kernel has not returned from "`+hangs+`" after 3 s`)
			step <- "no other"
			close(never)
			<-returned
		})
	}
}
