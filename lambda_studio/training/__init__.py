"""Eq. 1 and Eq. 2 of λ-ECLIPSE, the training loop and its checkpoints."""
