lab "a-name-that-is-so-long-that-no-domain-could-carry-it" {}
