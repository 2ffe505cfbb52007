package libvirt

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"
)

// stalledError is a sealed machine that came to no end.
type stalledError struct {
	limit    time.Duration
	progress string // How far it came. Empty where QEMU does not say.
}

func (e *stalledError) Error() string {
	return fmt.Sprintf("it came to no end in %s%s", e.limit, e.progress)
}

func (e *stalledError) Is(target error) bool { return target == context.DeadlineExceeded }

// Stalled says that the machine's kernel neither failed nor ended, which is a finding too.
func (e *stalledError) Stalled() string { return e.Error() }

// monitorTimeout is for one question to QEMU.
const monitorTimeout = 5 * time.Second

// Questions to QEMU's monitor. The first tells the instructions that were executed, also
// where nothing is replayed.
const (
	askCount = `{"execute":"query-replay"}`
	askClock = `{"execute":"qom-get","arguments":{"path":"/machine","property":"rtc-time"}}`
)

// progressOf says how far a sealed machine has come that is not done. The context that it
// was waited for is over.
func (b *Backend) progressOf(d seenDomain) string {
	ctx, cancel := context.WithTimeout(context.Background(), monitorTimeout)
	defer cancel()
	var count, clock string
	err := b.dialer.call(ctx, "ask "+d.Thing+" how far it has come", func(l *golibvirt.Libvirt) (err error) {
		if count, err = l.QEMUDomainMonitorCommand(d.domain, askCount, 0); err != nil {
			return err
		}
		clock, err = l.QEMUDomainMonitorCommand(d.domain, askClock, 0)
		return err
	})
	if err != nil {
		return ""
	}
	return progressText(count, clock)
}

// progressText is QEMU's answers in words. Time that the guest sleeps passes at once and
// moves its clock, so the clock alone tells no instructions.
func progressText(count, clock string) string {
	executed, ok := executedOf(count)
	if !ok {
		return ""
	}
	text := fmt.Sprintf("; it has executed %.3f · 10⁹ instructions", float64(executed)/1e9)
	if at, ok := clockOf(clock); ok {
		text += fmt.Sprintf(", and with what it slept its clock stands at %s", at)
	}
	return text
}

func executedOf(answer string) (int64, bool) {
	var replay struct {
		Return *struct {
			Count int64 `json:"icount"`
		} `json:"return"`
	}
	if json.Unmarshal([]byte(answer), &replay) != nil || replay.Return == nil {
		return 0, false
	}
	return replay.Return.Count, true
}

// clockOf reads the guest's real-time clock as QEMU tells it (struct tm), since
// sealedStart.
func clockOf(answer string) (time.Duration, bool) {
	var clock struct {
		Return *struct {
			Year int `json:"tm_year"` // From 1900.
			Mon  int `json:"tm_mon"`  // From 0.
			Day  int `json:"tm_mday"`
			Hour int `json:"tm_hour"`
			Min  int `json:"tm_min"`
			Sec  int `json:"tm_sec"`
		} `json:"return"`
	}
	if json.Unmarshal([]byte(answer), &clock) != nil || clock.Return == nil {
		return 0, false
	}
	c := clock.Return
	now := time.Date(1900+c.Year, time.Month(1+c.Mon), c.Day, c.Hour, c.Min, c.Sec, 0, time.UTC)
	began, err := strconv.ParseInt(sealedStart, 10, 64)
	return now.Sub(time.Unix(began, 0)), err == nil
}
