lab "l" {
  void {
    steal       = 5
    involuntary = "-1%"
    retransmits = "of"
    clock_step  = "2h"
    throttled   = 1
  }

  void {
    steal = "off"
  }
}

void {
  steal = "5%"
}
