package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRoundsAreLeftOutInGroups: as many as the transactions beyond the percentile allow,
// in the order of the rounds, and none of two boots.
func TestRoundsAreLeftOutInGroups(t *testing.T) {
	one := &trial{boots: make([]int, 8)}
	all := []int{0, 1, 2, 3, 4, 5, 6, 7}
	require.Len(t, one.groups(all, 20), 8, "each round has enough")
	require.Len(t, one.groups(all, 8), 8)
	require.Equal(t, [][]int{{0, 1}, {2}, {3}, {4, 5}, {6}, {7}}, one.groups(all, 1), "an interval needs six")
	require.Equal(t, [][]int{{0}, {3}, {7}}, one.groups([]int{0, 3, 7}, 20), "rounds without a value are left aside")
	require.Empty(t, one.groups(nil, 20))
	boots := &trial{boots: []int{0, 0, 0, 1, 1, 1, 2, 2}}
	require.Equal(t, [][]int{{0, 1}, {2}, {3}, {4, 5}, {6}, {7}}, boots.groups(all, 6))
	boots.boots = []int{0, 1, 1, 1, 1, 2, 2, 2}
	require.Equal(t, [][]int{{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}}, boots.groups(all, 6), "0 and 1, and 4 and 5, are of two boots")
}
