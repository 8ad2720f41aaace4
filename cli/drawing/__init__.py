"""Commands that draw, and that make concepts from concepts."""
