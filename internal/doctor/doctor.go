// Package doctor says what this machine lacks for Testbed, each with the
// command that mends it. It looks and changes nothing: it loads no module,
// starts no daemon, writes no file. A finding never stops another.
package doctor

import (
	"context"
	"time"
)

// Level of a finding.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warn    Level = "warn"    // Testbed works, slower or not in every way.
	Missing Level = "missing" // Testbed does not work.
)

// Finding is one thing looked at.
type Finding struct {
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // A command, where one mends it.
}

// Options for [Examine]. The zero value suits.
type Options struct {
	// Connect is the libvirt URI that will be used. Optional: the system's for
	// root and the user's session for anybody else.
	Connect string
	// Hypervisor looks at the libvirt of another computer, which machines are to run
	// on; then nothing is said of this one's. Optional.
	Hypervisor func(context.Context) Finding
	// Timeout for each command asked. Optional: 10 s.
	Timeout time.Duration
}

const (
	systemURI  = "qemu:///system"
	sessionURI = "qemu:///session"
)

// Examine looks at everything. It returns at the latest when its commands have
// timed out one after the other; ctx ends it earlier.
func Examine(ctx context.Context, o Options) []Finding {
	return newHost(o).examine(ctx)
}

// Worst is the highest level among the findings.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		if f.Level == Missing || f.Level == Warn && worst == OK {
			worst = f.Level
		}
	}
	return worst
}

// check is one thing to look at.
type check struct {
	name string
	look func(context.Context) Finding
}

func (h *host) examine(ctx context.Context) []Finding {
	checks := append(h.machineChecks(), []check{
		{"Debian mirror", h.mirror},
		{"space for images", h.cacheSpace},
		{"Go", h.goTools},
	}...)
	findings := make([]Finding, 0, len(checks))
	for _, c := range checks {
		if ctx.Err() != nil {
			break
		}
		f := c.look(ctx)
		f.Name = c.name
		findings = append(findings, f)
	}
	return findings
}

// machineChecks are of what machines run on.
func (h *host) machineChecks() []check {
	if h.hypervisor != nil {
		return []check{{"hypervisor", h.hypervisor}}
	}
	return []check{
		{"processor", h.processor},
		{"KVM", h.kvm},
		{"QEMU", h.qemu},
		{"libvirt system", h.libvirtSystem},
		{"libvirt session", h.libvirtSession},
		{"libvirt group", h.libvirtGroup},
		{"local backend", h.localBackend},
		{"bridge firewall", h.bridgeFirewall},
		{"Docker", h.docker},
		{"vhost_net", h.vhostNet},
		{"space for machines", h.poolSpace},
	}
}

func ok(detail string) Finding           { return Finding{Level: OK, Detail: detail} }
func warn(detail, remedy string) Finding { return Finding{Level: Warn, Detail: detail, Remedy: remedy} }
func missing(detail, remedy string) Finding {
	return Finding{Level: Missing, Detail: detail, Remedy: remedy}
}
