lab "l" {
  description = uper("x")
  seed        = 1e400
}
locals {
  a = max()
  b = upper(1, 2)
  c = jsondecode("{")
  d = p50(1)
  e = [1, 2][7]
  f = {a = 1}.b
  g = 1 + "x"
  h = "${upper}"
}
