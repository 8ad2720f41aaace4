"""The comparisons of `benchmarks/conformance.py`, each of one piece of ours with code that nobody here wrote."""
