lab "l" {
  description = "unclosed
}
