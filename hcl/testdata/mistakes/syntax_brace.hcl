lab "l" {
  seed = 
}
vm "a" { cpus = 1 memory = "1GiB" }
