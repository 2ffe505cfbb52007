lab "l" {
	description = "中文 é" + 1 # tabs, wide and combined characters before the mistake
  seed = "数"
}
