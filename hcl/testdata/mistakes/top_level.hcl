lab "l" {}
rounds = 10
vms "a" {}
nic {}
loop "x" {}
