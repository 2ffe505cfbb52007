lab "LAB" {
  description = "Containers that Podman runs, at either end."
}

image "podman" {
  release  = "trixie"
  packages = ["catatonit", "podman"]
}

network "lan" {
  subnet = "10.77.0.0/24"
}

locals {
  setup = <<-EOT
    mkdir -p /srv/web
    cp /usr/bin/catatonit /srv/web/
    podman run --detach --name web --publish 7000:7000 --rootfs /srv/web /catatonit -P
    setsid podman system service --time=0 </dev/null >/dev/null 2>&1 &
    until test -S /run/podman/podman.sock; do sleep 0.1; done
  EOT
}

vm "client" {
  image  = image.podman
  memory = "512MiB"
  setup  = local.setup

  nic {
    network = network.lan
  }
}

vm "server" {
  image  = image.podman
  memory = "512MiB"
  setup  = local.setup

  nic {
    network = network.lan
  }
}

mode "out" {
  container = "podman://web"
}

mode "in" {
  container = "podman://web"
  at        = "server"
}

mode "nobody" {
  container = "podman://nobody"
}

mode "pid" {
  container = "pid://1"
}

test "rr" {
  protocol = "tcp_rr"
  client   = vm.client
  server   = vm.server
  modes    = [mode.out, mode.in, mode.nobody, mode.pid]
  rounds   = 1
  block    = "100ms"
  warmup   = "20ms"
  evidence = false
}
