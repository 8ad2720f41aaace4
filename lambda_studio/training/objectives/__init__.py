"""What is trained on: examples and losses of Eq. 1 and Eq. 2."""
