lab "l" {}
machine "a" {
  ssh   = "not a target"
  nic   = "a name with spaces"
  share = "what"
}
machine "b" {
}
