package testbed

// CapabilityNames are what is probed of each mode, in the order of the report's
// columns, each with what it says when it works.
var CapabilityNames = []CapabilityName{
	{"ipv4", "IPv4", "the other machine answers the container"},
	{"ipv6", "IPv6", "the same with IPv6 switched on at the container and nothing else configured"},
	{"service_request", "service →", "the machine translates a request to a virtual service address"},
	{"service_reply", "service ←", "and the reply back"},
	{"conntrack", "conntrack", "the machine tracks the container's connections"},
	{"filter", "filter", "the machine's filter can drop the container's packets"},
	{"host_to_container", "host → container", "the machine reaches its own container"},
	{"container_to_host", "container → host", "the container reaches its own machine"},
	{"sibling", "sibling", "two containers on the same NIC reach each other"},
	{"inbound", "inbound", "another machine reaches the container at its own address"},
	{"own_mac", "own MAC", "what it sends comes out of it with a MAC of its own, by which DHCP can tell it"},
	{"port_security", "port security", "it passes a switch port that lets only the NIC's MAC through"},
	{"arp", "ARP", "the container resolves addresses of the segment itself"},
	{"broadcast", "broadcast", "its broadcasts reach the segment"},
	{"multicast", "multicast", "its multicasts reach the segment"},
	{"link_flap", "link flap", "it works again after the NIC went down and up"},
}

// CapabilityName is how a capability is called in lab files and results, above a
// column, and in words.
type CapabilityName struct{ Name, Title, Text string }

// JointCapabilities are asked for by one name and work where all of theirs do. DHCP
// needs a MAC to tell clients apart, and broadcasts to find the server.
var JointCapabilities = map[string][]string{
	"service": {"service_request", "service_reply"},
	"dhcp":    {"own_mac", "broadcast"},
}
