package guestagent

import (
	"github.com/testbed-lab/testbed/guestagent/computer"
	"github.com/testbed-lab/testbed/guestagent/hostinfo"
	"github.com/testbed-lab/testbed/guestagent/namespace"
	"github.com/testbed-lab/testbed/guestagent/proto"
)

// hello is an agent's first message: what it stands on, and how that is. A machine is a
// namespace; nil is the process's own.
func hello(machine *namespace.Namespace, device string) (proto.Message, error) {
	message := proto.Message{Type: proto.TypeHello, Hello: &proto.Hello{Version: proto.Version}}
	return message, inside(machine, func() error {
		message.Hello.Facts, message.State = hostinfo.Collect(device), computer.State(computer.Here())
		return nil
	})
}

// done is an agent's last message: all went well, and how the machine is now.
func done(machine *namespace.Namespace) proto.Message {
	message := proto.Message{Type: proto.TypeDone}
	_ = inside(machine, func() error { // Where nobody can look any more, all went well still.
		message.State = computer.State(computer.Here())
		return nil
	})
	return message
}

// inside does something in a machine's namespace; nil is the one that the process is in.
func inside(machine *namespace.Namespace, do func() error) error {
	if machine == nil {
		return do()
	}
	return machine.Do(do)
}
