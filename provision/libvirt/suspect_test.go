package libvirt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAccuse(t *testing.T) {
	for name, test := range map[string]struct {
		firewall firewall
		want     []string
	}{
		"nothing":               {firewall{}, nil},
		"drops, not asked":      {firewall{drops: []string{"iptables"}}, nil},
		"asked, does not drop":  {firewall{netfilter: true}, nil},
		"somebody's own":        {firewall{netfilter: true, drops: []string{"nft"}}, []string{"FORWARD chain of nft", "sudo iptables -I FORWARD -i tb0 -o tb0 -j ACCEPT"}},
		"Docker":                {firewall{netfilter: true, drops: []string{"iptables"}, docker: true}, []string{"Docker", "sudo iptables -I DOCKER-USER -i tb0 -o tb0 -j ACCEPT"}},
		"a rule against all":    {firewall{netfilter: true, rules: []string{"-A FORWARD -s 10.0.0.1/32 -j DROP", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"}}, []string{`the rule "-A FORWARD -j REJECT`}},
		"a rule against it":     {firewall{netfilter: true, rules: []string{"-A FORWARD -i tb0 -j DROP"}}, []string{`the rule "-A FORWARD -i tb0 -j DROP"`}},
		"a rule against others": {firewall{netfilter: true, rules: []string{"-A FORWARD -i virbr0 -j REJECT", "-A FORWARD -m conntrack --ctstate INVALID -j DROP"}}, nil},
		"firewalld over Docker": {firewall{netfilter: true, drops: []string{"iptables"}, docker: true, firewalld: true}, []string{"firewall-cmd --zone=trusted --add-interface=tb0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.firewall.accuse("tb0")
			if test.want == nil {
				require.Empty(t, got)
			}
			for _, part := range test.want {
				require.Contains(t, got, part)
			}
		})
	}
}

func TestNFTForwardDrops(t *testing.T) {
	const forward = "\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n"
	require.True(t, nftForwardDrops("table inet mine {\n"+forward))
	require.False(t, nftForwardDrops("table ip filter {\n"+forward), "iptables-nft has been asked itself")
	require.False(t, nftForwardDrops("table inet mine {\n\tchain c {\n\t\ttype filter hook forward priority 0; policy accept;\n\t}\n\tchain d {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n"))
	require.False(t, nftForwardDrops(""))
}

func TestCrossError(t *testing.T) {
	e := &crossError{network: "lan", from: "client", to: "server", address: "10.77.0.2", resolved: true, cause: "the firewall"}
	require.Contains(t, e.Error(), `check network "lan": no answer from "server" (10.77.0.2) to "client"`)
	require.Contains(t, e.Error(), "ARP crosses and IP does not")
	require.Contains(t, e.Error(), ": the firewall")
	e.resolved, e.cause = false, ""
	require.Contains(t, e.Error(), "not even ARP crosses")
	require.Contains(t, e.Error(), "nothing on the host that is known to eat frames")
}

func TestHostsFile(t *testing.T) {
	require.Equal(t, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.1 a\n10.0.0.2 b\n",
		string(hostsFile(map[string]string{"b": "10.0.0.2", "a": "10.0.0.1"})))
}
