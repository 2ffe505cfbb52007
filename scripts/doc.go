// Package scripts holds the tests of the shell scripts beside it. They run
// against a made-up machine: a folder for / and commands that only write down
// how they were called. It has no code of its own.
package scripts
