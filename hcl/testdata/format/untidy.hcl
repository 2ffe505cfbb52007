lab   "x"{
	seed=1
  description   =    "two  blanks" # kept
}


// kept
vm "a" {
image=image.i
    nic {
network=network.lan
}
}
locals {
  a = {
  b=1,
long = [1,2,
3]
  }
}