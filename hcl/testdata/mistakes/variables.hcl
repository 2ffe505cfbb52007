# --var wrong=1
# --var rounds=many
# --var sizes=[1, 2
# --var fine=3
lab "l" {}
variable "rounds" {
  type = number
}
variable "needed" {}
variable "sizes" {
  type = list(number)
}
variable "fine" {
  default = 4
}
variable "strange" {
  type = integer
}
variable "default" {
  type    = bool
  default = "perhaps"
}
variable "uses" {
  default = local.a
}
locals {
  a = var.rounds + var.strange
  b = var.fin
}
