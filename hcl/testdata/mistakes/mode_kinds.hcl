lab "l" {}

image "debian" {
  release = "trixie"
}

network "lan" {
  subnet = "10.77.0.0/24"
}

vm "client" {
  image = image.debian
  nic {
    network = network.lan
  }
}

vm "server" {
  image = image.debian
  nic {
    network = network.lan
  }
}

mode "a" {
  kind = "vth"
}
mode "b" {
  kind       = "veth"
  uplink     = "l2"
  masquerade = true
}
mode "c" {
  kind = "ipvlan"
  mode = "bridge"
}
mode "d" {
  kind   = "macvlan"
  uplink = "bridge"
}
mode "e" {
  kind     = "macvlan"
  redirect = "peer"
}
mode "f" {
  kind   = "veth"
  uplink = "bridge"
}
mode "g" {
  kind = "veth"
}
mode "h" {
  at = "client"
}
mode "i" {
  kind = "ipvlan"
  mode = "l4"
}
mode "j" {
  kind = "host"
  at   = "server"
}
mode "k" {
  kind     = "veth"
  uplink   = "l2"
  redirect = "peer"
}
mode "l" {
  kind   = "veth"
  uplink = "routed"
  rules  = 10
}
mode "m" {
  kind      = "veth"
  container = "docker://web"
}
mode "n" {
  container = "web"
}
mode "o" {
  container = "docker://web"
  mtu       = 9000
}
mode "p" {
  kind = "ipvlan"
  at   = "sever"
}
mode "q" {
  kind = "macvlan"
  mode = "private"
  shim = true
}
mode "r" {
  kind = "ipvlan"
  flag = "vepa"
  shim = true
}
mode "s" {
  kind  = "host"
  proxy = "ipvs"
}
mode "t" {
  kind    = "loopback"
  service = true
}
mode "u" {
  kind = "loopback"
  mtu  = 9000
}
mode "v" {
  kind  = "host"
  qdisc = "fq codel"
}
mode "w" {
  kind  = "host"
  delay = "1ms"
  qdisc = "fq"
}
mode "x" {
  kind = "veth"
  uplink = "routed"
  scrub = "none"
}
mode "y" {
  kind = "host"
  mtu  = 600
}
mode "z" {
  kind  = "macvlan"
  qdisc = "ingress"
}
mode "aa" {
  container = "pid://web"
}
