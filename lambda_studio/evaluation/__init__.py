"""Metrics and benchmarks: how alike, and how well composed."""
