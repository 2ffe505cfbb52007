package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/google/renameio/v2"
)

// Job is what is handed to Slurm: an array, of which each task runs one cell.
type Job struct {
	Command []string // Runs a cell, whose number is put in place of [Number].
	// Exclusive asks for a node a task, as what is timed must have.
	Exclusive bool
	Cells     []int
	Options   []string // Of sbatch, besides; they win.
}

// Number stands in a [Job]'s command for the cell's.
const Number = "{cell}"

// Submit writes the folder's task and hands it to Slurm. It gives the job's id. A task
// whose node dies is queued again, by Slurm.
func (f *Folder) Submit(ctx context.Context, job Job) (id string, err error) {
	if err := os.MkdirAll(f.in(logsFolder), 0o755); err != nil {
		return "", fmt.Errorf("submit cells: %w", err)
	}
	if err := renameio.WriteFile(f.in(taskFile), f.script(job), 0o755); err != nil {
		return "", fmt.Errorf("submit cells: %w", err)
	}
	arguments := append([]string{"--parsable", "--array=" + Ranges(job.Cells)}, job.Options...)
	cmd := exec.CommandContext(ctx, "sbatch", append(arguments, taskFile)...)
	cmd.Dir = f.Dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("submit cells: there is no sbatch here; it is in Debian's package slurm-client: %w", err)
	case err != nil:
		return "", fmt.Errorf("submit cells: sbatch: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	id, _, _ = strings.Cut(strings.TrimSpace(string(out)), ";") // A cluster may follow.
	return id, nil
}

// Task says how cells are handed to Slurm again; empty where they never were.
func (f *Folder) Task(cells []int) string {
	if _, err := os.Stat(f.in(taskFile)); err != nil {
		return ""
	}
	return fmt.Sprintf("cd %s && sbatch --array=%s %s", shellescape.Quote(f.Dir), Ranges(cells), taskFile)
}

// script is run by the shell on a node, in the folder.
func (f *Folder) script(job Job) []byte {
	var words []string
	for _, word := range job.Command {
		if word == Number {
			words = append(words, `"$SLURM_ARRAY_TASK_ID"`)
			continue
		}
		words = append(words, shellescape.Quote(word))
	}
	lines := []string{
		"#!/bin/sh",
		"# Runs one cell of the matrix on a node.",
		"#SBATCH --job-name=testbed-" + f.Identity.Lab,
		"#SBATCH --output=" + logsFolder + "/%a.log",
		"#SBATCH --open-mode=append",
		"#SBATCH --requeue",
	}
	if job.Exclusive {
		lines = append(lines, "#SBATCH --exclusive")
	}
	return []byte(strings.Join(append(lines, "exec "+strings.Join(words, " ")), "\n") + "\n")
}

// Ranges are numbers in ascending order as Slurm reads them: 1-3,7.
func Ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		part := strconv.Itoa(numbers[i])
		if j > i {
			part += "-" + strconv.Itoa(numbers[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}
