lab "a" {}
lab "b" {}
matrix {
  x = [1]
}
matrix {
  y = [2]
}
