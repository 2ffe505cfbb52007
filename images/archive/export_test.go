package archive

import "time"

// Hurry makes the waits between attempts short.
func (a *Archive) Hurry() { a.firstWait = time.Millisecond }
