// Package hostinfo describes the machine that the agent runs on: what a reader of
// a result needs to know about kernel, CPU and NIC. It reads files and asks the
// driver, changes nothing, and leaves out what it cannot find.
package hostinfo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"os"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/testbed-lab/testbed/guestagent/computer"
)

// Collect gathers the facts, with those of the devices named.
func Collect(devices ...string) map[string]any {
	facts := make(map[string]any)
	kernel(facts)
	maps.Copy(facts, computer.Facts(computer.Here()))
	facts["sysctl"], facts["sysctl_others"] = sysctls()
	facts["modules"] = modules()
	nics := make(map[string]any)
	for _, name := range devices {
		nics[name] = device(name)
	}
	facts["nics"] = nics
	return facts
}

func kernel(facts map[string]any) {
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		facts["kernel_release"] = computer.Release(computer.Here())
		facts["kernel_version"] = unix.ByteSliceToString(name.Version[:])
		facts["hostname"] = unix.ByteSliceToString(name.Nodename[:])
	}
	put(facts, "cmdline", "/proc/cmdline")
	put(facts, "taint", "/proc/sys/kernel/tainted")
	put(facts, "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource")
	put(facts, "clocksources_available", "/sys/devices/system/clocksource/clocksource0/available_clocksource")
	put(facts, "hypervisor", "/sys/hypervisor/type")
	if release, ok := facts["kernel_release"].(string); ok {
		if digest := configDigest(release); digest != "" {
			facts["kernel_config_sha256"] = digest
		}
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		facts["memory_bytes"] = uint64(info.Totalram) * uint64(info.Unit)
		facts["uptime_seconds"] = info.Uptime
	}
}

// configDigest identifies the kernel's configuration by its text, wherever the
// kernel or its package left it.
func configDigest(release string) string {
	for _, path := range []string{"/proc/config.gz", "/boot/config-" + release, "/lib/modules/" + release + "/config", "/usr/lib/modules/" + release + "/config"} {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if strings.HasSuffix(path, ".gz") {
			unpacked, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				continue
			}
			if content, err = io.ReadAll(unpacked); err != nil {
				continue
			}
		}
		sum := sha256.Sum256(content)
		return hex.EncodeToString(sum[:])
	}
	return ""
}

func modules() []string {
	names := []string{}
	content, _ := os.ReadFile("/proc/modules")
	for _, line := range strings.Split(string(content), "\n") {
		if name, _, ok := strings.Cut(line, " "); ok {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// put stores a file's text, if there is one.
func put[V any](into map[string]V, key, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		return
	}
	text := strings.TrimSpace(string(content))
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		if value, ok := any(number).(V); ok {
			into[key] = value
			return
		}
	}
	if value, ok := any(text).(V); ok {
		into[key] = value
	}
}
