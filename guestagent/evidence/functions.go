package evidence

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// stack are the functions of the kernel itself by which a packet travels (sockets,
// TCP, UDP and IP, devices and their queues, NAPI and GRO, neighbours, routes,
// netfilter, and whatever sends), by the first word of their names.
var stack = map[string]bool{}

// beside are what a transaction calls of the rest of the kernel: system calls, the
// scheduler, clocks and timers, memory, security modules and helpers of these. What no
// word here matches has no callers: mostly assembly, which cannot be traced, but ciphers
// too.
var beside = map[string]bool{}

func init() {
	for _, word := range strings.Fields(`do sys syscall x64 entry import copy fdget fput save restore xfd fpregs
		switch schedule sched psi rcu raw enqueue dequeue update pick ttwu try wake wakeup woken finish set put
		migrate balance task cpuacct plist pi kthread wait vruntime avg add remove softirqentry handle raise
		process ktime hrtimer timer read usecs jiffies native kmem kmalloc kfree alloc release mod local mm
		build check find list lock rb map radix siphash prandom security aa apparmor tomoyo hook validate virt
		arch xfrm record pskb fdb cond is sg queue simple default sized encrypt decrypt netdev worker pwq
		cubictcp`) {
		beside[word] = true
	}
	for _, word := range strings.Fields(`tcp udp udp4 ip ip4 ipv4 inet icmp arp sock sk skb dev netif net napi gro neigh
		fib rt dst nf nft br eth qdisc sch pfifo fq tcf cls bpf xdp veth netkit virtnet vxlan geneve wg iptunnel
		loopback`) {
		stack[word] = true
	}
}

// ofStack reports whether a function is of the stack: "__netif_receive_skb" is.
func ofStack(name string) bool {
	word, rest := firstWord(name)
	switch word {
	case "process":
		return rest == "backlog"
	case "enqueue":
		return rest == "to_backlog"
	case "validate", "start":
		return strings.HasPrefix(rest, "xmit")
	}
	return stack[word]
}

// ofTransactions reports whether a function may be one that a transaction passes.
func ofTransactions(name string) bool {
	word, _ := firstWord(name)
	return beside[word] || ofStack(name)
}

func firstWord(name string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimLeft(name, "_"), "_")
	return word, rest
}

// limit has only those functions traced that matter. Their names are picked here
// and given by number: the kernel takes a tenth of a second to look for a pattern
// under emulation, and a millisecond for many numbers. Without a limit it would
// prepare all of its 40,000 functions, which takes seconds.
//
// A module's functions are all taken: a guest loads none that is of no network.
func (t *Tracer) limit() error {
	matters := ofStack
	if t.wide {
		matters = ofTransactions
	}
	all, err := t.top.read("available_filter_functions")
	if err != nil {
		return err
	}
	var numbers []string
	for i, line := range strings.Split(all, "\n") {
		name, module, _ := strings.Cut(line, " ")
		if module != "" || matters(name) {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	if numbers == nil {
		return errors.New("this kernel traces none of the network stack's functions")
	}
	if err := t.fs.write("set_ftrace_filter", strings.Join(numbers, " "), false); err != nil {
		return fmt.Errorf("choose functions to trace: %w", err)
	}
	return nil
}
