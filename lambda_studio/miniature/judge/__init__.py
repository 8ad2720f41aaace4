"""Read generated pictures, and measure the numbers of the model card."""
