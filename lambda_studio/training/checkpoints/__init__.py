"""Checkpoints of a training: written whole, found again, taken up bit for bit."""
