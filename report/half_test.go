package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One run says whether half of the transactions were enough.
func TestHalfOfABlock(t *testing.T) {
	steady := threeKernels(1).result(t).Tests[0]
	require.NotNil(t, steady.Half)
	require.LessOrEqual(t, steady.Half.Difference, halfIsEnough)
	require.Equal(t, 1000, steady.Half.Transactions)
	require.Contains(t, halfNote(steady)[0], "transactions = 1000 would be enough")
	require.Contains(t, notes(steady), note{Text: halfNote(steady)[0]})

	w := threeKernels(1)
	w.unsettle = 200
	unsettled := w.result(t).Tests[0]
	require.Greater(t, unsettled.Half.Difference, halfIsEnough)
	require.Equal(t, hostMode, unsettled.Half.Mode, "of the fewest instructions")
	require.Contains(t, halfNote(unsettled)[0], "not settled; more than 2000 would tell")

	require.Nil(t, typical().result(t).Tests[0].Half, "a time's block is as long as it lasts")
	require.Empty(t, halfNote(typical().result(t).Tests[0]))
	require.Equal(t, "0.01%", differenceText(0.00002))
	require.Equal(t, "0.00%", differenceText(0))
}
