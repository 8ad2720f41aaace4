"""Whether a home is whole, and what mends it."""
