# Of time there is no more than all; of switches there may be several a transaction.
lab "l" {
  void {
    steal       = "200%"
    involuntary = "200%"
  }
}
