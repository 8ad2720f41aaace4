"""Two evaluations beside each other, and whether they can be compared."""
