lab "l" {}
matrix {
  a = range(100)
  b = range(100)
}
