"""Faults and lag that tests and benchmarks put in."""
