package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/testbed-lab/testbed/testbed"
)

func TestAPlanSaysHowOftenAndUntilWhen(t *testing.T) {
	test := testbed.Test{Name: "rr", Client: "a", Server: "b", Modes: []string{"host", "m"}, Rounds: 10, Block: 250 * time.Millisecond, Boots: 1}
	require.Equal(t, "  measure  rr: a -> b, 2 modes, 10 rounds of 250ms", measureLine(test))
	test.Boots, test.Precision, test.MaxRounds = 3, 0.015, 300
	require.Equal(t, "  measure  rr: a -> b, 2 modes, 10 rounds of 250ms in each of 3 boots, then more until the interval is 1.5% wide, 300 at most", measureLine(test))
}
