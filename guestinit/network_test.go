package guestinit

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/testbed-lab/testbed/guestinit/guestconfig"
)

// inNamespace runs a test in a network namespace of its own, on a thread that
// ends with the test.
func inNamespace(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked: the thread is not to be used again.
		ns, err := netns.New()
		if !assertNoError(t, err) {
			return
		}
		defer ns.Close()
		do()
	}()
	<-done
}

// assertNoError is for goroutines, where require must not end the test.
func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// addNIC makes one end of a veth pair, which every kernel with containers has.
func addNIC(t *testing.T, name, mac string) bool {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	n, err := configuredNICs(guestconfig.Config{NICs: []guestconfig.NIC{{MAC: mac}}})
	if !assertNoError(t, err) {
		return false
	}
	attrs.HardwareAddr = n[0].mac
	return assertNoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer-" + name}))
}

// TestSetUpNetwork has NICs that are called what the other is to be called.
func TestSetUpNetwork(t *testing.T) {
	inNamespace(t, func() {
		const a, b = "52:54:00:00:00:01", "52:54:00:00:00:02"
		if !addNIC(t, "eth1", a) || !addNIC(t, "mgmt0", b) {
			return
		}
		cfg := guestconfig.Config{
			Management: guestconfig.Management{MAC: a, Device: "mgmt0", Address: "10.0.2.15/24", Gateway: "10.0.2.2"},
			NICs:       []guestconfig.NIC{{MAC: b, Device: "eth1", Address: "10.77.0.1/24", MTU: 1400}},
			Sysctl:     map[string]string{"net.ipv4.conf.eth1.rp_filter": "2"},
		}
		if !assertNoError(t, setUpNetwork(cfg, nil)) {
			return
		}
		checkLink(t, "mgmt0", a, "10.0.2.15/24", 1500)
		checkLink(t, "eth1", b, "10.77.0.1/24", 1400)
		routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
		assertNoError(t, err)
		found := false
		for _, r := range routes {
			found = found || r.Gw.String() == "10.0.2.2"
		}
		if !found {
			t.Errorf("no gateway in %v", routes)
		}
	})
}

func checkLink(t *testing.T, name, mac, address string, mtu int) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if !assertNoError(t, err) {
		return
	}
	attrs := link.Attrs()
	if attrs.HardwareAddr.String() != mac || attrs.MTU != mtu || attrs.Flags&1 == 0 {
		t.Errorf("%s is %v, MTU %d, flags %v", name, attrs.HardwareAddr, attrs.MTU, attrs.Flags)
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if !assertNoError(t, err) {
		return
	}
	if len(addresses) != 1 || addresses[0].IPNet.String() != address {
		t.Errorf("%s has addresses %v, want %s", name, addresses, address)
	}
}

func TestConfiguredNICsBadMAC(t *testing.T) {
	_, err := configuredNICs(guestconfig.Config{NICs: []guestconfig.NIC{{MAC: "junk", Device: "eth1"}}})
	require.ErrorContains(t, err, `interface "eth1"`)
}

func TestFindNICsNamesTheMissing(t *testing.T) {
	nics, err := configuredNICs(guestconfig.Config{NICs: []guestconfig.NIC{{MAC: "52:54:00:99:99:99", Device: "eth1"}}})
	require.NoError(t, err)
	_, missing, err := findNICs(nics)
	require.NoError(t, err)
	require.Equal(t, "eth1", missing.device)
}
