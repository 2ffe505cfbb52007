// Package testbed holds the two nouns that everything else speaks: [Lab], what
// was asked, and [Result], what was seen. Both are plain data. The package
// imports nothing else of this module, opens no file and starts no machine.
package testbed
