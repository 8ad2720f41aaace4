"""Photos on their way into a concept: read, compared with what is there, and what is said of them."""
