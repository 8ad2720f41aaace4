"""Distances of two sets of pictures: features by published networks, and what is computed from them."""
