"""Random faults on real machines, one after the other, and every promise checked after each."""
