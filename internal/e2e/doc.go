// Package e2e holds the tests that drive the built program as a user does, on
// real libvirt and real guests. It has no code of its own. What a test makes
// carries this checkout's owner mark, and the next run collects it even when a
// test was killed.
package e2e
