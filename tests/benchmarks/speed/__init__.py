"""How fast the detector is: every number of the README's part "How fast", measured by `make benchmarks`."""
