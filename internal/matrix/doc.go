// Package matrix keeps the cells of a lab's matrix in a folder that several machines
// share, and hands them to Slurm. It runs no cell, and does not know what a result means.
//
// One invariant: what is in the folder under its name is whole. Everything is made beside
// its place and renamed into it, which of two machines one does first: its cell counts.
//
//	DIR/matrix/         the lab: its file, its lock, and what tells it from another (matrix.json)
//	DIR/cells/0001/     a cell: where it was measured (cell.json), and its result, if it has one
//	DIR/task.sh, logs/  for Slurm
package matrix
