"""Stacks: which weights belong together, where their files are, and what of them is loaded."""
