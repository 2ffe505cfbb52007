# What does the network cost that Podman gives a container by default, measured
# from inside a container that runs? The same path is built beside it by hand
# (docker0), without an engine.

variable "rounds" {
  type    = number
  default = 10
}

lab "podman" {
  description = "A container that Podman runs, beside the same path built by hand."
  seed        = 17
}

image "podman" {
  release  = "trixie"
  packages = ["catatonit", "podman"]
}

network "lan" {
  subnet = "10.77.0.0/24"
}

# A folder with one program for a root needs no registry. Catatonit waits for
# ever, as the pause container of a pod does.
vm "client" {
  image  = image.podman
  memory = "512MiB"

  setup = <<-EOT
    mkdir -p /srv/web
    cp /usr/bin/catatonit /srv/web/
    podman run --detach --name web --rootfs /srv/web /catatonit -P
    setsid podman system service --time=0 </dev/null >/dev/null 2>&1 &
    until test -S /run/podman/podman.sock; do sleep 0.1; done
  EOT

  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.podman

  nic {
    network = network.lan
  }
}

mode "docker0" {
  kind       = "veth"
  uplink     = "bridge"
  masquerade = true
}

mode "podman" {
  container = "podman://web"
}

test "tcp_rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.docker0, mode.podman]
  rounds   = var.rounds
}

expect "Services work from Podman's bridge, as from docker0" {
  that = capability(mode.podman, "service_request")
}

expect "Podman's path passes the backlog as often as docker0's" {
  that = abs(backlog(test.tcp_rr, mode.podman) - backlog(test.tcp_rr, mode.docker0)) < 0.2
}
