"""The benchmarks of the field, each with its pictures and scores in a folder."""
